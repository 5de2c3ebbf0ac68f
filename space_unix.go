//go:build darwin || dragonfly || freebsd || linux

package doorlog

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace returns how many bytes may be written to the file system on which
// an open file is; -1 if that is not known.
func freeSpace(f *os.File) int64 {
	conn, err := f.SyscallConn()
	if err != nil {
		return -1
	}
	var stat unix.Statfs_t
	var failure error
	if err := conn.Control(func(fd uintptr) { failure = unix.Fstatfs(int(fd), &stat) }); err != nil || failure != nil {
		return -1
	}
	if stat.Blocks == 0 { // it does not say
		return -1
	}
	return max(0, int64(stat.Bavail)) * int64(stat.Bsize) //nolint:unconvert // their types differ between systems
}
