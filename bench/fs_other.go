//go:build !linux

package main

const tmpfs = "tmpfs"

func fileSystem(string) string { return "" }
