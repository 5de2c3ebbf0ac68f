//go:build !windows && (!unix || android || solaris || aix)

package fsx

import "os"

// LocksFiles reports whether [TryLock] locks files. It does not here: on these systems a
// lock belongs to a process and not to an open file. So a file is examined before bolt
// locks it.
const LocksFiles = false

// TryLock does nothing on this system.
func TryLock(*os.File, bool) (held bool, err error) { return false, nil }
