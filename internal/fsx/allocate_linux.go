package fsx

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Fallocate allocates blocks for the given number of bytes, starting at offset from, and
// lengthens the file to include them. It changes no bytes that the file has. It returns
// errors.ErrUnsupported if the file system cannot do that.
func Fallocate(f *os.File, from, bytes int64) error {
	return control(f, func(fd uintptr) error {
		for {
			// A signal can end it early. The Go runtime sends itself signals.
			if err := unix.Fallocate(int(fd), 0, from, bytes); !errors.Is(err, syscall.EINTR) {
				return os.NewSyscallError("fallocate", err)
			}
		}
	})
}
