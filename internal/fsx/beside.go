package fsx

import (
	"io/fs"
	"os"
	"path/filepath"
)

// Beside returns the path of the file that belongs to the one at path and has ext appended to its
// name. If path is a symbolic link it belongs to the file that the link leads to.
func Beside(path, ext string) string {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSymlink {
		if to, err := filepath.EvalSymlinks(path); err == nil {
			path = to
		}
	}
	return path + ext
}
