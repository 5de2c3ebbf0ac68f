package doorlog_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"hash/fnv"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// ofTheOtherOrder returns the file of a store as far as a machine of the other
// byte order differs: bolt's meta pages. Nothing else of it is looked at.
func ofTheOtherOrder(t testing.TB, file []byte) []byte {
	t.Helper()
	file = bytes.Clone(file)
	for _, page := range []int{0, pageLen} {
		b := file[page+headerLen:]
		for at := 0; at < 16; at += 4 { // magic, version, page size, flags
			native.PutUint32(b[at:], bits.ReverseBytes32(native.Uint32(b[at:])))
		}
		for at := 16; at < 56; at += 8 {
			native.PutUint64(b[at:], bits.ReverseBytes64(native.Uint64(b[at:])))
		}
		sum := fnv.New64a()
		_, _ = sum.Write(b[:56])
		native.PutUint64(b[56:], bits.ReverseBytes64(sum.Sum64()))
	}
	return file
}

// needLittleEndian skips a test of a file in testdata, which such a machine wrote.
func needLittleEndian(t testing.TB) {
	t.Helper()
	if native.Uint16([]byte{1, 0}) != 1 {
		t.Skip("SKIP: the file was written on a little-endian machine")
	}
}

func TestAFileOfTheOtherByteOrderIsRefusedByName(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("garage", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	foreign := ofTheOtherOrder(t, readFile(t, s.path))
	for name, file := range map[string][]byte{
		"whole":                   foreign,
		"its first meta is gone":  append(make([]byte, pageLen), foreign[pageLen:]...),
		"its second meta is gone": append(append(bytes.Clone(foreign[:pageLen]), make([]byte, pageLen)...), foreign[2*pageLen:]...),
		"cut short":               foreign[:pageLen],
	} {
		for what, do := range map[string]func(path string) error{
			"open": func(path string) error {
				_, err := doorlog.Open(path, nil)
				return err
			},
			"open to read": func(path string) error {
				_, err := doorlog.Open(path, &doorlog.Options{ReadOnly: true})
				return err
			},
			"quarantine": func(path string) error { // it is not damaged
				_, err := doorlog.Open(path, &doorlog.Options{Quarantine: true})
				return err
			},
			"verify": func(path string) error {
				_, err := doorlog.Verify(t.Context(), path, nil)
				return err
			},
			"repair": func(path string) error {
				_, err := doorlog.Repair(t.Context(), path, nil)
				return err
			},
			"salvage": func(path string) error {
				_, err := doorlog.Salvage(t.Context(), path, filepath.Join(filepath.Dir(path), "saved.db"), nil)
				return err
			},
		} {
			dir := t.TempDir()
			path := filepath.Join(dir, "events.db")
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			err := do(path)
			if !errors.Is(err, doorlog.ErrByteOrder) || errors.Is(err, doorlog.ErrNotStore) || errors.Is(err, doorlog.ErrCorrupt) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			wantNames(t, dir, "events.db")
			if !bytes.Equal(readFile(t, path), file) {
				t.Errorf("%s, %s: the file has changed", name, what)
			}
		}
	}
}

func TestABackupOfTheOtherByteOrderIsRefusedByName(t *testing.T) {
	s := newStore(t)
	s.writeFrame(t, motion("garage", 1), jpegFrame(t, 8, 8))
	var backup, foreign bytes.Buffer
	if _, err := s.Backup(t.Context(), &backup, nil); err != nil {
		t.Fatal(err)
	}
	from, to := tar.NewReader(&backup), tar.NewWriter(&foreign)
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		content, rerr := io.ReadAll(from)
		if h.Name == "events.db" {
			content = ofTheOtherOrder(t, content)
		}
		if err := errors.Join(err, rerr, to.WriteHeader(h)); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	_, err := doorlog.Restore(t.Context(), filepath.Join(dir, "restored"), &foreign, nil)
	wantError(t, err, doorlog.ErrByteOrder, "restore")
	wantNames(t, dir)
}

// wantNames fails unless a folder has just what is named.
func wantNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != len(want) || len(want) > 0 && names[0] != want[0] {
		t.Errorf("the folder has %q, want %q", names, want)
	}
}
