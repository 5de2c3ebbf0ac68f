package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// pruneFlags are the flags of prune.
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

const pruneHelp = `Delete events that are too old, or too many, with their detections and thumbnails.
Pinned events stay ("doorlog pin"). At least one flag must say what to delete.

"doorlog help" explains what an AGE is. A RULE sets the maximum AGE of one kind of
events. It consists of these parts:

  camera, type, person, label, method   each may be given several times: one must match
  attribute                     as attribute=zone=porch; of several values of one
                                name one must match
  stranger=yes|no, unlocked=yes|no
  max-age                       without it these events stay at any age
  name                          what the result calls the rule

A part with a comma in it is quoted as in CSV: --rule '"camera=yard, back",max-age=7d'.
Only the first rule that matches an event decides on its age: first those of --rule in
their order, then --keep-unlocks for events that let somebody in, then --keep-strangers
for events without a person. --max-age is for the events that no rule matches.

After that, the oldest events are deleted until there are no more than --max-events, until
the database and the thumbnails take no more than --max-bytes, such as 500MB or 2GiB, and
until --keep-free of the disk with the thumbnails is free, such as 10% or 5GB. If deleting
all thumbnails would not free that much, something else fills the disk, and no event is
deleted for it.

Thumbnails older than --thumbnail-age are deleted, and their events stay. Thumbnails that
belong to no event are deleted too, if they are at least an hour old, few, and in a folder
that only this store uses. Otherwise they may belong to another store, or to lost events:
"doorlog verify" says whose the folder is, and --orphans deletes all of them.

A wrong clock must not delete everything. If the clock is further ahead of the last times
in the store than the running time of the system explains, it is trusted only after a day.
With --trust-clock it is trusted at once: check it first. The result says what was held
back.

The command first shows what it will delete, and asks. If standard input is no terminal
it needs --yes. With --dry-run it only shows it. Deleted events cannot be restored. Other
programs cannot open the database meanwhile, unless a server has it open. The database
file does not shrink: the freed space, which is an estimate, is used for later events.

With --json it prints an object with events, detections, thumbnails, thumbnail_bytes and
database_bytes, the numbers that were deleted or would be; by (the same for each reason);
orphans and orphan_bytes (thumbnails of no event); folder (as "doorlog verify" prints it);
held_back (what was asked for and not done, and why); kept (events that are left); and
dry_run.`

func newPruneCommand(a *app) *cobra.Command {
	var f pruneFlags
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Delete old events and thumbnails",
		Long:  pruneHelp,
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
	flags.StringArrayVar(&f.rules, "rule", nil, "delete events by a `RULE` such as camera=garage,max-age=7d; repeatable")
	flags.StringVar(&f.strangers, "keep-strangers", "", "delete events without a person that are older than this `AGE`")
	flags.StringVar(&f.unlocks, "keep-unlocks", "", "delete events that let somebody in and are older than this `AGE`")
	flags.IntVar(&f.maxEvents, "max-events", 0, "delete the oldest events until there are `N`")
	flags.StringVar(&f.maxBytes, "max-bytes", "", "delete the oldest events until the store has this `size`")
	flags.StringVar(&f.keepFree, "keep-free", "", "delete the oldest events until this `size` or percentage of the disk is free")
	flags.StringVar(&f.thumbnails, "thumbnail-age", "", "delete thumbnails older than this `AGE`; their events stay")
	flags.BoolVar(&f.orphans, "orphans", false, "delete all thumbnails that belong to no event")
	flags.BoolVar(&f.trustClock, "trust-clock", false, "trust the clock, however far ahead it is")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what would be deleted")
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
			return p, misuse("--keep-free %q is neither a size such as 5GB nor a percentage of the disk such as 10%%", f.keepFree)
		}
	}
	p.Orphans, p.TrustClock = f.orphans, f.trustClock
	if !some && !f.orphans {
		return p, misuse("what should be deleted? Use --max-age, --rule and a max-age, --keep-strangers, --keep-unlocks, " +
			"--max-events, --max-bytes, --keep-free, --thumbnail-age or --orphans")
	}
	return p, nil
}

