package fsx

import (
	"errors"
	"io"
	"os"
	"runtime"
)

// A Replaceable is a locked file that another one is going to replace.
type Replaceable struct {
	File   *os.File
	closed bool
}

// OpenToReplace opens and locks the file at path. It returns errors.ErrUnsupported where
// files cannot be locked.
func OpenToReplace(path string, how *Opening) (*Replaceable, error) {
	if !LocksFiles { // another process may be writing to it
		return nil, errors.ErrUnsupported
	}
	f, err := OpenLocked(path, os.O_RDWR, FilePerm, how)
	return &Replaceable{File: f}, err
}

// Replace renames temp to path, the path of f. A caller of [OpenLocked] that waits for the
// lock of the old file sees that path leads to another file now.
func (f *Replaceable) Replace(temp, path string) error {
	if runtime.GOOS == "windows" { // an open file cannot be replaced there
		if err := f.Close(); err != nil {
			return err
		}
	}
	return os.Rename(temp, path)
}

// SetAside gives the file a second name, aside. It copies the file if the file system has
// no hard links, such as FAT.
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

// Like gives the file name the mode and the owner of f.
func (f *Replaceable) Like(name string) error {
	info, err := f.File.Stat()
	if err != nil {
		return err
	}
	return errors.Join(os.Chmod(name, info.Mode().Perm()), chownLike(name, info))
}

// Close closes the file, which releases its lock. Later calls do nothing.
func (f *Replaceable) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	return f.File.Close()
}
