//go:build unix

package main

import (
	"io/fs"
	"syscall"
	"time"
)

// cpuTime returns how long this process has been running on a processor.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// allocated returns what a file takes of the disk: some engines make files that
// are mostly holes.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		const block = 512
		return int64(st.Blocks) * block //nolint:unconvert // it has 32 bits elsewhere
	}
	return info.Size()
}
