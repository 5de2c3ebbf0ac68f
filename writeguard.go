package doorlog

import (
	"bytes"
	"encoding/binary"
)

// In a write transaction bolt's search must be used, because it finds what the
// transaction has changed. Whatever it is to search, the same place of the state before
// is visited first: a page that it could misuse is a panic with an ErrCorrupt then, of
// which whoever guards the transaction makes an error. While a transaction lasts bolt
// does not move pages from branch to branch, and when it is committed joins a page at
// most with the one beside it; so these are visited as well.
type visited struct{ from, below []byte } // keys: from, nil the first; below, nil any after

// visit visits the place of a key in a bucket, unless it has been visited just now.
func (w *writeTx) visit(bucket int, key []byte) {
	if w.before == nil {
		return
	}
	if at := w.visited[bucket]; at != nil && bytes.Compare(key, at.from) >= 0 && (at.below == nil || bytes.Compare(key, at.below) < 0) {
		return
	}
	c := w.before.cursor(bucket)
	c.place(key)
	w.visitBeside(bucket, c)
}

// visitLast visits the last place of a bucket.
func (w *writeTx) visitLast(bucket int) {
	if w.before == nil {
		return
	}
	c := w.before.cursor(bucket)
	c.Last()
	w.visitBeside(bucket, c)
}

func (w *writeTx) visitBeside(bucket int, c *treeCursor) {
	c.visitBeside()
	l := &c.stack[len(c.stack)-1]
	at := &visited{below: l.below}
	for d := range len(c.stack) - 1 {
		if c.stack[d].at > 0 { // it is not the first page of the bucket, before whose first key nothing is
			at.from = l.key(0)
		}
	}
	w.visited[bucket] = at
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

// value returns what is under a key, or nil.
func (w *writeTx) value(bucket int, key []byte) []byte {
	w.visit(bucket, key)
	return w.bucket(bucket).Get(key)
}

// cursor returns a cursor over a bucket, as the transaction has changed it so far.
func (w *writeTx) cursor(bucket int) keyCursor {
	return &visitingCursor{w: w, bucket: bucket, cursor: w.bucket(bucket).Cursor()}
}

// A visitingCursor is bolt's cursor in a write transaction.
type visitingCursor struct {
	w      *writeTx
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
	c.w.visit(c.bucket, nil)
	return c.at(c.cursor.First())
}

func (c *visitingCursor) Last() (k, v []byte) {
	c.w.visitLast(c.bucket)
	return c.at(c.cursor.Last())
}

func (c *visitingCursor) Seek(key []byte) (k, v []byte) {
	c.w.visit(c.bucket, key)
	c.last = key
	return c.at(c.cursor.Seek(key))
}

func (c *visitingCursor) Next() (k, v []byte) {
	c.w.visit(c.bucket, c.last)
	return c.at(c.cursor.Next())
}

func (c *visitingCursor) Prev() (k, v []byte) {
	c.w.visit(c.bucket, c.last)
	return c.at(c.cursor.Prev())
}
