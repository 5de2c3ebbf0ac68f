//go:build unix && !android && !solaris && !aix

package fsx

import (
	"os"

	"golang.org/x/sys/unix"
)

// TryMap maps the first bytes of a file as bolt does, and unmaps them again. An error says
// that the system refuses such a mapping.
func TryMap(f *os.File, bytes int64) error {
	return control(f, func(fd uintptr) error {
		mapping, err := unix.Mmap(int(fd), 0, int(bytes), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return os.NewSyscallError("mmap", err)
		}
		return os.NewSyscallError("munmap", unix.Munmap(mapping))
	})
}
