package boltfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"slices"

	"github.com/doorlog/doorlog/internal/fault"
)

// ReadAhead reads a file sequentially in a goroutine, as fast as the disk can. A walk reads
// pages in the order of the trees; with ReadAhead most are in the system's cache by then.
// stop ends the goroutine and waits for it. ReadAhead reads at most the first GiB: memory
// may not hold more.
func ReadAhead(r io.ReaderAt, size int64) (stop func()) {
	const most, piece = 1 << 30, 1 << 20
	if size < 64<<20 { // the system's own read-ahead is enough
		return func() {}
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, piece)
		for at := int64(0); at < min(size, most); at += piece {
			select {
			case <-end:
				return
			default:
			}
			if _, err := r.ReadAt(buf, at); err != nil {
				return
			}
		}
	}()
	return func() { close(end); <-done }
}

// count returns the number of elements.
func (b bitmap) count() (n uint64) {
	for _, word := range b {
		n += uint64(bits.OnesCount64(word))
	}
	return n
}

// GuessPageSize returns the page size with which the most pages have the right page number
// in their header.
func GuessPageSize(f *os.File) (best int) {
	most := -1
	var head [PageHeaderLen]byte
	for size := minPageSize; size <= maxPageSize; size *= 2 {
		right := 0
		for id := int64(FirstPage); id < 256; id++ {
			if _, err := f.ReadAt(head[:], id*int64(size)); err != nil {
				break
			}
			if own := binary.NativeEndian.Uint64(head[:]); own == uint64(id) {
				right++
			}
		}
		if right > most {
			best, most = size, right
		}
	}
	return best
}

// A Walker reads all of one state of a bolt file. It neither maps the file nor trusts
// anything in it. It finds every damaged page, every page that is used twice, every page
// that is neither used nor free, and every key that a search would not find. It needs memory
// for one page for each level of a tree, and two bits for each page of the file.
//
// It reports each finding and goes on with the rest of the file.
type Walker struct {
	Ctx  context.Context
	From io.ReaderAt
	Meta Meta

	// Bucket is called with the name of each bucket. It returns a function that is called
	// with every entry of the bucket, in order if the tree is sound. key and value are
	// valid until that function returns.
	Bucket func(name []byte) (entry func(key, value []byte))

	// Left, if not nil, is called after all of a bucket has been read.
	Left func()

	// Report is called with every finding.
	Report func(format string, args ...any)

	// Names, if not nil, is called with the name of each bucket, also with Only.
	Names func(name []byte)

	// Only, if not nil, names the only bucket whose entries are read. Then pages that are
	// neither used nor free are not looked for.
	Only []byte

	// Pages is the number of pages of the file. It is less than Meta.Pages if the file
	// was cut off. 0 means Meta.Pages.
	Pages uint64

	// Took, if not nil, is called after each page, with the number of pages that it has
	// with its overflow.
	Took func(pages uint64)

	// Look, if not nil, is called with each page, and with each page of its overflow. It
	// returns what is wrong with the page, or "".
	Look func(id uint64, data []byte) (problem string)

	// Begin, if not nil, is called once with roughly the number of pages to be read.
	Begin func(pages uint64)

	Reached, Free bitmap
	FreelistSound bool
	Unreadable    error    // the error of a page that the disk could not read
	Doubtful      int      // number of pages above the present entry that are both used and free, or that Look objects to
	changed       uint64   // the last page that Look has objected to
	buffers       [][]byte // one for each level
}

// Walk reads the list of free pages and the trees. It returns an error only if it cannot
// read on, or the error of w.Ctx; damage goes to w.Report.
func (w *Walker) Walk() error {
	if w.Pages == 0 {
		w.Pages = w.Meta.Pages
	}
	w.Reached, w.Free = newBitmap(w.Pages), newBitmap(w.Pages)
	w.Reached.set(0)
	w.Reached.set(1)
	if err := w.freelist(); err != nil {
		return err
	}
	if w.Begin != nil {
		w.Begin(w.Pages - w.Free.count())
	}
	if err := w.tree(w.Meta.root, 0, bounds{}, w.enter); err != nil {
		return err
	}
	if w.Only == nil {
		w.leftOver()
	}
	return nil
}

