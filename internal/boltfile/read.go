package boltfile

import (
	"github.com/doorlog/doorlog/internal/fault"
	bolt "go.etcd.io/bbolt"
)

// A Reader is a read transaction. It holds one state of the file until it ends.
type Reader struct {
	File *File
	tx   *bolt.Tx
	view *View
}

// Read begins a read transaction.
func (f *File) Read() (*Reader, error) {
	tx, err := f.begin(false)
	if err != nil {
		return nil, err
	}
	r := &Reader{File: f, tx: tx}
	if err := fault.Guarded(func() error { r.view = newView(f, tx); return nil }); err != nil {
		f.rollback(tx)
		return nil, err
	}
	return r, nil
}

// ID returns the number of the transaction that made the state.
func (r *Reader) ID() uint64 { return uint64(r.tx.ID()) }

// Look calls fn with the state and returns the error of fn. If fn panics because it reads a
// damaged page, Look returns [fault.ErrCorrupt]. There is no other way to a [View]. The view
// must be used only inside of Look. The bytes that it returns are valid until the
// transaction ends, but to read them outside of Look is not guarded.
func (r *Reader) Look(fn func(*View) error) error {
	return fault.Guarded(func() error { return fn(r.view) })
}

// End ends the transaction.
func (r *Reader) End() { r.File.rollback(r.tx) }

// Newest returns the number of the newest transaction that readers see.
func (f *File) Newest() (uint64, error) {
	tx, err := f.begin(false)
	if err != nil {
		return 0, err
	}
	defer f.rollback(tx)
	return uint64(tx.ID()), nil
}
