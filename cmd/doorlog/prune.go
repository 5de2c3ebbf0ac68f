package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// pruneFlags are the flags of prune as they were given.
type pruneFlags struct {
	maxAge, strangers, unlocks, thumbnails string

	maxEvents   int
	maxBytes    string
	keepFree    string
	rules       []string
	orphans     bool
	trustClock  bool
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

What an AGE is "doorlog help" says. A RULE sets the maximum AGE of a kind of events. Its
parts are camera, type, person and label (each may come several times, and any of them
will do), stranger=yes or no, unlocked=yes or no, max-age, without which these events
stay at any age, and name, which is what the rule is called in the result. A part with a
comma in it is quoted as in CSV: --rule '"camera=yard, back",max-age=7d'. The first rule that is about an event decides
on its age alone: those of --rule in their order, then --keep-unlocks, about events
that let somebody in, then --keep-strangers, about events without a person. Whatever
no rule is about goes by --max-age.

Of what is left then, the oldest go until there are no more than --max-events, until
the database and the thumbnails take no more than --max-bytes, such as 500MB or 2GiB,
and until --keep-free of the disk that has the thumbnails is free, such as 10% or 5GB.
If all thumbnails would not be enough for that, something else fills the disk, and
none goes.

Thumbnails older than --thumbnail-age go, and their events stay. Thumbnails that belong
to no event, an hour old or older, go too, if they are few and the folder is this
store's alone: else they may be of another store, or of events that were lost. "doorlog
verify" says whose the folder is, and --orphans that all of them may go.

A clock that has gone ahead of what the store has seen, and of how long the system has
run since, is not believed before it has run for a day, so that one wrong reading does
not delete everything. With --trust-clock it is: look at it first. What is held back is
said.

Before anything is deleted prune shows what that is and asks; where standard input is no
terminal it wants --yes instead. --dry-run only shows it. What was deleted cannot be had
back. Other programs cannot open the database meanwhile. It does not get smaller: what
comes free, which is an estimate, is used again for later events.

With --json it is an object with events, detections, thumbnails, thumbnail_bytes and
database_bytes that went, or would, by (the same for each reason), orphans and
orphan_bytes (thumbnails of no event), held_back (what was asked for and not done, and
why), kept (the events that are left), and dry_run.`,
		Example: `  doorlog prune --max-age 90d --keep-strangers 30d --keep-unlocks 2y --dry-run
  doorlog prune --max-bytes 2GB --thumbnail-age 30d
  doorlog prune --rule camera=garage,label=cat,max-age=7d --keep-free 10%
  doorlog prune --db demo/events.db --max-events 1000 --yes`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.prune(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.maxAge, "max-age", "", "delete events older than this `AGE`")
	flags.StringArrayVar(&f.rules, "rule", nil, "the same for a kind of events, by a `RULE` such as camera=garage,max-age=7d; repeatable")
	flags.StringVar(&f.strangers, "keep-strangers", "", "the same, with this `AGE`, for events without a person")
	flags.StringVar(&f.unlocks, "keep-unlocks", "", "the same, with this `AGE`, for events that let somebody in")
	flags.IntVar(&f.maxEvents, "max-events", 0, "delete the oldest events until there are `N`")
	flags.StringVar(&f.maxBytes, "max-bytes", "", "delete the oldest events until all take this `size`")
	flags.StringVar(&f.keepFree, "keep-free", "", "delete the oldest events until this `size` or percentage of the disk is free")
	flags.StringVar(&f.thumbnails, "thumbnail-age", "", "delete thumbnails older than this `AGE`; their events stay")
	flags.BoolVar(&f.orphans, "orphans", false, "delete all thumbnails that belong to no event")
	flags.BoolVar(&f.trustClock, "trust-clock", false, "believe the clock, however far ahead it is")
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
	if p.Rules, err = f.ruleList(given, unlocks, strangers); err != nil {
		return p, err
	}
	for _, r := range p.Rules {
		some = some || r.MaxAge > 0
	}
	if given("max-events") {
		if some = true; f.maxEvents < 1 {
			return p, misuse("--max-events %d is less than 1", f.maxEvents)
		}
		p.MaxEvents = f.maxEvents
	}
	if given("max-bytes") {
		some = true
		var ok bool
		if p.MaxBytes, ok = parseSize(f.maxBytes); !ok {
			return p, misuse("--max-bytes %q is not a size such as 500MB or 2GiB", f.maxBytes)
		}
	}
	if given("keep-free") {
		some = true
		var ok bool
		if p.KeepFree, ok = parseFreeSpace(f.keepFree); !ok {
			return p, misuse("--keep-free %q is not a size such as 5GB, nor a part of the disk such as 10%%", f.keepFree)
		}
	}
	p.Orphans, p.TrustClock = f.orphans, f.trustClock
	if !some && !f.orphans {
		return p, misuse("say what is to go, with --max-age, --rule and a max-age, --keep-strangers, --keep-unlocks, " +
			"--max-events, --max-bytes, --keep-free, --thumbnail-age or --orphans")
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
	at := a.now()
	a.now = func() time.Time { return at } // what is asked about is what goes, however long the answer takes
	if ask || f.dryRun {
		plan, err := a.pruneStore(ctx, path, thumbnails, true, policy)
		if err != nil {
			return fromFlags(err)
		}
		if f.dryRun || steps(plan.Removed)+plan.Orphans == 0 {
			return a.emitPruned(plan, f.dryRun)
		}
		if err := drawReasons(a.err, plan); err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("delete %s from %s for ever?", whatGoes(plan), path)); err != nil {
			return err
		}
	}
	gone, err := a.pruneStore(ctx, path, thumbnails, false, policy)
	if gone == nil {
		return fromFlags(err)
	}
	return errors.Join(err, a.emitPruned(gone, false)) // what is gone is gone, also if it was cut short
}

// steps is how many events and thumbnails go.
func steps(r doorlog.Removed) int { return r.Events + r.Thumbnails }

// pruneStore opens the store and prunes it, or says what that would do.
func (a *app) pruneStore(
	ctx context.Context, path, thumbnails string, dry bool, policy doorlog.Policy,
) (gone *doorlog.Pruned, err error) {
	told, end := a.follow()
	defer end()
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: thumbnails, ReadOnly: dry, Scrub: -1, Progress: told})
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
	return fmt.Sprintf("%s and %s (%s)", plural(p.Events, "event"), plural(p.Thumbnails+p.Orphans, "thumbnail"),
		size(p.ThumbnailBytes+p.OrphanBytes))
}

func drawPruned(w io.Writer, p *doorlog.Pruned, dry bool) error {
	did := "deleted"
	if dry {
		did = "would delete"
	}
	if steps(p.Removed)+p.Orphans == 0 {
		if err := drawHeld(w, p); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "%s nothing; %s kept\n", did, plural(p.Kept, "event"))
		return err
	}
	if err := drawReasons(w, p); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s %s; %s kept\n", did, whatGoes(p), plural(p.Kept, "event"))
	return err
}

// drawReasons draws what goes for which reason, and what is held back.
func drawReasons(w io.Writer, p *doorlog.Pruned) error {
	var rows [][]string
	row := func(reason string, r doorlog.Removed) {
		if steps(r) > 0 {
			rows = append(rows, []string{
				reason, count(r.Events), count(r.Detections), count(r.Thumbnails), size(r.ThumbnailBytes), "~" + size(r.DatabaseBytes),
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
	if why := p.Folder.Why(); p.Orphans > 0 && why != "" {
		fmt.Fprintf(w, "\nwhat is of no event here may be somebody's: %s\n", printable(why)) // an error shows with the next line
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return drawHeld(w, p)
}

// drawHeld says what was asked for and is not done.
func drawHeld(w io.Writer, p *doorlog.Pruned) error {
	for _, why := range p.HeldBack {
		if _, err := fmt.Fprintf(w, "held back: %s\n", printable(why)); err != nil {
			return err
		}
	}
	return nil
}
