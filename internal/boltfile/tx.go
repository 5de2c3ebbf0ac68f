package boltfile

import (
	"fmt"

	"github.com/doorlog/doorlog/internal/fault"
	bolt "go.etcd.io/bbolt"
)

// A Tx is a write transaction.
//
// bolt's own search must be used in it, because it finds what the transaction has
// changed. Whatever it is to search, the same place of the state before is visited
// first: a page that it could misuse is a panic with an ErrCorrupt then, of which
// whoever guards the transaction makes an error. While a transaction lasts bolt
// does not move pages from branch to branch, and when it is committed joins a page at
// most with the one beside it; so these are visited as well.
type Tx struct {
	tx      *bolt.Tx
	txid    uint64
	file    *File
	before  *View          // the state that it began with; nil: its pages are not known
	visited []*visited     // in before, of each bucket
	buckets []*bolt.Bucket // as far as they have been asked for
}

// fillPercent is how full bolt leaves a page that it splits. Keys arrive
// mostly in order, so nearly full pages are right, but 1.0 would make empty
// overflow pages. Bolt does not persist it.
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

// ID returns the number of the transaction, which is one more than that of the state
// that it began with.
func (t *Tx) ID() uint64 { return t.txid }

// Trust returns which checks are left out.
func (t *Tx) Trust() Trust { return t.file.trust }

// bucket returns a bucket, which must be there.
func (t *Tx) bucket(number int) *bolt.Bucket {
	if t.buckets[number] == nil {
		b := t.tx.Bucket(t.file.names[number])
		if b == nil {
			panic(missingBucketError(t.file.names[number])) // the guard of every transaction makes this ErrCorrupt
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

// MakeBucket makes a bucket, which is not there.
func (t *Tx) MakeBucket(number int) error {
	if _, err := t.tx.CreateBucket(t.file.names[number]); err != nil {
		return fmt.Errorf("bucket %s: %w", t.file.names[number], err)
	}
	t.visited[number] = new(visited) // there is nothing of it in the state before
	return nil
}

// Get returns what is under a key, or nil. It is good until the transaction changes
// something, or ends.
func (t *Tx) Get(bucket int, key []byte) []byte {
	t.visit(bucket, key)
	return t.bucket(bucket).Get(key)
}

// Put puts a value under a key. Both stay as they are until the transaction ends.
func (t *Tx) Put(bucket int, key, value []byte) error {
	t.visit(bucket, key)
	return t.bucket(bucket).Put(key, value)
}

// Delete deletes a key, if it is there.
func (t *Tx) Delete(bucket int, key []byte) error {
	t.visit(bucket, key)
	return t.bucket(bucket).Delete(key)
}

// Cursor returns a cursor over a bucket, as the transaction has changed it so far.
func (t *Tx) Cursor(bucket int) KeyCursor {
	return &visitingCursor{t: t, bucket: bucket, cursor: t.bucket(bucket).Cursor()}
}

// Commit commits the transaction. Its list of free pages is written if it is the last
// before the file is closed. An error may mean that it is not known whether the
// transaction is there: see isShown.
func (t *Tx) Commit(atEnd bool) error {
	f := t.file
	f.db.NoFreelistSync = !atEnd
	defer func() { f.db.NoFreelistSync = true }()
	f.summed = false // pages may be written over the sums
	return f.CommitTx(t.tx)
}

// Wrote returns how many pages the commit has written.
func (t *Tx) Wrote() int64 {
	stats := t.tx.Stats()
	return stats.GetWrite()
}

// Rollback ends the transaction, and does nothing if it has ended.
func (t *Tx) Rollback() { t.file.rollback(t.tx) }
