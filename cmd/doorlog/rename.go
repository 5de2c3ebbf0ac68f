package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// renameHelp is what the help of both renames says at its end.
const renameHelp = `If the command is interrupted, run it again: it goes on with what is left.

With --json it prints an object with from, to, events (that were renamed), left (events
that were written under the old name meanwhile), merged (whether NEW was in use before)
and known (whether OLD was in the list of persons).`

// A renaming is what "cameras rename" or "persons rename" is to do.
type renaming struct {
	from, to string
	yes      bool // do not ask before a merge
	rename   func(st store, ctx context.Context, from, to string) (*doorlog.Renamed, error)

	// merges returns the question to ask if the rename would make one of two names that are
	// both there. It is empty if it would not.
	merges func(ctx context.Context, st store, from, to string) (question string, err error)
}

// rename renames, and prints what was renamed.
func (a *app) rename(ctx context.Context, r *renaming) error {
	if r.from == "" || r.to == "" {
		return misuse("OLD or NEW is empty")
	}
	renamed, question, err := a.tryRename(ctx, r)
	if question != "" && err == nil {
		if err := a.checkCanAsk(); err != nil { // nobody else waits for the database meanwhile
			return err
		}
		if err := a.confirm(ctx, question); err != nil {
			return err
		}
		r.yes = true
		renamed, _, err = a.tryRename(ctx, r)
	}
	if renamed == nil || err != nil && renamed.Events == 0 {
		return fromFlags(err)
	}
	return errors.Join(err, a.emit(renamed, func(w io.Writer) error { return drawRenamed(w, renamed) })) // also after an error: what is renamed is renamed
}

// tryRename renames, unless it must ask before.
func (a *app) tryRename(ctx context.Context, r *renaming) (renamed *doorlog.Renamed, question string, err error) {
	err = a.forLongCall(ctx, changes, func(ctx context.Context, st store) (err error) {
		if !r.yes && !sameName(r.from, r.to) {
			question, err = r.merges(ctx, st, r.from, r.to)
			if question != "" || err != nil && !errors.Is(err, doorlog.ErrInvalid) { // the rename says better what is no name
				return err
			}
		}
		renamed, err = r.rename(st, ctx, r.from, r.to)
		return err
	})
	return renamed, question, err
}

// drawRenamed writes the account for people.
func drawRenamed(w io.Writer, r *doorlog.Renamed) error {
	did, to := "renamed", "to"
	if r.Merged {
		did, to = "merged", "into"
	}
	_, err := fmt.Fprintf(w, "%s %s %s %s in %s\n", did, terminal.Printable(r.From), to, terminal.Printable(r.To), plural(r.Events, "event"))
	if r.Left > 0 && err == nil {
		_, err = fmt.Fprintf(w, "%s the old name still: rename again\n", have(r.Left))
	}
	return err
}

// have returns "1 event has" or "2 events have".
func have(n int) string {
	if n == 1 {
		return "1 event has"
	}
	return plural(n, "event") + " have"
}
