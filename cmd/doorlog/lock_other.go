//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import (
	"errors"
	"runtime"
)

// lockFile locks nothing here. On Windows a file that somebody has open cannot be removed, so
// that none needs a lock; elsewhere it is [errors.ErrUnsupported].
func lockFile(string) (unlock func(), err error) {
	if runtime.GOOS == "windows" {
		return func() {}, nil
	}
	return func() {}, errors.ErrUnsupported
}
