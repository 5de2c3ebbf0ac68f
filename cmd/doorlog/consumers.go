package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newConsumersCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consumers",
		Short: "List, move and remove the readers whose places the store keeps",
		Long: `List, move and remove consumers: readers of changes whose places the store keeps.
"doorlog changes --consumer" makes them. The changes that a consumer has yet to get are
kept for it, even when the store would not keep them any more. So remove a consumer that
nobody uses.`,
		Example: "  doorlog consumers list",
	}
	cmd.AddCommand(newConsumersListCommand(a), newConsumersMoveCommand(a), newConsumersRemoveCommand(a))
	return cmd
}

func newConsumersListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the consumers",
		Long: `List the consumers by name, each with the number of changes that it has yet to get, when
it last acknowledged changes or was moved, and its place. "gone" means that changes which
it has yet to get are not kept any more, or that its place is of the time before a
restore or a salvage: it cannot go on before it is moved.

In JSON a consumer has name, cursor, behind, hold (how far behind it may be and still have
changes kept for it), acked and gone.`,
		Example: `  doorlog consumers list
  doorlog consumers list --jsonl | jq -r 'select(.gone) | .name'`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l := listing[doorlog.ConsumerInfo]{
				what: "consumers", read: store.Consumers, headers: []string{"NAME", "BEHIND", "ACKNOWLEDGED", "CURSOR"},
				row: func(c doorlog.ConsumerInfo, loc *time.Location) []string {
					return []string{c.Name, behind(&c), c.Acked.In(loc).Format(timeLayout), placeText(c.Cursor)}
				},
			}
			return l.print(cmd.Context(), a)
		},
	}
}

// behind says how far behind a consumer is, or that it is gone.
func behind(c *doorlog.ConsumerInfo) string {
	if c.Gone {
		return "gone"
	}
	return count(c.Behind)
}

func newConsumersMoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "move NAME CURSOR|start|now",
		Short: "Move a consumer to another place",
		Long: `Move a consumer to another place in the changes: after the change of a CURSOR, before the
first change (start), or after the last one (now). At an earlier place it gets the changes
after it again. At a later one it does not get those before it. The place where it was is
printed.`,
		Example: `  doorlog consumers move alerts now
  doorlog consumers move alerts "$cursor"`,
		Args: takes("NAME", "CURSOR|start|now"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return []string{afterStart, afterNow}, cobra.ShellCompDirectiveNoFileComp
			}
			return completeFirst(a.completeConsumers)(cmd, args, start)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := parsePlace(args[1]); err != nil {
				return misuse("%q is no cursor, and neither start nor now", args[1])
			}
			return a.moveConsumer(cmd.Context(), args[0], args[1])
		},
	}
}

func (a *app) moveConsumer(ctx context.Context, name, to string) error {
	var moved struct {
		Name   string         `json:"name"`
		Before doorlog.Cursor `json:"before"`
		Cursor doorlog.Cursor `json:"cursor"`
	}
	err := a.withStore(ctx, changes, func(ctx context.Context, st store) (err error) {
		if moved.Before, err = consumerPlace(ctx, st, name); err != nil {
			return err
		}
		if moved.Cursor, err = placeIn(ctx, st, to); err != nil {
			return err
		}
		c, err := st.Consumer(ctx, name, nil)
		if err != nil {
			return err
		}
		moved.Name = c.Name()
		return c.Ack(ctx, moved.Cursor)
	})
	if err != nil {
		return fromFlags(err)
	}
	return a.emit(moved, func(w io.Writer) error {
		return terminal.WriteTable(w, nil, [][]string{
			{"moved", moved.Name}, {"from", placeText(moved.Before)}, {"to", placeText(moved.Cursor)},
		})
	})
}

func placeText(c doorlog.Cursor) string {
	if c.IsZero() {
		return afterStart
	}
	return c.String()
}

func newConsumersRemoveCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a consumer",
		Long: `Remove a consumer: the store forgets its place, and keeps nothing for it any more. The
command asks first. If standard input is no terminal it needs --yes.`,
		Example: `  doorlog consumers remove alerts
  doorlog consumers remove alerts --yes`,
		Args:              takes("NAME"),
		ValidArgsFunction: completeFirst(a.completeConsumers),
		RunE: func(cmd *cobra.Command, args []string) error {
			question := fmt.Sprintf("remove consumer %s and forget its place?", terminal.Printable(args[0]))
			return a.removeNamed(cmd.Context(), args[0], question, yes, store.RemoveConsumer)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// consumerPlace returns the place of a consumer. It makes none, unlike [doorlog.Store.Consumer].
func consumerPlace(ctx context.Context, st store, name string) (doorlog.Cursor, error) {
	list, err := st.Consumers(ctx)
	for _, c := range list {
		if c.Name == norm.NFC.String(name) { // as names are stored
			return c.Cursor, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("consumer %q: %w", name, doorlog.ErrNotFound)
	}
	return doorlog.Cursor{}, err
}
