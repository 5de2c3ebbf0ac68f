package boltfile

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/doorlog/doorlog/internal/fault"
)

// Usage is what a state takes of the file.
type Usage struct{ Pages, Free, PageSize int64 }

func (u Usage) Live() int64 { return (u.Pages - u.Free) * u.PageSize }

// Usage returns what the newest state takes of the file; zero of a file whose pages are
// not known.
func (f *File) Usage() Usage {
	if f.table == nil {
		return Usage{}
	}
	return f.table.usage()
}

// A Table knows every page of a file that is open: whether it is in use, what its
// sum is, and whether it has been compared with its sum since the file was opened.
//
// A disk can lose the write of a page, and then gives back what the page held before,
// which is whole in itself. The sum tells: a CRC-32C of the whole page, which Close
// writes behind the pages (pagesums.go). So Open need not read a file that was closed.
// A page is compared when a reader or the writer first touches it; what this process
// has written itself is known. Where there are no sums, Open reads the whole file and
// makes them.
//
// A page that is in use is never written to: bolt writes each page that a transaction
// changes to another place, and frees the old one. After each commit the leader finds
// out which pages that were by comparing the trees of before and after, from their
// roots down to where they are the same (note). A page that was freed without having
// been touched is compared then, so that all pages that may be written to are known.
// That is why readers need no lock: the sum of a page that has not been compared yet
// does not change.
type Table struct {
	opened []uint32        // the sums when the file was opened
	seen   []atomic.Uint64 // a bit for each of these pages that has been compared
	all    atomic.Bool     // all of them have

	damaged atomic.Pointer[func(error)] // if it is set, is told of damage

	mu    sync.Mutex
	meta  Meta     // the state that the following are of
	sums  []uint32 // of the pages that are in use
	inUse bitmap
	used  uint64   // how many pages are in use, meta pages and freelist among them
	names [][]byte // of the buckets
	sizes []int    // pages of each bucket, with their overflow; the last: of others, too
	trust Trust
	lost  error // why the table is not that of the file any more
}

// unseen reports whether a page is to be compared with its sum.
func (t *Table) unseen(id uint64) bool {
	return t != nil && !t.all.Load() && id < uint64(len(t.opened)) && t.seen[id/64].Load()&(1<<(id%64)) == 0
}

func (t *Table) see(id uint64) { t.seen[id/64].Or(1 << (id % 64)) }

// touch compares a page, and its overflow, with the sums, and looks at all of its
// elements. It panics with an ErrCorrupt.
func (t *Table) touch(v *View, id uint64) {
	err := t.compare(v, id)
	if err == nil {
		return
	}
	t.tell(err)
	panic(err)
}

// tell has the store know of damage.
func (t *Table) tell(err error) {
	if tell := t.damaged.Load(); tell != nil {
		(*tell)(err)
	}
}

func (t *Table) compare(v *View, id uint64) error {
	pages := uint64(len(v.data) / v.size)
	data := v.data[int(id)*v.size : int(id+1)*v.size]
	more := uint64(0)
	for i := uint64(0); i <= more; i++ {
		at := int(id+i) * v.size
		if t.unseen(id+i) && !HasSum(v.data[at:at+v.size], t.opened[id+i], t.trust) {
			return wrongSum(id + i)
		}
		if i == 0 {
			if more = OverflowOf(data); more >= pages-id {
				return fmt.Errorf("%w: page %d: it has an overflow of %d pages", fault.ErrCorrupt, id, more)
			}
			data = v.data[at : at+int(more+1)*v.size]
		}
	}
	_, p := ParsePage(data)
	if (p.Flags == LeafFlag || p.Flags == BranchFlag) && !t.trust.Checks {
		if err := p.verify(); err != nil {
			return fmt.Errorf("%w: page %d: %w", fault.ErrCorrupt, id, err)
		}
	}
	for i := range more + 1 {
		if t.unseen(id + i) {
			t.see(id + i)
		}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const WrongSumText = "it is not what was written last: it has another sum"

func wrongSum(id uint64) error {
	return fmt.Errorf("%w: page %d: %s", fault.ErrCorrupt, id, WrongSumText)
}

func PageSum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// HasSum reports whether a page has a sum.
func HasSum(p []byte, sum uint32, trust Trust) bool { return trust.Sums || PageSum(p) == sum }

// usage returns what the newest state takes of the file.
func (t *Table) usage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Usage{int64(t.meta.Pages), int64(t.meta.Pages - t.used), int64(t.meta.PageSize)}
}

// bucketSizes returns the bytes of the pages of each bucket but the last, which is no
// more than a page. One that is small has no page of its own.
func (t *Table) bucketSizes() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	sizes := make(map[string]int64, len(t.names))
	for i, name := range t.names[:len(t.names)-1] {
		sizes[string(name)] = int64(t.sizes[i]) * int64(t.meta.PageSize)
	}
	return sizes
}

