//go:build !linux

package doorlog

import (
	"errors"
	"os"
)

// fallocate is not known here.
func fallocate(*os.File, int64, int64) error { return errors.ErrUnsupported }
