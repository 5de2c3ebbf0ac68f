package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog"
)

const (
	deleters     = 16 // those who wait for the disk at the same moment share a commit
	drawnCameras = 10
)

// deleteFlags are the flags of delete as they were given.
type deleteFlags struct {
	query      queryFlags
	conditions []string // the flags of the query

	all, dryRun, yes bool
}

func newDeleteCommand(a *app) *cobra.Command {
	var f deleteFlags
	cmd := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete events, by their IDs or by what they are",
		Long: `Delete the events with these IDs, or else those that the flags ask for, which are those
of "doorlog events", with their detections and thumbnails. All that there are go only
with --all. If one of the IDs is that of no event, nothing is deleted.

Flags pass over pinned events, unless --pinned is one of them. What is named by its ID
is deleted, pinned or not.

Before anything is deleted delete says what that is and asks; where standard input is no
terminal it wants --yes instead. --dry-run only says it. What was deleted cannot be had
back. Other programs cannot open the database meanwhile. "doorlog prune" deletes what is
old.

With --json it is an object with dry_run, events, detections, thumbnails and
thumbnail_bytes that went, or would, by (the same for each camera_id, with oldest and
newest), pinned (the events that were passed over) and kept (those that are left).`,
		Example: `  doorlog delete 01JMXQ5Z8G00000000000000AB
  doorlog delete --camera garage --stranger --until 30d --dry-run
  doorlog delete --type test --yes`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.delete(cmd.Context(), args, &f, cmd.Flags().Changed)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.query.addConditions(cmd)
	flags.VisitAll(func(flag *pflag.Flag) { f.conditions = append(f.conditions, flag.Name) })
	flags.BoolVar(&f.all, "all", false, "delete all events that are not pinned")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would go")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	a.completeQuery(cmd)
	return cmd
}

// check refuses a command line that does not say which events, or says it twice.
func (f *deleteFlags) check(args []string, given func(flag string) bool) error {
	by := slices.ContainsFunc(f.conditions, given)
	switch {
	case f.all && (by || len(args) > 0):
		return misuse("--all is all events: it goes with no ID and no flag that says which")
	case by && len(args) > 0:
		return misuse("say which events by their IDs or by flags, not both")
	case !f.all && !by && len(args) == 0:
		return misuse("say which events are to go, by their IDs or by flags such as --camera; --all is all of them")
	}
	return nil
}

// delete deletes events, and prints what that was.
func (a *app) delete(ctx context.Context, args []string, f *deleteFlags, given func(flag string) bool) error {
	if err := f.check(args, given); err != nil {
		return err
	}
	ids, err := parseIDs(args)
	if err != nil {
		return err
	}
	loc, err := a.location()
	if err != nil {
		return err
	}
	f.query.limit = 1 // which is not asked for, and must be valid
	q, err := f.query.query(given, a.now(), loc)
	if err != nil {
		return err
	}
	q.Limit, q.OldestFirst = 0, true
	ask := !f.dryRun && !f.yes
	if ask && !a.canAsk() {
		return misuse("standard input is no terminal to ask at: say --yes")
	}
	path, folder, err := a.pair()
	if err != nil {
		return err
	}
	list := deleteList{ids: ids, query: q, folder: folder, pinnedToo: given("pinned")}
	if err := a.withStore(readsPictures, func(st *doorlog.Store) error { return list.fill(ctx, st) }); err != nil {
		return fromFlags(err)
	}
	plan := list.deletion(list.events)
	plan.DryRun, plan.Kept = f.dryRun, list.total-plan.Events
	if f.dryRun || plan.Events == 0 {
		return a.emit(plan, func(w io.Writer) error { return plan.draw(w, loc, true) })
	}
	if ask {
		if err := a.tell(func(w io.Writer) error { return plan.drawCameras(w, loc) }); err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("delete %s from %s for ever?", plan.what(), path)); err != nil {
			return err
		}
	}
	gone, err := a.deleteEvents(ctx, &list)
	if gone == nil {
		return err
	}
	return errors.Join(err, a.emit(gone, func(w io.Writer) error { return gone.draw(w, loc, !ask) })) // also if it was cut short
}

// A deleteList is the events that are to be deleted.
type deleteList struct {
	ids       []doorlog.ID // those that were named; or
	query     doorlog.Query
	pinnedToo bool
	folder    string // of the thumbnails

	events []doomed
	pinned int // passed over
	total  int // events of the store
}

// A doomed is an event that is to be deleted.
type doomed struct {
	id         doorlog.ID
	camera     string
	detections int
	thumbnail  bool
	bytes      int64 // of the thumbnail
}

// fill looks for the events.
func (l *deleteList) fill(ctx context.Context, st *doorlog.Store) error {
	stats, err := st.Stats(ctx)
	if err != nil {
		return err
	}
	l.total = stats.Events
	if len(l.ids) > 0 {
		for _, id := range l.ids {
			if slices.ContainsFunc(l.events, func(d doomed) bool { return d.id == id }) {
				continue
			}
			e, err := st.Event(ctx, id)
			if err != nil {
				return fmt.Errorf("nothing was deleted: %w", plainError{err})
			}
			l.add(&e)
		}
		return nil
	}
	for e, err := range st.Events(ctx, l.query) {
		if err != nil {
			return err
		}
		if e.Pinned && !l.pinnedToo {
			l.pinned++
			continue
		}
		l.add(&e)
	}
	return nil
}

