// Package fsx does with files what has to outlive a power cut, and asks file systems what
// the standard library does not: locks, free space, owners, other names of a file.
package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/doorlog/doorlog/internal/fault"
)

const (
	FilePerm   = 0o600
	FolderPerm = 0o700
)

// CheckFile says clearly what is wrong with a path that holds no file, or an empty one.
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

func IsThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// RemoveTemp closes and removes a file that was made for a while; nil is none.
func RemoveTemp(f *os.File) error {
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), IgnoreNotExist(os.Remove(f.Name())))
}

// IgnoreNotExist is for what may go away while it is looked at.
func IgnoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
