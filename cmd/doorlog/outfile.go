package main

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

// writeOutput has write produce the file of this name, which appears when it is
// whole and durable, or, for "-", standard output. A file that is there is left as
// it is unless force is set.
func (a *app) writeOutput(name string, force bool, write func(io.Writer) error) error {
	if name == "-" {
		w := bufio.NewWriterSize(a.out, 256<<10)
		if err := write(w); err != nil {
			return err
		}
		return w.Flush()
	}
	there := fmt.Errorf("%s is there already: say --force to put another in its place", name)
	switch info, err := os.Lstat(name); {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is there, and is no file", name)
	case err == nil && !force:
		return there
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".new-*")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(f.Name(), name, force)
	}
	if err != nil {
		if rerr := os.Remove(f.Name()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		if errors.Is(err, fs.ErrExist) {
			return there
		}
		return err
	}
	return syncDir(dir)
}

// place gives a file its name: over another only with force, where the file system
// has links.
func place(temp, name string, force bool) error {
	if !force {
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

// syncDir makes the names in a folder durable, where there is such a call.
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
