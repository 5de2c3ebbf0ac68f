package fault

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"
)

// noRoom lists the errors of a full disk, a used-up quota and a limit on file sizes.
var noRoom = [...]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// errWindowsDiskFull is ERROR_DISK_FULL.
const errWindowsDiskFull = syscall.Errno(112)

// DiskError adds [ErrFull] to an error that says that the disk is full. Any other error
// is returned as it is. err must not be nil.
func DiskError(err error) error {
	full := errors.Is(err, berrors.ErrMaxSizeReached) || runtime.GOOS == "windows" && errors.Is(err, errWindowsDiskFull)
	for _, no := range noRoom {
		// When bolt fails to grow the file, its error holds the cause only as text.
		full = full || errors.Is(err, no) || strings.Contains(err.Error(), no.Error())
	}
	if full && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
