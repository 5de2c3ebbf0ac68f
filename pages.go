package doorlog

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// A pageTable knows every page of a file that is open: whether it is in use, what its
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
type pageTable struct {
	opened []uint32        // the sums when the file was opened
	seen   []atomic.Uint64 // a bit for each of these pages that has been compared
	all    atomic.Bool     // all of them have

	damaged atomic.Pointer[func(error)] // if it is set, is told of damage

	mu    sync.Mutex
	meta  boltMeta // the state that the following are of
	sums  []uint32 // of the pages that are in use
	inUse bitmap
	used  uint64   // how many pages are in use, meta pages and freelist among them
	names [][]byte // of the buckets
	sizes []int    // pages of each bucket, with their overflow; the last: of others, too
	trust trust
	lost  error // why the table is not that of the file any more
}

// unseen reports whether a page is to be compared with its sum.
func (t *pageTable) unseen(id uint64) bool {
	return t != nil && !t.all.Load() && id < uint64(len(t.opened)) && t.seen[id/64].Load()&(1<<(id%64)) == 0
}

func (t *pageTable) see(id uint64) { t.seen[id/64].Or(1 << (id % 64)) }

// touch compares a page, and its overflow, with the sums, and looks at all of its
// elements. It panics with an ErrCorrupt.
func (t *pageTable) touch(v *view, id uint64) {
	err := t.compare(v, id)
	if err == nil {
		return
	}
	t.tell(err)
	panic(err)
}

// tell has the store know of damage.
func (t *pageTable) tell(err error) {
	if tell := t.damaged.Load(); tell != nil {
		(*tell)(err)
	}
}

func (t *pageTable) compare(v *view, id uint64) error {
	pages := uint64(len(v.data) / v.size)
	data := v.data[int(id)*v.size : int(id+1)*v.size]
	more := uint64(0)
	for i := uint64(0); i <= more; i++ {
		at := int(id+i) * v.size
		if t.unseen(id+i) && !hasSum(v.data[at:at+v.size], t.opened[id+i], t.trust) {
			return wrongSum(id + i)
		}
		if i == 0 {
			if more = overflowOf(data); more >= pages-id {
				return fmt.Errorf("%w: page %d: it has an overflow of %d pages", ErrCorrupt, id, more)
			}
			data = v.data[at : at+int(more+1)*v.size]
		}
	}
	_, p := parsePage(data)
	if (p.flags == leafFlag || p.flags == branchFlag) && !t.trust.Checks {
		if err := p.verify(); err != nil {
			return fmt.Errorf("%w: page %d: %w", ErrCorrupt, id, err)
		}
	}
	for i := range more + 1 {
		if t.unseen(id + i) {
			t.see(id + i)
		}
	}
	return nil
}

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)

const wrongSumText = "it is not what was written last: it has another sum"

func wrongSum(id uint64) error { return fmt.Errorf("%w: page %d: %s", ErrCorrupt, id, wrongSumText) }

func pageSum(p []byte) uint32 { return crc32.Checksum(p, castagnoliTable) }

// hasSum reports whether a page has a sum.
func hasSum(p []byte, sum uint32, trust trust) bool { return trust.Sums || pageSum(p) == sum }

// usage returns what the newest state takes of the file.
func (t *pageTable) usage() usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return usage{int64(t.meta.pages), int64(t.meta.pages - t.used), int64(t.meta.pageSize)}
}

// bucketSizes returns the bytes of the pages of each bucket but the last, which is no
// more than a page. One that is small has no page of its own.
func (t *pageTable) bucketSizes() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	sizes := make(map[string]int64, len(t.names))
	for i, name := range t.names[:len(t.names)-1] {
		sizes[string(name)] = int64(t.sizes[i]) * int64(t.meta.pageSize)
	}
	return sizes
}

