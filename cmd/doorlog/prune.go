package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// pruneFlags are the flags of prune as they were given.
type pruneFlags struct {
	maxAge, strangers, unlocks, thumbnails string

	maxEvents   int64
	maxBytes    string
	dryRun, yes bool
}

func newPruneCommand(a *app) *cobra.Command {
	var f pruneFlags
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Delete old events and thumbnails",
		Long: `Delete the events that are older than the flags say, or too many, with their
detections and thumbnails. Pinned events stay ("doorlog pin"). At least one flag must
say what is to go.

Ages are such as 36h, 7d, 2w or 2y; a day is 24 hours and a year 365 days. An event
that let somebody in goes by --keep-unlocks if that is given, another one without a
person by --keep-strangers, and whatever neither is about by --max-age. Of what is left
then, the oldest go until there are no more than --max-events, and until the database
and the thumbnails take no more than --max-bytes, such as 500MB or 2GiB.

Thumbnails older than --thumbnail-age go, and their events stay. Thumbnails that belong
to no event, an hour old or older, go too.

Before anything is deleted prune says what that is and asks; where standard input is no
terminal it wants --yes instead. --dry-run only says it. What was deleted cannot be had
back. Other programs cannot open the database meanwhile. It does not get smaller: what
comes free, which is an estimate, is used again for later events.

With --json it is an object with events, detections, thumbnails, thumbnail_bytes and
database_bytes that went, or would, by (the same for each reason), orphans and
orphan_bytes (thumbnails of no event), kept (the events that are left), and dry_run.`,
		Example: `  doorlog prune --max-age 90d --keep-strangers 30d --keep-unlocks 2y --dry-run
  doorlog prune --max-bytes 2GB --thumbnail-age 30d
  doorlog prune --db demo/events.db --max-events 1000 --yes`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.prune(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.maxAge, "max-age", "", "delete events older than this `age`")
	flags.StringVar(&f.strangers, "keep-strangers", "", "the same for events without a person")
	flags.StringVar(&f.unlocks, "keep-unlocks", "", "the same for events that let somebody in")
	flags.Int64Var(&f.maxEvents, "max-events", 0, "delete the oldest events until there are `N`")
	flags.StringVar(&f.maxBytes, "max-bytes", "", "delete the oldest events until all take this `size`")
	flags.StringVar(&f.thumbnails, "thumbnail-age", "", "delete thumbnails older than this `age`; their events stay")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would go")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	return cmd
}

// policy returns the policy that the flags describe.
func (f *pruneFlags) policy(given func(flag string) bool) (p doorlog.Policy, err error) {
	var unlocks, strangers time.Duration
	some := false
	for _, age := range [...]struct {
		flag, text string
		to         *time.Duration
	}{
		{"max-age", f.maxAge, &p.MaxAge},
		{"keep-unlocks", f.unlocks, &unlocks},
		{"keep-strangers", f.strangers, &strangers},
		{"thumbnail-age", f.thumbnails, &p.ThumbnailAge},
	} {
		if !given(age.flag) {
			continue
		}
		some = true
		var ok bool
		if *age.to, ok = parseAge(age.text); !ok || *age.to == 0 {
			return p, misuse("--%s %q is not an age such as 36h, 30d or 2y", age.flag, age.text)
		}
	}
	if given("keep-unlocks") {
		p.Rules = append(p.Rules, doorlog.Rule{Name: "unlocks", Match: doorlog.Match{UnlockGranted: new(true)}, MaxAge: unlocks})
	}
	if given("keep-strangers") {
		p.Rules = append(p.Rules, doorlog.Rule{Name: "strangers", Match: doorlog.Match{Stranger: new(true)}, MaxAge: strangers})
	}
	if given("max-events") {
		if some = true; f.maxEvents < 1 {
			return p, misuse("--max-events %d is less than 1", f.maxEvents)
		}
		p.MaxEvents = f.maxEvents
	}
	if given("max-bytes") {
		some = true
		size, err := humanize.ParseBytes(f.maxBytes)
		if err != nil || size < 1 || size > math.MaxInt64 {
			return p, misuse("--max-bytes %q is not a size such as 500MB or 2GiB", f.maxBytes)
		}
		p.MaxBytes = int64(size)
	}
	if !some {
		return p, misuse("say what is to go, with --max-age, --keep-strangers, --keep-unlocks, --max-events, --max-bytes or --thumbnail-age")
	}
	return p, nil
}

