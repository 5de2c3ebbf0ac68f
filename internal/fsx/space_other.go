//go:build !(darwin || dragonfly || freebsd || linux)

package fsx

import (
	"io/fs"
	"os"
)

const KnowsFreeSpace = false

// FreeSpace is not known here.
func FreeSpace(*os.File) int64 { return -1 }

func SpaceAt(string) (free, total int64, err error) { return 0, 0, ErrFreeSpace }

func Allocated(fs.FileInfo) int64 { return 0 }

func HasOtherNames(fs.FileInfo) bool { return false }

// SyncDisk has nothing to do here: what was removed is free at once.
func SyncDisk(string) {}
