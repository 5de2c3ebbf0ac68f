//go:build !unix

package main

// isReadOnlyDisk reports whether an error is that of a disk that may only be read.
func isReadOnlyDisk(error) bool { return false }
