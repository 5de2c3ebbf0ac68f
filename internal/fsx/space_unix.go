//go:build darwin || dragonfly || freebsd || linux

package fsx

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// KnowsFreeSpace reports whether the system tells the free space of a disk.
const KnowsFreeSpace = true

// FreeSpace returns the free bytes of the file system of an open file; -1 if they are not
// known.
func FreeSpace(f *os.File) int64 {
	var stat unix.Statfs_t
	if err := control(f, func(fd uintptr) error { return unix.Fstatfs(int(fd), &stat) }); err != nil {
		return -1
	}
	free, total := spaceOf(&stat)
	if total == 0 { // the file system does not tell
		return -1
	}
	return free
}

// SpaceAt returns the free bytes and the size of the file system of a path. It returns
// [ErrFreeSpace] if the file system does not tell.
func SpaceAt(path string) (free, total int64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, 0, os.NewSyscallError("statfs", err)
	}
	if free, total = spaceOf(&stat); total == 0 {
		return 0, 0, ErrFreeSpace
	}
	return free, total, nil
}

func spaceOf(stat *unix.Statfs_t) (free, total int64) {
	size := blockSize(stat)
	return max(0, int64(stat.Bavail)) * size, int64(stat.Blocks) * size
}

// Allocated returns the size of the blocks that a file has, in bytes.
func Allocated(info fs.FileInfo) int64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return int64(stat.Blocks) * 512 //nolint:unconvert // its type differs between systems
}

// HasOtherNames reports whether a file has hard links.
func HasOtherNames(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
