package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// A misuseError says what is wrong with the command line itself.
type misuseError struct{ error }

func (e misuseError) Unwrap() error { return e.error }

// misuse returns an error that ends the process with exit code 2, and a hint to read the
// help.
func misuse(format string, args ...any) error {
	return misuseError{fmt.Errorf(format, args...)}
}

func asMisuse(err error) error { return misuse("%s", plain(err)) }

// fromFlags turns a value that the store refuses into misuse. It is for commands whose values
// all come from the command line.
func fromFlags(err error) error {
	if errors.Is(err, doorlog.ErrInvalid) {
		return asMisuse(err)
	}
	return err
}

// report prints err, if there is one, and returns the exit code.
func report(ctx context.Context, w io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	text := plain(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	if errors.Is(err, errDamage) {
		return exitDamaged
	}
	fmt.Fprintf(w, "doorlog: %s\n", terminal.PrintableLines(text))
	if _, ok := errors.AsType[misuseError](err); ok {
		if cmd.Name() == "help" {
			cmd = cmd.Root() // its help lists the commands
		}
		fmt.Fprintf(w, "try '%s --help'\n", cmd.CommandPath())
		return exitMisuse
	}
	if errors.Is(err, doorlog.ErrCorrupt) {
		next := "verify"
		if name := cmd.Name(); name == "verify" || name == "repair" {
			next = "salvage NEW"
		}
		fmt.Fprintf(w, "try '%s %s'\n", cmd.Root().Name(), next)
		return exitDamaged
	}
	return exitFailed
}

// errDamage ends a command that has printed what is damaged: the exit code is 3, and no
// error is printed.
var errDamage = errors.New("damage")

// plain returns the text of err without the prefix of the library. report puts a prefix
// before the whole text.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "doorlog: ") }

// reason says why the store refused an event: the field, and what is wrong with it.
func reason(err error) string {
	if field, ok := errors.AsType[*doorlog.FieldError](err); ok {
		return field.Error()
	}
	return plain(err)
}

// A plainError is an error of the library without its prefix, for use inside of another
// error.
type plainError struct{ error }

func (e plainError) Error() string { return plain(e.error) }

func (e plainError) Unwrap() error { return e.error }

// The exit codes. The help of doorlog documents them.
const (
	exitOK      = 0
	exitFailed  = 1
	exitMisuse  = 2
	exitDamaged = 3
)
