package doorlog

import "golang.org/x/sys/unix"

// blockSize returns the unit in which a file system counts its blocks, which on
// Linux is not the size that it likes to be read by.
func blockSize(stat *unix.Statfs_t) int64 {
	if stat.Frsize > 0 {
		return int64(stat.Frsize) //nolint:unconvert // its type differs between architectures
	}
	return int64(stat.Bsize) //nolint:unconvert // the same
}