// leftOver reports the pages that are neither used nor free.
func (w *Walker) leftOver() {
	if !w.FreelistSound {
		return
	}
	lost, first := 0, uint64(0)
	for id := range w.Pages {
		if !w.Reached.Has(id) && !w.Free.Has(id) {
			if lost++; lost == 1 {
				first = id
			}
		}
	}
	if lost > 0 {
		w.Report("pages neither in use nor free: %d, from page %d on", lost, first)
	}
}

// bounds is the range of keys that a page may have, from inclusive, below exclusive. nil
// means no bound.
type bounds struct{ from, below []byte }

// enter reads the bucket that an entry of the root holds.
func (w *Walker) enter(level int, name []byte, e element) error {
	if !e.Bucket {
		w.Report("the root has an entry %q that is no bucket", Shortened(name))
		return nil
	}
	if w.Names != nil {
		w.Names(name)
	}
	if w.Only != nil && !bytes.Equal(name, w.Only) {
		return nil
	}
	root, inline, err := ParseBucket(e.Value)
	if err != nil {
		w.Report("bucket %q: %v", Shortened(name), err)
		if inline.Data == nil {
			return nil
		}
	}
	take := w.Bucket(name)
	if w.Left != nil {
		defer w.Left()
	}
	entry := func(_ int, key []byte, e element) error {
		if e.Bucket {
			w.Report("bucket %q has a bucket %q inside", Shortened(name), Shortened(key))
			return nil
		}
		take(key, e.Value)
		return nil
	}
	if root != 0 {
		return w.tree(root, level+1, bounds{}, entry)
	}
	return w.page(&inline, 0, level, bounds{}, entry)
}

type leafFunc func(level int, key []byte, e element) error

// maxLevels is more levels than any tree has: a branch has at least two pages below it.
const maxLevels = 64

// tree reads a page and all pages below it. It calls leaf with each element of a leaf.
func (w *Walker) tree(id uint64, level int, within bounds, leaf leafFunc) error {
	if level >= maxLevels {
		w.Report("page %d is %d levels deep", id, level)
		return nil
	}
	p, problem, err := w.read(id, level)
	if err != nil {
		return err
	}
	if problem == "" && p.Flags != BranchFlag && p.Flags != LeafFlag {
		problem = fmt.Sprintf("flags %#x where a branch or a leaf should be", p.Flags)
		w.Reached.clear(id)
	}
	if problem != "" {
		w.Report("page %d: %s", id, problem)
		return nil
	}
	if w.changed == id { // it may hold an older state
		w.Doubtful++
		defer func() { w.Doubtful-- }()
	}
	for i := range OverflowOf(p.Data) + 1 {
		if w.Free.Has(id + i) {
			w.Report("page %d is in use and free", id+i)
			w.Doubtful++
			defer func() { w.Doubtful-- }()
			break
		}
	}
	return w.page(&p, id, level, within, leaf)
}

// page reads the elements of a page. Their keys must be in order and within the bounds. The
// first key must be the key of the page in the branch above: by it bolt finds the page in
// the branch when it writes the page again.
func (w *Walker) page(p *Page, id uint64, level int, within bounds, leaf leafFunc) error {
	if p.Count == 0 && (p.Flags == BranchFlag || within.from != nil) {
		w.Report("page %d is empty", id) // bolt's Prev would stop here
	}
	var last []byte
	used := 0
	for i := range p.Count {
		e, err := p.Element(i)
		switch {
		case err != nil:
			w.Report("page %d, element %d: %v", id, i, err)
			continue
		case used+len(e.Key)+len(e.Value) > len(p.Data): // reading overlapping elements could take for ever
			w.Report("page %d, element %d: it lies over others", id, i)
			return nil
		case len(e.Key) == 0, i > 0 && bytes.Compare(last, e.Key) >= 0:
			w.Report("page %d, element %d: key %x is out of order", id, i, Shortened(e.Key))
		case (i == 0 || i == p.Count-1) && !within.has(e.Key), // the keys between these two are within them, too
			i == 0 && within.from != nil && !bytes.Equal(e.Key, within.from):
			w.Report("page %d, element %d: key %x is where no search would find it", id, i, Shortened(e.Key))
		}
		last, used = e.Key, used+len(e.Key)+len(e.Value)
		if p.Flags == LeafFlag {
			if err := leaf(level, e.Key, e); err != nil {
				return err
			}
			continue
		}
		below := within.below
		if next, err := p.Element(i + 1); err == nil && i+1 < p.Count {
			below = next.Key
		}
		if err := w.tree(e.child, level+1, bounds{e.Key, below}, leaf); err != nil {
			return err
		}
	}
	return nil
}

