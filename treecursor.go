package doorlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	bolt "go.etcd.io/bbolt"
)

// A keyCursor moves over the keys of a bucket in their order, as bolt's Cursor does. k
// and v are part of a page, and nil at the end.
type keyCursor interface {
	First() (k, v []byte)
	Last() (k, v []byte)
	Next() (k, v []byte)
	Prev() (k, v []byte)
	Seek(key []byte) (k, v []byte) // the first key that is not before key
}

// A view is one state of a file in bolt's mapping, which does not move while the
// transaction lasts of which the view is. It believes nothing that is in it: a page is
// compared with its sum when it is first touched (pages.go), and each time with the
// place that a search came from. What is wrong is a panic with an ErrCorrupt, of which
// whoever guards the transaction makes an error.
//
// bolt's own search takes any page that is no leaf for a branch, and calls itself for
// what it takes for the pages below, so that a page that a disk has not written can end
// the process, or be gone round in for ever.
type view struct {
	data  []byte // up to the high-water mark
	size  int    // of a page
	table *pageTable
	trust trust
	root  uint64        // page of the bucket of buckets
	names [][]byte      // of the buckets
	roots []treeRoot    // of the buckets, as far as they are known
	seeks []*treeCursor // of Get, one for each bucket
}

// A treeRoot is the root page of a bucket, or its only page, if that is part of the
// page in which the bucket is.
type treeRoot struct {
	known  bool
	page   uint64
	inline []byte
}

// newView returns the state that a transaction began with. It is called guarded.
func newView(f *boltFile, tx *bolt.Tx) *view {
	v := f.viewOf(tx.Size())
	v.root = uint64(tx.Cursor().Bucket().Root())
	return v
}

// viewOf returns the first bytes of the mapping.
func (f *boltFile) viewOf(size int64) *view {
	info := f.db.Info()
	// It is memory of the system, which Go does not move. bolt sees to it that it is as long.
	data := *(*unsafe.Pointer)(unsafe.Pointer(&info.Data)) //nolint:gosec // an address that bolt has as a number
	mapped := unsafe.Slice((*byte)(data), int(size))       //nolint:gosec // as above
	n := len(f.names)
	return &view{data: mapped, size: info.PageSize, table: f.table, trust: f.trust, names: f.names, roots: make([]treeRoot, n), seeks: make([]*treeCursor, n)}
}

// bucket returns the root of a bucket, which must be there.
func (v *view) bucket(number int) treeRoot {
	if !v.has(number) {
		panic(missingBucketError(v.names[number]))
	}
	return v.roots[number]
}

// has reports whether there is a bucket.
func (v *view) has(number int) bool {
	if v.roots[number].known {
		return true
	}
	name := v.names[number]
	c := treeCursor{view: v, root: treeRoot{page: v.root}, buckets: true}
	k, value := c.Seek(name)
	if !bytes.Equal(k, name) {
		return false
	}
	page, inline, err := parseBucket(value)
	if err != nil {
		panic(fmt.Errorf("%w: bucket %q: %w", ErrCorrupt, name, err))
	}
	v.roots[number] = treeRoot{known: true, page: page, inline: inline.data}
	return true
}

// cursor returns a cursor over a bucket.
func (v *view) cursor(number int) *treeCursor { return &treeCursor{view: v, root: v.bucket(number)} }

// Get returns the value of a key of a bucket, which is part of a page, or nil.
func (v *view) Get(bucket int, key []byte) []byte {
	c := v.seeks[bucket]
	if c == nil {
		c = v.cursor(bucket)
		v.seeks[bucket] = c
	}
	k, value := c.Seek(key)
	if !bytes.Equal(k, key) {
		return nil
	}
	return value
}

// damage tells the store that a page is damaged, which is its end, and returns the ErrCorrupt.
func (v *view) damage(id uint64, format string, args ...any) error {
	err := fmt.Errorf("%w: page %d: %w", ErrCorrupt, id, fmt.Errorf(format, args...))
	if v.table != nil {
		v.table.tell(err)
	}
	return err
}

// page returns a page with its overflow.
func (v *view) page(id uint64) []byte {
	if id < firstPage || id >= uint64(len(v.data)/v.size) {
		panic(v.damage(id, "there is no such page"))
	}
	if v.table.unseen(id) {
		v.table.touch(v, id)
	}
	at := int(id) * v.size
	p := v.data[at : at+v.size]
	if own := binary.NativeEndian.Uint64(p); own != id && !v.trust.Checks {
		panic(v.damage(id, "it says that it is page %d", own))
	}
	more := overflowOf(p)
	if more == 0 {
		return p
	}
	if more >= uint64(len(v.data)/v.size)-id {
		panic(v.damage(id, "it has an overflow of %d pages", more))
	}
	return v.data[at : at+int(more+1)*v.size]
}

