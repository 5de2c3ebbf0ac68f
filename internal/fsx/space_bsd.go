//go:build darwin || dragonfly || freebsd

package fsx

import "golang.org/x/sys/unix"

// blockSize returns the unit in which a file system counts its blocks.
func blockSize(stat *unix.Statfs_t) int64 { return int64(stat.Bsize) } //nolint:unconvert // its type differs between systems

// SyncDisk does nothing on this system: the space of removed files is free at once.
func SyncDisk(string) {}
