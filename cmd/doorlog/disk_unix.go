//go:build unix

package main

import (
	"errors"
	"syscall"
)

// isReadOnlyDisk reports whether an error means that a disk is mounted read-only.
func isReadOnlyDisk(err error) bool { return errors.Is(err, syscall.EROFS) }