// A treeCursor is a keyCursor over a bucket of a view. It goes down a tree without
// calling itself, no deeper than maxLevels, and to each page once for each time that
// the keys above call for, which grow: so it ends.
type treeCursor struct {
	view    *view
	root    treeRoot
	buckets bool // its values are buckets
	stack   []treeLevel
	key     []byte       // where it stands
	room    [4]treeLevel // of the stack, as most trees have no more levels
}

// A treeLevel is a page on the way from the root, and where the cursor stands in it.
type treeLevel struct {
	view      *view
	p         []byte // with its overflow
	id        uint64
	count, at int
	leaf      bool
	below     []byte // its keys are below this one; nil: any
}

func (c *treeCursor) First() (k, v []byte) {
	c.begin()
	return c.edge(false)
}

func (c *treeCursor) Last() (k, v []byte) {
	c.begin()
	return c.edge(true)
}

func (c *treeCursor) Seek(key []byte) (k, v []byte) {
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

// place goes to the leaf in which a key is, or would be, and returns its place there.
func (c *treeCursor) place(key []byte) (l *treeLevel, at int) {
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

func (c *treeCursor) Next() (k, v []byte) {
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

func (c *treeCursor) Prev() (k, v []byte) {
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
func (c *treeCursor) begin() {
	c.stack = c.room[:0]
	if c.root.page == 0 {
		c.push(0, c.root.inline, nil, nil)
		return
	}
	c.push(c.root.page, c.view.page(c.root.page), nil, nil)
}

// edge goes down to the first key below where the cursor is, or to the last.
func (c *treeCursor) edge(last bool) (k, v []byte) {
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

// down goes to the page below where the cursor stands in a branch.
func (c *treeCursor) down() {
	l := &c.stack[len(c.stack)-1]
	below := l.below
	if l.at+1 < l.count {
		below = l.key(l.at + 1)
	}
	id := binary.NativeEndian.Uint64(l.p[pageHeaderLen+l.at*elementLen+8:])
	c.push(id, c.view.page(id), l.key(l.at), below)
}

// push enters a page that begins with the key from, and whose keys are to be below below.
func (c *treeCursor) push(id uint64, p, from, below []byte) {
	flags, count := binary.NativeEndian.Uint16(p[8:]), int(binary.NativeEndian.Uint16(p[10:]))
	if flags != leafFlag && flags != branchFlag {
		panic(c.view.damage(id, "flags %#x where a branch or a leaf should be", flags))
	}
	root := len(c.stack) == 0
	switch {
	case pageHeaderLen+count*elementLen > len(p):
		panic(c.view.damage(id, "%d elements", count))
	case count == 0 && (!root || flags != leafFlag):
		panic(c.view.damage(id, "it is empty"))
	case len(c.stack) == maxLevels:
		panic(c.view.damage(id, "it is %d levels deep", maxLevels))
	}
	c.stack = append(c.stack, treeLevel{view: c.view, p: p, id: id, count: count, leaf: flags == leafFlag, below: below})
	if root || c.view.trust.Checks {
		return
	}
	if l := &c.stack[len(c.stack)-1]; !bytes.Equal(l.key(0), from) {
		panic(l.broken(0, errOutside))
	}
}

// inside sees that an element is where a search looks for it: before the next page of its
// level. As keys are in order it is enough to ask this of those that a search goes by,
// and of the last ones.
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

// key returns the key of an element, which is below count.
func (l *treeLevel) key(i int) []byte {
	at := pageHeaderLen + i*elementLen
	e := l.p[at : at+elementLen]
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

// element returns the key and the value at which the cursor stands in a leaf.
func (c *treeCursor) element(l *treeLevel) (k, v []byte) {
	at := pageHeaderLen + l.at*elementLen
	e := l.p[at : at+elementLen]
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

// compareKeys is bytes.Compare, in less time for two keys of 16 bytes.
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

// verify reads all of a page that has not been looked at before.
func (p *page) verify() error {
	var last []byte
	for i := range p.count {
		e, err := p.element(i)
		if err == nil && (len(e.key) == 0 || i > 0 && bytes.Compare(last, e.key) >= 0) {
			err = errOutOfOrder
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		last = e.key
	}
	return nil
}

// at returns where in the file the page is in which the cursor stands, and how long it is
// without its overflow. It is 0 if the page is part of that in which the bucket is.
func (c *treeCursor) at() (at, size int64) {
	l := &c.stack[len(c.stack)-1]
	return int64(l.id) * int64(c.view.size), int64(c.view.size)
}
