package doorlog

import (
	"bytes"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// A boltTx is a write transaction.
//
// bolt's own search must be used in it, because it finds what the transaction has
// changed. Whatever it is to search, the same place of the state before is visited
// first: a page that it could misuse is a panic with an ErrCorrupt then, of which
// whoever guards the transaction makes an error. While a transaction lasts bolt
// does not move pages from branch to branch, and when it is committed joins a page at
// most with the one beside it; so these are visited as well.
type boltTx struct {
	tx      *bolt.Tx
	txid    uint64
	file    *boltFile
	before  *view          // the state that it began with; nil: its pages are not known
	visited []*visited     // in before, of each bucket
	buckets []*bolt.Bucket // as far as they have been asked for
}

type visited struct{ from, below []byte } // keys: from, nil the first; below, nil any after

// fillPercent is how full bolt leaves a page that it splits. Keys arrive
// mostly in order, so nearly full pages are right, but 1.0 would make empty
// overflow pages. Bolt does not persist it.
const fillPercent = 0.9

// beginTx begins a write transaction.
func (f *boltFile) beginTx() (*boltTx, error) {
	tx, err := f.begin(true)
	if err != nil {
		return nil, err
	}
	t := f.txOf(tx)
	if f.table == nil {
		return t, nil
	}
	if err := guarded(func() error { t.before = newView(f, tx); return nil }); err != nil {
		f.rollback(tx)
		return nil, err
	}
	return t, nil
}

func (f *boltFile) txOf(tx *bolt.Tx) *boltTx {
	n := len(f.names)
	return &boltTx{tx: tx, txid: uint64(tx.ID()), file: f, visited: make([]*visited, n), buckets: make([]*bolt.Bucket, n)}
}

// id returns the number of the transaction, which is one more than that of the state
// that it began with.
func (t *boltTx) id() uint64 { return t.txid }

// trust returns which checks are left out.
func (t *boltTx) trust() trust { return t.file.trust }

// bucket returns a bucket, which must be there.
func (t *boltTx) bucket(number int) *bolt.Bucket {
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

// makeBucket makes a bucket, which is not there.
func (t *boltTx) makeBucket(number int) error {
	if _, err := t.tx.CreateBucket(t.file.names[number]); err != nil {
		return fmt.Errorf("bucket %s: %w", t.file.names[number], err)
	}
	t.visited[number] = new(visited) // there is nothing of it in the state before
	return nil
}

// Get returns what is under a key, or nil. It is good until the transaction changes
// something, or ends.
func (t *boltTx) Get(bucket int, key []byte) []byte {
	t.visit(bucket, key)
	return t.bucket(bucket).Get(key)
}

// put puts a value under a key. Both stay as they are until the transaction ends.
func (t *boltTx) put(bucket int, key, value []byte) error {
	t.visit(bucket, key)
	return t.bucket(bucket).Put(key, value)
}

// remove deletes a key, if it is there.
func (t *boltTx) remove(bucket int, key []byte) error {
	t.visit(bucket, key)
	return t.bucket(bucket).Delete(key)
}

// cursor returns a cursor over a bucket, as the transaction has changed it so far.
func (t *boltTx) cursor(bucket int) keyCursor {
	return &visitingCursor{t: t, bucket: bucket, cursor: t.bucket(bucket).Cursor()}
}

// visit visits the place of a key in a bucket, unless it has been visited just now.
func (t *boltTx) visit(bucket int, key []byte) {
	if t.before == nil {
		return
	}
	if at := t.visited[bucket]; at != nil && bytes.Compare(key, at.from) >= 0 && (at.below == nil || bytes.Compare(key, at.below) < 0) {
		return
	}
	c := t.before.cursor(bucket)
	c.place(key)
	t.visitBeside(bucket, c)
}

// visitLast visits the last place of a bucket.
func (t *boltTx) visitLast(bucket int) {
	if t.before == nil || t.visited[bucket] != nil && t.visited[bucket].below == nil {
		return
	}
	c := t.before.cursor(bucket)
	c.Last()
	t.visitBeside(bucket, c)
}

func (t *boltTx) visitBeside(bucket int, c *treeCursor) {
	c.visitBeside()
	l := &c.stack[len(c.stack)-1]
	at := &visited{below: l.below}
	for d := range len(c.stack) - 1 {
		if c.stack[d].at > 0 { // it is not the first page of the bucket, before whose first key nothing is
			at.from = l.key(0)
		}
	}
	t.visited[bucket] = at
}

// visitBeside touches the pages before and after the cursor's on each of its levels.
func (c *treeCursor) visitBeside() {
	for _, step := range [...]int{-1, 1} {
		var beside *treeLevel // beside the page of the level above
		for d := 1; d < len(c.stack); d++ {
			above := c.stack[d-1]
			if at := above.at + step; at >= 0 && at < above.count {
				above.at, beside = at, &above
			} else if beside != nil && step < 0 {
				beside.at = beside.count - 1
			} else if beside != nil {
				beside.at = 0
			}
			beside = c.visitBelow(beside)
		}
	}
}

// visitBelow touches the page below where a level of a branch stands.
func (c *treeCursor) visitBelow(l *treeLevel) *treeLevel {
	if l == nil || l.leaf || l.count == 0 {
		return nil
	}
	id := binary.NativeEndian.Uint64(l.p[pageHeaderLen+l.at*elementLen+8:])
	beside := treeCursor{view: c.view, stack: make([]treeLevel, 1, 2)} // not a root
	below := l.below
	if l.at+1 < l.count {
		below = l.key(l.at + 1)
	}
	beside.push(id, c.view.page(id), l.key(l.at), below)
	return &beside.stack[1]
}

// A visitingCursor is bolt's cursor in a write transaction.
type visitingCursor struct {
	t      *boltTx
	bucket int
	cursor keyCursor // bolt's
	last   []byte    // where it stands
}

func (c *visitingCursor) at(k, v []byte) (key, value []byte) {
	if k != nil {
		c.last = k
	}
	return k, v
}

func (c *visitingCursor) First() (k, v []byte) {
	c.t.visit(c.bucket, nil)
	return c.at(c.cursor.First())
}

func (c *visitingCursor) Last() (k, v []byte) {
	c.t.visitLast(c.bucket)
	return c.at(c.cursor.Last())
}

func (c *visitingCursor) Seek(key []byte) (k, v []byte) {
	c.t.visit(c.bucket, key)
	c.last = key
	return c.at(c.cursor.Seek(key))
}

func (c *visitingCursor) Next() (k, v []byte) {
	c.t.visit(c.bucket, c.last)
	return c.at(c.cursor.Next())
}

func (c *visitingCursor) Prev() (k, v []byte) {
	c.t.visit(c.bucket, c.last)
	return c.at(c.cursor.Prev())
}

// commit commits the transaction. Its list of free pages is written if it is the last
// before the file is closed. An error may mean that it is not known whether the
// transaction is there: see isShown.
func (t *boltTx) commit(atEnd bool) error {
	f := t.file
	f.db.NoFreelistSync = !atEnd
	defer func() { f.db.NoFreelistSync = true }()
	f.summed = false // pages may be written over the sums
	return f.commitTx(t.tx)
}

// wrote returns how many pages the commit has written.
func (t *boltTx) wrote() int64 {
	stats := t.tx.Stats()
	return stats.GetWrite()
}

// rollback ends the transaction, and does nothing if it has ended.
func (t *boltTx) rollback() { t.file.rollback(t.tx) }

// A boltRead is a read transaction: one state of the file, which is in its view as long
// as the transaction lasts.
type boltRead struct {
	file *boltFile
	tx   *bolt.Tx
	view *view
}

// read begins a read transaction.
func (f *boltFile) read() (*boltRead, error) {
	tx, err := f.begin(false)
	if err != nil {
		return nil, err
	}
	r := &boltRead{file: f, tx: tx}
	if err := guarded(func() error { r.view = newView(f, tx); return nil }); err != nil {
		f.rollback(tx)
		return nil, err
	}
	return r, nil
}

// id returns the number of the transaction that made the state.
func (r *boltRead) id() uint64 { return uint64(r.tx.ID()) }

// end ends the transaction.
func (r *boltRead) end() { r.file.rollback(r.tx) }

// newest returns the number of the newest transaction that readers see.
func (f *boltFile) newest() (uint64, error) {
	tx, err := f.begin(false)
	if err != nil {
		return 0, err
	}
	defer f.rollback(tx)
	return uint64(tx.ID()), nil
}
