//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "runtime"

// lockFile does nothing here. On Windows a file that somebody has open cannot be removed
// anyway; elsewhere it cannot be told whether somebody has.
func lockFile(string) (unlock func(), alone bool) { return func() {}, runtime.GOOS == "windows" }
