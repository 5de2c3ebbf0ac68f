package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

var (
	errNoFile = errors.New("is not a regular file")
	errHuge   = errors.New("is too large")
)

// readSmallFile reads a file that should be small. It does not open pipes and devices:
// opening a pipe waits for its writer, and some devices are endless.
func readSmallFile(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errNoFile}
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%w: it has more than %d bytes", errHuge, most)}
	}
	return data, err
}

// filesIn returns the number of files below a folder, and their bytes. Files that disappear
// meanwhile do not count, nor does a folder that does not exist.
func filesIn(folder string) (n int, bytes int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				n, bytes = n+1, bytes+info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, bytes, err
}

// A statFunc returns what is known of a file.
type statFunc func() (os.FileInfo, error)

func statOf(name string) statFunc {
	return func() (os.FileInfo, error) { return os.Stat(name) }
}

// isSameFile reports whether both files are there and are the same.
func isSameFile(a, b statFunc) bool {
	ai, aerr := a()
	bi, berr := b()
	return aerr == nil && berr == nil && os.SameFile(ai, bi)
}
