//go:build !unix

package main

const servedVariable = ""

func servedMain(string) {}
