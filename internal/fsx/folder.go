package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MakeFolders is os.MkdirAll, made durable: it syncs the parent of each folder that it
// makes.
func MakeFolders(dir string) error {
	parent := filepath.Dir(dir)
	if info, err := os.Stat(dir); err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return syncAgain(parent) // whoever made it may have stopped before its sync
	}
	if parent != dir {
		if err := MakeFolders(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, FolderPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncFolder(parent)
}
