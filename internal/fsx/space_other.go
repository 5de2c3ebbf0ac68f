//go:build !(darwin || dragonfly || freebsd || linux)

package fsx

import (
	"io/fs"
	"os"
)

// KnowsFreeSpace reports whether the system tells the free space of a disk.
const KnowsFreeSpace = false

// FreeSpace returns -1: the free space is not known on this system.
func FreeSpace(*os.File) int64 { return -1 }

// SpaceAt returns [ErrFreeSpace].
func SpaceAt(string) (free, total int64, err error) { return 0, 0, ErrFreeSpace }

// Allocated returns 0: the number of blocks is not known on this system.
func Allocated(fs.FileInfo) int64 { return 0 }

// HasOtherNames returns false: the number of hard links is not known on this system.
func HasOtherNames(fs.FileInfo) bool { return false }

// SyncDisk does nothing on this system: the space of removed files is free at once.
func SyncDisk(string) {}
