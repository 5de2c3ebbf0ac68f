package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// help prints the help of a command in lines that are no longer than those of a page, or
// than the terminal is wide.
func (a *app) help(cmd *cobra.Command) error {
	columns := a.screen.Width()
	wrapped := fmt.Sprintf(".FlagUsagesWrapped %d ", columns)
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), ".FlagUsages ", wrapped))
	return a.screen.Print(a.out, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n\n%s", terminal.Reflow(cmp.Or(cmd.Long, cmd.Short), columns), cmd.UsageString())
		return err
	})
}

// newHelpCommand replaces cobra's, which succeeds for a command that is not there.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print help about a command",
		Long:    "Print the help of a command, or of doorlog itself.",
		Example: "  doorlog help import",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if parent, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range parent.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name())
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return misuse("there is no command %q", strings.Join(args, " "))
			}
			topic.InitDefaultHelpFlag()
			return topic.Help()
		},
	}
}
