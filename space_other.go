//go:build !(darwin || dragonfly || freebsd || linux)

package doorlog

import (
	"io/fs"
	"os"
)

const knowsFreeSpace = false

// freeSpace is not known here.
func freeSpace(*os.File) int64 { return -1 }

func spaceAt(string) (free, total int64, err error) { return 0, 0, errFreeSpace }

func allocated(fs.FileInfo) int64 { return 0 }

func hasOtherNames(fs.FileInfo) bool { return false }

// syncDisk has nothing to do here: what was removed is free at once.
func syncDisk(string) {}
