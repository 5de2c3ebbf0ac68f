// Package newfile writes a file that appears under its name only when it is whole and
// durable. If a process is killed while it writes, its unfinished file is removed when the
// next one is written to the same place.
package newfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write has write produce the file of this name, and puts it in its place. Without replace a
// file that is there stays, and the error wraps [fs.ErrExist]. What is there and is no
// regular file stays in any case.
//
// write may call finish when it has written everything: finish puts the file in its place
// and returns whether that worked. Otherwise Write does so after write has returned nil.
// After an error there is no new file.
func Write(name string, replace bool, write func(w io.Writer, finish func() error) error) error {
	switch info, err := os.Lstat(name); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s exists and is not a regular file", name)
	case err == nil && !replace:
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrExist}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, unlock, err := createLocked(filepath.Dir(name), filepath.Base(name))
	if path, ok := errors.AsType[*fs.PathError](err); ok { // its path is that of a temporary file
		return &fs.PathError{Op: "create", Path: name, Err: path.Err}
	}
	if err != nil {
		return err
	}
	defer unlock()
	w := bufio.NewWriterSize(f, 256<<10)
	finished := false
	finish := func() error {
		finished = true
		return complete(f, w, name, replace)
	}
	if err = write(w, finish); !finished {
		if err == nil {
			err = finish()
		} else {
			err = errors.Join(err, f.Close())
		}
	}
	if err == nil {
		return nil
	}
	if rerr := os.Remove(f.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}

// complete makes a file durable and gives it its name.
func complete(f *os.File, w *bufio.Writer, name string, replace bool) error {
	err := w.Flush()
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(f.Name(), name, replace)
	}
	if err == nil {
		err = syncDir(filepath.Dir(name))
	}
	return err
}

// place renames a file. Without replace it fails if the name is taken, except where the
// file system has no links.
func place(temp, name string, replace bool) error {
	if !replace {
		err := os.Link(temp, name)
		if err == nil {
			return os.Remove(temp)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return os.Rename(temp, name)
}

// syncDir makes the names in a folder durable, where the system can do that.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
