package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newInfoCommand(a *app) *cobra.Command {
	verify := false
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Show the size, the growth and the state of the store",
		Long: `Show the sizes of the database and of the thumbnails, how much of the database is free,
how much space a day of events takes, and whether the times of the events agree with the
clock of this machine. The cursor is the place after the last change, for "doorlog
changes --after". Each consumer comes with the number of changes that it has yet to get.

A database smaller than 1 MiB, or one that was not closed, is read as a whole and verified
when it is opened. With --verify any database is, and its thumbnails too.

With --json it prints an object with database, store_id, schema, file_bytes, live_bytes,
page_bytes, pages, free_pages, growth_per_day (in bytes), events, detected (events with
detections), persons, oldest and newest (null if there are no events), future (events that
are ahead of the clock), changes (how many are kept), change (the number of the last one),
cursor, consumers (as in "doorlog consumers list"), thumbnail_folder, thumbnails, thumbnail_bytes, last_backup (null
if there was none), verified (null if not all was read), held_back (sentences that say
what the last prune did not remove, and why) and buckets (the bytes of their pages).`,
		Example: `  doorlog info
  doorlog info --json | jq '.free_pages / .pages'`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.info(cmd.Context(), verify) },
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "read everything first")
	return cmd
}

// information is what info prints.
type information struct {
	Database       string               `json:"database"`
	StoreID        string               `json:"store_id"`
	Schema         int                  `json:"schema"`
	FileBytes      int64                `json:"file_bytes"`
	LiveBytes      int64                `json:"live_bytes"`
	PageBytes      int64                `json:"page_bytes"`
	Pages          int                  `json:"pages"`
	FreePages      int                  `json:"free_pages"`
	GrowthPerDay   int64                `json:"growth_per_day"`
	Events         int                  `json:"events"`
	Detected       int                  `json:"detected"`
	Persons        int                  `json:"persons"`
	Oldest         *time.Time           `json:"oldest"`
	Newest         *time.Time           `json:"newest"`
	Future         int                  `json:"future"`
	Changes        int                  `json:"changes"`
	Change         uint64               `json:"change"`
	Cursor         doorlog.Cursor       `json:"cursor"`
	Consumers      consumerList         `json:"consumers"`
	Folder         string               `json:"thumbnail_folder"`
	Thumbnails     int                  `json:"thumbnails"`
	ThumbnailBytes int64                `json:"thumbnail_bytes"`
	LastBackup     *time.Time           `json:"last_backup"`
	Verified       *time.Time           `json:"verified"`
	HeldBack       doorlog.List[string] `json:"held_back"`
	Buckets        map[string]int64     `json:"buckets"`
}

type consumerList = doorlog.List[doorlog.ConsumerInfo]

// info prints what is known of the store.
func (a *app) info(ctx context.Context, verify bool) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	path, _, err := a.pair()
	if err != nil {
		return err
	}
	in := information{Database: path}
	err = a.forLongCall(ctx, readsPictures, func(ctx context.Context, st store) error {
		if verify {
			v, err := st.Verify(ctx)
			if err == nil {
				err = v.Err()
			}
			if err != nil {
				return err
			}
		}
		in.Folder = st.ThumbnailDir()
		return in.ask(ctx, st, a.now())
	})
	if err != nil {
		return err
	}
	if in.Thumbnails, in.ThumbnailBytes, err = filesIn(in.Folder); err != nil {
		return err
	}
	return a.emit(&in, func(w io.Writer) error { return in.draw(w, a.now(), loc) })
}

// ask fills in what an open store knows.
func (in *information) ask(ctx context.Context, st store, now time.Time) error {
	s, err := st.Stats(ctx)
	if err != nil {
		return err
	}
	in.StoreID, in.Schema = s.StoreID.String(), s.Schema
	in.FileBytes, in.LiveBytes, in.PageBytes, in.Pages, in.FreePages = s.FileSize, s.LiveSize(), s.PageSize, s.Pages, s.FreePages
	in.GrowthPerDay, in.Events, in.Detected, in.Persons = s.GrowthPerDay, s.Events, s.Detected, s.Persons
	in.Oldest, in.Newest, in.Verified, in.Buckets = known(s.Oldest), known(s.Newest), known(s.Verified), s.Buckets
	in.LastBackup, in.HeldBack = known(s.LastBackup), s.HeldBack
	in.Changes, in.Change, in.Consumers = s.Changes, s.Change, s.Consumers
	if in.Cursor, err = st.Cursor(ctx); err != nil {
		return err
	}
	in.Future, err = st.Count(ctx, doorlog.Query{Since: now.Add(1)})
	return err
}

// known returns nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// draw writes the information for people.
func (in *information) draw(w io.Writer, now time.Time, loc *time.Location) error {
	at := func(t *time.Time) string {
		if t == nil {
			return terminal.None
		}
		return t.In(loc).Format(timeLayout)
	}
	rows := [][]string{
		{"database", in.Database},
		{"store", in.StoreID},
		{"schema", count(in.Schema)},
		{"size", fmt.Sprintf("%s, of which %s are free", size(in.FileBytes), size(int64(in.FreePages)*in.PageBytes))},
		{"growth", size(in.GrowthPerDay) + " a day of events"},
		{"events", fmt.Sprintf("%s, %s with detections", count(in.Events), count(in.Detected))},
		{"persons", count(in.Persons)},
		{"oldest event", at(in.Oldest)},
		{"newest event", at(in.Newest)},
		{"clock", in.clock(now)},
		{"changes", fmt.Sprintf("%s kept, up to number %s", count(in.Changes), count(int(in.Change)))},
		{"cursor", in.Cursor.String()},
		{"thumbnails", fmt.Sprintf("%s, %s, in %s", count(in.Thumbnails), size(in.ThumbnailBytes), in.Folder)},
		{"last backup", at(in.LastBackup)},
		{"integrity", in.integrity()},
	}
	for _, c := range in.Consumers {
		rows = append(rows, []string{"consumer", describeConsumer(&c, loc)})
	}
	for _, why := range in.HeldBack {
		rows = append(rows, []string{"held back", why})
	}
	if err := terminal.WriteTable(w, nil, rows); err != nil || len(in.Buckets) == 0 {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	for _, name := range slices.Sorted(maps.Keys(in.Buckets)) {
		rows = append(rows, []string{name, size(in.Buckets[name])})
	}
	return terminal.WriteTable(w, []string{"BUCKET", "PAGES"}, rows)
}

// clock says whether the times of the events agree with the clock of this machine.
func (in *information) clock(now time.Time) string {
	switch {
	case in.Newest == nil:
		return terminal.None
	case in.Future > 0:
		return fmt.Sprintf("%s in the future, by up to %s: look at the clocks of the cameras and of this machine",
			plural(in.Future, "event"), rounded(in.Newest.Sub(now)))
	}
	return "fine; the newest event is " + rounded(now.Sub(*in.Newest)) + " old"
}

// describeConsumer says where a consumer is.
func describeConsumer(c *doorlog.ConsumerInfo, loc *time.Location) string {
	if c.Gone {
		return c.Name + ": gone; changes that it has yet to get are not kept any more, or are of another history"
	}
	return fmt.Sprintf("%s: %s behind, acknowledged %s", c.Name, count(c.Behind), c.Acked.In(loc).Format(timeLayout))
}

// integrity says how much of the database was verified.
func (in *information) integrity() string {
	if in.Verified == nil {
		return "the branches are sound; --verify reads everything"
	}
	return "sound; everything was read just now"
}
