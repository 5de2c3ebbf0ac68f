package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/doorlog/doorlog/internal/fault"
	bolt "go.etcd.io/bbolt"
)

// A View is one state of a file in bolt's mapping. The mapping does not move while the
// view's transaction lasts. A View trusts no page. It compares a page with its sum when the
// page is first touched ([Table]). Whenever a search comes to a page, it also checks that
// the page belongs there. If a page is damaged, the methods panic with an error that is
// [fault.ErrCorrupt]; [Reader.Look] converts that to an error.
//
// bolt's own search does not check. It takes any page that is not a leaf for a branch, and
// recurses into the pages that the branch names. If the disk has lost the write of a page,
// that can end the process or loop for ever.
type View struct {
	data  []byte // up to the high-water mark
	size  int    // of a page
	table *Table
	trust Trust
	root  uint64     // page of the bucket of buckets
	names [][]byte   // of the buckets
	roots []treeRoot // of the buckets that have been looked up
	seeks []*Cursor  // Get's cursors, one for each bucket
}

// A treeRoot is the root page of a bucket. A small bucket has no page of its own: then page
// is 0, and inline is its content, which is part of another page.
type treeRoot struct {
	known  bool
	page   uint64
	inline []byte
}

// newView returns the state that a transaction began with. It must be called inside of
// [fault.Guarded].
func newView(f *File, tx *bolt.Tx) *View {
	v := f.viewOf(tx.Size())
	v.root = uint64(tx.Cursor().Bucket().Root())
	return v
}

// viewOf returns a view of the first size bytes of the mapping. Its root is not set.
func (f *File) viewOf(size int64) *View {
	info := f.db.Info()
	// The mapping is not Go's memory, so the garbage collector does not move it. bolt
	// maps at least size bytes.
	data := *(*unsafe.Pointer)(unsafe.Pointer(&info.Data)) //nolint:gosec // bolt returns the address as a number
	mapped := unsafe.Slice((*byte)(data), int(size))       //nolint:gosec // as above
	n := len(f.names)
	return &View{data: mapped, size: info.PageSize, table: f.table, trust: f.trust, names: f.names, roots: make([]treeRoot, n), seeks: make([]*Cursor, n)}
}

// bucket returns the root of a bucket. It panics if the bucket does not exist.
func (v *View) bucket(number int) treeRoot {
	if !v.Has(number) {
		panic(missingBucketError(v.names[number]))
	}
	return v.roots[number]
}

// Has reports whether a bucket exists.
func (v *View) Has(number int) bool {
	if v.roots[number].known {
		return true
	}
	name := v.names[number]
	c := Cursor{view: v, root: treeRoot{page: v.root}, buckets: true}
	k, value := c.Seek(name)
	if !bytes.Equal(k, name) {
		return false
	}
	page, inline, err := ParseBucket(value)
	if err != nil {
		panic(fmt.Errorf("%w: bucket %q: %w", fault.ErrCorrupt, name, err))
	}
	v.roots[number] = treeRoot{known: true, page: page, inline: inline.Data}
	return true
}

// Cursor returns a [Cursor] over a bucket, which must exist.
func (v *View) Cursor(number int) *Cursor { return &Cursor{view: v, root: v.bucket(number)} }

// Get returns the value of a key in a bucket, or nil. The value is part of a page: it must
// not be changed, and is valid until the transaction ends.
func (v *View) Get(bucket int, key []byte) []byte {
	c := v.seeks[bucket]
	if c == nil {
		c = v.Cursor(bucket)
		v.seeks[bucket] = c
	}
	k, value := c.Seek(key)
	if !bytes.Equal(k, key) {
		return nil
	}
	return value
}

// damage reports a damaged page to the store, which stops, and returns the error, which is
// [fault.ErrCorrupt].
func (v *View) damage(id uint64, format string, args ...any) error {
	err := fmt.Errorf("%w: page %d: %w", fault.ErrCorrupt, id, fmt.Errorf(format, args...))
	if v.table != nil {
		v.table.tell(err)
	}
	return err
}

// page returns a page together with its overflow.
func (v *View) page(id uint64) []byte {
	if id < FirstPage || id >= uint64(len(v.data)/v.size) {
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
	more := OverflowOf(p)
	if more == 0 {
		return p
	}
	if more >= uint64(len(v.data)/v.size)-id {
		panic(v.damage(id, "it has an overflow of %d pages", more))
	}
	return v.data[at : at+int(more+1)*v.size]
}
