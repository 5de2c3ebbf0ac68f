package doorlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// upgrade upgrades a file of an older schema to this one. In schema 1 the tail was the
// last events of the bucket events.
func upgrade(f *boltfile.File) (err error) {
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
		if st.schema < tailInSchema {
			if err := tx.MakeBucket(tailNumber); err != nil {
				return err
			}
		}
		w, err := newWriteTx(tx, new(interner), 0)
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
