//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"os"
	"syscall"
)

// lockFile locks a file until unlock is called, if nobody else has it locked: alone.
func lockFile(name string) (unlock func(), alone bool) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return func() {}, false
	}
	unlock = func() { _ = f.Close() } // the lock goes with it
	return unlock, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
