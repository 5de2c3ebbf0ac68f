package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/web"
)

func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v; want one that is %q and holds %q", err, is, text)
	}
}

// isLetIn reports whether a request with this secret from another machine is answered.
func isLetIn(t testing.TB, st *doorlog.Store, secret string) bool {
	t.Helper()
	in := whoAmI
	in.header = bearer(secret)
	resp := ask(t, web.Handler(st, nil), in)
	_ = textOf(t, resp)
	return resp.StatusCode == http.StatusOK
}

func TestATokenIsToldOnceAndKeptAsADigest(t *testing.T) {
	st := openStore(t)
	tokens := tokensOf(st)
	token, secret, err := tokens.Add("hall sensor", web.Grant{Write: true, Cameras: []string{"hall"}})
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^doorlog_[A-Za-z0-9_-]{43}$`).MatchString(secret) {
		t.Errorf("the secret is %q", secret)
	}
	if token.Name != "hall sensor" || !token.Write || time.Since(token.CreatedAt).Abs() > time.Minute {
		t.Errorf("%+v", token)
	}
	path := web.TokensPath(st.Path())
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(secret[len("doorlog_"):])) || !bytes.Contains(text, []byte("hall sensor")) {
		t.Errorf("%v: the file has %s", err, text)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) > 3 {
		t.Errorf("something was left: %v %v", entries, err)
	}
	_, other, err := tokens.Add("other", web.Grant{Read: true})
	if err != nil || other == secret {
		t.Errorf("%q again: %v", other, err)
	}
	if list, err := tokensOf(st).List(); err != nil || len(list) != 2 || list[0].Name != "hall sensor" || list[1].Name != "other" {
		t.Errorf("%+v %v", list, err)
	}
}

func TestARevokedTokenIsNotValidFromThenOn(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "me", web.Grant{Read: true})
	h := web.Handler(st, nil)
	in := with(whoAmI, func(in *sentRequest) { in.header = bearer(secret) })
	wantStatus(t, ask(t, h, in), 200)
	if err := tokensOf(st).Remove("me"); err != nil { // another process, for the handler
		t.Fatal(err)
	}
	wantProblem(t, ask(t, h, in), 401, "not valid")
	again := addToken(t, st, "me", web.Grant{Read: true}) // of the same length, at once
	wantProblem(t, ask(t, h, in), 401, "not valid")
	in.header = bearer(again)
	wantStatus(t, ask(t, h, in), 200)
	wantError(t, tokensOf(st).Remove("nobody"), doorlog.ErrNotFound, "nobody")
	if err := os.Remove(web.TokensPath(st.Path())); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, ask(t, h, in), 401, "not valid")
}

func TestATokenThatCannotBeOneIsRefused(t *testing.T) {
	tokens := tokensOf(openStore(t))
	read := web.Grant{Read: true}
	for name, c := range map[string]struct {
		name  string
		grant web.Grant
		is    error
		text  string
	}{
		"no name":            {"", read, doorlog.ErrInvalid, "name: is empty"},
		"a long name":        {strings.Repeat("x", 256), read, doorlog.ErrTooLarge, "256"},
		"no UTF-8":           {"a\xffb", read, doorlog.ErrInvalid, "name"},
		"a line break":       {"a\nb", read, doorlog.ErrInvalid, "name"},
		"a reversed text":    {"a\u202eb", read, doorlog.ErrInvalid, "name"},
		"a space at the end": {"a ", read, doorlog.ErrInvalid, "space"},
		"nothing":            {"a", web.Grant{}, doorlog.ErrInvalid, "grant"},
		"cameras of a reader": {
			"a", web.Grant{Read: true, Cameras: []string{"hall"}}, doorlog.ErrInvalid, "cameras",
		},
		"cameras of an admin":   {"a", web.Grant{Admin: true, Write: true, Cameras: []string{"hall"}}, doorlog.ErrInvalid, "cameras"},
		"a camera without name": {"a", web.Grant{Write: true, Cameras: []string{"hall", ""}}, doorlog.ErrInvalid, "cameras[1]"},
		"too many cameras":      {"a", web.Grant{Write: true, Cameras: make([]string, 101)}, doorlog.ErrTooLarge, "101"},
	} {
		t.Run(name, func(t *testing.T) {
			_, secret, err := tokens.Add(c.name, c.grant)
			if secret != "" {
				t.Error("there is a secret")
			}
			wantError(t, err, c.is, c.text)
		})
	}
	if _, _, err := tokens.Add(strings.Repeat("ü", 127), read); err != nil {
		t.Error(err)
	}
	_, _, err := tokens.Add(strings.Repeat("ü", 127), web.Grant{Admin: true})
	wantError(t, err, doorlog.ErrExists, "exists")
}

// Processes that change the file at once lose nothing of each other.
func TestTokensAreAddedByManyAtOnce(t *testing.T) {
	st := openStore(t)
	const each = 8
	var all sync.WaitGroup
	secrets := make(chan string, 4*each)
	for i := range 4 {
		all.Go(func() {
			tokens := tokensOf(st)
			for j := range each {
				_, secret, err := tokens.Add(fmt.Sprint(i, " ", j), web.Grant{Read: true})
				if err == nil && j%2 == 1 {
					err = tokens.Remove(fmt.Sprint(i, " ", j-1))
				}
				if err != nil {
					t.Error(err)
				}
				secrets <- secret
			}
		})
	}
	all.Wait()
	close(secrets)
	list, err := tokensOf(st).List()
	valid := 0
	for secret := range secrets {
		if isLetIn(t, st, secret) {
			valid++
		}
	}
	if err != nil || len(list) != 4*each/2 || valid != len(list) {
		t.Errorf("%d tokens, of which %d are valid: %v", len(list), valid, err)
	}
}

// A file that is damaged, or that others may open, lets nobody in, and the log says why. Those who need no
// token are not concerned.
func TestADamagedFileOfTokensLetsNobodyIn(t *testing.T) {
	good := func(t *testing.T, path string) []byte {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	write := func(change func(string) string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(change(string(good(t, path)))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(old, with string) func(*testing.T, string) {
		return write(func(text string) string { return strings.Replace(text, old, with, 1) })
	}
	for name, harm := range map[string]func(*testing.T, string){
		"cut off":            write(func(text string) string { return text[:len(text)/2] }),
		"something follows":  write(func(text string) string { return text + "{}" }),
		"zeros":              write(func(text string) string { return strings.Repeat("\x00", len(text)) }),
		"no JSON":            write(func(string) string { return "tokens" }),
		"null":               write(func(string) string { return "null" }),
		"a newer version":    replace(`"version": 1`, `"version": 2`),
		"an unknown field":   replace(`"read": true`, `"read": true, "root": true`),
		"no digest":          replace(`"sha256"`, `"sha_256"`),
		"a short digest":     write(func(text string) string { return regexp.MustCompile(`"[0-9a-f]{64}"`).ReplaceAllString(text, `"00"`) }),
		"a token twice":      write(func(text string) string { return regexp.MustCompile(`(?s)\[(.*)\]`).ReplaceAllString(text, "[$1,$1]") }),
		"a name of nobody":   replace(`"name": "me"`, `"name": ""`),
		"others may read it": func(t *testing.T, path string) { chmod(t, path, 0o644) },
		"a group may":        func(t *testing.T, path string) { chmod(t, path, 0o660) },
		"a folder": func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := openStore(t)
			secret := addToken(t, st, "me", web.Grant{Read: true})
			log := &logged{}
			h := web.Handler(st, &web.Options{Logger: loggerTo(log)})
			in := with(whoAmI, func(in *sentRequest) { in.header = bearer(secret) })
			wantStatus(t, ask(t, h, in), 200)
			harm(t, web.TokensPath(st.Path()))
			wantProblem(t, ask(t, h, in), 503, "log")
			wantProblem(t, ask(t, h, in), 503, "log")
			wantStatus(t, ask(t, h, onLoopback(whoAmI)), 200)
			if _, err := tokensOf(st).List(); err == nil || !strings.Contains(err.Error(), ".tokens") {
				t.Errorf("List: %v", err)
			}
			if err := tokensOf(st).Reload(); err == nil {
				t.Error("Reload finds nothing wrong")
			}
			if _, _, err := tokensOf(st).Add("more", web.Grant{Read: true}); err == nil {
				t.Error("a token was added")
			}
			if text := log.String(); strings.Count(text, "level=ERROR") > 3 || !strings.Contains(text, ".tokens") || strings.Contains(text, secret) {
				t.Errorf("the log has %s", text)
			}
		})
	}
}

func chmod(t testing.TB, path string, mode fs.FileMode) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: files have no such modes here")
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestAnEmptyFileHasNoTokens(t *testing.T) {
	st := openStore(t)
	if err := os.WriteFile(web.TokensPath(st.Path()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := tokensOf(st).List(); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	if secret := addToken(t, st, "me", web.Grant{Read: true}); !isLetIn(t, st, secret) {
		t.Error("the token is not valid")
	}
}

// What is beside the store is no part of a backup: its tokens do not come along to another machine.
func TestABackupHasNoTokens(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "secret sensor", web.Grant{Read: true})
	var backup bytes.Buffer
	if _, err := st.Backup(t.Context(), &backup, nil); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"secret sensor", secret, ".tokens"} {
		if bytes.Contains(backup.Bytes(), []byte(part)) {
			t.Errorf("the backup has %q", part)
		}
	}
	path := filepath.Join(shortFolder(t), "events.db")
	if _, err := doorlog.Restore(t.Context(), path, &backup, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(web.TokensPath(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the restored store has tokens: %v", err)
	}
}

// A link and the file that it leads to have one list of tokens and one socket.
func TestALinkToAStoreHasItsTokens(t *testing.T) {
	st := openStore(t)
	link := filepath.Join(shortFolder(t), "link.db")
	if err := os.Symlink(st.Path(), link); err != nil {
		t.Skipf("SKIP: no symbolic links: %v", err)
	}
	for _, of := range []func(string) string{web.TokensPath, web.SocketPath} {
		at, err1 := filepath.EvalSymlinks(filepath.Dir(of(link)))
		want, err2 := filepath.EvalSymlinks(filepath.Dir(of(st.Path())))
		if at != want || filepath.Base(of(link)) != filepath.Base(of(st.Path())) || err1 != nil || err2 != nil {
			t.Errorf("%s and %s", of(link), of(st.Path()))
		}
	}
}

func TestThereIsALimitOfTokens(t *testing.T) {
	st := openStore(t)
	var list strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&list, `{"name":"%d","read":true,"write":false,"admin":false,"created_at":"2026-11-28T12:00:00Z","sha256":"%064x"},`, i, i+1)
	}
	text := `{"version":1,"tokens":[` + strings.TrimSuffix(list.String(), ",") + "]}"
	if err := os.WriteFile(web.TokensPath(st.Path()), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := tokensOf(st).Add("one more", web.Grant{Read: true})
	wantError(t, err, fault.ErrTooLarge, "1000")
	if err := tokensOf(st).Remove("7"); err != nil {
		t.Error(err)
	}
	if secret := addToken(t, st, "one more", web.Grant{Read: true}); !isLetIn(t, st, secret) {
		t.Error("the token is not valid")
	}
}
