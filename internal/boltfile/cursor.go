package boltfile

import (
	"bytes"
	"encoding/binary"
)

// A KeyCursor moves over the keys of a bucket in order, as bolt's Cursor does. k and v are
// parts of a page, and nil at the end.
type KeyCursor interface {
	First() (k, v []byte)
	Last() (k, v []byte)
	Next() (k, v []byte)
	Prev() (k, v []byte)
	Seek(key []byte) (k, v []byte) // the first key that is not before key
}

// A Cursor is a [KeyCursor] over a bucket of a [View]. It does not recurse, goes down at
// most maxLevels levels, and sees only increasing keys. So it ends, even in a damaged tree.
type Cursor struct {
	view    *View
	root    treeRoot
	buckets bool // the values are buckets
	stack   []treeLevel
	key     []byte       // where it stands
	room    [4]treeLevel // memory of the stack; few trees have more levels
}

// A treeLevel is a page on the way from the root, and where the cursor stands in it.
type treeLevel struct {
	view      *View
	p         []byte // with its overflow
	id        uint64
	count, at int
	leaf      bool
	below     []byte // all keys must be below this one; nil: no bound
}

// First moves to the first key.
func (c *Cursor) First() (k, v []byte) {
	c.begin()
	return c.edge(false)
}

// Last moves to the last key.
func (c *Cursor) Last() (k, v []byte) {
	c.begin()
	return c.edge(true)
}

// Seek moves to the first key that is not before key.
func (c *Cursor) Seek(key []byte) (k, v []byte) {
	l, at := c.place(key)
	if at < l.count {
		l.at = at
		l.inside(at)
		return c.element(l)
	}
	if l.at = max(0, at-1); l.count > 0 {
		c.key = l.key(l.at)
	}
	return c.Next()
}

// place goes to the leaf where a key is or would be, and returns its index there.
func (c *Cursor) place(key []byte) (l *treeLevel, at int) {
	c.begin()
	for {
		l := &c.stack[len(c.stack)-1]
		at := l.search(key)
		if l.leaf {
			return l, at
		}
		if at == l.count || at > 0 && !bytes.Equal(l.key(at), key) {
			at--
		}
		l.at = at
		l.inside(at)
		c.down()
	}
}

// Next moves to the next key.
func (c *Cursor) Next() (k, v []byte) {
	l := &c.stack[len(c.stack)-1]
	if l.at+1 < l.count {
		before := c.key
		if l.at++; l.at == l.count-1 {
			l.inside(l.at)
		}
		k, v = c.element(l)
		if compareKeys(before, k) >= 0 && !c.view.trust.Checks {
			panic(l.broken(l.at, errOutOfOrder))
		}
		return k, v
	}
	for d := len(c.stack) - 2; d >= 0; d-- {
		if l := &c.stack[d]; l.at+1 < l.count {
			if l.at++; l.at == l.count-1 {
				l.inside(l.at)
			}
			c.stack = c.stack[:d+1]
			c.down()
			return c.edge(false)
		}
	}
	return nil, nil
}

// Prev moves to the previous key.
func (c *Cursor) Prev() (k, v []byte) {
	l := &c.stack[len(c.stack)-1]
	if l.at > 0 && l.count > 0 {
		after := c.key
		l.at--
		k, v = c.element(l)
		if compareKeys(k, after) >= 0 && !c.view.trust.Checks {
			panic(l.broken(l.at, errOutOfOrder))
		}
		return k, v
	}
	for d := len(c.stack) - 2; d >= 0; d-- {
		if l := &c.stack[d]; l.at > 0 {
			l.at--
			c.stack = c.stack[:d+1]
			c.down()
			return c.edge(true)
		}
	}
	return nil, nil
}

// begin goes to the root.
func (c *Cursor) begin() {
	c.stack = c.room[:0]
	if c.root.page == 0 {
		c.push(0, c.root.inline, nil, nil)
		return
	}
	c.push(c.root.page, c.view.page(c.root.page), nil, nil)
}

// edge goes down to the first key of the subtree at which the cursor stands, or to its
// last key.
func (c *Cursor) edge(last bool) (k, v []byte) {
	for {
		l := &c.stack[len(c.stack)-1]
		if l.at = 0; last && l.count > 0 {
			l.at = l.count - 1
		}
		if l.at == l.count-1 {
			l.inside(l.at)
		}
		if l.leaf {
			if l.count == 0 {
				return nil, nil
			}
			return c.element(l)
		}
		c.down()
	}
}

