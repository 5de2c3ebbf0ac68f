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

// Usage is how much of the file a state uses. Pages counts the pages below the high-water
// mark, Free those of them that are free. PageSize is in bytes.
type Usage struct{ Pages, Free, PageSize int64 }

// Live returns the bytes of the pages that are in use.
func (u Usage) Live() int64 { return (u.Pages - u.Free) * u.PageSize }

// Usage returns how much of the file the newest state uses. It is zero if the pages are not
// known.
func (f *File) Usage() Usage {
	if f.table == nil {
		return Usage{}
	}
	return f.table.usage()
}

// A Table knows every page of an open file: whether it is in use, its sum, and whether it
// has been compared with its sum since the file was opened.
//
// A disk can lose the write of a page. Then it returns what the page held before, which is
// valid in itself. Only a sum shows that: a CRC-32C of the whole page. Closing the file
// writes the sums behind the last page (sums.go), so to open such a file need not read all
// of it: a page is compared when a reader or the writer first touches it. A page that this
// process has written is known. If a file has no sums, it is read whole when it is opened,
// and its sums are computed.
//
// A page that is in use is never overwritten: bolt writes each page that a transaction
// changes to another place, and frees the old page. After each commit, note finds these
// pages. It compares the trees of the states before and after, from the roots down to where
// they are the same. If a page was freed before it was touched, it is compared then. So
// every page that may be overwritten has been compared. That is why readers need no lock:
// the sum of a page that has not been compared does not change.
type Table struct {
	opened []uint32        // the sums when the file was opened
	seen   []atomic.Uint64 // a bit for each of these pages: it has been compared
	all    atomic.Bool     // all of them have been compared

	damaged atomic.Pointer[func(error)] // is called when damage is found; nil: nobody

	mu    sync.Mutex
	meta  Meta     // the state that the fields below describe
	sums  []uint32 // of the pages that are in use
	inUse bitmap
	used  uint64   // number of pages in use, with the meta pages and the freelist
	names [][]byte // of the buckets
	sizes []int    // pages of each bucket with overflow; the last also counts all other pages
	trust Trust
	lost  error // why the table no longer matches the file; nil: it does
}

// unseen reports whether a page has yet to be compared with its sum.
func (t *Table) unseen(id uint64) bool {
	return t != nil && !t.all.Load() && id < uint64(len(t.opened)) && t.seen[id/64].Load()&(1<<(id%64)) == 0
}

func (t *Table) see(id uint64) { t.seen[id/64].Or(1 << (id % 64)) }

// touch compares a page and its overflow with their sums and checks all its elements. If
// something is wrong, it panics with an error that is [fault.ErrCorrupt].
func (t *Table) touch(v *View, id uint64) {
	err := t.compare(v, id)
	if err == nil {
		return
	}
	t.tell(err)
	panic(err)
}

// tell reports damage to the store.
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

// WrongSumText is the problem of a page that does not match its sum.
const WrongSumText = "it is not what was written last: it has another sum"

func wrongSum(id uint64) error {
	return fmt.Errorf("%w: page %d: %s", fault.ErrCorrupt, id, WrongSumText)
}

// PageSum returns the sum of a page.
func PageSum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// HasSum reports whether sum is the sum of a page.
func HasSum(p []byte, sum uint32, trust Trust) bool { return trust.Sums || PageSum(p) == sum }

// usage returns how much of the file the newest state uses.
func (t *Table) usage() Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Usage{int64(t.meta.Pages), int64(t.meta.Pages - t.used), int64(t.meta.PageSize)}
}

// bucketSizes is [File.BucketSizes].
func (t *Table) bucketSizes() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	sizes := make(map[string]int64, len(t.names))
	for i, name := range t.names[:len(t.names)-1] {
		sizes[string(name)] = int64(t.sizes[i]) * int64(t.meta.PageSize)
	}
	return sizes
}

// note updates the table after a commit. v is the new state and meta its meta page. All
// pages of the state before are still there: the next transaction is the first that may
// overwrite them. An error says that the file is damaged.
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

// grow makes the table large enough for a page.
func (t *Table) grow(id uint64) {
	for uint64(len(t.sums)) <= id {
		t.sums = append(t.sums, 0)
	}
	for uint64(len(t.inUse)) <= id/64 {
		t.inUse = append(t.inUse, 0)
	}
}

// NoteCommit updates the table, if there is one, after a commit. An error says that the
// file is damaged.
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

// ComparedPages is how many pages are read and compared at once.
const ComparedPages = 256

// Scrub compares every page that is in use with its sum, from the first page to the last,
// [ComparedPages] at a time. It holds no snapshot, so a page may be freed and overwritten
// between the look at its sum and the read. If pages differ, Scrub passes a function to
// settled that compares them again; settled must call it while nobody writes, and return
// its error. pace, if not nil, is called before each piece.
func (f *File) Scrub(ctx context.Context, pace func() error, settled func(func() error) error) error {
	t := f.table
	if t == nil {
		return nil // whoever opened the file has read all of it
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

// comparePiece compares the pages of one piece, as they are now, with their sums.
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

// UsedPages is the set of pages that a state uses.
type UsedPages struct {
	table *Table
	inUse bitmap
}

// usedPages returns the pages of the table's state; nil if there is no table, or it no
// longer matches the file.
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

// Wants compares a page with its sum. It returns the problem if they differ, and "" if they
// match or the page is not in use. There must be a snapshot of the state: it keeps the sums
// of the pages from changing.
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

// makeSeen returns a bit for each page. The bits of free pages are set.
func makeSeen(free bitmap) []atomic.Uint64 {
	seen := make([]atomic.Uint64, len(free))
	for i, word := range free {
		seen[i].Store(word)
	}
	return seen
}

// TableOf returns the table of a file that w has read whole.
func TableOf(w *Walker, names [][]byte, sums []uint32, sizes []int, trust Trust) *Table {
	t := &Table{meta: w.Meta, names: names, sums: sums, sizes: sizes, trust: trust, inUse: w.Reached, used: w.Reached.count()}
	t.all.Store(true)
	return t
}

// CheckPages returns an error if the table differs from want, the table that a walk over the
// newest state has found. It is for tests.
func (f *File) CheckPages(want *Table) error {
	t := f.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.meta.Txid != want.meta.Txid { // somebody has written meanwhile
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
