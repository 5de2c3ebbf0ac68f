package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// help prints the help of a command in lines that are no longer than those of a page, or
// than the terminal is wide.
func (a *app) help(cmd *cobra.Command) error {
	columns := min(cmp.Or(a.screen.columns, drawWidth), drawWidth)
	wrapped := fmt.Sprintf(".FlagUsagesWrapped %d ", columns)
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), ".FlagUsages ", wrapped))
	return a.print(func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n\n%s", reflow(cmp.Or(cmd.Long, cmd.Short), columns), cmd.UsageString())
		return err
	})
}

// reflow breaks paragraphs, which are apart by an empty line, into lines of at most so
// many columns. A table keeps its lines where these fit.
func reflow(text string, columns int) string {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = strings.Join(reflowParagraph(p, columns), "\n")
	}
	return strings.Join(paragraphs, "\n\n")
}

// reflowParagraph returns the lines of a paragraph. All of them have the indentation of
// the first.
func reflowParagraph(p string, columns int) (lines []string) {
	content := strings.TrimLeft(p, " ")
	if isTable(content) {
		for line := range strings.SplitSeq(p, "\n") {
			lines = append(lines, wrapLine(line, columns)...)
		}
		return lines
	}
	indent := min(len(p)-len(content), columns/2)
	room := columns - indent
	for _, line := range wrap(strings.Join(strings.Fields(content), " "), room, room) {
		lines = append(lines, strings.Repeat(" ", indent)+line)
	}
	return lines
}

// isTable reports whether a paragraph has columns, which are apart by several spaces.
func isTable(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "\n"), func(line string) bool {
		return strings.Contains(strings.Trim(line, " "), "  ")
	})
}

// newHelpCommand replaces cobra's, which succeeds for a command that is not there.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about a command",
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
