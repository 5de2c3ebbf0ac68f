package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// BuildBeside has build write a store to a file beside path, and put then give
// it its name, when it is whole: a power cut during bolt's first writes leaves a
// file that cannot be opened.
func BuildBeside(path string, put func(temp, path string) error, build func(temp string) error) (err error) {
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	if info, err := os.Stat(dir); err != nil {
		return fmt.Errorf("its folder: %w", err)
	} else if !info.IsDir() {
		return fmt.Errorf("%s: %w", dir, syscall.ENOTDIR)
	}
	temp, err := os.CreateTemp(dir, "."+base+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		// What is linked to its place has a second name, which goes.
		if rerr := os.Remove(temp.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) && err == nil {
			err = rerr
		}
	}()
	if err := temp.Close(); err != nil {
		return err
	}
	if err := build(temp.Name()); err != nil {
		return err
	}
	err = put(temp.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(err, SyncFolder(dir))
}

// PutInPlace gives a file its name unless there is a file of that name.
func PutInPlace(temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		return nil
	case IsThere(path):
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	// FAT, as on many SD cards, has no links. Rename would put the file over
	// another, so of two processes that create a store there in the same
	// moment one may put its empty store over the other's.
	return os.Rename(temp, path)
}

// RemoveLeftovers removes what a creation, or a compaction, that was cut short
// left behind: beside the file itself, if path is a link.
func RemoveLeftovers(path string) {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	dir, base := filepath.Split(path)
	left, err := filepath.Glob(filepath.Join(EscapeGlob(dir), "."+EscapeGlob(base)+".new-*"))
	if err != nil {
		return
	}
	for _, name := range left {
		_ = os.Remove(name) // it does no harm where it is
	}
}

func EscapeGlob(name string) string {
	if runtime.GOOS == "windows" { // whose Match has no escapes, and whose names no wildcards
		return name
	}
	var escaped []byte
	for i := range len(name) {
		if c := name[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, name[i])
	}
	return string(escaped)
}
