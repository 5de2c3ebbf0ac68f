package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

const defaultRecent = 20

func newRecentCommand(a *app) *cobra.Command {
	limit := defaultRecent
	cmd := &cobra.Command{
		Use:   "recent",
		Short: "Show the latest events",
		Long: `Show the latest events, newest first. The order is that in which they happened, not
that in which they were written.`,
		Example: `  doorlog recent --limit 5 --tz Europe/Berlin
  doorlog recent --limit 1000 --jsonl > latest.jsonl`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return misuse("--limit %d is less than 1", limit)
			}
			loc, err := a.location()
			if err != nil {
				return err
			}
			var events []doorlog.Event
			err = a.withStore(cmd.Context(), reads, func(ctx context.Context, st store) error {
				events, err = st.Recent(ctx, limit)
				return err
			})
			if err != nil {
				return err
			}
			return emitList(a, events, func(w io.Writer) error { return writeEventTable(w, events, loc) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "show at most `N` events")
	return cmd
}
