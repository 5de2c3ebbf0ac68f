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

// ReadAhead reads a file from its beginning on, as fast as the disk can, so that
// the pages that a walk asks for in the order of the trees are in memory by then.
// stop ends it. Of a large file just the first piece is read: memory may not
// hold more.
func ReadAhead(r io.ReaderAt, size int64) (stop func()) {
	const most, piece = 1 << 30, 1 << 20
	if size < 64<<20 { // the system's own reading ahead is enough
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

// count returns how many bits are set.
func (b bitmap) count() (n uint64) {
	for _, word := range b {
		n += uint64(bits.OnesCount64(word))
	}
	return n
}

// GuessPageSize returns the size with which most pages say rightly which page
// they are.
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

// A Walker reads all of a bolt file, in one state of it, without mapping it and
// without believing anything in it. It finds every page that is damaged, has two
// uses or none, and keys that are not where a search would look for them. Its
// memory is one page for each level of a tree, and two bits for each page of the
// file.
//
// What it finds it reports, and goes on with what is left.
type Walker struct {
	Ctx  context.Context
	From io.ReaderAt
	Meta Meta

	// bucket returns what is called with every entry of a bucket, in order where
	// the tree is sound. key and value are good until that returns.
	Bucket func(name []byte) (entry func(key, value []byte))

	// left, if it is not nil, is called when all of a bucket has been read.
	Left func()

	// report is called with every finding.
	Report func(format string, args ...any)

	// names, if it is not nil, is called with the name of each bucket.
	Names func(name []byte)

	// only, if it is not nil, is the bucket of which alone the entries are read; pages
	// that are neither in use nor free are not looked for then.
	Only []byte

	// pages is how many there are to be read: fewer than meta says if the file
	// was cut off. 0: as many.
	Pages uint64

	// took, if it is not nil, is called with the number of pages in each page read.
	Took func(pages uint64)

	// look, if it is not nil, is called with each page of a tree, and each of its
	// overflow, and says what is wrong with it.
	Look func(id uint64, data []byte) (problem string)

	// begin, if it is not nil, is called with about how many pages are going to be read.
	Begin func(pages uint64)

	Reached, Free bitmap
	FreelistSound bool
	Unreadable    error    // why the disk could not read a page
	Doubtful      int      // levels of pages that are in use and free, or of which look has said something
	changed       uint64   // the last page of which it has
	buffers       [][]byte // a page for each level
}

// Walk reads the list of free pages and the trees. Its error is one of reading, or of
// the context.
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

// leftOver reports the pages that are neither in use nor free.
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

// bounds are the keys that a page may have: from, and below. nil: any.
type bounds struct{ from, below []byte }

// enter reads the bucket of an entry of the root.
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

// maxLevels is more than any tree has: a branch of the least two pages each.
const maxLevels = 64

// tree reads a page and all that is below it; if it is to be shallow, of the
// leaves of a branch just the first. isLeaf is of the page itself.
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
	if w.changed == id { // what it holds may be of before
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

// page reads the elements of a page, which are in order and within bounds. The
// first key is the one under which the branch above has the page: by it bolt
// finds the place of the page in the branch when it writes the page anew.
func (w *Walker) page(p *Page, id uint64, level int, within bounds, leaf leafFunc) error {
	if p.Count == 0 && (p.Flags == BranchFlag || within.from != nil) {
		w.Report("page %d is empty", id) // where bolt's Prev would stop
	}
	var last []byte
	used := 0
	for i := range p.Count {
		e, err := p.Element(i)
		switch {
		case err != nil:
			w.Report("page %d, element %d: %v", id, i, err)
			continue
		case used+len(e.Key)+len(e.Value) > len(p.Data): // to read them could take for ever
			w.Report("page %d, element %d: it lies over others", id, i)
			return nil
		case len(e.Key) == 0, i > 0 && bytes.Compare(last, e.Key) >= 0:
			w.Report("page %d, element %d: key %x is out of order", id, i, Shortened(e.Key))
		case (i == 0 || i == p.Count-1) && !within.has(e.Key), // the others are between these
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

// Shortened is a key for people to read.
func Shortened(key []byte) []byte { return key[:min(len(key), 64)] }

// read reads a page into the buffer of a level. A problem is what is wrong with
// the page; an error, that it could not be read.
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

// lookAt calls look with a page and its overflow, of which p has what its elements reach.
// A problem is that there is no such page.
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
			w.Report("page %d: %s", id+i, problem) // and what it has may be read all the same
			w.changed = id
		}
	}
	return "", nil
}

// ReadOn reads the overflow of a page that is long bytes in all, as far as its
// elements reach: what it says of its length may be damaged, and is not to cost
// the memory for it.
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

// cutShort makes a problem of an error that says that the file ends before, or
// that the disk cannot read it.
func (w *Walker) cutShort(err *error) (problem string) {
	if failure, ok := errors.AsType[*fs.PathError](*err); ok {
		w.Unreadable = failure
	}
	if errors.Is(*err, fault.ErrCorrupt) {
		problem, *err = (*err).Error(), nil
	}
	return problem
}

// ReadPage fills b. What the file does not have, or the disk cannot read, is
// ErrCorrupt.
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

// freelist reads the list of the free pages, a piece at a time: it can be long.
func (w *Walker) freelist() error {
	size := uint64(w.Meta.PageSize)
	id := w.Meta.Freelist
	if id == NoFreelist { // the file was not closed: what is not in use is free
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
	// Bolt makes it as long as the list was before it took the pages for it.
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
		p.Data = nil // of which nothing is needed: look reads it
		if problem, err := w.lookAt(&p, id, more); problem != "" || err != nil {
			w.Report("freelist page %d: %s", id, problem)
			return err
		}
	}
	return w.freePages(at, count)
}

// freePages reads count page numbers.
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

// set adds i, and reports whether it is new.
func (b bitmap) set(i uint64) bool {
	was := b.Has(i)
	b[i/64] |= 1 << (i % 64)
	return !was
}

func (b bitmap) clear(i uint64) { b[i/64] &^= 1 << (i % 64) }
