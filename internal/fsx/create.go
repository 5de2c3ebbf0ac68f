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

// BuildBeside calls build to write a store to a temporary file beside path. When the file
// is whole, it calls put, which gives it its name. A power cut during bolt's first writes
// leaves a file that cannot be opened, so the file must not have its name before.
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
		// If put has linked the file to path, this removes its other name.
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

// PutInPlace renames temp to path. If path exists, it returns fs.ErrExist.
func PutInPlace(temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		return nil
	case IsThere(path):
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	// FAT, which many SD cards have, has no links. Rename replaces a file that is
	// there. So if two processes create a store at the same moment, one may put its
	// empty store over the other's.
	return os.Rename(temp, path)
}

// RemoveLeftovers removes the temporary files that an interrupted creation or compaction
// has left beside path. If path is a symbolic link, they are beside its target.
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
		_ = os.Remove(name) // a leftover does no harm
	}
}

// EscapeGlob returns a pattern for filepath.Glob that matches only name.
func EscapeGlob(name string) string {
	if runtime.GOOS == "windows" { // Match has no escapes there, and names have no wildcards
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