// down goes to the child page at which the cursor stands in a branch.
func (c *Cursor) down() {
	l := &c.stack[len(c.stack)-1]
	below := l.below
	if l.at+1 < l.count {
		below = l.key(l.at + 1)
	}
	id := binary.NativeEndian.Uint64(l.p[PageHeaderLen+l.at*ElementLen+8:])
	c.push(id, c.view.page(id), l.key(l.at), below)
}

// push enters a page. Its first key must be from, and all its keys must be below below.
func (c *Cursor) push(id uint64, p, from, below []byte) {
	flags, count := binary.NativeEndian.Uint16(p[8:]), int(binary.NativeEndian.Uint16(p[10:]))
	if flags != LeafFlag && flags != BranchFlag {
		panic(c.view.damage(id, "flags %#x where a branch or a leaf should be", flags))
	}
	root := len(c.stack) == 0
	switch {
	case PageHeaderLen+count*ElementLen > len(p):
		panic(c.view.damage(id, "%d elements", count))
	case count == 0 && (!root || flags != LeafFlag):
		panic(c.view.damage(id, "it is empty"))
	case len(c.stack) == maxLevels:
		panic(c.view.damage(id, "it is %d levels deep", maxLevels))
	}
	c.stack = append(c.stack, treeLevel{view: c.view, p: p, id: id, count: count, leaf: flags == LeafFlag, below: below})
	if root || c.view.trust.Checks {
		return
	}
	if l := &c.stack[len(c.stack)-1]; !bytes.Equal(l.key(0), from) {
		panic(l.broken(0, errOutside))
	}
}

// inside checks that the key of an element is before the next page of its level, where a
// search would look for it. Keys are in order, so it is enough to check the elements that a
// search stops at, and the last one of each page.
func (l *treeLevel) inside(i int) {
	if l.below != nil && compareKeys(l.key(i), l.below) >= 0 && !l.view.trust.Checks {
		panic(l.broken(i, errOutside))
	}
}

// search returns the number of elements with keys before key.
func (l *treeLevel) search(key []byte) int {
	from, to := 0, l.count
	for from < to {
		middle := int(uint(from+to) >> 1)
		if compareKeys(l.key(middle), key) < 0 {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from
}

// key returns the key of element i. i must be less than count.
func (l *treeLevel) key(i int) []byte {
	at := PageHeaderLen + i*ElementLen
	e := l.p[at : at+ElementLen]
	position, n := uint64(binary.NativeEndian.Uint32(e)), uint64(binary.NativeEndian.Uint32(e[4:]))
	if l.leaf {
		position, n = n, uint64(binary.NativeEndian.Uint32(e[8:]))
	}
	from := uint64(at) + position
	if from+n > uint64(len(l.p)) {
		panic(l.broken(i, errElement))
	}
	return l.p[from : from+n : from+n]
}

// element returns the key and the value at which the cursor stands in the leaf l.
func (c *Cursor) element(l *treeLevel) (k, v []byte) {
	at := PageHeaderLen + l.at*ElementLen
	e := l.p[at : at+ElementLen]
	from := uint64(at) + uint64(binary.NativeEndian.Uint32(e[4:]))
	middle := from + uint64(binary.NativeEndian.Uint32(e[8:]))
	end := middle + uint64(binary.NativeEndian.Uint32(e[12:]))
	switch {
	case end > uint64(len(l.p)):
		panic(l.broken(l.at, errElement))
	case (binary.NativeEndian.Uint32(e)&bucketFlag != 0) != c.buckets:
		panic(l.broken(l.at, errKind))
	}
	c.key = l.p[from:middle:middle]
	return c.key, l.p[middle:end:end]
}

// compareKeys is bytes.Compare, but faster for two keys of 16 bytes.
func compareKeys(a, b []byte) int {
	const short = 16
	if len(a) != short || len(b) != short {
		return bytes.Compare(a, b)
	}
	x, y := binary.BigEndian.Uint64(a), binary.BigEndian.Uint64(b)
	if x == y {
		x, y = binary.BigEndian.Uint64(a[8:]), binary.BigEndian.Uint64(b[8:])
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func (l *treeLevel) broken(i int, err error) error {
	return l.view.damage(l.id, "element %d: %w", i, err)
}

// At returns the offset in the file of the page in which the cursor stands, and its size
// without overflow. The offset is 0 if the bucket is small and has no page of its own.
func (c *Cursor) At() (at, size int64) {
	l := &c.stack[len(c.stack)-1]
	return int64(l.id) * int64(c.view.size), int64(c.view.size)
}
