package newfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/newfile"
)

// contents returns the files of a folder and what is in each.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(data)
	}
	return found
}

func has(t *testing.T, dir, name, text string) {
	t.Helper()
	if found := contents(t, dir); len(found) != 1 || found[name] != text {
		t.Errorf("the folder has %q, want %q in %s alone", found, text, name)
	}
}

func TestAFileAppearsWhenItIsWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	say := func(text string) func(io.Writer, func() error) error {
		return func(w io.Writer, _ func() error) error {
			if _, err := os.Stat(name); err == nil && text == "first" {
				t.Error("the file is there before it is whole")
			}
			_, err := io.WriteString(w, text)
			return err
		}
	}
	if err := newfile.Write(name, false, say("first")); err != nil {
		t.Fatal(err)
	}
	has(t, dir, "f", "first")
	if err := newfile.Write(name, false, say("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	has(t, dir, "f", "first")
	if err := newfile.Write(name, true, say("third")); err != nil {
		t.Fatal(err)
	}
	has(t, dir, "f", "third")
}

func TestAfterAnErrorTheOldFileIsThereAlone(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("cable pulled")
	err := newfile.Write(name, true, func(w io.Writer, _ func() error) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	has(t, dir, "f", "old")
}

// Somebody else may have made the file since it was begun.
func TestAFileThatAppearsMeanwhileStays(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	err := newfile.Write(name, false, func(w io.Writer, finish func() error) error {
		_, _ = io.WriteString(w, "mine")
		if err := os.WriteFile(name, []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
		return finish()
	})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("the error is %v", err)
	}
	has(t, dir, "f", "theirs")
}
