package main

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// makeStrict makes a command and its subcommands refuse what cobra accepts: a flag that is
// given twice, and an unknown subcommand, for which cobra prints its help. A wrong number of
// arguments becomes misuse.
func makeStrict(cmd *cobra.Command) {
	cmd.PersistentFlags().VisitAll(allowOnce)
	cmd.Flags().VisitAll(allowOnce)
	check := cmd.Args
	cmd.SuggestionsMinimumDistance = 2 // cobra sets this default too late
	if !cmd.Runnable() {
		check = noSuchCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	if check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return asMisuse(err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		makeStrict(sub)
	}
}

// A onceValue is the value of a flag that may be given only once. pflag would silently use
// the last of several.
type onceValue struct {
	pflag.Value
	given bool
}

var errTwice = errors.New("is given twice")

func (v *onceValue) Set(text string) error {
	if v.given && !completing() {
		return errTwice
	}
	v.given = true
	return v.Value.Set(text)
}

// completing reports whether a shell asks what can be typed next: then cobra reads the flags
// twice.
func completing() bool {
	return len(os.Args) > 1 && (os.Args[1] == cobra.ShellCompRequestCmd || os.Args[1] == cobra.ShellCompNoDescRequestCmd)
}

// allowOnce makes the value of a flag a onceValue, unless the flag is a list.
func allowOnce(f *pflag.Flag) {
	_, isOnce := f.Value.(*onceValue)
	if _, isList := f.Value.(pflag.SliceValue); !isOnce && !isList {
		f.Value = &onceValue{Value: f.Value}
	}
}

// wrongFlag turns an error of cobra about a flag into misuse, in plain words.
func wrongFlag(err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return misuse("%w", err)
	}
	name, value := invalid.GetFlag().Name, invalid.GetValue()
	switch kind := invalid.GetFlag().Value.Type(); {
	case errors.Is(err, errTwice):
		return misuse("--%s is given twice", name)
	case kind == "bool":
		return misuse("--%s %q is neither true nor false", name, value)
	case errors.Is(err, strconv.ErrRange):
		return misuse("--%s %s is too large", name, value)
	case kind == "int" || kind == "int64" || kind == "float64":
		return misuse("--%s %q is not a number", name, value)
	case kind == "duration":
		return misuse("--%s %q is not a length of time such as 500ms or 5s", name, value)
	}
	return misuse("%w", err)
}

// noSuchCommand refuses arguments that name no subcommand.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return misuse("there is no command %q of %s; did you mean %s?", args[0], cmd.CommandPath(), strings.Join(near, ", "))
	}
	return misuse("there is no command %q of %s", args[0], cmd.CommandPath())
}
