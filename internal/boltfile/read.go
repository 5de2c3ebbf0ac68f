package boltfile

import (
	"github.com/doorlog/doorlog/internal/fault"
	bolt "go.etcd.io/bbolt"
)

// A Reader is a read transaction: one state of the file, which is in its view as long
// as the transaction lasts.
type Reader struct {
	File *File
	tx   *bolt.Tx
	View *View
}

// Read begins a read transaction.
func (f *File) Read() (*Reader, error) {
	tx, err := f.begin(false)
	if err != nil {
		return nil, err
	}
	r := &Reader{File: f, tx: tx}
	if err := fault.Guarded(func() error { r.View = newView(f, tx); return nil }); err != nil {
		f.rollback(tx)
		return nil, err
	}
	return r, nil
}

// ID returns the number of the transaction that made the state.
func (r *Reader) ID() uint64 { return uint64(r.tx.ID()) }

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
