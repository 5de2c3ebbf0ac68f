//go:build !windows && (!unix || android || solaris || aix)

package doorlog

import "os"

// locksFiles says that tryLock does nothing here, where a lock is a process's
// and not an open file's: a file is examined before bolt locks it.
const locksFiles = false

func tryLock(*os.File, bool) (held bool, err error) { return false, nil }
