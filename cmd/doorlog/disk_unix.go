//go:build unix

package main

import (
	"errors"
	"syscall"
)

// isReadOnlyDisk reports whether an error is that of a disk that may only be read.
func isReadOnlyDisk(err error) bool { return errors.Is(err, syscall.EROFS) }
