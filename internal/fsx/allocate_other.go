//go:build !linux

package fsx

import (
	"errors"
	"os"
)

// Fallocate is not supported on this system.
func Fallocate(*os.File, int64, int64) error { return errors.ErrUnsupported }
