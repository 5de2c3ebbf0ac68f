package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newCompactCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Give the space of deleted events back to the disk",
		Long: `Rewrite the database without the free space that deleted events have left. Its contents
stay the same. The disk must have room for the space in use and a tenth more; if not,
nothing is done, and the error says how much is needed. The old file stays in place until
the new one is whole. "doorlog info" says how much space is free in the file.

With --json it prints an object with before and after (the sizes in bytes) and writers_waited_ns
(for how long writers would have waited).`,
		Example: `  doorlog compact
  doorlog compact --json | jq .after`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.compact(cmd.Context()) },
	}
}

// compact compacts the database and prints its sizes.
func (a *app) compact(ctx context.Context) error {
	path, _, err := a.pair()
	if err != nil {
		return err
	}
	var result *doorlog.Compacted
	err = a.forLongCall(ctx, changesPictures, func(ctx context.Context, st store) error {
		result, err = st.Compact(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return a.emit(result, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s before, %s after\n", terminal.Printable(path), size(result.Before), size(result.After))
		return err
	})
}
