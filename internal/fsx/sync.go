package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// SyncFolder makes the names in a folder durable. After a power cut, a file that was
// created or renamed is sure to be there only if its folder was synced.
func SyncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return syncAndClose(f)
}

// SyncName makes the name of an existing file durable: it syncs the folder of the file.
// Symbolic links are followed.
func SyncName(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return syncAgain(filepath.Dir(path))
}

// syncAgain syncs a folder whose names may not be durable yet. It does nothing if the
// process has no right to read the folder: then somebody else made the name.
func syncAgain(dir string) error {
	err := SyncFolder(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// syncAndClose syncs an open folder and closes it.
func syncAndClose(f *os.File) error {
	err := f.Sync()
	// Windows has no such call, and some file systems refuse it.
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// SyncTree syncs a folder and all folders below it. Their files must have been synced.
func SyncTree(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return SyncFolder(name)
	})
}