// note takes in the commit that has just been made: v is its state, of which meta is.
// The pages of the state before are all still there, as the next transaction is the
// first that may write to them. An error is damage.
func (t *pageTable) note(v *view, meta boltMeta) (err error) {
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
	defer catchPanic(&err)
	if meta.txid != t.meta.txid+1 {
		return fmt.Errorf("%w: meta page of transaction %d after %d", ErrCorrupt, meta.txid, t.meta.txid)
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
	}{{t.meta.freelist, d.drop}, {meta.freelist, d.add}} {
		if list.page != noFreelist {
			if err := list.note(list.page, others); err != nil {
				return err
			}
		}
	}
	t.meta = meta
	return nil
}

// A treeDifference finds the pages that one state of the file has and the other has not.
type treeDifference struct {
	t     *pageTable
	view  *view
	roots [][2]uint64 // of each bucket, before and after; 0: it is inline, or the same
}

// tree compares a tree with what it was. All leaves of a tree are equally deep, so that
// pages are compared with those of their level.
func (d *treeDifference) tree(before, after uint64, bucket int, ofBuckets bool) error {
	if before == after {
		return nil
	}
	olds, wasHigh, err := d.root(before)
	if err != nil {
		return err
	}
	news, isHigh, err := d.root(after)
	if err != nil {
		return err
	}
	for high := max(wasHigh, isHigh); high > 0; high-- {
		gone, come := olds, news
		switch {
		case wasHigh < high:
			gone = nil
		case isHigh < high:
			come = nil
		default:
			gone, come = difference(olds, news)
		}
		for _, id := range gone {
			if err := d.drop(id, bucket); err != nil {
				return err
			}
		}
		for _, id := range come {
			if err := d.add(id, bucket); err != nil {
				return err
			}
		}
		if high == 1 && ofBuckets {
			if err := d.buckets(gone, 0); err != nil {
				return err
			}
			if err := d.buckets(come, 1); err != nil {
				return err
			}
		}
		if high > 1 && wasHigh >= high {
			if olds, err = d.below(gone); err != nil {
				return err
			}
		}
		if high > 1 && isHigh >= high {
			if news, err = d.below(come); err != nil {
				return err
			}
		}
	}
	return nil
}

// difference returns those of a that are not in b, and those of b that are not in a.
func difference(a, b []uint64) (onlyA, onlyB []uint64) {
	if len(a) == 1 && len(b) == 1 {
		if a[0] == b[0] {
			return nil, nil
		}
		return a, b
	}
	both := make(map[uint64]bool, len(b))
	for _, id := range b {
		both[id] = false
	}
	for _, id := range a {
		if _, there := both[id]; there {
			both[id] = true
		} else {
			onlyA = append(onlyA, id)
		}
	}
	return onlyA, slices.DeleteFunc(b, func(id uint64) bool { return both[id] })
}

// root returns a root as a level of pages, and how many levels there are from there on.
func (d *treeDifference) root(id uint64) (level []uint64, high int, err error) {
	if id == 0 {
		return nil, 0, nil
	}
	level = []uint64{id}
	for high = 1; high < maxLevels; high++ {
		p, err := d.page(id)
		if err != nil || p.flags == leafFlag {
			return level, high, err
		}
		e, err := p.element(0)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: page %d: %w", ErrCorrupt, id, err)
		}
		id = e.child
	}
	return nil, 0, fmt.Errorf("%w: page %d is %d levels deep", ErrCorrupt, id, high)
}

func (d *treeDifference) page(id uint64) (page, error) {
	size := uint64(d.view.size)
	if id < firstPage || id >= uint64(len(d.view.data))/size {
		return page{}, fmt.Errorf("%w: page %d: there is no such page", ErrCorrupt, id)
	}
	data := d.view.data[id*size:]
	own, p := parsePage(data)
	more := overflowOf(data)
	if own != id || p.flags != leafFlag && p.flags != branchFlag && p.flags != freelistFlag || (more+1)*size > uint64(len(data)) {
		return page{}, fmt.Errorf("%w: page %d: id %d, flags %#x, overflow %d", ErrCorrupt, id, own, p.flags, more)
	}
	p.data = data[:(more+1)*size]
	return p, nil
}

