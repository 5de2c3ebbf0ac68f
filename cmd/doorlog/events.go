package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// eventsFlags are the flags of events.
type eventsFlags struct {
	query          queryFlags
	cursor         string
	count, explain bool
}

func newEventsCommand(a *app) *cobra.Command {
	var f eventsFlags
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Find events",
		Long: `Find events, newest first. An event must match all flags. If a flag has several names,
one of them must match: --camera garage,driveway is the same as --camera garage
--camera driveway. An attribute must be given as a whole, as --attribute zone=porch; with
two values of one name, one of them must match. Without flags all events match.

--since and --until take a TIME, a date or an AGE ("doorlog help" explains them). The
range includes --since and excludes --until. --hours and --weekdays use the clock in
--tz.

If there are more events than --limit, the last line says how to go on: repeat the
command with that --cursor. A cursor stays valid while events are written and deleted.
It needs the flags of the first page; only --limit may change.

With --json the result is an object with events, next and prev: next is the cursor of the
page after this one, prev that of the page before, and null means none. With --jsonl it
is just the events.`,
		Example: `  doorlog events --stranger --hours 22-6 --since 7d
  doorlog events --camera porch,driveway --label package --min-confidence 0.8
  doorlog events --person alice --since 2026-02-01 --until 2026-03-01 --count
  doorlog events --door jammed,failed --unreviewed
  doorlog events --attribute zone=porch --method keypad
  doorlog events --type ding --limit 500 --jsonl | jq .recorded_at`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.events(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.query.addTo(cmd)
	flags.StringVar(&f.cursor, "cursor", "", "show the page at this `cursor`, which an earlier page printed")
	flags.BoolVar(&f.count, "count", false, "print only the number of events")
	flags.BoolVar(&f.explain, "explain", false, "print how the events are found, and how much is read for that")
	a.completeEventFlags(cmd)
	return cmd
}

// events prints the events that the flags select.
func (a *app) events(ctx context.Context, f *eventsFlags, given func(flag string) bool) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	if err := f.check(given); err != nil {
		return err
	}
	cursor, now, err := f.place(a.now)
	if err != nil {
		return err
	}
	q, err := f.query.query(given, now, loc)
	if err != nil {
		return err
	}
	err = a.withStore(ctx, reads, func(ctx context.Context, st store) error {
		switch {
		case f.count:
			return a.countEvents(ctx, st, q)
		case f.explain:
			return a.explainEvents(ctx, st, q)
		}
		page, err := st.Page(ctx, q, cursor)
		if err != nil {
			return err
		}
		return a.emitPage(page, loc, f.bindCursor(now))
	})
	if errors.Is(err, doorlog.ErrBadCursor) {
		return misuse("%s; use it with the flags of the first page", plain(err))
	}
	return fromFlags(err)
}

// check refuses flags that exclude each other.
func (f *eventsFlags) check(given func(flag string) bool) error {
	for _, pair := range [...]struct {
		first  bool
		a, b   string
		second bool
	}{
		{f.count, "count", "explain", f.explain},
		{f.count, "count", "cursor", given("cursor")},
		{f.count, "count", "limit", given("limit")},
		{f.count, "count", "offset", given("offset")},
		{f.explain, "explain", "cursor", given("cursor")},
		{given("cursor"), "cursor", "offset", given("offset")},
	} {
		if pair.first && pair.second {
			return misuse("--%s and --%s exclude each other", pair.a, pair.b)
		}
	}
	if given("cursor") && f.cursor == "" {
		return misuse("--cursor is empty")
	}
	return nil
}

// A range with an age, such as --since 7d, moves with the clock. A cursor of such a range has
// a dot and the time of the first page at its end. Later pages count ages from that time, so
// that the range stays the same and the cursor stays valid.

// place returns the part of --cursor that is the store's, and the time from which ages count.
func (f *eventsFlags) place(now func() time.Time) (cursor string, at time.Time, err error) {
	cursor, moment, found := strings.Cut(f.cursor, ".")
	if !found {
		return cursor, now(), nil
	}
	ns, err := strconv.ParseInt(moment, 36, 64)
	if err != nil {
		return "", at, misuse("--cursor %q is not a cursor", f.cursor)
	}
	return cursor, time.Unix(0, ns), nil
}

// bindCursor returns a function that makes a cursor of the store one of the command.
func (f *eventsFlags) bindCursor(now time.Time) func(cursor string) string {
	return func(cursor string) string {
		if cursor == "" || !f.query.between.hasAge() {
			return cursor
		}
		return cursor + "." + strconv.FormatInt(now.UnixNano(), 36)
	}
}

func (a *app) emitPage(page doorlog.Page, loc *time.Location, bind func(string) string) error {
	next, prev := bind(page.Next), bind(page.Prev)
	if a.flags.json {
		return a.emit(struct {
			Events []doorlog.Event `json:"events"`
			Next   *string         `json:"next"`
			Prev   *string         `json:"prev"`
		}{page.Events, orNull(next), orNull(prev)}, nil)
	}
	return emitList(a, page.Events, func(w io.Writer) error {
		if err := writeEventTable(w, page.Events, loc); err != nil {
			return err
		}
		for _, end := range [...]struct{ word, cursor string }{{"back", prev}, {"more", next}} {
			if end.cursor == "" {
				continue
			}
			if err := terminal.WriteWord(w, end.word+": --cursor ", end.cursor); err != nil {
				return err
			}
		}
		return nil
	})
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *app) countEvents(ctx context.Context, st store, q doorlog.Query) error {
	n, err := st.Count(ctx, q)
	if err != nil {
		return err
	}
	count := struct {
		Count int `json:"count"`
	}{n}
	return a.emit(count, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, n)
		return err
	})
}

func (a *app) explainEvents(ctx context.Context, st store, q doorlog.Query) error {
	plan, err := st.Explain(ctx, q)
	if err != nil {
		return err
	}
	return a.emit(plan, func(w io.Writer) error { return terminal.WriteTable(w, nil, planDetails(plan)) })
}

func planDetails(plan doorlog.Plan) [][]string {
	how := "the posting lists, intersected"
	if plan.Scan {
		how = "all events in the range"
	}
	rows := [][]string{{"looks at", how}}
	for _, l := range plan.Lists {
		rows = append(rows, []string{"list", fmt.Sprintf("%s %s: %s", l.Index, cmp.Or(l.Value, "(no person)"), plural(l.IDs, "ID"))})
	}
	return append(
		rows,
		[]string{"tail read", plural(plan.TailRead, "event")},
		[]string{"records read", plural(plan.RecordsRead, "record")},
		[]string{"returns", plural(plan.Returned, "event")},
	)
}
