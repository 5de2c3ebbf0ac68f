package web

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// A Token is one token of a store, without its secret, which is kept nowhere.
type Token struct {
	Name string `json:"name"`
	Grant
	CreatedAt time.Time `json:"created_at"`
}

// Tokens are the tokens of a store: a file beside that of the store, which backups do not have. Its
// methods are safe for concurrent use, also by several processes.
type Tokens struct {
	path string

	mu     sync.Mutex
	loaded *tokenFile // nil: not yet, or it has changed
}

// A tokenFile is what the file had when it was read.
type tokenFile struct {
	info  fs.FileInfo // nil: there is no file
	young bool        // it was so new that a later change may not show in its time
	of    map[digest]Token
	list  []tokenRecord
	err   error
}

// settled is how old a file must be so that each later change gives it another time.
const settled = 2 * time.Second

// TokensPath returns the path of the tokens of the store at path: beside it. If path is a symbolic link,
// it is beside the file that the link leads to.
func TokensPath(path string) string { return fsx.Beside(path, ".tokens") }

// OpenTokens returns the tokens in the file at path, which need not exist. The file is read when it is
// needed, and again when it has changed.
func OpenTokens(path string) *Tokens { return &Tokens{path: fsx.Absolute(path)} }

// Add makes a token. The secret is returned once and kept nowhere. A name that is taken is
// [doorlog.ErrExists], one that cannot be one, or a grant that allows nothing, [doorlog.ErrInvalid].
func (t *Tokens) Add(name string, grant Grant) (token Token, secret string, err error) {
	random := make([]byte, sha256.Size)
	_, _ = rand.Read(random) // it never fails
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	token = Token{Name: name, Grant: grant, CreatedAt: time.Now().UTC().Truncate(time.Millisecond)}
	if err = token.valid(); err == nil {
		err = t.change(func(list []tokenRecord) ([]tokenRecord, error) {
			if len(list) >= maxTokens {
				return nil, fmt.Errorf("there are %d tokens: %w", len(list), doorlog.ErrTooLarge)
			}
			if slices.ContainsFunc(list, func(r tokenRecord) bool { return r.Name == token.Name }) {
				return nil, doorlog.ErrExists
			}
			return append(list, tokenRecord{Token: token, Digest: digestOf(secret)}), nil
		})
	}
	if err != nil {
		return Token{}, "", fmt.Errorf("doorlog: add the token %.100q: %w", name, err)
	}
	return token, secret, nil
}

// secretPrefix begins all secrets, so that a scan for secrets in a repository can find them.
const secretPrefix = "doorlog_"

// Remove removes a token. Its secret is not valid from then on. If there is no such token, it returns
// [doorlog.ErrNotFound].
func (t *Tokens) Remove(name string) error {
	err := t.change(func(list []tokenRecord) ([]tokenRecord, error) {
		kept := slices.DeleteFunc(slices.Clone(list), func(r tokenRecord) bool { return r.Name == name })
		if len(kept) == len(list) {
			return nil, doorlog.ErrNotFound
		}
		return kept, nil
	})
	if err != nil {
		return fmt.Errorf("doorlog: remove the token %.100q: %w", name, err)
	}
	return nil
}

// List returns all tokens, in the order in which they were made.
func (t *Tokens) List() ([]Token, error) {
	file := t.current(false)
	if file.err != nil {
		return nil, fmt.Errorf("doorlog: the tokens in %s: %w", t.path, file.err)
	}
	tokens := make([]Token, len(file.list))
	for i, r := range file.list {
		tokens[i] = r.Token
	}
	return tokens, nil
}

// Reload reads the file again. An error says what is wrong with it; until that is put right
// no token is valid.
func (t *Tokens) Reload() error {
	if err := t.current(true).err; err != nil {
		return fmt.Errorf("doorlog: the tokens in %s: %w", t.path, err)
	}
	return nil
}

// find returns the token with this secret.
func (t *Tokens) find(secret string) (token Token, ok bool, err error) {
	file := t.current(false)
	if file.err != nil {
		return Token{}, false, fmt.Errorf("doorlog: the tokens in %s: %w", t.path, file.err)
	}
	if len(secret) > maxSecret {
		return Token{}, false, nil
	}
	token, ok = file.of[digestOf(secret)]
	return token, ok, nil
}

// current returns what the file has now.
func (t *Tokens) current(again bool) *tokenFile {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loaded == nil || again || !t.loaded.isCurrent(t.path) {
		t.loaded = loadTokens(t.path)
	}
	return t.loaded
}

// isCurrent reports whether the file has not changed since it was read.
func (f *tokenFile) isCurrent(path string) bool {
	now, err := os.Stat(path)
	if f.info == nil || err != nil {
		return f.info == nil && f.err == nil && errors.Is(err, fs.ErrNotExist)
	}
	return !f.young && os.SameFile(now, f.info) && now.ModTime().Equal(f.info.ModTime()) &&
		now.Size() == f.info.Size() && now.Mode() == f.info.Mode()
}

// loadTokens reads the file at path.
func loadTokens(path string) *tokenFile {
	file := &tokenFile{}
	before := time.Now()
	f, err := openTokens(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file
	}
	if err == nil {
		file.info, err = f.Stat()
		if err == nil {
			file.list, err = readTokens(f, file.info)
		}
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		file.err = err
		return file
	}
	file.young = before.Sub(file.info.ModTime()).Abs() < settled
	file.of = make(map[digest]Token, len(file.list))
	for _, r := range file.list {
		file.of[r.Digest] = r.Token
	}
	return file
}

// openTokens opens the file unless it is something else, such as a pipe, which would block.
func openTokens(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	return os.Open(path)
}

// readTokens reads the list in an open file.
func readTokens(f *os.File, info fs.FileInfo) ([]tokenRecord, error) {
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others may open it (its mode is %#o): chmod 600 it, or remove it and make new tokens", mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return nil, err
	}
	return parseTokens(text)
}

// change replaces the file by one with the list that fn returns. It has a lock on the file meanwhile.
func (t *Tokens) change(fn func([]tokenRecord) ([]tokenRecord, error)) error {
	path := t.path
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to // a link stays one
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	// An empty file is a list without tokens.
	f, err := fsx.OpenLocked(path, os.O_RDWR|os.O_CREATE, fsx.FilePerm, &fsx.Opening{Open: os.OpenFile, Timeout: 5 * time.Second})
	if err != nil {
		return err
	}
	old := fsx.Replaceable{File: f}
	defer old.Close() //nolint:errcheck // nothing was written to it
	info, err := f.Stat()
	if err != nil {
		return err
	}
	list, err := readTokens(f, info)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if list, err = fn(list); err != nil {
		return err
	}
	text, err := formatTokens(list)
	if err != nil {
		return err
	}
	err = fsx.BuildBeside(path, old.Replace, func(temp string) error { return writeSynced(temp, text) })
	if err != nil {
		return fault.DiskError(err)
	}
	return t.Reload()
}

// writeSynced writes a file that exists, and syncs it.
func writeSynced(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, fsx.FilePerm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(text))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// A digest is the SHA-256 of a secret.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// MarshalText returns the digest in hexadecimal.
func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads what MarshalText writes.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) || strings.ToLower(string(text)) != string(text) {
		return fmt.Errorf("%.80q is no SHA-256 in hexadecimal", text)
	}
	_, err := hex.Decode(d[:], text)
	return err
}
