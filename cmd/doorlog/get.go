package main

import (
	"context"

	"github.com/doorlog/doorlog"
	"github.com/spf13/cobra"
)

func newGetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one event",
		Long: `Show everything that is known about one event. "doorlog recent" shows IDs in its last
column. In JSON the path of the thumbnail is relative to the folder of --thumbnails.`,
		Example:           "  doorlog get 01JMXQ5Z8G00000000000000AB --json",
		Args:              takes("ID"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := doorlog.ParseID(args[0])
			if err != nil {
				return misuse("%q is not the ID of an event", args[0])
			}
			loc, err := a.location()
			if err != nil {
				return err
			}
			var e doorlog.Event
			err = a.withStore(cmd.Context(), reads, func(ctx context.Context, st store) error {
				e, err = st.Event(ctx, id)
				return err
			})
			if err != nil {
				return err
			}
			return a.emitEvent(&e, loc)
		},
	}
}
