//go:build unix

package web_test

import (
	"syscall"
	"time"
)

// cpuTime returns how long this process has had a processor.
func cpuTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
