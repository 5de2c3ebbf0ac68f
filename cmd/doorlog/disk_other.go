//go:build !unix

package main

// isReadOnlyDisk reports whether an error means that a disk is mounted read-only.
func isReadOnlyDisk(error) bool { return false }