// prune deletes what the flags say, and prints what it deleted.
func (a *app) prune(ctx context.Context, f *pruneFlags, given func(flag string) bool) error {
	policy, err := f.policy(given)
	if err != nil {
		return err
	}
	ask := !f.dryRun && !f.yes
	if ask {
		if err := a.checkCanAsk(); err != nil {
			return err
		}
	}
	path, _, err := a.pair()
	if err != nil {
		return err
	}
	at := a.now()
	a.now = func() time.Time { return at } // so that exactly what was shown is deleted, however long the answer takes
	if ask || f.dryRun {
		plan, err := a.pruneStore(ctx, true, policy)
		if err != nil {
			return fromFlags(err)
		}
		if f.dryRun || steps(plan.Removed)+plan.Orphans == 0 {
			return a.emitPruned(plan, f.dryRun)
		}
		if err := a.tell(func(w io.Writer) error { return drawReasons(w, plan) }); err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("delete %s from %s for good?", whatGoes(plan), path)); err != nil {
			return err
		}
	}
	gone, err := a.pruneStore(ctx, false, policy)
	if gone == nil {
		return fromFlags(err)
	}
	return errors.Join(err, a.emitPruned(gone, false)) // also after an error: what is deleted is deleted
}

// steps returns how many events and thumbnails this is.
func steps(r doorlog.Removed) int { return r.Events + r.Thumbnails }

// pruneStore opens the store and prunes it. If dry, it only finds out what it would remove.
func (a *app) pruneStore(ctx context.Context, dry bool, policy doorlog.Policy) (gone *doorlog.Pruned, err error) {
	mode := changesPictures
	if dry {
		mode = readsPictures
	}
	err = a.forLongCall(ctx, mode, func(ctx context.Context, st store) (err error) {
		if dry {
			gone, err = st.WouldPrune(ctx, policy)
		} else {
			gone, err = st.Prune(ctx, policy)
		}
		return err
	})
	return gone, err
}

// emitPruned prints what was deleted, or would be.
func (a *app) emitPruned(gone *doorlog.Pruned, dry bool) error {
	result := struct {
		DryRun bool `json:"dry_run"`
		*doorlog.Pruned
	}{dry, gone}
	return a.emit(result, func(w io.Writer) error { return drawPruned(w, gone, dry) })
}

// whatGoes says what is deleted, as part of a sentence.
func whatGoes(p *doorlog.Pruned) string {
	return fmt.Sprintf("%s and %s (%s)", plural(p.Events, "event"), plural(p.Thumbnails+p.Orphans, "thumbnail"),
		size(p.ThumbnailBytes+p.OrphanBytes))
}

// drawPruned writes what was deleted for people.
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

// drawReasons writes what was deleted for which reason, and what was held back.
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
	if err := terminal.WriteTable(w, header, rows); err != nil {
		return err
	}
	if why := p.Folder.Why(); p.Orphans > 0 && why != "" {
		fmt.Fprintf(w, "\nthumbnails of no event may still be needed: %s\n", terminal.Printable(why)) // the next write returns the error
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return drawHeld(w, p)
}

// drawHeld writes what was held back: asked for, but not done.
func drawHeld(w io.Writer, p *doorlog.Pruned) error {
	for _, why := range p.HeldBack {
		if _, err := fmt.Fprintf(w, "held back: %s\n", terminal.Printable(why)); err != nil {
			return err
		}
	}
	return nil
}

// ruleList returns the rules in the order in which they are tried: those of --rule, then
// --keep-unlocks, then --keep-strangers.
func (f *pruneFlags) ruleList(given func(flag string) bool, unlocks, strangers time.Duration) (rules []doorlog.Rule, err error) {
	for _, text := range f.rules {
		r, err := parseRule(text)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	if given("keep-unlocks") {
		rules = append(rules, doorlog.Rule{Name: "unlocks", Match: doorlog.Match{UnlockGranted: new(true)}, MaxAge: unlocks})
	}
	if given("keep-strangers") {
		rules = append(rules, doorlog.Rule{Name: "strangers", Match: doorlog.Match{Stranger: new(true)}, MaxAge: strangers})
	}
	return rules, nil
}
