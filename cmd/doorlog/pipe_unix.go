//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isUnread reports whether a file is a pipe that nobody reads any more.
func isUnread(f *os.File) bool {
	poll := []unix.PollFd{{Fd: int32(f.Fd())}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0 && poll[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
}
