package fsx

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// TempExt ends the name of a file that is being written: "." + name + TempExt.
const TempExt = ".tmp"

// MakeInside makes a folder such as 2026/02/25 and its parents. If made is not nil, it is
// called with the parent of each of them. It is called even if the folder exists: whoever
// made it may have stopped before it was durable. (os.Root.MkdirAll is not used, because it
// sometimes reports that a folder exists when another error has happened.)
func MakeInside(root *os.Root, dir string, made func(above string) error) error {
	for at := 0; at < len(dir); {
		above := cmp.Or(dir[:at], ".")
		end := len(dir)
		if next := strings.IndexByte(dir[at+1:], '/'); next >= 0 {
			end = at + 1 + next
		}
		err := root.Mkdir(dir[:end], FolderPerm)
		if errors.Is(err, fs.ErrExist) {
			err = nil
		}
		if err == nil && made != nil {
			err = made(above)
		}
		if err != nil {
			return err
		}
		at = end
	}
	return nil
}

// SyncInside syncs a folder below root.
func SyncInside(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return syncAndClose(f)
}

// WriteFile writes a file atomically: after a power cut the file is either whole or
// absent. A rename alone is not enough: a file system may make the name durable before the
// content. And the name is durable only when the folder has been synced as well.
func WriteFile(root *os.Root, name string, data []byte) (err error) {
	temp := path.Join(path.Dir(name), "."+path.Base(name)+TempExt)
	// An interrupted save may have left a temporary file. Nobody else is using it:
	// only one caller at a time writes this name (Store.busy).
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FilePerm)
	if errors.Is(err, fs.ErrExist) {
		if err = root.Remove(temp); err == nil { // a new file, because opening a pipe of that name would block
			f, err = root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FilePerm)
		}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temp)
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = root.Rename(temp, name); err != nil {
		return err
	}
	if err = SyncInside(root, path.Dir(name)); err != nil {
		_ = root.Remove(name) // nothing will name it
	}
	return err
}
