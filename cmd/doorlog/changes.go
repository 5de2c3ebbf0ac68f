package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog"
)

// changesFlags are the flags of changes.
type changesFlags struct {
	query      queryFlags
	conditions []string // the names of the flags of the query

	after, consumer string
	follow, idsOnly bool
	every           time.Duration
	limit           int
}

func newChangesCommand(a *app) *cobra.Command {
	var f changesFlags
	cmd := &cobra.Command{
		Use:   "changes",
		Short: "Print what has changed since a place",
		Long: `Print the changes of events and persons since a place, in the order in which they were
made, and end at the newest one. A change is that an event was created, updated or
deleted, or that a person was put on the list, changed or removed, by whatever command
or program. It comes with the event or the person as they are now, and not as they were
then.

A place is a cursor. --after takes the cursor of the last change that you have dealt
with. It can also be "start", which is the default and means before the first change, or
"now", which leaves out all that has happened until the command could first open the
database. The store keeps 1,000,000 changes for 30
days, unless its program sets other limits. If changes after the place are not kept any
more, or the store was restored, salvaged or upgraded from a version without changes, the
command says so and fails: after a place it never leaves a change out.

--consumer has the store keep the place under a name, and keep the changes after it. The
place moves on when the lines have been written to standard output. If the command is
ended before that, the next one prints these lines again. So each change is printed at
least once. A new consumer begins at --after. One that is there goes on from its own place if
--after is "start" or "now", so that a service can always be started with the same
command; any other place than its own is an error. "doorlog consumers" lists and moves
consumers. With --consumer the database is
changed; else it is only read.

With --follow the command goes on. If a server has the database open, it prints each
change as it comes. Else it looks for more changes after each --every. It has the database
open only while it looks, so that other commands and programs can write meanwhile. If
another process that is no server keeps the database open for writing, it says that it
waits and goes on when that process has ended. It ends when it is interrupted, or when
nobody reads its output any more; the exit code is 0 then.

The flags that select events are those of "doorlog events". With them, changes of
persons are left out. Deletions of all events are printed, and so are updates of events
that do not match, as "no match", because the events may have matched before. A --since
or --until with an AGE counts from the start of the command.

With --jsonl each change is a line with cursor, op (created, updated, deleted,
person_put, person_removed), id (of the event, or the key of the person), event or
person, and no_match. With --json it is one page: an object with changes, of which there
are 256 at most, next, the cursor to go on from, and more, which says whether there are
more.`,
		Example: `  doorlog changes --limit 20
  doorlog changes --after now --follow
  doorlog changes --consumer alerts --after now --follow --jsonl --type ding
  doorlog changes --after now --json | jq -r .next   # where we are now
  doorlog changes --after "$cursor" --jsonl --ids-only`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.changes(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.query.addConditions(cmd)
	flags.VisitAll(func(flag *pflag.Flag) { f.conditions = append(f.conditions, flag.Name) })
	flags.StringVar(&f.after, "after", afterStart, "begin after this `CURSOR`, or at start or now")
	flags.StringVar(&f.consumer, "consumer", "", "go on from the place that the store keeps under this `name`, and move it")
	flags.BoolVar(&f.follow, "follow", false, "go on and print changes as they come")
	flags.DurationVar(&f.every, "every", time.Second, "with --follow and without a server: look for changes each time after this `DURATION`")
	flags.BoolVar(&f.idsOnly, "ids-only", false, "print no events and persons, only their IDs")
	flags.IntVar(&f.limit, "limit", 0, "end after `N` changes (default all; with --json a page)")
	a.completeEventFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("after", cobra.FixedCompletions([]string{afterStart, afterNow}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("consumer", a.completeConsumers)
	return cmd
}

// The values of --after that are no cursors.
const afterStart, afterNow = "start", "now"

// mostPage is how many changes a page has at most.
const mostPage = 256

// changes prints the changes that the flags select.
func (a *app) changes(ctx context.Context, f *changesFlags, given func(flag string) bool) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	if err := f.check(a, given); err != nil {
		return err
	}
	r := changeReader{
		app: a, follow: f.follow, every: f.every, left: math.MaxInt,
		consumer: f.consumer, after: f.after, pages: pagesALook,
		printer: changePrinter{app: a, loc: loc, ends: !f.follow && f.consumer == ""},
	}
	if f.limit > 0 {
		r.left = f.limit
	}
	if a.flags.json {
		r.pages, r.onePage = 1, true
	}
	if f.follow {
		a.patience = min(a.patience, time.Second) // it tries again, and should notice soon that it is to end
	}
	if r.at, err = parsePlace(f.after); err != nil {
		return misuse("--after %q is no cursor, and neither start nor now", f.after)
	}
	if r.options, err = f.options(a.now(), given, loc); err != nil {
		return err
	}
	err = r.run(ctx)
	if f.follow && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return fromFlags(err)
}

// check refuses invalid values, and flags that exclude each other.
func (f *changesFlags) check(a *app, given func(flag string) bool) error {
	switch {
	case given("consumer") && f.consumer == "":
		return misuse("--consumer is empty")
	case given("limit") && f.limit < 1:
		return misuse("--limit %d is less than 1", f.limit)
	case a.flags.json && f.follow:
		return misuse("--json and --follow exclude each other: use --jsonl")
	case a.flags.json && f.limit > mostPage:
		return misuse("--limit %d is more than a page of --json has, which is %d: use --jsonl", f.limit, mostPage)
	case given("every") && !f.follow:
		return misuse("--every is for --follow")
	case f.every <= 0:
		return misuse("--every %v is not positive", f.every)
	}
	return nil
}

// options returns what is to be read of the changes.
func (f *changesFlags) options(now time.Time, given func(flag string) bool, loc *time.Location) (o doorlog.ChangeOptions, err error) {
	o.IDsOnly = f.idsOnly
	if !slices.ContainsFunc(f.conditions, given) {
		return o, nil
	}
	f.query.limit = 1 // must be valid, and is not used
	q, err := f.query.query(given, now, loc)
	q.Limit, o.Query = 0, &q
	return o, err
}

// parsePlace parses a cursor. It is zero for start and now.
func parsePlace(text string) (doorlog.Cursor, error) {
	switch text {
	case afterStart, afterNow:
		return doorlog.Cursor{}, nil
	case "":
		return doorlog.Cursor{}, errors.New("it is empty")
	}
	return doorlog.ParseCursor(text)
}

// placeIn returns the cursor of --after for a store.
func placeIn(ctx context.Context, st store, text string) (doorlog.Cursor, error) {
	if text == afterNow {
		return st.Cursor(ctx)
	}
	return parsePlace(text)
}
