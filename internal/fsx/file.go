// Package fsx extends the standard library's handling of files. It writes files and names
// that survive a power cut, and asks the system for locks, free space, owners and hard
// links.
package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/doorlog/doorlog/internal/fault"
)

// What files and folders are made with: they are for nobody but their owner.
const (
	FilePerm   = 0o600
	FolderPerm = 0o700
)

// CheckFile returns an error that says what is wrong if path is no regular file, or an
// empty one.
func CheckFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder", fault.ErrNotStore)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file", fault.ErrNotStore)
	case info.Size() == 0:
		return fmt.Errorf("%w: it is empty; remove it to begin a new store", fault.ErrNotStore)
	}
	return nil
}

// IsThere reports whether something exists at path.
func IsThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// RemoveTemp closes and removes a temporary file. It does nothing if f is nil.
func RemoveTemp(f *os.File) error {
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), IgnoreNotExist(os.Remove(f.Name())))
}

// IgnoreNotExist returns err, or nil if err is fs.ErrNotExist. It is for files that others
// may remove meanwhile.
func IgnoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
