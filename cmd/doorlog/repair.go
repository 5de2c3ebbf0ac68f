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
	yes, missing, forget := false, false, forgetFew
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Mend the store where that loses nothing",
		Long: `Mend the store as far as that loses nothing: a database whose events, detections
and persons are all there is made anew from them, with new indexes and sums, and
thumbnails that belong to no event are removed, if they are an hour old, few, and the
folder is the store's alone (see "doorlog prune --orphans" for the others). If a record
is damaged or gone the database is left as it is, for "doorlog salvage". What is sound
is not written anew.

The names of thumbnails that are missing, because somebody has removed them, are taken off
their events, which stay. That is done where others are still in the same folder, such
as that of the day: else its disk may not be mounted, or the files may be in another
place. With --forget-missing it is done wherever they are missing, and with
--forget-missing=false not at all; what is missing is then called damage.

The disk needs as much space again as the database takes, and no other process may
have it open. Before anything is changed repair asks; where standard input is no
terminal it wants --yes instead.

The exit code is 0 if the store is sound in the end, and 3 if it is not: records are
lost, or thumbnails are missing or have changed.

With --json it is an object with sound, before and after (as "doorlog verify" prints
them), rebuilt (whether the database was made anew), removed (how many thumbnails
were), held_back (why others were not), and forgotten (of the missing thumbnails:
events, thumbnails and paths; null if that was not to be done).`,
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
	cmd.Flags().BoolVar(&missing, "forget-missing", false, "take the names of missing thumbnails off their events, however many (default: few)")
	return cmd
}

// A forgetting says whether the names of missing thumbnails are taken off their events.
type forgetting int

const (
	forgetFew  forgetting = iota // where others are still in their folder
	forgetAll                    // wherever they are missing
	forgetNone                   // not at all
)

func (f forgetting) options() *doorlog.ForgetOptions {
	return &doorlog.ForgetOptions{Folders: f == forgetAll}
}

// repair repairs the store and prints what was done.
func (a *app) repair(ctx context.Context, yes bool, forget forgetting) error {
	if !yes && !a.canAsk() {
		return misuse("standard input is no terminal to ask at: say --yes")
	}
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	if !yes {
		question := fmt.Sprintf("mend %s, and remove the files of %s that are thumbnails of no event", path, thumbnails)
		if forget != forgetNone {
			question += a.missing(ctx, path, thumbnails, forget)
		}
		if err := a.confirm(ctx, question+"?"); err != nil {
			return err
		}
	}
	told, end := a.follow()
	defer end()
	r, err := doorlog.Repair(ctx, path, a.options(&doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told}))
	if err != nil {
		return explainLock(err)
	}
	var forgotten *doorlog.Forgotten
	if forget != forgetNone {
		options := &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told}
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
	return a.emitDamage(result, !r.After.Sound(), func(w io.Writer) { drawRepaired(w, r, forgotten, thumbnails) })
}

// missing says, for a question, how many thumbnails are missing, if that can be known.
func (a *app) missing(ctx context.Context, path, thumbnails string, forget forgetting) string {
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: true, Scrub: -1})
	if err != nil { // it is to be mended first
		return ", and take the names of missing thumbnails off their events"
	}
	would, err := st.WouldForgetMissing(ctx, forget.options())
	if err = errors.Join(err, st.Close()); err != nil || would.Events == 0 {
		return ""
	}
	return fmt.Sprintf(", and take the names of %s off their events (%s are there)",
		plural(would.Events, "missing thumbnail"), count(would.Thumbnails))
}

// forgetMissing takes the names of missing thumbnails off, and brings After up to date.
func (a *app) forgetMissing(
	ctx context.Context, path string, options *doorlog.Options, forget forgetting, r *doorlog.Repaired,
) (done *doorlog.Forgotten, err error) {
	if r.After.Sound() { // nothing is missing
		return &doorlog.Forgotten{Thumbnails: r.After.Thumbnails}, nil
	}
	st, err := a.open(path, options)
	if err != nil {
		return nil, err
	}
	done, err = st.ForgetMissing(ctx, forget.options())
	if errors.Is(err, doorlog.ErrFolder) && forget == forgetFew { // nobody has asked for it
		return nil, st.Close()
	}
	if err = errors.Join(err, st.Close()); err != nil {
		return nil, err
	}
	r.After, err = doorlog.Verify(ctx, path, a.options(options))
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
		fmt.Fprintf(w, "removed %s of no event\n", plural(r.Removed, "thumbnail"))
	}
	for _, why := range r.HeldBack {
		fmt.Fprintln(w, printable(why))
	}
	if forgotten != nil && forgotten.Events > 0 {
		fmt.Fprintf(w, "took the names of missing thumbnails off %s\n", plural(forgotten.Events, "event"))
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
