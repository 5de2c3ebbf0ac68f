//go:build !unix

package web

// openFileLimit returns a number that is high enough: the system has no such limit.
func openFileLimit() int { return 1 << 20 }
