//go:build unix

package web

import "syscall"

// openFileLimit returns how many files the process may have open.
func openFileLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20)) //nolint:unconvert // it fits; its type differs between systems
}