func (b bounds) has(key []byte) bool {
	return (b.from == nil || bytes.Compare(key, b.from) >= 0) && (b.below == nil || bytes.Compare(key, b.below) < 0)
}

// Shortened returns at most the first 64 bytes of a key, for error texts.
func Shortened(key []byte) []byte { return key[:min(len(key), 64)] }

// read reads a page into the buffer of a level. problem says what is wrong with the page,
// also that the disk cannot read it. err is any other error.
func (w *Walker) read(id uint64, level int) (p Page, problem string, err error) {
	if id < FirstPage || id >= w.Pages {
		return p, "there is no such page", nil
	}
	if err := w.Ctx.Err(); err != nil {
		return p, "", err
	}
	for len(w.buffers) <= level {
		w.buffers = append(w.buffers, make([]byte, w.Meta.PageSize))
	}
	size := uint64(w.Meta.PageSize)
	buf := w.buffers[level][:size]
	if err := ReadPage(w.From, buf, int64(id*size)); err != nil {
		problem = w.cutShort(&err)
		return p, problem, err
	}
	own, p := ParsePage(buf)
	more := OverflowOf(buf)
	switch {
	case own != id:
		return p, fmt.Sprintf("it says that it is page %d", own), nil
	case more >= w.Pages-id:
		return p, fmt.Sprintf("it has an overflow of %d pages", more), nil
	}
	for i := range more + 1 {
		if !w.Reached.set(id + i) {
			return p, "it is in use twice", nil
		}
	}
	if err := p.ReadOn(w.From, int64(id*size), (more+1)*size); err != nil {
		problem = w.cutShort(&err)
		return p, problem, err
	}
	if problem, err := w.lookAt(&p, id, more); problem != "" || err != nil {
		return p, problem, err
	}
	if w.Took != nil {
		w.Took(more + 1)
	}
	if cap(p.Data) > cap(w.buffers[level]) {
		w.buffers[level] = p.Data
	}
	return p, "", nil
}

// lookAt calls w.Look with a page and each page of its overflow. p may hold only the part
// of the overflow that the elements reach; lookAt reads the rest. problem says that the rest
// cannot be read.
func (w *Walker) lookAt(p *Page, id, more uint64) (problem string, err error) {
	if w.Look == nil {
		return "", nil
	}
	size := uint64(w.Meta.PageSize)
	for i := range more + 1 {
		data := p.Data
		if end := (i + 1) * size; end <= uint64(len(data)) {
			data = data[i*size : end]
		} else {
			data = make([]byte, size)
			if err := ReadPage(w.From, data, int64((id+i)*size)); err != nil {
				problem = w.cutShort(&err)
				return problem, err
			}
		}
		if problem := w.Look(id+i, data); problem != "" {
			w.Report("page %d: %s", id+i, problem) // its elements are read all the same
			w.changed = id
		}
	}
	return "", nil
}

// ReadOn reads the overflow of a page as far as its elements reach. long is the length of
// the page with its overflow, in bytes. That length comes from the page and may be damaged,
// so no memory is allocated for all of it.
func (p *Page) ReadOn(r io.ReaderAt, at int64, long uint64) error {
	for have := uint64(len(p.Data)); have < long; have = uint64(len(p.Data)) {
		end := min(long, p.reach())
		if end <= have {
			return nil
		}
		p.Data = slices.Grow(p.Data, int(end-have))[:end]
		if err := ReadPage(r, p.Data[have:], at+int64(have)); err != nil {
			return err
		}
	}
	return nil
}

