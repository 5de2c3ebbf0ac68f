//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestToWaitForAFrameCanBeInterrupted(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCLI(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	c.run(ctx, exitFailed, "write", "--camera", "c", "--frame", pipe)
	if !strings.HasSuffix(c.errors.String(), "doorlog: interrupted\n") {
		t.Errorf("it says %q", c.errors.String())
	}
	f, err := os.OpenFile(pipe, os.O_RDWR, 0) // ends the goroutine that waits to open it
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
