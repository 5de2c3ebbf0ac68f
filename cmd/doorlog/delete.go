package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

const deleters = 16 // deletions at the same moment share a commit

// deleteFlags are the flags of delete.
type deleteFlags struct {
	query      queryFlags
	conditions []string // the names of the flags of the query

	all, dryRun, yes bool
}

func newDeleteCommand(a *app) *cobra.Command {
	var f deleteFlags
	cmd := &cobra.Command{
		Use:   "delete ID...",
		Short: "Delete events by their IDs or by flags",
		Long: `Delete the events with these IDs, or those that the flags select, with their
detections and thumbnails. The flags are those of "doorlog events". To delete all events,
use --all. If there is no event with one of the IDs, nothing is deleted.

Flags do not select pinned events, unless --pinned is one of them. An ID also deletes a
pinned event.

The command first shows what it will delete, and asks. If standard input is no terminal
it needs --yes. With --dry-run it only shows it. Deleted events cannot be restored. Other
programs cannot open the database meanwhile, unless a server has it open. "doorlog prune"
deletes old events.

With --json it prints an object with dry_run; events, detections, thumbnails and
thumbnail_bytes, the numbers that were deleted or would be; by (the same for each
camera_id, with oldest and newest); pinned (pinned events that were not selected); and
kept (events that are left).`,
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
	flags.BoolVar(&f.dryRun, "dry-run", false, "only show what would be deleted")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	a.completeEventFlags(cmd)
	return cmd
}

// check refuses flags and IDs that do not select events, or select them twice.
func (f *deleteFlags) check(args []string, given func(flag string) bool) error {
	by := slices.ContainsFunc(f.conditions, given)
	switch {
	case f.all && (by || len(args) > 0):
		return misuse("--all means all events: use it without IDs and without flags that select events")
	case by && len(args) > 0:
		return misuse("use IDs or flags to select events, not both")
	case !f.all && !by && len(args) == 0:
		return misuse("which events? Use their IDs, or flags such as --camera, or --all")
	}
	return nil
}

// delete deletes events and prints what it deleted.
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
	f.query.limit = 1 // must be valid, and is not used
	q, err := f.query.query(given, a.now(), loc)
	if err != nil {
		return err
	}
	q.Limit, q.OldestFirst = 0, true
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
	list := deleteList{ids: ids, query: q, pinnedToo: given("pinned")}
	if err := a.withStore(ctx, readsPictures, list.fill); err != nil {
		return fromFlags(err)
	}
	plan := newDeletion(list.events, list.pinned)
	plan.DryRun, plan.Kept = f.dryRun, list.total-plan.Events
	if f.dryRun || plan.Events == 0 {
		return a.emit(plan, func(w io.Writer) error { return plan.draw(w, loc, true) })
	}
	if ask {
		if err := a.tell(func(w io.Writer) error { return plan.drawCameras(w, loc) }); err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("delete %s from %s for good?", plan.what(), path)); err != nil {
			return err
		}
	}
	gone, err := a.deleteEvents(ctx, &list)
	if gone == nil {
		return err
	}
	return errors.Join(err, a.emit(gone, func(w io.Writer) error { return gone.draw(w, loc, !ask) })) // also after an error: what is deleted is deleted
}

// A deleteList has the events that are to be deleted.
type deleteList struct {
	ids       []doorlog.ID // if empty the query selects
	query     doorlog.Query
	pinnedToo bool

	events []doomed
	pinned int // events that the query did not select because they are pinned
	total  int // events of the store
}

// fill finds the events.
func (l *deleteList) fill(ctx context.Context, st store) error {
	l.events, l.pinned = nil, 0
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
			l.add(&e, st.ThumbnailDir())
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
		l.add(&e, st.ThumbnailDir())
	}
	return nil
}

func (l *deleteList) add(e *doorlog.Event, folder string) {
	d := doomed{id: e.ID, camera: strings.Clone(e.Camera), detections: len(e.Detections)}
	if e.ThumbnailPath != "" {
		info, err := os.Stat(filepath.Join(folder, filepath.FromSlash(e.ThumbnailPath)))
		if d.thumbnail = err == nil; d.thumbnail { // else the file is gone already
			d.bytes = info.Size()
		}
	}
	l.events = append(l.events, d)
}

// deleteEvents deletes the events of the list, and returns the account of those that it
// deleted, also after an error.
func (a *app) deleteEvents(ctx context.Context, list *deleteList) (gone *deletion, err error) {
	bar := a.progress(int64(len(list.events)), "deleting")
	defer bar.Done()
	err = a.withStore(ctx, changesPictures, func(ctx context.Context, st store) error {
		var went []doomed
		went, err := deleteAll(ctx, st, list.events, bar)
		gone = newDeletion(went, list.pinned)
		if stats, serr := st.Stats(context.WithoutCancel(ctx)); serr == nil {
			gone.Kept = stats.Events
		}
		return err
	})
	return gone, err
}

// deleteAll deletes events until one fails, and returns those that it deleted.
func deleteAll(ctx context.Context, st store, events []doomed, bar terminal.Bar) (went []doomed, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan doomed)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range deleters {
		workers.Go(func() {
			for d := range queue {
				switch err := st.DeleteEvent(ctx, d.id); {
				case errors.Is(err, doorlog.ErrNotFound): // it is deleted already
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
