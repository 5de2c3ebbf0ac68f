package main

import (
	"slices"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
	"github.com/spf13/cobra"
)

// completeEventFlags completes the values of --camera, --person, --type, --door and --method.
func (a *app) completeEventFlags(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("camera", a.completeCameras)
	_ = cmd.RegisterFlagCompletionFunc("person", a.completePersons)
	for flag, values := range map[string][]string{
		"type": {string(doorlog.Motion), string(doorlog.Ding), string(doorlog.OnDemand)},
		"door": doors, "method": methods,
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// completePersons offers the names of the persons. After an error it offers those that it
// has.
func (a *app) completePersons(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	_ = a.withStore(reads, func(st *doorlog.Store) error {
		persons, err := st.Persons(cmd.Context())
		for _, p := range persons {
			names = append(names, p.Name)
		}
		return err
	})
	return printableNames(names), cobra.ShellCompDirectiveNoFileComp
}

// printableNames returns the names that fit into one line each, as the shell reads them.
func printableNames(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return terminal.Printable(name) != name })
}

// completeFirstPerson is completePersons for the first argument alone.
func (a *app) completeFirstPerson(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completePersons(cmd, args, start)
}

// completeCameras offers the names of the cameras. After an error it offers none.
func (a *app) completeCameras(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	_ = a.withStore(reads, func(st *doorlog.Store) error {
		cameras, err := st.Cameras(cmd.Context())
		for _, c := range cameras {
			names = append(names, c.Camera)
		}
		return err
	})
	return printableNames(names), cobra.ShellCompDirectiveNoFileComp
}

// completeTwo completes the first two arguments, each with a name that is not yet given.
func completeTwo(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= 2 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, directive := complete(cmd, args, start)
		return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) }), directive
	}
}
