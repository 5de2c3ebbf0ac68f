//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package newfile

import (
	"errors"
	"runtime"
)

// lockFile locks nothing here. Windows needs no lock, because an open file cannot be removed
// there. On other systems the error is [errors.ErrUnsupported].
func lockFile(string) (unlock func(), err error) {
	if runtime.GOOS == "windows" {
		return func() {}, nil
	}
	return func() {}, errors.ErrUnsupported
}
