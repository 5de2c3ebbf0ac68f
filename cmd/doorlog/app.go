package main

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// An app is one run of the binary: its streams, its clock, how long it waits for
// others, and what the flags that every command has say.
type app struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	now func() time.Time

	patience time.Duration   // with whoever has the database open
	screen   terminal.Screen // of out

	flags flags
	env   dotenv
	local *time.Location // see location; nil: not asked for yet
}

// flags are those of every command; empty where they are not given.
type flags struct {
	db, thumbnails, zone string
	json, jsonl          bool
}

// The exit codes, which the help of doorlog promises.
const (
	exitOK      = 0
	exitFailed  = 1
	exitMisuse  = 2
	exitDamaged = 3
)

// run does what the arguments say and returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	stderr := terminal.NewErrorWriter(errOut, terminal.ScreenOf(errOut), terminal.Is(errOut))
	stdout := &stickyWriter{w: stderr.Beside(out)}
	a := &app{in: in, out: stdout, err: stderr, now: time.Now, patience: lockPatience, screen: terminal.ScreenOf(out)}
	root := newRootCommand(a)
	root.SetArgs(append([]string{}, args...)) // cobra takes nil for "those of the process"
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = stdout.err
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitOK // whoever read had enough
	}
	return report(ctx, a.err, cmd, err)
}

// A stickyWriter remembers the first error of its writer and passes nothing on
// after it, so that one look at the end tells whether all was written.
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

// location returns the zone of tables, dates and hours: that of --tz, else the local
// one. Everything in this command that uses local time asks here.
func (a *app) location() (*time.Location, error) {
	if name := a.flags.zone; name != "" && name != "Local" {
		loc, err := parseZone(name)
		if err != nil {
			return nil, misuse("--tz %q is not a time zone such as Europe/Berlin or CET-1CEST,M3.5.0,M10.5.0/3", name)
		}
		return loc, nil
	}
	if a.local == nil {
		a.local = a.localZone()
	}
	return a.local, nil
}
