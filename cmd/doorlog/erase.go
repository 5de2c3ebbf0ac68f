package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// eraseFlags are the flags of erase-person.
type eraseFlags struct {
	events, yes bool
	receipt     string
}

func newErasePersonCommand(a *app) *cobra.Command {
	var f eraseFlags
	cmd := &cobra.Command{
		Use:   "erase-person NAME",
		Short: "Erase a person from the store and its history",
		Long: `Erase a person: remove the name from all events of the person, remove their
thumbnails, delete attributes that are the name, and remove the person from the list.
With --delete-events the events are deleted too. (To remove somebody from the list only,
use "doorlog persons remove".)

Then the database is rewritten as "doorlog compact" does, so that no free part of the
file has the name any more. The file is searched for the bytes of the name, in every
Unicode spelling, but not in other letter cases. This cannot be undone, so the command
asks first. If standard input is no terminal it needs --yes.

The command prints a receipt. "occurrences" counts the bytes of the name inside of
something else, such as another name. Backups and exports that were made before still
have the name, and so may disk blocks that belong to no file any more. The receipt has
the name, too: keep it elsewhere.

If the command is interrupted, run it again: it goes on with what is left.

With --json it prints an object with name, how (name or events), store_id, at, events (of
the person), attributes (that were deleted), known (whether the person was in the list),
thumbnails (that were removed), kept (thumbnails that another event has too), compacted
(as "doorlog compact" prints it), occurrences, since (events that were written meanwhile
and have the name) and out_of_reach (where the name may still be).`,
		Example: `  doorlog erase-person alice
  doorlog erase-person alice --delete-events --yes --receipt alice.json`,
		Args:              takes("NAME"),
		ValidArgsFunction: completeFirst(a.completePersons),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.erase(cmd.Context(), args[0], &f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.events, "delete-events", false, "delete the events of the person")
	flags.StringVar(&f.receipt, "receipt", "", "also write the receipt to this new `file`, as JSON")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	return cmd
}

// erase erases a person and prints the receipt.
func (a *app) erase(ctx context.Context, name string, f *eraseFlags) (err error) {
	if name == "" {
		return misuse("NAME is empty")
	}
	loc, err := a.location()
	if err != nil {
		return err
	}
	if !f.yes {
		if err := a.checkCanAsk(); err != nil {
			return err
		}
	}
	path, _, err := a.pair()
	if err != nil {
		return err
	}
	how, what := doorlog.EraseName, "remove the name of "+name+" from all events of "+path+", and delete their thumbnails"
	if f.events {
		how, what = doorlog.EraseEvents, "delete all events of "+name+" in "+path+", and their thumbnails"
	}
	if !f.yes {
		if err := a.confirm(ctx, what+"?"); err != nil {
			return err
		}
	}
	keep, err := newReceipt(f.receipt)
	if err != nil {
		return err
	}
	var receipt *doorlog.Erased
	err = a.forLongCall(ctx, changesPictures, func(ctx context.Context, st store) error {
		receipt, err = st.ErasePerson(ctx, name, how)
		return err
	})
	if err = keep(receipt, err); err != nil {
		return fromFlags(err)
	}
	return a.emit(receipt, func(w io.Writer) error { return drawErased(w, receipt, loc) })
}

// newReceipt makes the file of the receipt before anything is erased. keep writes the
// receipt, or removes the file if the receipt is nil. It also returns the error that it is
// given.
func newReceipt(path string) (keep func(*doorlog.Erased, error) error, err error) {
	if path == "" {
		return func(_ *doorlog.Erased, err error) error { return err }, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("nothing was erased: receipt: %w", err)
	}
	return func(receipt *doorlog.Erased, err error) error {
		if receipt == nil {
			return errors.Join(err, f.Close(), os.Remove(path))
		}
		return errors.Join(err, terminal.WriteJSON(f, receipt, true), f.Sync(), f.Close())
	}, nil
}

// drawErased writes the receipt for people.
func drawErased(w io.Writer, r *doorlog.Erased, loc *time.Location) error {
	did := "name removed from"
	if r.How == doorlog.EraseEvents {
		did = "deleted"
	}
	rows := [][]string{
		{"person", r.Name},
		{"store", r.StoreID.String()},
		{"at", r.At.In(loc).Format(timeLayout)},
		{did, plural(r.Events, "event")},
		{"was in the list", yesNo(r.Known)},
		{"attributes deleted", count(r.Attributes)},
		{"thumbnails removed", count(r.Thumbnails)},
		{"database", size(r.Compacted.Before) + " before, " + size(r.Compacted.After) + " after"},
		{"name left in the file", left(r)},
	}
	for _, file := range r.Kept {
		rows = append(rows, []string{"thumbnail kept", file + " (another event has it too)"})
	}
	for _, where := range r.OutOfReach {
		rows = append(rows, []string{"out of reach", where})
	}
	return terminal.WriteTable(w, nil, rows)
}

// left says where the name is still in the file.
func left(r *doorlog.Erased) string {
	switch {
	case r.Since > 0:
		return fmt.Sprintf("in %s written meanwhile: erase again", plural(r.Since, "event"))
	case r.Occurrences > 0:
		return strconv.Itoa(r.Occurrences) + " times, as a part of something else"
	}
	return "nowhere"
}
