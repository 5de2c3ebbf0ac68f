package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newRepairCommand(a *app) *cobra.Command {
	yes, missing, forget := false, false, forgetFew
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Repair the store without losing anything",
		Long: `Repair the store without losing anything. If all events, detections and persons are
there, the database is rebuilt from them with new indexes and sums. Thumbnails that
belong to no event are removed, if they are an hour old, few, and in a folder that only
this store uses ("doorlog prune --orphans" removes the others). If a record is damaged or
lost, the database is left as it is, for "doorlog salvage". A sound database is not
rebuilt.

If somebody has removed thumbnails by hand, their names are removed from their events,
and the events stay. This is done only where other thumbnails are still in the same
folder, such as that of the day. Otherwise the disk of the folder may not be mounted, or
the files may be elsewhere. With --forget-missing it is done everywhere. With
--forget-missing=false it is not done, and missing thumbnails are reported as damage.

The disk needs as much free space as the database takes, and no other process may have
it open, also no server. The command asks before it changes anything. If standard input is no terminal it
needs --yes.

The exit code is 0 if the store is sound in the end. It is 3 if records are lost, or if
thumbnails are missing or have changed.

With --json it prints an object with sound; before and after (as "doorlog verify" prints
them); rebuilt (whether the database was rebuilt); removed (how many thumbnails were
removed); held_back (why others were not); and forgotten (the missing thumbnails: events,
thumbnails and paths; null if that was not to be done).`,
		Example: `  doorlog repair
  doorlog repair --forget-missing
  doorlog repair --db demo/events.db --yes`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("forget-missing") {
				forget = map[bool]forgetting{true: forgetAll, false: forgetNone}[missing]
			}
			return a.repair(cmd.Context(), yes, forget)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&missing, "forget-missing", false, "remove the names of all missing thumbnails from their events (default: only of few)")
	return cmd
}

// A forgetting says whether the names of missing thumbnails are removed from their events.
type forgetting int

const (
	forgetFew  forgetting = iota // where their folder still has others
	forgetAll                    // wherever they are missing
	forgetNone                   // not at all
)

func (f forgetting) options() *doorlog.ForgetOptions {
	return &doorlog.ForgetOptions{Folders: f == forgetAll}
}

// repair repairs the store and prints what was done.
func (a *app) repair(ctx context.Context, yes bool, forget forgetting) error {
	if !yes {
		if err := a.checkCanAsk(); err != nil {
			return err
		}
	}
	path, thumbnails, err := a.pair()
	if err == nil {
		err = a.needsFile(ctx, path, "repair", `"doorlog verify" works meanwhile`)
	}
	if err != nil {
		return err
	}
	if !yes {
		question := fmt.Sprintf("repair %s, and remove thumbnails of no event from %s", path, thumbnails)
		if forget != forgetNone {
			question += a.missing(ctx, path, thumbnails, forget)
		}
		if err := a.confirm(ctx, question+"?"); err != nil {
			return err
		}
	}
	told, end := a.follow()
	defer end()
	options := &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told}
	r, err := doorlog.Repair(ctx, path, a.options(options, a.patience))
	if err != nil {
		return explainLock(err)
	}
	var forgotten *doorlog.Forgotten
	if forget != forgetNone {
		if forgotten, err = a.forgetMissing(ctx, path, options, forget, r); err != nil {
			return err
		}
	}
	end()
	result := struct {
		Sound bool `json:"sound"`
		*doorlog.Repaired
		Forgotten *doorlog.Forgotten `json:"forgotten"`
	}{r.After.Sound(), r, forgotten}
	return a.emitDamage(result, !r.After.Sound(), func(w io.Writer) { drawRepaired(w, r, forgotten, thumbnails, forget) })
}

// missing says, as part of a question, how many thumbnails are missing.
func (a *app) missing(ctx context.Context, path, thumbnails string, forget forgetting) string {
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: true, Scrub: -1}, a.patience)
	if err != nil { // the number is known only after the repair
		return ", and remove the names of missing thumbnails from their events"
	}
	would, err := st.WouldForgetMissing(ctx, forget.options())
	if err = errors.Join(err, st.Close()); err != nil || would.Events == 0 {
		return ""
	}
	return fmt.Sprintf(", and remove the names of %s from their events (%s are there)",
		plural(would.Events, "missing thumbnail"), count(would.Thumbnails))
}

// forgetMissing removes the names of missing thumbnails from their events, and verifies
// again.
func (a *app) forgetMissing(
	ctx context.Context, path string, options *doorlog.Options, forget forgetting, r *doorlog.Repaired,
) (done *doorlog.Forgotten, err error) {
	if r.After.Sound() { // nothing is missing
		return &doorlog.Forgotten{Thumbnails: r.After.Thumbnails}, nil
	}
	st, err := a.open(path, options, a.patience)
	if err != nil {
		return nil, explainLock(err)
	}
	done, err = st.ForgetMissing(ctx, forget.options())
	if errors.Is(err, doorlog.ErrFolder) && forget == forgetFew { // this is only the default
		return nil, st.Close()
	}
	if err = errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	r.After, err = doorlog.Verify(ctx, path, a.options(options, a.patience))
	return done, err
}

// drawRepaired says what was repaired, and what to do next.
func drawRepaired(w io.Writer, r *doorlog.Repaired, forgotten *doorlog.Forgotten, thumbnails string, forget forgetting) {
	if r.Before.Found > 0 {
		fmt.Fprintf(w, "%s before\n", plural(r.Before.Found, "finding"))
	}
	if r.Rebuilt {
		fmt.Fprintln(w, "rebuilt the database from its records")
	}
	if r.Removed > 0 {
		fmt.Fprintf(w, "removed %s of no event\n", plural(r.Removed, "thumbnail"))
	}
	for _, why := range r.HeldBack {
		fmt.Fprintln(w, terminal.Printable(why))
	}
	if forgotten != nil && forgotten.Events > 0 {
		fmt.Fprintf(w, "removed the names of missing thumbnails from %s\n", plural(forgotten.Events, "event"))
	}
	if !r.Rebuilt && r.Removed == 0 && (forgotten == nil || forgotten.Events == 0) {
		fmt.Fprintln(w, "changed nothing")
	}
	fmt.Fprintln(w)
	next := "doorlog repair"
	if forget != forgetNone { // this run has left some
		next += " --forget-missing"
	}
	drawVerification(w, r.After, thumbnails, next)
}
