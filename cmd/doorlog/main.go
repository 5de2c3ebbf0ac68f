// Command doorlog keeps what a smart lock, a doorbell or a camera saw: see
// package github.com/doorlog/doorlog, whose store it reads and writes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // --tz works on devices that carry no zone files
)

func main() {
	// A reader that goes away (doorlog recent | head) shows as an error of the
	// write, so that the store is closed as ever; run says nothing about it.
	signal.Ignore(syscall.SIGPIPE)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work in good order; a second one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
