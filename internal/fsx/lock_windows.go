package fsx

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// LocksFiles reports whether [TryLock] locks files.
const LocksFiles = true

// TryLock locks an open file without waiting. It locks a byte far behind the end of the
// file, next to the byte that bolt locks: on Windows a lock cannot be taken twice. Closing
// the file releases it. held reports whether another open file has the lock.
func TryLock(f *os.File, exclusive bool) (held bool, err error) {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var failure error
	err = conn.Control(func(fd uintptr) {
		at := &windows.Overlapped{Offset: math.MaxUint32 - 1, OffsetHigh: math.MaxUint32}
		failure = windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, at)
	})
	if errors.Is(failure, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, errors.Join(err, failure)
}
