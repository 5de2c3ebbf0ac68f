package fsx

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncDisk has the file system of a folder give back the blocks of files that were
// removed, which ext4 does with its journal. It is of no account if it cannot.
func SyncDisk(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = unix.Syncfs(int(f.Fd()))
		_ = f.Close()
	}
}

// blockSize returns the unit in which a file system counts its blocks, which on
// Linux is not the size that it likes to be read by.
func blockSize(stat *unix.Statfs_t) int64 {
	if stat.Frsize > 0 {
		return int64(stat.Frsize) //nolint:unconvert // its type differs between architectures
	}
	return int64(stat.Bsize) //nolint:unconvert // the same
}
