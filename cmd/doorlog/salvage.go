package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newSalvageCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "salvage NEW",
		Short: "Save what verifies of a damaged database into a new one",
		Long: `Make a new database in the file NEW, which must not exist, of every record of the
database that verifies, and say what was saved and what was lost. The damaged database
is left as it is, and so are the thumbnails, which belong to the new one as well. Of a
database that is sound it is a compact copy.

To go on with the new one, put it in the place of the old. Do not repair it before you
have looked at the thumbnails of lost events, which belong to no event then: repair
removes them.

The exit code is 0 if nothing was lost, 3 if something was, or may have been, and 1 if
no new database was made.

With --json it is an object with complete (false if something was lost, or may have
been), events, detections and persons, which were saved;
lost_events, lost_detections and lost_persons, and counted (false if it is not known how
many there were); stripped (events that were saved without their detections); unsure
(saved records to which nothing in the old database pointed: they may be of events that
had been deleted, or from before an update); and findings (at most 100) and found.`,
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

// salvage salvages the database and prints the account.
func (a *app) salvage(ctx context.Context, fresh string) error {
	path, err := a.existingDB()
	if err != nil {
		return err
	}
	told, end := a.follow()
	s, err := doorlog.Salvage(ctx, path, fresh, a.options(&doorlog.Options{Progress: told}))
	end()
	if err != nil {
		return explainLock(err)
	}
	return a.emitDamage(s, !s.Complete, func(w io.Writer) { drawSalvaged(w, s, fresh) })
}

func drawSalvaged(w io.Writer, s *doorlog.Salvaged, fresh string) {
	lost := func(n int) string {
		if !s.Counted {
			return "?"
		}
		return count(n)
	}
	_ = writeTable(w, []string{"RECORDS", "SAVED", "LOST"}, [][]string{ // to memory
		{"events", count(s.Events), lost(s.LostEvents)},
		{"detections", count(s.Detections), lost(s.LostDetections)},
		{"persons", count(s.Persons), lost(s.LostPersons)},
	})
	if !s.Counted {
		fmt.Fprintln(w, "how many there were is damaged too")
	}
	if s.Stripped > 0 {
		fmt.Fprintf(w, "%s saved without detections\n", plural(s.Stripped, "event"))
	}
	if s.Unsure > 0 {
		fmt.Fprintf(w, "%s to which nothing pointed: may be deleted ones, or from before an update\n", plural(s.Unsure, "saved record"))
	}
	drawFindings(w, s.Findings, s.Found)
	if s.Complete {
		fmt.Fprintf(w, "\nnothing is lost: all of it is in %s\n", printable(fresh))
	} else {
		fmt.Fprintf(w, "\nwhat could be saved is in %s\n", printable(fresh))
	}
}
