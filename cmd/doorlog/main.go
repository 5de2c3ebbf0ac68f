// Command doorlog reads and writes stores of events of smart locks, doorbells and cameras,
// as package github.com/doorlog/doorlog keeps them.
//
// main.go begins, app.go has what one run needs, and root.go lists the commands. Each
// command has a file of its name. They share what they need of a store (store.go), how to reach it
// (reach.go for the file, served.go for a server that has it open, settings.go for where it is),
// how to print (output.go, event_table.go, words.go), and how to read flags (query_flags.go,
// event_flags.go, timearg.go, zone.go). changes has two more, change_reader.go and
// change_printer.go. serve has its settings in config_settings.go, config_file.go and config.go, what it
// tells the service manager in service.go, and its figures in metrics.go. demo serves in demo_serve.go.
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

	os.Exit(run(untilSignal(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// untilSignal returns a context that ends when a signal asks for the end: the first one ends the work in
// good order. From the moment that the context ends, a second one ends the process.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx
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
