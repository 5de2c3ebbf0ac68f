// Command doorlog reads and writes stores of events of smart locks, doorbells and cameras,
// as package github.com/doorlog/doorlog keeps them.
//
// main.go begins, app.go has what one run needs, and root.go lists the commands. Each
// command has a file of its name. They share how to open the store (store.go, settings.go),
// how to print (output.go, event_table.go, words.go), and how to read flags (query_flags.go,
// event_flags.go, timearg.go, zone.go). changes has two more, change_reader.go and
// change_printer.go.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // --tz works on devices that carry no zone files

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func main() {
	// If the reader of a pipe goes away (doorlog recent | head), the write fails instead of the
	// process. So the store is closed as usual. run prints nothing then.
	signal.Ignore(syscall.SIGPIPE)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the work in good order, the second one ends the process.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs the command of these arguments and returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	stderr := terminal.NewErrorWriter(errOut, terminal.ScreenOf(errOut), terminal.Is(errOut))
	stdout := &stickyWriter{w: stderr.Beside(out)}
	a := &app{in: in, out: stdout, err: stderr, now: time.Now, patience: lockPatience, screen: terminal.ScreenOf(out)}
	a.pipe, _ = out.(*os.File)
	root := newRootCommand(a)
	root.SetArgs(append([]string{}, args...)) // for nil, cobra takes the arguments of the process
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = stdout.err
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitOK // the reader of standard output has gone away
	}
	return report(ctx, a.err, cmd, err)
}
