package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/doorlog/doorlog/internal/fault"
)

// LeadsTo is ErrMoved, and says what is there, if a path does not lead to an open file.
// Links are followed. Where the system does not say, as to a process that has given up
// the rights with which it opened the file, the file counts as there.
func LeadsTo(path string, f *os.File) error {
	there, err := os.Stat(path)
	open, ferr := f.Stat()
	what := "another file is"
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP):
		what = "nothing is"
	case err != nil || ferr != nil || os.SameFile(open, there):
		return nil //nolint:nilerr // it says nothing
	case there.IsDir():
		what = "a folder is"
	}
	return fmt.Errorf("%w: %s at %s", fault.ErrMoved, what, path)
}

// HasOneName is ErrHardLinks if an open file has several names.
func HasOneName(f *os.File) error {
	info, err := f.Stat()
	if err == nil && HasOtherNames(info) {
		err = fault.ErrHardLinks
	}
	return err
}

// Absolute returns a path that does not depend on the current folder. It is not cleaned:
// behind a link, ".." is not the folder in which that is.
func Absolute(path string) string {
	here, err := os.Getwd()
	switch {
	case filepath.IsAbs(path) || err != nil:
		return path
	case runtime.GOOS == "windows": // where each drive has a current folder
		if at, err := filepath.Abs(path); err == nil {
			return at
		}
		return path
	}
	return here + string(filepath.Separator) + path
}
