//go:build !linux

package doorlog_test

// limitMemory does nothing here.
func limitMemory(uint64) {}
