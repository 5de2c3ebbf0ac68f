//go:build unix

package fsx

import (
	"io/fs"
	"os"
	"syscall"
)

// chownLike gives a file the owner and the group of another one.
func chownLike(name string, other fs.FileInfo) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	is, ok1 := info.Sys().(*syscall.Stat_t)
	want, ok2 := other.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return os.Chown(name, int(want.Uid), int(want.Gid))
}
