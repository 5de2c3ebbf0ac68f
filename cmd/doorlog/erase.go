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
		Short: "Erase a person for good, and say what was erased",
		Long: `Erase a person: the name goes from all events of the person, their thumbnails are
removed, attributes that are the name are deleted, and so is the person. With
--delete-events the events go too. (To take somebody off the list of persons and
leave the events as they are, use "doorlog persons remove".)

Then the database is written anew, as "doorlog compact" does, so that the name is in no
part of the file that is free, and the file is searched for the bytes of the name, in
every spelling that Unicode has of it, but not in other letter cases. This cannot
be undone: before it begins it asks; where standard input is no terminal it wants --yes
instead.

What is printed is a receipt. "occurrences" counts the bytes of the name where they are
a part of something else, such as another name. Backups and exports that were made
before are out of its reach, and so is what a disk keeps of blocks that no file has any
more. The receipt holds the name: keep it apart.

If it is cut short, call it again: it goes on with what is left.

With --json it is an object with name, how (name or events), store_id, at, events,
attributes, known, thumbnails, kept, compacted, occurrences, since and out_of_reach.`,
		Example: `  doorlog erase-person alice
  doorlog erase-person alice --delete-events --yes --receipt alice.json`,
		Args:              takes("NAME"),
		ValidArgsFunction: a.completeFirstPerson,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.erase(cmd.Context(), args[0], &f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.events, "delete-events", false, "delete the events of the person")
	flags.StringVar(&f.receipt, "receipt", "", "write the receipt to this new `file` too, as JSON")
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
	if !f.yes && !a.canAsk() {
		return misuse("standard input is no terminal to ask at: say --yes")
	}
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	how, what := doorlog.EraseName, "take the name of "+name+" from all events of "+path+", with their thumbnails"
	if f.events {
		how, what = doorlog.EraseEvents, "delete all events of "+name+" in "+path+", with their thumbnails"
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
	err = a.rewrite(path, thumbnails, func(st *doorlog.Store) error {
		receipt, err = st.ErasePerson(ctx, name, how)
		return err
	})
	if err = keep(receipt, err); err != nil {
		return fromFlags(err)
	}
	return a.emit(receipt, func(w io.Writer) error { return drawErased(w, receipt, loc) })
}

// newReceipt makes the file of the receipt, before anything is erased. keep writes
// it, or, if there is none, removes the file.
func newReceipt(path string) (keep func(*doorlog.Erased, error) error, err error) {
	if path == "" {
		return func(_ *doorlog.Erased, err error) error { return err }, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return func(receipt *doorlog.Erased, err error) error {
		if receipt == nil {
			return errors.Join(err, f.Close(), os.Remove(path))
		}
		return errors.Join(err, writeJSON(f, receipt, true), f.Sync(), f.Close())
	}, nil
}

func drawErased(w io.Writer, r *doorlog.Erased, loc *time.Location) error {
	did := "name taken from"
	if r.How == doorlog.EraseEvents {
		did = "deleted"
	}
	rows := [][]string{
		{"person", r.Name},
		{"store", r.StoreID.String()},
		{"at", r.At.In(loc).Format(timeLayout)},
		{did, plural(r.Events, "event")},
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
	return writeTable(w, nil, rows)
}

func left(r *doorlog.Erased) string {
	switch {
	case r.Since > 0:
		return fmt.Sprintf("in %s written since: erase again", plural(r.Since, "event"))
	case r.Occurrences > 0:
		return strconv.Itoa(r.Occurrences) + " times, as a part of something else"
	}
	return "nowhere"
}
