//go:build unix && !android && !solaris && !aix

package fsx

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// LocksFiles reports whether [TryLock] locks files.
const LocksFiles = true

// TryLock locks an open file without waiting. bolt takes the same lock a moment later, and
// gets it, because the lock belongs to the open file and not to a descriptor. held reports
// whether another open file has the lock.
func TryLock(f *os.File, exclusive bool) (held bool, err error) {
	how := unix.LOCK_SH | unix.LOCK_NB
	if exclusive {
		how = unix.LOCK_EX | unix.LOCK_NB
	}
	err = control(f, func(fd uintptr) error { return unix.Flock(int(fd), how) })
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// control calls fn with the descriptor of an open file.
func control(f *os.File, fn func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	if err := conn.Control(func(fd uintptr) { failure = fn(fd) }); err != nil {
		return err
	}
	return failure
}
