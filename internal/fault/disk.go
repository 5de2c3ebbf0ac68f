package fault

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"
)

// noRoom are the errors of a full disk, a quota, and a limit on the size of files.
var noRoom = [...]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// errWindowsDiskFull is ERROR_DISK_FULL.
const errWindowsDiskFull = syscall.Errno(112)

// DiskError gives a full disk its name.
func DiskError(err error) error {
	full := errors.Is(err, berrors.ErrMaxSizeReached) || runtime.GOOS == "windows" && errors.Is(err, errWindowsDiskFull)
	for _, no := range noRoom {
		// bolt's errors of growing the file hold the cause as text only.
		full = full || errors.Is(err, no) || strings.Contains(err.Error(), no.Error())
	}
	if full && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
