//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package newfile

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks a file until unlock is called, which is never nil. If another process has
// locked it the error is errLocked.
func lockFile(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return func() {}, err
	}
	unlock = func() { _ = f.Close() } // which unlocks it
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	return unlock, err
}
