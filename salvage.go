package doorlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// A Salvaged is the account of a Salvage.
type Salvaged struct {
	// Events, Detections and Persons are how many were saved.
	Events     int `json:"events"`
	Detections int `json:"detections"`
	Persons    int `json:"persons"`

	// LostEvents and LostPersons are how many the damaged file had that the new one
	// does not have. If the damaged file's own counts are damaged too, they are 0 and
	// Counted is false. LostDetections is how many detections were lost with lost
	// events and with Stripped ones, as far as their number is known.
	LostEvents     int  `json:"lost_events"`
	LostDetections int  `json:"lost_detections"`
	LostPersons    int  `json:"lost_persons"`
	Counted        bool `json:"counted"`

	// Stripped is how many events were saved without their detections.
	Stripped int `json:"stripped"`

	// Complete says that nothing was lost: by their number and their sum, the saved
	// records are those that the damaged file had.
	Complete bool `json:"complete"`

	// Unsure is how many of the saved events and persons were found in the state before
	// the last commit, or in pages that nothing points to any more. Some of them may
	// have been deleted since, or may be a version from before an update. It is 0 if
	// Complete is set.
	Unsure int `json:"unsure"`

	// Findings are what is wrong with the damaged file, at most the first 100; Found is
	// how many there are in all.
	Findings List[Finding] `json:"findings"`
	Found    int           `json:"found"`
}

// Salvage makes a new store, in the file fresh, of all records in the file at path that
// verify. It returns what was saved and what was lost. The damaged file is not changed;
// nobody may have it open for writing ([ErrLocked]). The thumbnails are not changed
// either: open the new store with the same [Options.ThumbnailDir]. If a file of the
// name fresh exists, the error is [fs.ErrExist], and that file is not changed. The new
// file appears when it is complete.
//
// If the file at path is sound, Salvage makes a compact copy of it. Changes are not saved:
// every [Cursor] of the damaged store is [ErrGone] in the new one, and so each [Consumer]
// gets ErrGone.
func Salvage(ctx context.Context, path, fresh string, options *Options) (*Salvaged, error) {
	result, err := salvage(ctx, path, fresh, options)
	if err != nil {
		return nil, fmt.Errorf("doorlog: salvage %s to %s: %w", path, fresh, err)
	}
	return result, nil
}

func salvage(ctx context.Context, path, fresh string, options *Options) (result *Salvaged, err error) {
	opt, err := options.withDefaults(path)
	if err != nil {
		return nil, err
	}
	opt.ReadOnly = true
	if fsx.IsThere(fresh) {
		return nil, fmt.Errorf("%s: %w", fresh, fs.ErrExist)
	}
	if err := fsx.CheckFile(path); err != nil {
		return nil, err
	}
	how := opt.opening()
	f, err := fsx.OpenLocked(path, os.O_RDONLY, fsx.FilePerm, &how)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	result, _, err = copyRecords(ctx, f, fresh, fsx.PutInPlace, &opt, nil)
	return result, err
}

// copyRecords builds a store of the records of a file that verify, and calls put to
// move it into place. accept, which may be nil, can refuse that with an error.
func copyRecords(
	ctx context.Context, f *os.File, fresh string, put func(temp, path string) error, opt *settings,
	accept func(*Salvaged) error,
) (result *Salvaged, x *examination, err error) {
	err = fsx.BuildBeside(fresh, put, func(temp string) (err error) {
		ids := idSource{entropy: opt.Entropy}
		storeID, err := ids.next(opt.Now())
		if err != nil {
			return err
		}
		if err := buildFile(temp, storeID, storeID, opt); err != nil {
			return err
		}
		c := copier{ctx: ctx, incarnation: storeID, tell: opt.Progress, ids: &ids, now: opt.Now}
		if err := c.open(temp, opt); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.file.Close()) }()
		return fault.Guarded(func() error {
			if x, err = c.copy(f); err != nil {
				return err
			}
			if result, err = c.finish(x); err == nil && accept != nil {
				err = accept(result)
			}
			return err
		})
	})
	return result, x, err
}

// copy copies the records of a file. It takes those in its trees and, if some are
// missing there, those in all other pages that are not free.
func (c *copier) copy(f *os.File) (*examination, error) {
	x := &examination{progress: tellBytes(c.tell, "saving records")}
	x.entry = func(bucket int, key, value []byte) { c.take(bucket, key, value, x.walker.Doubtful > 0) }
	err := x.examineFile(c.ctx, f)
	foreign := err
	if errors.Is(err, ErrNotStore) && x.walker == nil { // a store that has lost its beginning looks like this, too
		x.report(InvariantPages, "%v", err)
		err = nil
	}
	if err == nil {
		err = c.flush()
	}
	if err != nil || x.whole(eventsSum) && x.whole(detectionsSum) && x.whole(personsSum) {
		return x, err
	}
	if err := c.copyOlder(f, x.older); err != nil {
		return x, err
	}
	if err := c.scan(f, x.walker); err != nil {
		return x, err
	}
	if c.taken == 0 && foreign != nil {
		return x, foreign
	}
	return x, nil
}

// copyOlder adds the records of the state before the last commit. The pages of that
// state are all there: the last commit has freed them, and none after it could reuse
// them. The last commit is mostly the one that marks the file as closed.
func (c *copier) copyOlder(f *os.File, metas []boltfile.Meta) error {
	info, err := f.Stat()
	if err != nil || len(metas) == 0 || metas[0].Check(info.Size()) != nil {
		return err
	}
	x := new(examination)
	x.entry = func(bucket int, key, value []byte) { c.take(bucket, key, value, true) }
	if err := x.examine(wholeWalker(c.ctx, f, metas[0], info.Size())); err != nil && !errors.Is(err, ErrNotStore) {
		return err
	}
	return c.flush()
}

// finish settles all events, counts what was saved and lost, and syncs the new store.
func (c *copier) finish(x *examination) (*Salvaged, error) {
	if err := c.dropOrphans(); err != nil {
		return nil, err
	}
	told := tellEvents(c.tell, "indexing")
	if err := c.look(func(v *boltfile.View) error {
		st, err := readState(v)
		told.knows(int64(st.sums[eventsSum].entries))
		return err
	}); err != nil {
		return nil, err
	}
	for more := true; more; {
		err := c.update(func(w *writeTx) (err error) {
			if x.storeID != (ID{}) {
				w.storeID = x.storeID
			}
			for key, rec := range x.notes {
				if err := w.tx.Put(metaNumber, []byte(key), rec); err != nil {
					return err
				}
			}
			more, err = c.settle(w, told)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	told.finish()
	result := &Salvaged{
		Stripped: c.stripped, Unsure: c.unsure, Counted: x.known != nil,
		Findings: slices.Clone(x.list), Found: x.all,
	}
	err := c.look(func(v *boltfile.View) error {
		st, err := readState(v)
		saved := func(bucket int) int { return int(st.sums[bucket].entries) }
		lost := func(bucket int) int {
			if x.known == nil {
				return 0
			}
			return max(0, int(x.known.sums[bucket].entries)-saved(bucket))
		}
		result.Events, result.LostEvents = saved(eventsSum), lost(eventsSum)
		result.Detections, result.LostDetections = c.saved, c.lost
		result.Persons, result.LostPersons = saved(personsSum), lost(personsSum)
		if x.known != nil && slices.Equal(st.sums[:rollupsSum], x.known.sums[:rollupsSum]) { // no matter where the records were found
			result.Complete, result.Unsure = true, 0
		}
		return err
	})
	if err == nil {
		err = c.keyPersons()
	}
	if err == nil {
		err = c.continueLineage(x, result.Complete)
	}
	if err == nil {
		err = c.file.Sync()
	}
	return result, err
}

// keyPersons gives a key to each person that an earlier version has stored without one.
func (c *copier) keyPersons() error {
	return c.update(func(w *writeTx) error { return w.keyPersons(c.ids, c.now()) })
}

// lostChanges is more than the changes of a transaction.
const lostChanges = 1 << 32

// continueLineage keeps the lineage of the damaged store if the copy is complete, and
// else begins another incarnation. The changes are not copied, so every cursor of the
// damaged store is gone. The consumers are copied, so that each of them is told that.
func (c *copier) continueLineage(x *examination, complete bool) error {
	return c.update(func(w *writeTx) error {
		w.atEnd, w.seq = true, 1
		if x.known != nil {
			// What is known may be of before the last commit, which has been lost. Its
			// changes must not come again under the same numbers.
			w.seq = x.known.seq + lostChanges
		}
		if !complete {
			return writeLineage(w.tx, lineage{incarnation: c.incarnation})
		}
		var before lineage
		if rec := x.notes[string(metaLineage)]; rec != nil {
			var err error
			if before, err = decodeLineage(rec); err != nil {
				return err
			}
		}
		return writeLineage(w.tx, before.moved(int(x.walker.Meta.Txid), int(w.txid)))
	})
}

// dropOrphans removes detections whose event is not there.
func (c *copier) dropOrphans() error {
	var orphans [][]byte
	err := c.look(func(state *boltfile.View) error {
		cursor := state.Cursor(detectionsSum)
		for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
			if state.Get(eventsSum, k) == nil {
				orphans = append(orphans, bytes.Clone(k))
				c.lost += countDetections(k, v)
			}
		}
		return nil
	})
	if err != nil || len(orphans) == 0 {
		return err
	}
	return c.update(func(w *writeTx) error {
		for _, k := range orphans {
			if err := w.delete(detectionsSum, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle folds the next events, and removes detections that do not match their event.
// more is false if there are no other events.
func (c *copier) settle(w *writeTx, told *progress) (more bool, err error) {
	after := firstAfter(w.through)
	var events []record
	size := 0
	cursor := w.tx.Cursor(eventsSum)
	for k, v := cursor.Seek(after[:]); k != nil; k, v = cursor.Next() {
		if more = len(events) == batch || size >= batchBytes; more {
			break
		}
		size += len(v)
		var r record
		if err := decodeEvent(k, v, &w.mem, &r); err != nil {
			return false, fmt.Errorf("event %s: %w", keyText(k), err)
		}
		events = append(events, r)
	}
	for i := range events {
		r := &events[i]
		if err := c.attach(w, r); err != nil {
			return false, fmt.Errorf("event %s: %w", r.ID, err)
		}
		w.index.put(r.ID, indexEntries(r))
		w.rollups.addEvent(r, 1)
		w.through = r.ID
		told.add(1)
	}
	return more, nil
}

// attach loads the detections of an event. If they do not match the event's record, the
// event is kept without them.
func (c *copier) attach(w *writeTx, r *record) (err error) {
	rec := w.tx.Get(detectionsSum, r.ID[:])
	if r.detections > 0 {
		if r.Detections, err = decodeDetections(r.ID[:], rec, &w.mem, r.detections); err == nil {
			c.saved += r.detections
			return nil
		}
		c.stripped++
		c.lost += r.detections
		r.detections, r.Detections = 0, nil
		if err := w.put(eventsSum, r.ID[:], encodeEvent(r)); err != nil {
			return err
		}
	}
	if rec == nil {
		return nil
	}
	return w.delete(detectionsSum, r.ID[:])
}
