package boltfile

import (
	"bytes"
	"encoding/binary"
)

// visited is a range of keys whose pages have been visited: from the key from (nil: from the
// first) up to, and without, the key below (nil: to the last).
type visited struct{ from, below []byte }

// visit visits the place of a key in a bucket, unless it was the last place visited.
func (t *Tx) visit(bucket int, key []byte) {
	if t.before == nil {
		return
	}
	if at := t.visited[bucket]; at != nil && bytes.Compare(key, at.from) >= 0 && (at.below == nil || bytes.Compare(key, at.below) < 0) {
		return
	}
	c := t.before.Cursor(bucket)
	c.place(key)
	t.visitBeside(bucket, c)
}

// visitLast visits the last place of a bucket.
func (t *Tx) visitLast(bucket int) {
	if t.before == nil || t.visited[bucket] != nil && t.visited[bucket].below == nil {
		return
	}
	c := t.before.Cursor(bucket)
	c.Last()
	t.visitBeside(bucket, c)
}

func (t *Tx) visitBeside(bucket int, c *Cursor) {
	c.visitBeside()
	l := &c.stack[len(c.stack)-1]
	at := &visited{below: l.below}
	for d := range len(c.stack) - 1 {
		if c.stack[d].at > 0 { // not the first page of the bucket, which also takes keys before its first one
			at.from = l.key(0)
		}
	}
	t.visited[bucket] = at
}

// visitBeside touches the neighbours of the cursor's page on each level.
func (c *Cursor) visitBeside() {
	for _, step := range [...]int{-1, 1} {
		var beside *treeLevel // the neighbour on the level above
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

// visitBelow touches the child page at which a level of a branch stands, and returns its
// level.
func (c *Cursor) visitBelow(l *treeLevel) *treeLevel {
	if l == nil || l.leaf || l.count == 0 {
		return nil
	}
	id := binary.NativeEndian.Uint64(l.p[PageHeaderLen+l.at*ElementLen+8:])
	beside := Cursor{view: c.view, stack: make([]treeLevel, 1, 2)} // not a root
	below := l.below
	if l.at+1 < l.count {
		below = l.key(l.at + 1)
	}
	beside.push(id, c.view.page(id), l.key(l.at), below)
	return &beside.stack[1]
}

// A visitingCursor is bolt's cursor in a write transaction. It visits each place before
// bolt goes there.
type visitingCursor struct {
	t      *Tx
	bucket int
	cursor KeyCursor // bolt's
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
