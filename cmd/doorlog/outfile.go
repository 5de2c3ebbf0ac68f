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
// it is unless force is set, and the database in any case. write may call finish
// when it has written all, to be told whether the file is there; else it is called
// after it.
func (a *app) writeOutput(name string, force bool, write func(w io.Writer, finish func() error) error) error {
	if name == "-" {
		w := bufio.NewWriterSize(a.out, 256<<10)
		if err := write(w, w.Flush); err != nil {
			return err
		}
		return w.Flush()
	}
	db, err := a.dbPath()
	if err != nil {
		return err
	}
	stat := func(name string) func() (os.FileInfo, error) {
		return func() (os.FileInfo, error) { return os.Stat(name) }
	}
	if sameFile(stat(name), stat(db)) {
		return misuse("%s is the database", name)
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
	f, unlock, err := createLocked(dir, filepath.Base(name))
	if err != nil {
		return err
	}
	defer unlock()
	w := bufio.NewWriterSize(f, 256<<10)
	finished := false
	finish := func() error {
		finished = true
		err := w.Flush()
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err == nil {
			err = place(f.Name(), name, force)
		}
		if err == nil {
			err = syncDir(dir)
		}
		return err
	}
	if err = write(w, finish); !finished {
		if err == nil {
			err = finish()
		} else {
			err = errors.Join(err, f.Close())
		}
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
	return nil
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
