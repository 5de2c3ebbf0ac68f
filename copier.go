package doorlog

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A copier fills a new store with the records of another one.
type copier struct {
	ctx   context.Context
	tell  func(Progress) // Options.Progress; may be nil
	file  *boltfile.File
	names interner

	incarnation ID // of the new store, if a record was lost
	ids         *idSource
	now         func() time.Time

	pending  []rawRecord
	size     int // bytes that are pending
	err      error
	unsure   int
	stripped int
	taken    int   // number of records
	saved    int   // number of detections
	lost     int   // number of detections
	extra    int64 // bytes of overflow that scan has read
}

type rawRecord struct {
	bucket     int
	key, value []byte
	unsure     bool
}

// A transaction writes at most batch records or events. It ends early after batchBytes bytes.
const batch, batchBytes = 4096, 4 << 20

func (c *copier) open(path string, opt *settings) (err error) {
	how := opt.ofFile()
	how.ReadOnly, how.Examine = false, nil // the file has just been made
	if c.file, err = boltfile.Open(path, how); err == nil {
		c.file.DeferSyncs(true)
	}
	return err
}

// take adds a record that verifies to those that are written next.
func (c *copier) take(bucket int, key, value []byte, unsure bool) {
	if bucket >= rollupsSum && bucket != consumersSum || c.err != nil || !c.storable(bucket, key, value) {
		return
	}
	c.taken++
	c.pending = append(c.pending, rawRecord{bucket, bytes.Clone(key), bytes.Clone(value), unsure})
	if c.size += len(value); len(c.pending) >= batch || c.size >= batchBytes {
		c.err = c.flush()
	}
}

// storable reports whether a store may hold a record. That a record verifies is not enough: a
// later version of doorlog or another program may have written it.
func (c *copier) storable(bucket int, key, value []byte) bool {
	switch bucket {
	case eventsSum:
		var r record
		id, err := asID(key)
		if err != nil || !validID(id) {
			return false
		}
		mem := arena{names: &c.names}
		err = decodeEvent(key, value, &mem, &r)
		return err == nil && r.validate(maxIDTime) == nil
	case personsSum:
		_, err := decodePerson(string(key), value)
		return err == nil && validName("name", string(key)) == nil
	case consumersSum:
		_, err := decodeConsumer(key, value)
		return err == nil && validName("consumer", string(key)) == nil
	}
	id, err := asID(key)
	return err == nil && validID(id)
}

// flush writes the records that were taken. It does not overwrite records.
func (c *copier) flush() error {
	if c.err != nil || len(c.pending) == 0 {
		return c.err
	}
	slices.SortStableFunc(c.pending, func(a, b rawRecord) int { return bytes.Compare(a.key, b.key) })
	err := c.update(func(w *writeTx) error {
		for _, r := range c.pending {
			if w.tx.Get(r.bucket, r.key) != nil {
				continue
			}
			if r.unsure && (r.bucket == eventsSum || r.bucket == personsSum) {
				c.unsure++
			}
			if err := w.add(r.bucket, r.key, r.value); err != nil {
				return err
			}
		}
		return nil
	})
	clear(c.pending) // frees the records, which may be large
	c.pending, c.size = c.pending[:0], 0
	return err
}

func (c *copier) update(fn func(*writeTx) error) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	tx, err := c.file.BeginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	w, err := newWriteTx(tx, &c.names, 0)
	if err != nil {
		return err
	}
	w.unclean = false
	if err := fn(w); err != nil {
		return err
	}
	if err := w.finish(); err != nil {
		return err
	}
	return tx.Commit(w.atEnd)
}

// look calls fn with the newest state of the new store.
func (c *copier) look(fn func(*boltfile.View) error) error {
	r, err := c.file.Read()
	if err != nil {
		return err
	}
	defer r.End()
	return r.Look(fn)
}
