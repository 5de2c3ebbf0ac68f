package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/doorlog/doorlog/internal/fault"
)

// LeadsTo returns [fault.ErrMoved] if path does not lead to the open file f. The text says
// what is at path. Links are followed. If the system does not tell, for example because the
// process has given up the rights with which it opened the file, LeadsTo returns nil.
func LeadsTo(path string, f *os.File) error {
	there, err := os.Stat(path)
	open, ferr := f.Stat()
	what := "another file is"
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP):
		what = "nothing is"
	case err != nil || ferr != nil || os.SameFile(open, there):
		return nil //nolint:nilerr // the system does not tell
	case there.IsDir():
		what = "a folder is"
	}
	return fmt.Errorf("%w: %s at %s", fault.ErrMoved, what, path)
}

// HasOneName returns [fault.ErrHardLinks] if an open file has several names.
func HasOneName(f *os.File) error {
	info, err := f.Stat()
	if err == nil && HasOtherNames(info) {
		err = fault.ErrHardLinks
	}
	return err
}

// Absolute returns an absolute form of path, without a "./" at its beginning. It does not clean the
// path otherwise: if a folder is a symbolic link, ".." after it is the parent of the link's target.
func Absolute(path string) string {
	here, err := os.Getwd()
	switch {
	case filepath.IsAbs(path) || err != nil:
		return path
	case runtime.GOOS == "windows": // each drive has a current folder there
		if at, err := filepath.Abs(path); err == nil {
			return at
		}
		return path
	}
	for strings.HasPrefix(path, "./") {
		path = strings.TrimLeft(path[2:], "/")
	}
	return here + string(filepath.Separator) + path
}