// prune deletes what the flags say, and prints what that was.
func (a *app) prune(ctx context.Context, f *pruneFlags, given func(flag string) bool) error {
	policy, err := f.policy(given)
	if err != nil {
		return err
	}
	ask := !f.dryRun && !f.yes
	if ask && !a.canAsk() {
		return misuse("standard input is no terminal to ask at: say --yes")
	}
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	total := int64(-1) // not known
	if ask || f.dryRun {
		plan, err := a.pruneStore(ctx, path, thumbnails, true, policy, a.progress(-1, "looking"))
		if err != nil {
			return err
		}
		if total = steps(plan.Removed); f.dryRun || total+plan.Orphans == 0 {
			return a.emitPruned(plan, f.dryRun)
		}
		if err := a.confirm(ctx, fmt.Sprintf("delete %s from %s for ever?", whatGoes(plan), path)); err != nil {
			return err
		}
	}
	gone, err := a.pruneStore(ctx, path, thumbnails, false, policy, a.progress(cmp.Or(total, -1), "pruning"))
	if gone == nil {
		return err
	}
	return errors.Join(err, a.emitPruned(gone, false)) // what is gone is gone, also if it was cut short
}

// steps is how many steps of a progress bar that many are.
func steps(r doorlog.Removed) int64 { return r.Events + r.Thumbnails }

// pruneStore opens the store and prunes it, or says what that would do.
func (a *app) pruneStore(
	ctx context.Context, path, thumbnails string, dry bool, policy doorlog.Policy, bar progressBar,
) (gone *doorlog.Pruned, err error) {
	defer bar.Done()
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: dry, Scrub: -1})
	if err != nil {
		return nil, err
	}
	defer func() {
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	if dry {
		return st.WouldPrune(ctx, policy)
	}
	done := int64(0)
	policy.Progress = func(r doorlog.Removed) {
		bar.Add(steps(r) - done)
		done = steps(r)
	}
	return st.Prune(ctx, policy)
}

func (a *app) emitPruned(gone *doorlog.Pruned, dry bool) error {
	result := struct {
		DryRun bool `json:"dry_run"`
		*doorlog.Pruned
	}{dry, gone}
	return a.emit(result, func(w io.Writer) error { return drawPruned(w, gone, dry) })
}

// whatGoes says it in a sentence's words.
func whatGoes(p *doorlog.Pruned) string {
	return fmt.Sprintf("%s and %s (%s)", plural(int(p.Events), "event"), plural(int(p.Thumbnails+p.Orphans), "thumbnail"),
		size(p.ThumbnailBytes+p.OrphanBytes))
}

func drawPruned(w io.Writer, p *doorlog.Pruned, dry bool) error {
	did := "deleted"
	if dry {
		did = "would delete"
	}
	if steps(p.Removed)+p.Orphans == 0 {
		_, err := fmt.Fprintf(w, "%s nothing; %s kept\n", did, plural(int(p.Kept), "event"))
		return err
	}
	var rows [][]string
	row := func(reason string, r doorlog.Removed) {
		if steps(r) > 0 {
			rows = append(rows, []string{
				reason, count(int(r.Events)), count(int(r.Detections)), count(int(r.Thumbnails)), size(r.ThumbnailBytes), "~" + size(r.DatabaseBytes),
			})
		}
	}
	for _, by := range p.By {
		row(by.Reason, by.Removed)
	}
	row("of no event", doorlog.Removed{Thumbnails: p.Orphans, ThumbnailBytes: p.OrphanBytes})
	header := []string{"BECAUSE OF", "EVENTS", "DETECTIONS", "THUMBNAILS", "THEIR SIZE", "OF THE DATABASE"}
	if err := writeTable(w, header, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s %s; %s kept\n", did, whatGoes(p), plural(int(p.Kept), "event"))
	return err
}
