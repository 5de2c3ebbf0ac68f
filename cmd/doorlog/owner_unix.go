//go:build unix

package main

import (
	"os"
	"syscall"
)

// giveToOwnerOf gives a file that root has made to the owner of another file. So root can make tokens for
// a server of another user. If somebody else runs the command, it does nothing.
func giveToOwnerOf(other, name string) error {
	if os.Getuid() != 0 {
		return nil
	}
	info, err := os.Stat(other)
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Lchown(name, int(is.Uid), int(is.Gid))
	}
	return nil
}
