package fsx

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Fallocate has a file have blocks for so many bytes from an offset on, and be as
// long, without changing what is in it. It is errors.ErrUnsupported where the file
// system cannot do that.
func Fallocate(f *os.File, from, bytes int64) error {
	return control(f, func(fd uintptr) error {
		for {
			// A signal can end it early, as those that the Go runtime sends itself.
			if err := unix.Fallocate(int(fd), 0, from, bytes); !errors.Is(err, syscall.EINTR) {
				return os.NewSyscallError("fallocate", err)
			}
		}
	})
}
