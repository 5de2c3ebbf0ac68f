package boltfile

import (
	"fmt"

	"github.com/doorlog/doorlog/internal/fault"
	bolt "go.etcd.io/bbolt"
)

// A Tx is a write transaction.
//
// A write transaction must use bolt's own search, because only that finds what the
// transaction has changed. So before bolt searches for a key, a [Cursor] visits the place
// of the key in the state before the transaction. If it finds a damaged page, it panics
// with an error that is [fault.ErrCorrupt]. Callers use a Tx inside of [fault.Guarded],
// which converts the panic to an error.
//
// While a transaction lasts, bolt does not move pages between branches. When it commits,
// it merges a page at most with a neighbour. So the neighbours are visited as well.
type Tx struct {
	tx      *bolt.Tx
	txid    uint64
	file    *File
	before  *View          // the state that it began with; nil if the file has no Table
	visited []*visited     // for each bucket, the last place visited in before
	buckets []*bolt.Bucket // those that have been used
}

// fillPercent is how full bolt leaves a page that it splits. Most keys arrive in order, so
// pages can be nearly full. 1.0 would make empty overflow pages. Bolt does not persist the
// setting.
const fillPercent = 0.9

// BeginTx begins a write transaction.
func (f *File) BeginTx() (*Tx, error) {
	tx, err := f.begin(true)
	if err != nil {
		return nil, err
	}
	t := f.txOf(tx)
	if f.table == nil {
		return t, nil
	}
	if err := fault.Guarded(func() error { t.before = newView(f, tx); return nil }); err != nil {
		f.rollback(tx)
		return nil, err
	}
	return t, nil
}

func (f *File) txOf(tx *bolt.Tx) *Tx {
	n := len(f.names)
	return &Tx{tx: tx, txid: uint64(tx.ID()), file: f, visited: make([]*visited, n), buckets: make([]*bolt.Bucket, n)}
}

// ID returns the number of the transaction: one more than that of the state that it began
// with.
func (t *Tx) ID() uint64 { return t.txid }

// Trust returns the checks that are left out.
func (t *Tx) Trust() Trust { return t.file.trust }

// bucket returns a bucket. It panics if the bucket does not exist.
func (t *Tx) bucket(number int) *bolt.Bucket {
	if t.buckets[number] == nil {
		b := t.tx.Bucket(t.file.names[number])
		if b == nil {
			panic(missingBucketError(t.file.names[number])) // fault.Guarded converts this to ErrCorrupt
		}
		b.FillPercent = fillPercent
		t.buckets[number] = b
	}
	return t.buckets[number]
}

type missingBucketError string

func (name missingBucketError) Error() string {
	return fmt.Sprintf("bucket %q is missing", string(name))
}

// MakeBucket creates a bucket, which must not exist.
func (t *Tx) MakeBucket(number int) error {
	if _, err := t.tx.CreateBucket(t.file.names[number]); err != nil {
		return fmt.Errorf("bucket %s: %w", t.file.names[number], err)
	}
	t.visited[number] = new(visited) // the state before has no pages of it to visit
	return nil
}

// Get returns the value of a key, or nil. The value is valid until the transaction changes
// something or ends.
func (t *Tx) Get(bucket int, key []byte) []byte {
	t.visit(bucket, key)
	return t.bucket(bucket).Get(key)
}

// Put sets the value of a key. The caller must not change either until the transaction
// ends.
func (t *Tx) Put(bucket int, key, value []byte) error {
	t.visit(bucket, key)
	return t.bucket(bucket).Put(key, value)
}

// Delete deletes a key. It does nothing if the key does not exist.
func (t *Tx) Delete(bucket int, key []byte) error {
	t.visit(bucket, key)
	return t.bucket(bucket).Delete(key)
}

// Cursor returns a cursor over a bucket. It sees the changes that the transaction has made
// so far.
func (t *Tx) Cursor(bucket int) KeyCursor {
	return &visitingCursor{t: t, bucket: bucket, cursor: t.bucket(bucket).Cursor()}
}

// Commit commits the transaction. It writes the list of free pages only if atEnd is set,
// for the last transaction before the file is closed. After an error the transaction may or
// may not be in the file: compare [File.Newest] with the transaction's ID.
func (t *Tx) Commit(atEnd bool) error {
	f := t.file
	f.db.NoFreelistSync = !atEnd
	defer func() { f.db.NoFreelistSync = true }()
	f.summed = false // the commit may overwrite the sums
	return f.CommitTx(t.tx)
}

// Wrote returns the number of pages that the commit has written.
func (t *Tx) Wrote() int64 {
	stats := t.tx.Stats()
	return stats.GetWrite()
}

// Rollback rolls the transaction back. It does nothing if the transaction has ended.
func (t *Tx) Rollback() { t.file.rollback(t.tx) }
