//go:build !linux

package doorlog

// yieldThread does nothing where Go offers no way to yield to another thread.
func yieldThread() {}
