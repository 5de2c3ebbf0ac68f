//go:build !(darwin || dragonfly || freebsd || (linux && !android))

package doorlog

import "os"

// tryLock does nothing here, where a lock is not the open file's, or cannot be
// taken twice: the file is examined before bolt locks it.
func tryLock(*os.File, bool) (held bool, err error) { return false, nil }

// freeSpace is not known here.
func freeSpace(*os.File) int64 { return -1 }
