package boltfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/doorlog/doorlog/internal/fault"
	bolt "go.etcd.io/bbolt"
)

// A View is one state of a file in bolt's mapping, which does not move while the
// transaction lasts of which the view is. It believes nothing that is in it: a page is
// compared with its sum when it is first touched (pages.go), and each time with the
// place that a search came from. What is wrong is a panic with an ErrCorrupt, of which
// whoever guards the transaction makes an error.
//
// bolt's own search takes any page that is no leaf for a branch, and calls itself for
// what it takes for the pages below, so that a page that a disk has not written can end
// the process, or be gone round in for ever.
type View struct {
	data  []byte // up to the high-water mark
	size  int    // of a page
	table *Table
	trust Trust
	root  uint64     // page of the bucket of buckets
	names [][]byte   // of the buckets
	roots []treeRoot // of the buckets, as far as they are known
	seeks []*Cursor  // of Get, one for each bucket
}

// A treeRoot is the root page of a bucket, or its only page, if that is part of the
// page in which the bucket is.
type treeRoot struct {
	known  bool
	page   uint64
	inline []byte
}

// newView returns the state that a transaction began with. It is called guarded.
func newView(f *File, tx *bolt.Tx) *View {
	v := f.viewOf(tx.Size())
	v.root = uint64(tx.Cursor().Bucket().Root())
	return v
}

// viewOf returns the first bytes of the mapping.
func (f *File) viewOf(size int64) *View {
	info := f.db.Info()
	// It is memory of the system, which Go does not move. bolt sees to it that it is as long.
	data := *(*unsafe.Pointer)(unsafe.Pointer(&info.Data)) //nolint:gosec // an address that bolt has as a number
	mapped := unsafe.Slice((*byte)(data), int(size))       //nolint:gosec // as above
	n := len(f.names)
	return &View{data: mapped, size: info.PageSize, table: f.table, trust: f.trust, names: f.names, roots: make([]treeRoot, n), seeks: make([]*Cursor, n)}
}

// bucket returns the root of a bucket, which must be there.
func (v *View) bucket(number int) treeRoot {
	if !v.Has(number) {
		panic(missingBucketError(v.names[number]))
	}
	return v.roots[number]
}

// Has reports whether there is a bucket.
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

// Cursor returns a cursor over a bucket.
func (v *View) Cursor(number int) *Cursor { return &Cursor{view: v, root: v.bucket(number)} }

// Get returns the value of a key of a bucket, which is part of a page, or nil.
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

// damage tells the store that a page is damaged, which is its end, and returns the ErrCorrupt.
func (v *View) damage(id uint64, format string, args ...any) error {
	err := fmt.Errorf("%w: page %d: %w", fault.ErrCorrupt, id, fmt.Errorf(format, args...))
	if v.table != nil {
		v.table.tell(err)
	}
	return err
}

// page returns a page with its overflow.
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
