//go:build !linux

package fsx

import (
	"errors"
	"os"
)

// Fallocate is not known here.
func Fallocate(*os.File, int64, int64) error { return errors.ErrUnsupported }
