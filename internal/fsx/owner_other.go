//go:build !unix

package fsx

import "io/fs"

// chownLike does nothing here, where a file takes after its folder.
func chownLike(string, fs.FileInfo) error { return nil }