// note takes in the commit that has just been made: v is its state, of which meta is.
// The pages of the state before are all still there, as the next transaction is the
// first that may write to them. An error is damage.
func (t *Table) note(v *View, meta Meta) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost != nil {
		return t.lost
	}
	defer func() {
		if err != nil {
			t.lost = err
		}
	}()
	defer fault.CatchPanic(&err)
	if meta.Txid != t.meta.Txid+1 {
		return fmt.Errorf("%w: meta page of transaction %d after %d", fault.ErrCorrupt, meta.Txid, t.meta.Txid)
	}
	d := treeDifference{t: t, view: v, roots: make([][2]uint64, len(t.names))}
	others := len(t.names) - 1
	if err := d.tree(t.meta.root, meta.root, others, true); err != nil {
		return err
	}
	for i, roots := range d.roots {
		if err := d.tree(roots[0], roots[1], i, false); err != nil {
			return err
		}
	}
	for _, list := range [...]struct {
		page uint64
		note func(id uint64, bucket int) error
	}{{t.meta.Freelist, d.drop}, {meta.Freelist, d.add}} {
		if list.page != NoFreelist {
			if err := list.note(list.page, others); err != nil {
				return err
			}
		}
	}
	t.meta = meta
	return nil
}

// grow has the table have room for a page.
func (t *Table) grow(id uint64) {
	for uint64(len(t.sums)) <= id {
		t.sums = append(t.sums, 0)
	}
	for uint64(len(t.inUse)) <= id/64 {
		t.inUse = append(t.inUse, 0)
	}
}

// NoteCommit has the table, if there is one, take in the commit that has been made.
func (f *File) NoteCommit() error {
	if f.table == nil {
		return nil
	}
	v := f.viewOf(2 * int64(f.db.Info().PageSize))
	var newest Meta
	err := fault.Guarded(func() error {
		for at := 0; at < len(v.data); at += v.size {
			m, ok := parseMeta((*[boltMetaLen]byte)(v.data[at+PageHeaderLen:]))
			if ok && m.Txid > newest.Txid {
				newest = m
			}
		}
		return f.table.note(f.viewOf(int64(newest.Pages)*int64(v.size)), newest)
	})
	if err != nil {
		f.table.tell(err)
	}
	return err
}

// How many pages are compared at once, and looked at between two pauses.
const ComparedPages = 256

