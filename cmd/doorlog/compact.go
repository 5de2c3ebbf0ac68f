package main

import (
	"context"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newCompactCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Give the space of deleted events back to the disk",
		Long: `Write the database anew without the space that deleted events have left. What is in
it stays the same. The disk must have room for what is in use and a tenth more; if it
has not, nothing is done, and the error says how much is needed. Until the new file is
whole the old one is in its place. "doorlog info" says how much is free in the file.

With --json it is an object with before and after (the sizes in bytes) and held_ns
(for how long writers would have been held up).`,
		Example: `  doorlog compact
  doorlog compact --json | jq .after`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.compact(cmd.Context()) },
	}
}

// compact compacts the database and prints its sizes.
func (a *app) compact(ctx context.Context) error {
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	var result *doorlog.Compacted
	err = a.rewrite(path, thumbnails, func(st *doorlog.Store) error {
		result, err = st.Compact(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return a.emit(result, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s before, %s after\n", printable(path), size(result.Before), size(result.After))
		return err
	})
}

// rewrite opens the store for use, which shows its progress, and closes it.
func (a *app) rewrite(path, thumbnails string, use func(*doorlog.Store) error) (err error) {
	told, end := a.follow()
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told})
	if err != nil {
		return err
	}
	defer func() {
		end()
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	return use(st)
}

// size returns a number of bytes for people to read.
func size(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }
