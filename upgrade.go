package doorlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// upgrade upgrades a file of an older schema to this one. In schema 1 the tail was the
// last events of the bucket events.
func upgrade(f *boltfile.File, ids *idSource, now time.Time) (err error) {
	if err := f.SettleNewest(); err != nil {
		return err
	}
	tx, err := f.BeginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fault.Guarded(func() error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		for i := range stored {
			if st.schema < firstSchema(i) {
				if err := tx.MakeBucket(i); err != nil {
					return err
				}
			}
		}
		w, err := newWriteTx(tx, new(interner), 0)
		if err == nil && st.schema < changesInSchema {
			err = w.beginChanges(ids, now)
		}
		if err == nil && st.schema < tailInSchema {
			err = w.foldOldTail()
		}
		if err != nil {
			return err
		}
		w.schema = schemaVersion
		version := binary.BigEndian.AppendUint32(nil, schemaVersion)
		if err := errors.Join(tx.Put(metaNumber, metaSchema, version), w.finish()); err != nil {
			return err
		}
		if err := tx.Commit(false); err != nil {
			return fault.DiskError(err)
		}
		return f.NoteCommit()
	})
}

// beginChanges begins the history of changes: what was done before is not told. It gives every
// person a key, and every event the index entries of its attributes.
func (w *writeTx) beginChanges(ids *idSource, now time.Time) error {
	w.seq = 1 // and it is not kept: a reader from the beginning must not miss what is there
	if err := w.keyPersons(ids, now); err != nil {
		return err
	}
	c := w.tx.Cursor(eventsSum)
	for k, v := c.First(); k != nil; k, v = c.Next() {
		var r record
		if err := decodeEvent(k, v, &w.mem, &r); err != nil {
			return fmt.Errorf("event %s: %w", keyText(k), err)
		}
		if w.folded(r.ID) {
			w.index.put(r.ID, attributeEntries(nil, &r))
		}
	}
	return nil
}

// foldOldTail folds the events after indexed_through. In schema 1 they are in the
// bucket events.
func (w *writeTx) foldOldTail() (err error) {
	after := firstAfter(w.through)
	c := w.tx.Cursor(eventsSum)
	for k, _ := c.Seek(after[:]); k != nil; k, _ = c.Next() {
		if w.through, err = asID(k); err != nil { // from here on get finds it
			return err
		}
		r, err := w.get(w.through)
		if err != nil {
			return fmt.Errorf("event %s: %w", keyText(k), err)
		}
		w.index.put(r.ID, indexEntries(&r))
		w.rollups.addEvent(&r, 1)
	}
	return nil
}
