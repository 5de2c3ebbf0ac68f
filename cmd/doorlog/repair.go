package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/doorlog/doorlog"
)

func newRepairCommand(a *app) *cobra.Command {
	yes, forget := false, false
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Mend the store where that loses nothing",
		Long: `Mend the store as far as that loses nothing: a database whose events, detections
and persons are all there is made anew from them, with new indexes and sums, and
thumbnails that belong to no event are removed, if they are an hour old, few, and the
folder is the store's alone (see "doorlog prune --orphans" for the others). If a record
is damaged or gone the database is left as it is, for "doorlog salvage". What is sound
is not written anew.

Thumbnails that are missing stay missing, and the store damaged. If somebody has removed
them, --forget-missing takes their names off the events, which stay.

The disk needs as much space again as the database takes, and no other process may
have it open. Before anything is changed repair asks; where standard input is no
terminal it wants --yes instead.

The exit code is 0 if the store is sound in the end, and 3 if it is not: records are
lost, or thumbnails are missing or have changed.

With --json it is an object with sound, before and after (as "doorlog verify" prints
them), rebuilt (whether the database was made anew), removed (how many thumbnails
were), held_back (why others were not), and forgotten (events, thumbnails and paths;
null without --forget-missing).`,
		Example: `  doorlog repair
  doorlog repair --forget-missing
  doorlog repair --db demo/events.db --yes`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.repair(cmd.Context(), yes, forget) },
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&forget, "forget-missing", false, "take the names of missing thumbnails off their events")
	return cmd
}

// repair repairs the store and prints what was done.
func (a *app) repair(ctx context.Context, yes, forget bool) error {
	if !yes && !a.canAsk() {
		return misuse("standard input is no terminal to ask at: say --yes")
	}
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	if !yes {
		question := fmt.Sprintf("mend %s, and remove the files of %s that are thumbnails of no event", path, thumbnails)
		if forget {
			question += a.missing(ctx, path, thumbnails)
		}
		if err := a.confirm(ctx, question+"?"); err != nil {
			return err
		}
	}
	bar := a.progress(-1, "repairing")
	r, err := doorlog.Repair(ctx, path, a.options(&doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1}))
	bar.Done()
	if err != nil {
		return explainLock(err)
	}
	var forgotten *doorlog.Forgotten
	if forget {
		if forgotten, err = a.forgetMissing(ctx, path, thumbnails, r); err != nil {
			return err
		}
	}
	result := struct {
		Sound bool `json:"sound"`
		*doorlog.Repaired
		Forgotten *doorlog.Forgotten `json:"forgotten"`
	}{r.After.Sound(), r, forgotten}
	return a.emitDamage(result, !r.After.Sound(), func(w io.Writer) { drawRepaired(w, r, forgotten, thumbnails) })
}

// missing says, for a question, how many thumbnails are missing, if that can be known.
func (a *app) missing(ctx context.Context, path, thumbnails string) string {
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: true, Scrub: -1})
	if err != nil { // it is to be mended first
		return ", and take the names of missing thumbnails off their events"
	}
	would, err := st.WouldForget(ctx)
	if err = errors.Join(err, st.Close()); err != nil {
		return ", and take the names of missing thumbnails off their events"
	}
	return fmt.Sprintf(", and take the names of %s that are missing off their events, where %s are there",
		plural(int(would.Events), "thumbnail"), count(int(would.Thumbnails)))
}

// forgetMissing takes the names of missing thumbnails off, and brings After up to date.
func (a *app) forgetMissing(ctx context.Context, path, thumbnails string, r *doorlog.Repaired) (done *doorlog.Forgotten, err error) {
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1})
	if err != nil {
		return nil, err
	}
	done, err = st.ForgetMissing(ctx)
	if err = errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	r.After, err = doorlog.Verify(ctx, path, a.options(&doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1}))
	return done, err
}

func drawRepaired(w io.Writer, r *doorlog.Repaired, forgotten *doorlog.Forgotten, thumbnails string) {
	if r.Before.Found > 0 {
		fmt.Fprintf(w, "%s before\n", plural(r.Before.Found, "finding"))
	}
	if r.Rebuilt {
		fmt.Fprintln(w, "made the database anew from its records")
	}
	if r.Removed > 0 {
		fmt.Fprintf(w, "removed %s of no event\n", plural(int(r.Removed), "thumbnail"))
	}
	for _, why := range r.HeldBack {
		fmt.Fprintln(w, printable(why))
	}
	if forgotten != nil && forgotten.Events > 0 {
		fmt.Fprintf(w, "took the names of missing thumbnails off %s\n", plural(int(forgotten.Events), "event"))
	}
	if !r.Rebuilt && r.Removed == 0 && (forgotten == nil || forgotten.Events == 0) {
		fmt.Fprintln(w, "changed nothing")
	}
	fmt.Fprintln(w)
	drawVerification(w, r.After, thumbnails)
}

// canAsk reports whether somebody sits at standard input.
func (a *app) canAsk() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// confirm asks, and returns an error unless the answer is yes.
func (a *app) confirm(ctx context.Context, question string) error {
	fmt.Fprintf(a.err, "%s [y/N] ", printable(question))
	// To read a terminal cannot be called off; its goroutine is left behind.
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // none is not yes
		answer <- line
	}()
	select {
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") { // the end of the input
			fmt.Fprintln(a.err)
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return errors.New("nothing was changed: the answer was not yes")
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return ctx.Err()
	}
}
