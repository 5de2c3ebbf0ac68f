//go:build !linux

package unixsock

// hasFolderLinks says that there is no /proc/self/fd.
const hasFolderLinks = false
