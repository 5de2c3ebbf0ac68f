package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newInfoCommand(a *app) *cobra.Command {
	verify := false
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Show how large the store is, how it grows, and how it is",
		Long: `Show the sizes of the database and of the thumbnails, how much of the database is free,
how much a day of events takes, and how the clock of the events compares with that of
this machine.

A database below 1 MiB, or one that was not closed, is read whole and verified when it
is opened; with --verify any is, and the thumbnails are too.

With --json it is an object with database, store_id, schema, file_bytes, live_bytes,
page_bytes, pages, free_pages, growth_per_day, events, detected, persons, oldest and
newest (null if there are no events), future (the events that lie ahead of the clock),
thumbnail_folder, thumbnails, thumbnail_bytes, last_backup (null if there was none),
verified (null if it was not read whole), held_back (what the last prune did not
remove for want of proof, in sentences) and buckets.`,
		Example: `  doorlog info
  doorlog info --json | jq '.free_pages / .pages'`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.info(cmd.Context(), verify) },
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "read all of it first")
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
	Folder         string               `json:"thumbnail_folder"`
	Thumbnails     int                  `json:"thumbnails"`
	ThumbnailBytes int64                `json:"thumbnail_bytes"`
	LastBackup     *time.Time           `json:"last_backup"`
	Verified       *time.Time           `json:"verified"`
	HeldBack       doorlog.List[string] `json:"held_back"`
	Buckets        map[string]int64     `json:"buckets"`
}

func (a *app) info(ctx context.Context, verify bool) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	path, folder, err := a.pair()
	if err != nil {
		return err
	}
	in := information{Database: path, Folder: folder}
	told, end := a.follow()
	defer end()
	st, err := a.open(path, &doorlog.Options{ThumbnailDir: folder, ReadOnly: true, Scrub: -1, Progress: told})
	if err != nil {
		return err
	}
	if verify {
		var v *doorlog.Verification
		if v, err = st.Verify(ctx); err == nil {
			err = v.Err()
		}
	}
	end()
	if err == nil {
		err = in.ask(ctx, st, a.now())
	}
	if err = errors.Join(err, st.Close()); err != nil {
		return err
	}
	if in.Thumbnails, in.ThumbnailBytes, err = filesIn(folder); err != nil {
		return err
	}
	return a.emit(&in, func(w io.Writer) error { return in.draw(w, a.now(), loc) })
}

// ask asks an open store.
func (in *information) ask(ctx context.Context, st *doorlog.Store, now time.Time) error {
	s, err := st.Stats(ctx)
	if err != nil {
		return err
	}
	in.StoreID, in.Schema = s.StoreID.String(), s.Schema
	in.FileBytes, in.LiveBytes, in.PageBytes, in.Pages, in.FreePages = s.FileSize, s.LiveSize(), s.PageSize, s.Pages, s.FreePages
	in.GrowthPerDay, in.Events, in.Detected, in.Persons = s.GrowthPerDay, s.Events, s.Detected, s.Persons
	in.Oldest, in.Newest, in.Verified, in.Buckets = known(s.Oldest), known(s.Newest), known(s.Verified), s.Buckets
	in.LastBackup, in.HeldBack = known(s.LastBackup), s.HeldBack
	in.Future, err = st.Count(ctx, doorlog.Query{Since: now.Add(1)})
	return err
}

// known is nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// filesIn returns the number of files below a folder, and their bytes. What goes
// away meanwhile does not count.
func filesIn(folder string) (n int, bytes int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				n, bytes = n+1, bytes+info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return n, bytes, err
}

func (in *information) draw(w io.Writer, now time.Time, loc *time.Location) error {
	at := func(t *time.Time) string {
		if t == nil {
			return none
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
		{"thumbnails", fmt.Sprintf("%s, %s, in %s", count(in.Thumbnails), size(in.ThumbnailBytes), in.Folder)},
		{"last backup", at(in.LastBackup)},
		{"integrity", in.integrity()},
	}
	for _, why := range in.HeldBack {
		rows = append(rows, []string{"held back", why})
	}
	if err := writeTable(w, nil, rows); err != nil || len(in.Buckets) == 0 {
		return err
	}
	fmt.Fprintln(w)
	rows = nil
	for _, name := range slices.Sorted(maps.Keys(in.Buckets)) {
		rows = append(rows, []string{name, size(in.Buckets[name])})
	}
	return writeTable(w, []string{"BUCKET", "PAGES"}, rows)
}

// clock says how the clock of the events compares with that of this machine.
func (in *information) clock(now time.Time) string {
	switch {
	case in.Newest == nil:
		return none
	case in.Future > 0:
		return fmt.Sprintf("%s in the future, by up to %s: look at the clocks of the cameras and of this machine",
			plural(in.Future, "event"), rounded(in.Newest.Sub(now)))
	}
	return "fine; the newest event is " + rounded(now.Sub(*in.Newest)) + " old"
}

func (in *information) integrity() string {
	if in.Verified == nil {
		return "the branches are sound; --verify reads all"
	}
	return "sound; it was read whole just now"
}

func rounded(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return plural(int(d/day), "day")
	}
	return d.Round(time.Second).String()
}