// below returns the pages below branches.
func (d *treeDifference) below(ids []uint64) (level []uint64, err error) {
	for _, id := range ids {
		p, err := d.page(id)
		if err != nil {
			return nil, err
		}
		if p.flags != branchFlag {
			return nil, fmt.Errorf("%w: page %d: flags %#x where a branch should be", ErrCorrupt, id, p.flags)
		}
		for i := range p.count {
			e, err := p.element(i)
			if err != nil {
				return nil, fmt.Errorf("%w: page %d: %w", ErrCorrupt, id, err)
			}
			level = append(level, e.child)
		}
	}
	return level, nil
}

// buckets takes in the roots of the buckets in leaves of the tree of buckets.
func (d *treeDifference) buckets(leaves []uint64, which int) error {
	for _, id := range leaves {
		p, err := d.page(id)
		if err != nil {
			return err
		}
		for i := range p.count {
			e, err := p.element(i)
			if err != nil {
				return fmt.Errorf("%w: page %d: %w", ErrCorrupt, id, err)
			}
			number := slices.IndexFunc(d.t.names, func(name []byte) bool { return bytes.Equal(name, e.key) })
			if number < 0 || !e.bucket {
				return fmt.Errorf("%w: a bucket %q", ErrCorrupt, shortened(e.key))
			}
			if d.roots[number][which], _, err = parseBucket(e.value); err != nil {
				return fmt.Errorf("%w: bucket %q: %w", ErrCorrupt, e.key, err)
			}
		}
	}
	return nil
}

// drop takes in that a page is not in use any more. It may be written to from the next
// transaction on, and until then must have been compared with its sum.
func (d *treeDifference) drop(id uint64, bucket int) error {
	if d.t.unseen(id) {
		if err := d.t.compare(d.view, id); err != nil {
			return err
		}
	}
	return d.each(id, func(id uint64, _ []byte) error {
		if !d.t.inUse.has(id) {
			return fmt.Errorf("%w: page %d was freed twice", ErrCorrupt, id)
		}
		d.t.inUse.clear(id)
		d.t.used--
		d.t.sizes[bucket]--
		return nil
	})
}

// add takes in a page that has been written.
func (d *treeDifference) add(id uint64, bucket int) error {
	return d.each(id, func(id uint64, data []byte) error {
		d.t.grow(id)
		if !d.t.inUse.set(id) {
			return fmt.Errorf("%w: page %d is in use twice", ErrCorrupt, id)
		}
		d.t.sums[id] = pageSum(data)
		d.t.used++
		d.t.sizes[bucket]++
		return nil
	})
}

// each calls fn with a page and each page of its overflow.
func (d *treeDifference) each(id uint64, fn func(id uint64, data []byte) error) error {
	p, err := d.page(id)
	if err != nil {
		return err
	}
	for i := 0; i < len(p.data) && err == nil; i += d.view.size {
		err = fn(id+uint64(i/d.view.size), p.data[i:i+d.view.size])
	}
	return err
}

// grow has the table have room for a page.
func (t *pageTable) grow(id uint64) {
	for uint64(len(t.sums)) <= id {
		t.sums = append(t.sums, 0)
	}
	for uint64(len(t.inUse)) <= id/64 {
		t.inUse = append(t.inUse, 0)
	}
}

// noteCommit has the table, if there is one, take in the commit that has been made.
func (f *boltFile) noteCommit() error {
	if f.table == nil {
		return nil
	}
	v := f.viewOf(2 * int64(f.db.Info().PageSize))
	var newest boltMeta
	err := guarded(func() error {
		for at := 0; at < len(v.data); at += v.size {
			m, ok := parseMeta((*[boltMetaLen]byte)(v.data[at+pageHeaderLen:]))
			if ok && m.txid > newest.txid {
				newest = m
			}
		}
		return f.table.note(f.viewOf(int64(newest.pages)*int64(v.size)), newest)
	})
	if err != nil {
		f.table.tell(err)
	}
	return err
}

// How many pages are compared at once, and looked at between two pauses.
const comparedPages = 256

