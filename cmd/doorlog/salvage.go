package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newSalvageCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "salvage NEW",
		Short: "Save the sound records of a damaged database into a new one",
		Long: `Save every sound record of the database into a new database, the file NEW, which must
not exist, and say what was saved and what was lost. The damaged database is left as it
is. So are the thumbnails, which belong to the new database as well. From a sound
database this makes a compact copy.

To go on with the new database, move it to the place of the old one. The thumbnails of
lost events belong to no event now: "doorlog verify" lists them, and "doorlog prune
--orphans" removes them.

The exit code is 0 if nothing was lost, 3 if something was or may have been lost, and 1
if no new database was made.

With --json it prints an object with complete (false if something was or may have been
lost); events, detections and persons, which were saved; lost_events, lost_detections and lost_persons; counted (false if it is not known how many
there were); stripped (events that were saved without their detections); unsure (saved
records that no index of the old database names: they may be deleted events, or from
before an update); and findings (at most 100) and found.`,
		Example: `  doorlog salvage saved.db
  doorlog salvage saved.db --db demo/events.db --json | jq .lost_events`,
		Args: takes("NEW"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return misuse("NEW is empty")
			}
			return a.salvage(cmd.Context(), args[0])
		},
	}
}

// salvage salvages the database and prints what was saved and lost.
func (a *app) salvage(ctx context.Context, fresh string) error {
	path, err := a.existingDB()
	if err == nil {
		err = a.needsFile(ctx, path, "salvage", `"doorlog verify" works meanwhile`)
	}
	if err != nil {
		return err
	}
	told, end := a.follow()
	s, err := doorlog.Salvage(ctx, path, fresh, a.options(&doorlog.Options{Progress: told}, a.patience))
	end()
	if err != nil {
		return explainLock(err)
	}
	return a.emitDamage(s, !s.Complete, func(w io.Writer) { drawSalvaged(w, s, fresh) })
}

// drawSalvaged says what was saved and lost.
func drawSalvaged(w io.Writer, s *doorlog.Salvaged, fresh string) {
	lost := func(n int) string {
		if !s.Counted {
			return "?"
		}
		return count(n)
	}
	_ = terminal.WriteTable(w, []string{"RECORDS", "SAVED", "LOST"}, [][]string{ // w is memory
		{"events", count(s.Events), lost(s.LostEvents)},
		{"detections", count(s.Detections), lost(s.LostDetections)},
		{"persons", count(s.Persons), lost(s.LostPersons)},
	})
	if !s.Counted {
		fmt.Fprintln(w, "the counts are damaged too: it is not known how many there were")
	}
	if s.Stripped > 0 {
		fmt.Fprintf(w, "%s saved without detections\n", plural(s.Stripped, "event"))
	}
	if s.Unsure > 0 {
		fmt.Fprintf(w, "%s that no index names: perhaps deleted ones, or from before an update\n", plural(s.Unsure, "saved record"))
	}
	drawFindings(w, s.Findings, s.Found)
	if s.Complete {
		fmt.Fprintf(w, "\nnothing is lost: everything is in %s\n", terminal.Printable(fresh))
	} else {
		fmt.Fprintf(w, "\nwhat could be saved is in %s\n", terminal.Printable(fresh))
	}
}
