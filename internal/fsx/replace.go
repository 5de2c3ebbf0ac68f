package fsx

import (
	"errors"
	"io"
	"os"
	"runtime"
)

// A Replaceable is a file that nobody else has open, and into whose place another
// is to come.
type Replaceable struct {
	File   *os.File
	closed bool
}

func OpenToReplace(path string, how *Opening) (*Replaceable, error) {
	if !LocksFiles { // another process may be writing to it
		return nil, errors.ErrUnsupported
	}
	f, err := OpenLocked(path, os.O_RDWR, FilePerm, how)
	return &Replaceable{File: f}, err
}

// Replace puts another file in its place. Who has waited for the lock on the
// old one sees that it is not the one at path any more (openLocked).
func (f *Replaceable) Replace(temp, path string) error {
	if runtime.GOOS == "windows" { // where an open file keeps its name
		if err := f.Close(); err != nil {
			return err
		}
	}
	return os.Rename(temp, path)
}

// SetAside gives the file a second name; where a file can have just one, as on
// the FAT of many cards, it is copied.
func (f *Replaceable) SetAside(path, aside string) (err error) {
	if err := os.Link(path, aside); err == nil {
		return nil
	}
	to, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FilePerm)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, to.Close()); err != nil {
			err = errors.Join(err, os.Remove(aside))
		}
	}()
	info, err := f.File.Stat()
	if err == nil {
		_, err = io.Copy(to, io.NewSectionReader(f.File, 0, info.Size()))
	}
	return errors.Join(err, to.Sync())
}

// Like gives a file the mode and the owner of the one that it is to replace.
func (f *Replaceable) Like(name string) error {
	info, err := f.File.Stat()
	if err != nil {
		return err
	}
	return errors.Join(os.Chmod(name, info.Mode().Perm()), chownLike(name, info))
}

func (f *Replaceable) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	return f.File.Close()
}
