package doorlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A restorePlace is the folder that a store is restored to, and the folder beside it in
// which the store is built.
type restorePlace struct {
	dir, temp string
	mode      fs.FileMode // of the empty folder at dir; 0: there is none
	lock      *os.File    // temp, open; nil on Windows, which locks no folders
	appeared  bool
}

func newRestorePlace(dir string) (p *restorePlace, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if to, err := filepath.EvalSymlinks(dir); err == nil {
		dir = to
	}
	parent, base := filepath.Split(dir)
	p = &restorePlace{dir: dir, temp: filepath.Join(parent, "."+base+".restoring")}
	if err := p.look(); err != nil {
		return nil, err
	}
	made := os.Mkdir(p.temp, fsx.FolderPerm)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, made
	}
	if err := p.own(); err != nil {
		if made == nil && !errors.Is(err, ErrLocked) {
			err = errors.Join(err, os.Remove(p.temp))
		}
		return nil, err
	}
	left, err := os.ReadDir(p.temp) // by a Restore that was killed
	for _, e := range left {
		err = errors.Join(err, os.RemoveAll(filepath.Join(p.temp, e.Name())))
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// own locks the folder in which the store is built. The error is ErrLocked if another
// Restore uses it. Some file systems cannot lock folders.
func (p *restorePlace) own() (err error) {
	if runtime.GOOS == "windows" { // which does not remove what somebody has open
		return nil
	}
	if info, err := os.Lstat(p.temp); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is in the way: %w", p.temp, syscall.ENOTDIR)
	}
	if p.lock, err = os.Open(p.temp); err != nil {
		return err
	}
	held, _ := fsx.TryLock(p.lock, true)
	same, err := fsx.IsAt(p.lock, p.temp)
	if err == nil && (held || !same) {
		err = fmt.Errorf("%w, which restores to the same place", ErrLocked)
	}
	if err != nil {
		return errors.Join(err, p.lock.Close())
	}
	return nil
}

// look returns an error if dir is not free: it must not exist, or be an empty folder.
func (p *restorePlace) look() error {
	info, err := os.Lstat(p.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%w, and is no folder", fs.ErrExist)
	}
	if here, err := os.Stat("."); err == nil && os.SameFile(here, info) {
		return invalid("dir", "is the current folder, which cannot be replaced")
	}
	p.mode = info.Mode().Perm()
	entries, err := os.ReadDir(p.dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w, and is not empty: it has %q", fs.ErrExist, entries[0].Name())
	}
	return err
}

// appear renames the finished folder to dir, durably.
func (p *restorePlace) appear() error {
	if p.mode != 0 {
		if err := os.Chmod(p.temp, p.mode); err != nil {
			return err
		}
	}
	if err := fsx.SyncTree(p.temp); err != nil {
		return err
	}
	if p.mode != 0 {
		if err := os.Remove(p.dir); err != nil { // fails unless it is empty
			return err
		}
	}
	if err := os.Rename(p.temp, p.dir); err != nil { // a folder that is not empty is not replaced
		return err
	}
	p.appeared = true
	return fsx.SyncFolder(filepath.Dir(p.dir))
}

// close removes the folder in which the store was built, unless it has become dir.
func (p *restorePlace) close() (err error) {
	if !p.appeared {
		err = os.RemoveAll(p.temp)
	}
	if p.lock != nil {
		err = errors.Join(err, p.lock.Close())
	}
	return err
}
