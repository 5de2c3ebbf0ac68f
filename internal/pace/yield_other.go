//go:build !linux

package pace

// YieldThread does nothing where Go offers no way to yield to another thread.
func YieldThread() {}
