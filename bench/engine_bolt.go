package main

import (
	"encoding/binary"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

// floorEngine is bbolt alone, doing the least that a question needs: records
// are copied, as they must not be used after the transaction, and neither
// decoded nor found by anything but their place. A write is one small key.
type floorEngine struct {
	db     *bolt.DB
	copied []byte
}

var (
	recordsBucket = []byte("records")
	smallBucket   = []byte("small")
)

func openFloor(dir string) (engine, error) {
	db, err := bolt.Open(filepath.Join(dir, "floor.db"), 0o600, nil)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{recordsBucket, smallBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	return &floorEngine{db: db}, err
}

func floorKey(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func (f *floorEngine) Load(batch []doorlog.Event, n int) error {
	return f.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(recordsBucket)
		for i := range batch {
			value, err := encodeEvent(&batch[i])
			if err != nil {
				return err
			}
			if err := b.Put(floorKey(n+i), value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *floorEngine) Settle() error { return nil }
func (f *floorEngine) Close() error  { return f.db.Close() }

func (f *floorEngine) Write(_ *doorlog.Event, n int) error {
	const keys = 100
	return f.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(smallBucket).Put(floorKey(n%keys), []byte("v")) })
}

func (f *floorEngine) Event(r ref) (doorlog.Event, error) {
	return doorlog.Event{}, f.db.View(func(tx *bolt.Tx) error {
		value := tx.Bucket(recordsBucket).Get(floorKey(r.n))
		if value == nil {
			return errMissing
		}
		f.copied = append(f.copied[:0], value...)
		return nil
	})
}

func (f *floorEngine) Newest(limit int) ([]doorlog.Event, error) {
	return nil, f.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(recordsBucket).Cursor()
		k, v := c.Last()
		return f.walk(c, k, v, limit)
	})
}

func (f *floorEngine) PageAt(_ int, after ref, limit int) ([]doorlog.Event, error) {
	return nil, f.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(recordsBucket).Cursor()
		c.Seek(floorKey(after.n))
		k, v := c.Prev()
		return f.walk(c, k, v, limit)
	})
}

func (f *floorEngine) walk(c *bolt.Cursor, k, v []byte, limit int) error {
	f.copied = f.copied[:0]
	for ; k != nil && limit > 0; k, v = c.Prev() {
		f.copied = append(f.copied, v...)
		limit--
	}
	if limit > 0 {
		return errMissing
	}
	return nil
}

func (f *floorEngine) NewestWithLabel(string, int) ([]doorlog.Event, error) { return nil, errUnasked }

func (f *floorEngine) Pair(string, string, int) ([]doorlog.Event, error) { return nil, errUnasked }
func (f *floorEngine) CountCamera(string) (int, error)                   { return 0, errUnasked }
func (f *floorEngine) Heatmap(span) (h doorlog.Heatmap, err error)       { return h, errUnasked }
func (f *floorEngine) Timeline(span) ([]doorlog.DayCount, error)         { return nil, errUnasked }

func (f *floorEngine) Breakdown(span) ([]doorlog.LabelCount, error) { return nil, errUnasked }
