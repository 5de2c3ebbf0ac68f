package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newPinCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pin ID...",
		Short: "Keep events from being pruned",
		Long: `Pin events: "doorlog prune" keeps pinned events and their thumbnails, whatever its
flags say. Pinning an event again changes nothing. "doorlog events --pinned" lists them.`,
		Example:           "  doorlog pin 01JMXQ5Z8G00000000000000AB",
		Args:              takesIDs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setPins(cmd.Context(), args, "pinned", store.Pin)
		},
	}
}

func newUnpinCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "unpin ID...",
		Short:             "Let events be pruned again",
		Long:              `Undo "doorlog pin". Unpinning an event that is not pinned changes nothing.`,
		Example:           "  doorlog unpin 01JMXQ5Z8G00000000000000AB",
		Args:              takesIDs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setPins(cmd.Context(), args, "unpinned", store.Unpin)
		},
	}
}

func newReviewCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "review ID...",
		Short: "Mark events as reviewed",
		Long: `Mark events as reviewed: somebody has looked at them. All are marked, or, if one of them
does not exist, none. Marking an event again changes nothing. "doorlog events --unreviewed"
lists those that are left, and "doorlog edit ID --reviewed=false" takes the mark off.`,
		Example: `  doorlog review 01JMXQ5Z8G00000000000000AB
  doorlog events --unreviewed --since 1d`,
		Args:              takesIDs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.mark(cmd.Context(), args, "reviewed", func(ctx context.Context, st store, ids []doorlog.ID) error {
				return st.MarkReviewed(ctx, ids...)
			})
		},
	}
}

// setPins pins or unpins events with set, and prints what they are then.
func (a *app) setPins(ctx context.Context, args []string, are string, set func(store, context.Context, doorlog.ID) error) error {
	return a.mark(ctx, args, are, func(ctx context.Context, st store, ids []doorlog.ID) error {
		for _, id := range ids {
			if err := set(st, ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// mark changes events with set, and prints what they are then.
func (a *app) mark(ctx context.Context, args []string, are string, set func(context.Context, store, []doorlog.ID) error) error {
	ids, err := parseIDs(args)
	if err != nil {
		return err
	}
	if err := a.withStore(ctx, changes, func(ctx context.Context, st store) error { return set(ctx, st, ids) }); err != nil {
		return err
	}
	return a.emit(map[string][]doorlog.ID{are: ids}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s %s\n", are, plural(len(ids), "event"))
		return err
	})
}
