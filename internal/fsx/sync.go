package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// SyncFolder makes the names in a folder durable: a file that was created or
// renamed is there after a power cut only when its folder was synced.
func SyncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return syncAndClose(f)
}

// SyncName syncs the folder of a file that is there.
func SyncName(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return syncAgain(filepath.Dir(path))
}

// syncAgain syncs a folder in which a name that is there may not be durable yet.
// Of a folder that must not be read, the name in it was somebody else's to make.
func syncAgain(dir string) error {
	err := SyncFolder(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// syncAndClose syncs an open folder.
func syncAndClose(f *os.File) error {
	err := f.Sync()
	// Windows has no such call, and some file systems refuse it.
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// SyncTree syncs a folder and those in it. Their files have been.
func SyncTree(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return SyncFolder(name)
	})
}
