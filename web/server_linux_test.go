package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// listening returns the addresses on which this process listens: of TCP in hexadecimal, and of Unix sockets.
func listening(t testing.TB) []string {
	t.Helper()
	mine := make(map[string]bool)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			mine[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
		}
	}
	var all []string
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "unix"} {
		for _, fields := range procNet(t, kind) {
			switch {
			case kind == "unix" && len(fields) > 6 && fields[3] == "00010000" && mine[fields[6]]: // it accepts connections
				all = append(all, "unix "+strings.Join(fields[7:], " "))
			case kind == "unix":
			case len(fields) > 9 && mine[fields[9]] && (fields[3] == "0A" || strings.HasPrefix(kind, "udp")): // it listens
				all = append(all, kind+" "+fields[1])
			}
		}
	}
	slices.Sort(all)
	return all
}

// procNet returns the lines of a table of sockets.
func procNet(t testing.TB, kind string) (lines [][]string) {
	t.Helper()
	f, err := os.Open("/proc/self/net/" + kind)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, strings.Fields(s.Text()))
	}
	return lines
}

func TestNothingListensButWhatWasAskedFor(t *testing.T) {
	before := listening(t)
	s := start(t, openStore(t), nil)
	port := s.addresses[0].(*net.TCPAddr).Port
	var added []string
	for _, at := range listening(t) {
		if !slices.Contains(before, at) {
			added = append(added, at)
		}
	}
	if len(added) != 2 || added[0] != fmt.Sprintf("tcp 0100007F:%04X", port) || !strings.HasPrefix(added[1], "unix ") {
		t.Errorf("it listens on %q", added)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if after := listening(t); !slices.Equal(after, before) {
		t.Errorf("it still listens on %q", after)
	}
	if entries, err := os.ReadDir(filepath.Dir(s.store.Path())); err != nil || len(entries) > 2 {
		t.Errorf("something is left: %v %v", entries, err)
	}
}

func TestTheSocketCanBeOpenedByItsOwnerAlone(t *testing.T) {
	old := syscall.Umask(0) // which would let everybody in
	defer syscall.Umask(old)
	s := start(t, openStore(t), nil)
	info, err := os.Lstat(s.socket())
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	addToken(t, s.store, "me", web.Grant{Read: true})
	if info, err := os.Lstat(web.TokensPath(s.store.Path())); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// Of two servers that only read the same file, the first one has the socket.
func TestAReaderLeavesTheSocketOfAnotherServer(t *testing.T) {
	st := openStore(t)
	path := st.Path()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	open := func() *doorlog.Store {
		st, err := doorlog.Open(path, &doorlog.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
	first, second := open(), open()
	s := start(t, first, nil)
	err := web.Serve(t.Context(), second, &web.ServeOptions{Addresses: []string{""}})
	wantText(t, err, "another server answers")
	wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/healthz"), 200)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	s = start(t, second, nil)
	wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/healthz"), 200)
}

// On a full disk a token is not added, the old ones stay, and the answer says why.
func TestAFullDiskCostsNoToken(t *testing.T) {
	st := openStore(t)
	small := shortFolder(t)
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("SKIP: cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	// The tokens are on the small disk, by way of a link.
	if err := os.Symlink(filepath.Join(small, "tokens"), web.TokensPath(st.Path())); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(small, "tokens"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	secret := addToken(t, st, "first", web.Grant{Read: true})
	if err := os.WriteFile(filepath.Join(small, "ballast"), make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	_, _, err := tokensOf(st).Add("second", web.Grant{Read: true})
	wantError(t, err, doorlog.ErrFull, "second")
	resp := ask(t, web.Handler(st, nil), sentRequest{
		method: "POST", path: "/v1/tokens", local: "unix", body: `{"name":"third","read":true}`, contentType: "application/json",
	})
	wantProblem(t, resp, 507, "no space left")
	if !isLetIn(t, st, secret) {
		t.Error("the first token is not valid any more")
	}
	if err := os.Remove(filepath.Join(small, "ballast")); err != nil {
		t.Fatal(err)
	}
	if secret := addToken(t, st, "second", web.Grant{Read: true}); !isLetIn(t, st, secret) {
		t.Error("the second token is not valid")
	}
	if list, err := tokensOf(st).List(); err != nil || len(list) != 2 {
		t.Errorf("%v %v", list, err)
	}
	if entries, err := os.ReadDir(small); err != nil || len(entries) != 1 {
		t.Errorf("something is left: %v %v", entries, err)
	}
	if info, err := os.Lstat(web.TokensPath(st.Path())); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link has become something else: %v %v", info, err)
	}
}

// A server whose folder has a long name is reached all the same.
func TestASocketWithALongPathIsServed(t *testing.T) {
	dir := filepath.Join(shortFolder(t), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := start(t, st, &web.ServeOptions{Addresses: []string{""}})
	if len(s.addresses) != 1 || s.addresses[0].String() != s.socket() {
		t.Errorf("%v", s.addresses)
	}
	wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/v1/server"), 200)
}

// The path of the store may be one from the current folder, which may change.
func TestAStoreWithARelativePathIsServed(t *testing.T) {
	dir := shortFolder(t)
	t.Chdir(dir)
	st, err := doorlog.Open("events.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := start(t, st, nil)
	t.Chdir(os.TempDir())
	wantStatus(t, get(t, newClient(t, filepath.Join(dir, "events.db.sock")), "http://doorlog/v1/server"), 200)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "events.db.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}
