//go:build !windows && (!unix || android || solaris || aix)

package fsx

import "os"

// LocksFiles says that TryLock does nothing here, where a lock is a process's
// and not an open file's: a file is examined before bolt locks it.
const LocksFiles = false

func TryLock(*os.File, bool) (held bool, err error) { return false, nil }
