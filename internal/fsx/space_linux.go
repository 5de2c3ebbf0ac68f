package fsx

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncDisk syncs the file system of a folder, so that the blocks of removed files become
// free: ext4 frees them when it commits its journal. Errors are ignored.
func SyncDisk(dir string) {
	if f, err := os.Open(dir); err == nil {
		_ = unix.Syncfs(int(f.Fd()))
		_ = f.Close()
	}
}

// blockSize returns the unit in which a file system counts its blocks. On Linux that is
// Frsize; Bsize is the preferred size of reads.
func blockSize(stat *unix.Statfs_t) int64 {
	if stat.Frsize > 0 {
		return int64(stat.Frsize) //nolint:unconvert // its type differs between architectures
	}
	return int64(stat.Bsize) //nolint:unconvert // the same
}
