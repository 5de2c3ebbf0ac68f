package fsx

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	TempExt = ".tmp" // of one that is being written, behind a dot and its name
)

// MakeInside makes a folder such as 2026/02/25, and those above it. After each of
// them made, if it is not nil, is called with the one above: also when it is there,
// as who made it may not have come to this. (The error of os.Root.MkdirAll is at
// times that a folder is there, whatever else has happened.)
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

func SyncInside(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return syncAndClose(f)
}

// WriteFile writes a file so that after a power cut it is there, whole, or
// is not there. A rename alone would not do: a file system may make the name
// durable before the content, and the folder only when it is synced itself.
func WriteFile(root *os.Root, name string, data []byte) (err error) {
	temp := path.Join(path.Dir(name), "."+path.Base(name)+TempExt)
	// What a save that was cut short left behind goes. Savers of one
	// event take turns (see Store.busy), so it is nobody else's.
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, FilePerm)
	if errors.Is(err, fs.ErrExist) {
		if err = root.Remove(temp); err == nil { // a pipe of that name would wait for its other end
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