func (l *deleteList) add(e *doorlog.Event) {
	d := doomed{id: e.ID, camera: strings.Clone(e.Camera), detections: len(e.Detections)}
	if e.ThumbnailPath != "" {
		info, err := os.Stat(filepath.Join(l.folder, filepath.FromSlash(e.ThumbnailPath)))
		if d.thumbnail = err == nil; d.thumbnail { // else it is gone already
			d.bytes = info.Size()
		}
	}
	l.events = append(l.events, d)
}

// deleteEvents deletes the events of the list, and returns those that went.
func (a *app) deleteEvents(ctx context.Context, list *deleteList) (gone *deletion, err error) {
	bar := a.progress(int64(len(list.events)), "deleting")
	defer bar.Done()
	err = a.withStore(changesPictures, func(st *doorlog.Store) error {
		var went []doomed
		went, err := deleteAll(ctx, st, list.events, bar)
		gone = list.deletion(went)
		if stats, serr := st.Stats(context.WithoutCancel(ctx)); serr == nil {
			gone.Kept = stats.Events
		}
		return err
	})
	return gone, err
}

// deleteAll deletes events until one fails, and returns those that went.
func deleteAll(ctx context.Context, st *doorlog.Store, events []doomed, bar progressBar) (went []doomed, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan doomed)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range deleters {
		workers.Go(func() {
			for d := range queue {
				switch err := st.DeleteEvent(ctx, d.id); {
				case errors.Is(err, doorlog.ErrNotFound): // somebody else has deleted it
				case err != nil:
					cancel(err)
				default:
					mu.Lock()
					went = append(went, d)
					mu.Unlock()
				}
				bar.Add(1)
			}
		})
	}
	for _, d := range events {
		if ctx.Err() != nil {
			break
		}
		queue <- d
	}
	close(queue)
	workers.Wait()
	return went, context.Cause(ctx)
}

// A deletion is the account of what was deleted, or would be.
type deletion struct {
	DryRun bool `json:"dry_run"`
	deleted
	By     []deletedOf `json:"by"`
	Pinned int         `json:"pinned"`
	Kept   int         `json:"kept"`
}

type deleted struct {
	Events         int   `json:"events"`
	Detections     int   `json:"detections"`
	Thumbnails     int   `json:"thumbnails"`
	ThumbnailBytes int64 `json:"thumbnail_bytes"`
}

// deletedOf is what was deleted of one camera.
type deletedOf struct {
	Camera string `json:"camera_id"`
	deleted
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

func (d *deleted) add(e doomed) {
	d.Events++
	d.Detections += e.detections
	if e.thumbnail {
		d.Thumbnails++
		d.ThumbnailBytes += e.bytes
	}
}

// deletion returns the account of events of the list.
func (l *deleteList) deletion(events []doomed) *deletion {
	d := &deletion{By: []deletedOf{}, Pinned: l.pinned}
	places := map[string]int{}
	for _, e := range events {
		d.add(e)
		at, ok := places[e.camera]
		if !ok {
			at = len(d.By)
			places[e.camera] = at
			d.By = append(d.By, deletedOf{Camera: e.camera, Oldest: doorlog.IDTime(e.id), Newest: doorlog.IDTime(e.id)})
		}
		of := &d.By[at]
		of.add(e)
		if t := doorlog.IDTime(e.id); t.Before(of.Oldest) {
			of.Oldest = t
		} else if t.After(of.Newest) {
			of.Newest = t
		}
	}
	slices.SortFunc(d.By, func(a, b deletedOf) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Camera, b.Camera))
	})
	return d
}

// what says it in a sentence's words.
func (d *deletion) what() string {
	return fmt.Sprintf("%s and %s (%s)", plural(d.Events, "event"), plural(d.Thumbnails, "thumbnail"), size(d.ThumbnailBytes))
}

func (d *deletion) draw(w io.Writer, loc *time.Location, cameras bool) error {
	did := "deleted"
	if d.DryRun {
		did = "would delete"
	}
	what := d.what()
	if d.Events == 0 {
		what = "nothing: " + noMatch
	} else if cameras {
		if err := d.drawCameras(w, loc); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	text := fmt.Sprintf("%s %s; %s kept", did, what, plural(d.Kept, "event"))
	if d.Pinned > 0 {
		text += fmt.Sprintf(", of which %d pinned", d.Pinned)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

func (d *deletion) drawCameras(w io.Writer, loc *time.Location) error {
	var rows [][]string
	for _, of := range d.By[:min(len(d.By), drawnCameras)] {
		rows = append(rows, []string{
			of.Camera, count(of.Events), count(of.Detections), count(of.Thumbnails), size(of.ThumbnailBytes),
			of.Oldest.In(loc).Format(minuteLayout), of.Newest.In(loc).Format(minuteLayout),
		})
	}
	header := []string{"CAMERA", "EVENTS", "DETECTIONS", "THUMBNAILS", "THEIR SIZE", "OLDEST", "NEWEST"}
	if err := writeTable(w, header, rows); err != nil {
		return err
	}
	if left := len(d.By) - drawnCameras; left > 0 {
		fmt.Fprintf(w, "(and %s more)\n", plural(left, "camera"))
	}
	return nil
}