// scrub compares every page that is in use with its sum, from the first to the last,
// without a snapshot. A page may have been freed and written to since its sum was
// taken; so those that differ are compared again by settled, which calls what it is
// given while nobody writes. pace is called before each piece; nil: at once.
func (f *boltFile) scrub(ctx context.Context, pace func() error, settled func(func() error) error) error {
	t := f.table
	if t == nil {
		return nil // it was read whole by who has it opened
	}
	pages := uint64(t.usage().pages)
	for from := uint64(firstPage); from < pages; from += comparedPages {
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
func (t *pageTable) comparePiece(r io.ReaderAt, from uint64) error {
	t.mu.Lock()
	size, until := uint64(t.meta.pageSize), min(from+comparedPages, t.meta.pages)
	var sums [comparedPages]uint32
	var inUse [comparedPages]bool
	first, last := until, from
	for id := from; id < until; id++ {
		if id/64 < uint64(len(t.inUse)) && t.inUse.has(id) {
			sums[id-from], inUse[id-from] = t.sums[id], true
			first, last = min(first, id), id+1
		}
	}
	t.mu.Unlock()
	if first >= last {
		return nil
	}
	buf := make([]byte, (last-first)*size)
	if err := readPage(r, buf, int64(first*size)); err != nil {
		return fmt.Errorf("pages %d to %d: %w", first, last-1, err)
	}
	for id := first; id < last; id++ {
		if inUse[id-from] && !hasSum(buf[(id-first)*size:(id-first+1)*size], sums[id-from], t.trust) {
			return wrongSum(id)
		}
	}
	return nil
}

// usedPages are the pages of a state that are in use.
type usedPages struct {
	table *pageTable
	inUse bitmap
}

// usedPages returns those of the state of the table; nil if there is no table.
func (t *pageTable) usedPages() *usedPages {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost != nil {
		return nil
	}
	return &usedPages{table: t, inUse: slices.Clone(t.inUse)}
}

// wants says that a page is not what its sum says; "": it is, or it is not in use. The
// sums stay as long as there is a snapshot of the state.
func (u *usedPages) wants(id uint64, data []byte) (problem string) {
	if u == nil || id/64 >= uint64(len(u.inUse)) || !u.inUse.has(id) {
		return ""
	}
	u.table.mu.Lock()
	want := u.table.sums[id]
	u.table.mu.Unlock()
	if hasSum(data, want, u.table.trust) {
		return ""
	}
	return wrongSumText
}

// count returns how many bits are set.
func (b bitmap) count() (n uint64) {
	for _, word := range b {
		n += uint64(bits.OnesCount64(word))
	}
	return n
}

// makeSeen returns a bit for each page, of which those that are free are set.
func makeSeen(free bitmap) []atomic.Uint64 {
	seen := make([]atomic.Uint64, len(free))
	for i, word := range free {
		seen[i].Store(word)
	}
	return seen
}

// tableOf returns the table of a file that has been read whole.
func tableOf(w *walker, names [][]byte, sums []uint32, sizes []int, trust trust) *pageTable {
	t := &pageTable{meta: w.meta, names: names, sums: sums, sizes: sizes, trust: trust, inUse: w.reached, used: w.reached.count()}
	t.all.Store(true)
	return t
}

// checkPages says whether what is known of the pages differs from what a walk over the
// newest state has found. It is for tests.
func (f *boltFile) checkPages(want *pageTable) error {
	t := f.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.meta.txid != want.meta.txid { // somebody writes
		return nil
	}
	if t.used != want.used || t.lost != nil {
		return fmt.Errorf("%d pages are said to be in use, and %d are: %w", t.used, want.used, t.lost)
	}
	for id := uint64(firstPage); id < t.meta.pages; id++ {
		is := id/64 < uint64(len(t.inUse)) && t.inUse.has(id)
		if is != want.inUse.has(id) || is && want.sums[id] != t.sums[id] && t.meta.freelist == noFreelist {
			return fmt.Errorf("page %d is said to be in use: %v, and is: %v; or it has another sum", id, is, want.inUse.has(id))
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
