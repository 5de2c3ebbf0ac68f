package main

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// An app is one run of the program: its streams, its clock, and the flags that every
// command has.
type app struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	now func() time.Time

	patience time.Duration   // how long it waits for processes that have the database open
	screen   terminal.Screen // of out

	flags flags
	env   dotenv
	local *time.Location // set when location is called first
}

// flags are those of every command. They are empty if they are not given.
type flags struct {
	db, thumbnails, zone string
	json, jsonl          bool
}

// The exit codes. The help of doorlog documents them.
const (
	exitOK      = 0
	exitFailed  = 1
	exitMisuse  = 2
	exitDamaged = 3
)

// run runs the command of these arguments and returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	stderr := terminal.NewErrorWriter(errOut, terminal.ScreenOf(errOut), terminal.Is(errOut))
	stdout := &stickyWriter{w: stderr.Beside(out)}
	a := &app{in: in, out: stdout, err: stderr, now: time.Now, patience: lockPatience, screen: terminal.ScreenOf(out)}
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

// A stickyWriter keeps the first error of its writer, and writes nothing after it. So one
// check at the end tells whether everything was written.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.w.Write(p)
	}
	return n, s.err
}
