package main

import (
	"context"
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

// completePersons offers the names of the persons, completeCameras those of the cameras, and
// completeConsumers those of the consumers.
func (a *app) completePersons(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return completeNames(cmd, a, store.Persons, func(p doorlog.Person) string { return p.Name })
}

func (a *app) completeCameras(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return completeNames(cmd, a, store.Cameras, func(c doorlog.CameraInfo) string { return c.Camera })
}

func (a *app) completeConsumers(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return completeNames(cmd, a, store.Consumers, func(c doorlog.ConsumerInfo) string { return c.Name })
}

// completeNames offers the names of what read returns, as far as they fit into one line each, as the
// shell reads them. After an error it offers those that it has.
func completeNames[T any](
	cmd *cobra.Command, a *app, read func(store, context.Context) ([]T, error), name func(T) string,
) (names []string, directive cobra.ShellCompDirective) {
	_ = a.withStore(cmd.Context(), reads, func(ctx context.Context, st store) error {
		items, err := read(st, ctx)
		for _, item := range items {
			if n := name(item); terminal.Printable(n) == n {
				names = append(names, n)
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFirst completes the first argument alone.
func completeFirst(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, start)
	}
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