// cutShort converts an error to a problem if it says that the file is too short or that the
// disk cannot read it. It sets *err to nil then.
func (w *Walker) cutShort(err *error) (problem string) {
	if failure, ok := errors.AsType[*fs.PathError](*err); ok {
		w.Unreadable = failure
	}
	if errors.Is(*err, fault.ErrCorrupt) {
		problem, *err = (*err).Error(), nil
	}
	return problem
}

// ReadPage fills b from offset at. It returns [fault.ErrCorrupt] if the file is too short or
// the disk cannot read it.
func ReadPage(r io.ReaderAt, b []byte, at int64) error {
	switch _, err := r.ReadAt(b, at); err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF: //nolint:errorlint // what ReadAt returns
		return fmt.Errorf("%w: it ends before byte %d", fault.ErrCorrupt, at+int64(len(b)))
	default:
		return fmt.Errorf("%w: it cannot be read: %w", fault.ErrCorrupt, err)
	}
}

// freelist reads the list of free pages, a piece at a time because it can be long.
func (w *Walker) freelist() error {
	size := uint64(w.Meta.PageSize)
	id := w.Meta.Freelist
	if id == NoFreelist { // the file was not closed; every page that is not used is free
		return nil
	}
	if id < FirstPage || id >= w.Pages {
		w.Report("the freelist is page %d of %d", id, w.Pages)
		return nil
	}
	head := make([]byte, PageHeaderLen+8)
	if err := ReadPage(w.From, head, int64(id*size)); err != nil {
		if problem := w.cutShort(&err); problem != "" {
			w.Report("freelist page %d: %s", id, problem)
		}
		return err
	}
	own, p := ParsePage(head)
	more := OverflowOf(head)
	count, at := uint64(p.Count), int64(id*size)+PageHeaderLen
	if p.Count == 0xffff {
		count = binary.NativeEndian.Uint64(head[PageHeaderLen:])
		at += 8
	}
	end := int64((id + more + 1) * size)
	// bolt sizes the freelist before it takes the pages for it from the list, so it can be
	// a little longer than needed.
	longer := count < 1<<40 && more > (PageHeaderLen+8*(count+more+4))/size
	if own != id || p.Flags != FreelistFlag || more >= w.Pages-id || count > uint64(end-at)/8 || longer {
		w.Report("freelist page %d: id %d, flags %#x, %d entries, overflow %d", id, own, p.Flags, count, more)
		return nil
	}
	w.FreelistSound = true
	for i := range more + 1 {
		w.Reached.set(id + i)
	}
	if w.Look != nil {
		p.Data = nil // makes lookAt read all of it
		if problem, err := w.lookAt(&p, id, more); problem != "" || err != nil {
			w.Report("freelist page %d: %s", id, problem)
			return err
		}
	}
	return w.freePages(at, count)
}

// freePages reads count page numbers into w.Free.
func (w *Walker) freePages(at int64, count uint64) error {
	buf := make([]byte, 8*min(count, 8<<10))
	for last := uint64(FirstPage - 1); count > 0; {
		n := min(count, uint64(len(buf)/8))
		if err := ReadPage(w.From, buf[:8*n], at); err != nil {
			if problem := w.cutShort(&err); problem != "" {
				w.Report("freelist: %s", problem)
				w.FreelistSound = false
			}
			return err
		}
		for i := range n {
			id := binary.NativeEndian.Uint64(buf[8*i:])
			if id <= last || id >= w.Meta.Pages || id < w.Pages && w.Reached.Has(id) {
				w.Report("freelist: page %d after page %d of %d", id, last, w.Meta.Pages)
				w.FreelistSound = false
				return nil
			}
			if last = id; id < w.Pages {
				w.Free.set(id)
			}
		}
		at, count = at+int64(8*n), count-n
	}
	return nil
}

// A bitmap is a set of page numbers.
type bitmap []uint64

func newBitmap(n uint64) bitmap { return make(bitmap, n/64+1) }

func (b bitmap) Has(i uint64) bool { return b[i/64]&(1<<(i%64)) != 0 }

// set adds i and reports whether i is new.
func (b bitmap) set(i uint64) bool {
	was := b.Has(i)
	b[i/64] |= 1 << (i % 64)
	return !was
}

func (b bitmap) clear(i uint64) { b[i/64] &^= 1 << (i % 64) }
