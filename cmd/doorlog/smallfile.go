package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

var (
	errNoFile = errors.New("is not a regular file")
	errHuge   = errors.New("is too large")
)

// readSmallFile reads a file that is to be a small one. To open a pipe would wait for
// its other end, and some devices have no end.
func readSmallFile(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name) //nolint:gosec // TZ may name any file
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: errNoFile}
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name) //nolint:gosec // the same
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