// Scrub compares every page that is in use with its sum, from the first to the last,
// without a snapshot. A page may have been freed and written to since its sum was
// taken; so those that differ are compared again by settled, which calls what it is
// given while nobody writes. pace is called before each piece; nil: at once.
func (f *File) Scrub(ctx context.Context, pace func() error, settled func(func() error) error) error {
	t := f.table
	if t == nil {
		return nil // it was read whole by who has it opened
	}
	pages := uint64(t.usage().Pages)
	for from := uint64(FirstPage); from < pages; from += ComparedPages {
		if err := ctx.Err(); err != nil {
			return err
		}
		if pace != nil {
			if err := pace(); err != nil {
				return err
			}
		}
		err := t.comparePiece(f.file, from)
		if err != nil {
			err = settled(func() error { return t.comparePiece(f.file, from) })
		}
		if err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost == nil {
		t.all.Store(true)
	}
	return t.lost
}

// comparePiece compares the pages of a piece, as they are now, with their sums.
func (t *Table) comparePiece(r io.ReaderAt, from uint64) error {
	t.mu.Lock()
	size, until := uint64(t.meta.PageSize), min(from+ComparedPages, t.meta.Pages)
	var sums [ComparedPages]uint32
	var inUse [ComparedPages]bool
	first, last := until, from
	for id := from; id < until; id++ {
		if id/64 < uint64(len(t.inUse)) && t.inUse.Has(id) {
			sums[id-from], inUse[id-from] = t.sums[id], true
			first, last = min(first, id), id+1
		}
	}
	t.mu.Unlock()
	if first >= last {
		return nil
	}
	buf := make([]byte, (last-first)*size)
	if err := ReadPage(r, buf, int64(first*size)); err != nil {
		return fmt.Errorf("pages %d to %d: %w", first, last-1, err)
	}
	for id := first; id < last; id++ {
		if inUse[id-from] && !HasSum(buf[(id-first)*size:(id-first+1)*size], sums[id-from], t.trust) {
			return wrongSum(id)
		}
	}
	return nil
}

// UsedPages are the pages of a state that are in use.
type UsedPages struct {
	table *Table
	inUse bitmap
}

// usedPages returns those of the state of the table; nil if there is no table.
func (t *Table) usedPages() *UsedPages {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost != nil {
		return nil
	}
	return &UsedPages{table: t, inUse: slices.Clone(t.inUse)}
}

// Wants says that a page is not what its sum says; "": it is, or it is not in use. The
// sums stay as long as there is a snapshot of the state.
func (u *UsedPages) Wants(id uint64, data []byte) (problem string) {
	if u == nil || id/64 >= uint64(len(u.inUse)) || !u.inUse.Has(id) {
		return ""
	}
	u.table.mu.Lock()
	want := u.table.sums[id]
	u.table.mu.Unlock()
	if HasSum(data, want, u.table.trust) {
		return ""
	}
	return WrongSumText
}

// makeSeen returns a bit for each page, of which those that are free are set.
func makeSeen(free bitmap) []atomic.Uint64 {
	seen := make([]atomic.Uint64, len(free))
	for i, word := range free {
		seen[i].Store(word)
	}
	return seen
}

// TableOf returns the table of a file that has been read whole.
func TableOf(w *Walker, names [][]byte, sums []uint32, sizes []int, trust Trust) *Table {
	t := &Table{meta: w.Meta, names: names, sums: sums, sizes: sizes, trust: trust, inUse: w.Reached, used: w.Reached.count()}
	t.all.Store(true)
	return t
}

// CheckPages says whether what is known of the pages differs from what a walk over the
// newest state has found. It is for tests.
func (f *File) CheckPages(want *Table) error {
	t := f.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.meta.Txid != want.meta.Txid { // somebody writes
		return nil
	}
	if t.used != want.used || t.lost != nil {
		return fmt.Errorf("%d pages are said to be in use, and %d are: %w", t.used, want.used, t.lost)
	}
	for id := uint64(FirstPage); id < t.meta.Pages; id++ {
		is := id/64 < uint64(len(t.inUse)) && t.inUse.Has(id)
		if is != want.inUse.Has(id) || is && want.sums[id] != t.sums[id] && t.meta.Freelist == NoFreelist {
			return fmt.Errorf("page %d is said to be in use: %v, and is: %v; or it has another sum", id, is, want.inUse.Has(id))
		}
	}
	others := len(t.names) - 1
	for i, n := range t.sizes[:others] {
		if n != want.sizes[i] {
			return fmt.Errorf("%s: %d pages are said to be in use, and %d are", t.names[i], n, want.sizes[i])
		}
	}
	return nil
}
