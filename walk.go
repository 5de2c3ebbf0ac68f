package doorlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// A walker reads all of a bolt file, in one state of it, without mapping it and
// without believing anything in it. It finds every page that is damaged, has two
// uses or none, and keys that are not where a search would look for them. Its
// memory is one page for each level of a tree, and two bits for each page of the
// file.
//
// What it finds it reports, and goes on with what is left.
type walker struct {
	ctx  context.Context
	r    io.ReaderAt
	meta boltMeta

	// bucket returns what is called with every entry of a bucket, in order where
	// the tree is sound. key and value are good until that returns.
	bucket func(name []byte) (entry func(key, value []byte))

	// left, if it is not nil, is called when all of a bucket has been read.
	left func()

	// report is called with every finding.
	report func(format string, args ...any)

	// names, if it is not nil, is called with the name of each bucket.
	names func(name []byte)

	// only, if it is not nil, is the bucket of which alone the entries are read; pages
	// that are neither in use nor free are not looked for then.
	only []byte

	// pages is how many there are to be read: fewer than meta says if the file
	// was cut off. 0: as many.
	pages uint64

	// took, if it is not nil, is called with the number of pages in each page read.
	took func(pages uint64)

	// look, if it is not nil, is called with each page of a tree, and each of its
	// overflow, and says what is wrong with it.
	look func(id uint64, data []byte) (problem string)

	// begin, if it is not nil, is called with about how many pages are going to be read.
	begin func(pages uint64)

	reached, free bitmap
	freelistSound bool
	unreadable    error    // why the disk could not read a page
	doubtful      int      // levels of pages that are in use and free, or of which look has said something
	changed       uint64   // the last page of which it has
	buffers       [][]byte // a page for each level
}

// walk reads the list of free pages and the trees. Its error is one of reading, or of
// the context.
func (w *walker) walk() error {
	if w.pages == 0 {
		w.pages = w.meta.pages
	}
	w.reached, w.free = newBitmap(w.pages), newBitmap(w.pages)
	w.reached.set(0)
	w.reached.set(1)
	if err := w.freelist(); err != nil {
		return err
	}
	if w.begin != nil {
		w.begin(w.pages - w.free.count())
	}
	if err := w.tree(w.meta.root, 0, bounds{}, w.enter); err != nil {
		return err
	}
	if w.only == nil {
		w.leftOver()
	}
	return nil
}

// leftOver reports the pages that are neither in use nor free.
func (w *walker) leftOver() {
	if !w.freelistSound {
		return
	}
	lost, first := 0, uint64(0)
	for id := range w.pages {
		if !w.reached.has(id) && !w.free.has(id) {
			if lost++; lost == 1 {
				first = id
			}
		}
	}
	if lost > 0 {
		w.report("pages neither in use nor free: %d, from page %d on", lost, first)
	}
}

// bounds are the keys that a page may have: from, and below. nil: any.
type bounds struct{ from, below []byte }

// enter reads the bucket of an entry of the root.
func (w *walker) enter(level int, name []byte, e element) error {
	if !e.bucket {
		w.report("the root has an entry %q that is no bucket", shortened(name))
		return nil
	}
	if w.names != nil {
		w.names(name)
	}
	if w.only != nil && !bytes.Equal(name, w.only) {
		return nil
	}
	root, inline, err := parseBucket(e.value)
	if err != nil {
		w.report("bucket %q: %v", shortened(name), err)
		if inline.data == nil {
			return nil
		}
	}
	take := w.bucket(name)
	if w.left != nil {
		defer w.left()
	}
	entry := func(_ int, key []byte, e element) error {
		if e.bucket {
			w.report("bucket %q has a bucket %q inside", shortened(name), shortened(key))
			return nil
		}
		take(key, e.value)
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
func (w *walker) tree(id uint64, level int, within bounds, leaf leafFunc) error {
	if level >= maxLevels {
		w.report("page %d is %d levels deep", id, level)
		return nil
	}
	p, problem, err := w.read(id, level)
	if err != nil {
		return err
	}
	if problem == "" && p.flags != branchFlag && p.flags != leafFlag {
		problem = fmt.Sprintf("flags %#x where a branch or a leaf should be", p.flags)
		w.reached.clear(id)
	}
	if problem != "" {
		w.report("page %d: %s", id, problem)
		return nil
	}
	if w.changed == id { // what it holds may be of before
		w.doubtful++
		defer func() { w.doubtful-- }()
	}
	for i := range overflowOf(p.data) + 1 {
		if w.free.has(id + i) {
			w.report("page %d is in use and free", id+i)
			w.doubtful++
			defer func() { w.doubtful-- }()
			break
		}
	}
	return w.page(&p, id, level, within, leaf)
}

// page reads the elements of a page, which are in order and within bounds. The
// first key is the one under which the branch above has the page: by it bolt
// finds the place of the page in the branch when it writes the page anew.
func (w *walker) page(p *page, id uint64, level int, within bounds, leaf leafFunc) error {
	if p.count == 0 && (p.flags == branchFlag || within.from != nil) {
		w.report("page %d is empty", id) // where bolt's Prev would stop
	}
	var last []byte
	used := 0
	for i := range p.count {
		e, err := p.element(i)
		switch {
		case err != nil:
			w.report("page %d, element %d: %v", id, i, err)
			continue
		case used+len(e.key)+len(e.value) > len(p.data): // to read them could take for ever
			w.report("page %d, element %d: it lies over others", id, i)
			return nil
		case len(e.key) == 0, i > 0 && bytes.Compare(last, e.key) >= 0:
			w.report("page %d, element %d: key %x is out of order", id, i, shortened(e.key))
		case (i == 0 || i == p.count-1) && !within.has(e.key), // the others are between these
			i == 0 && within.from != nil && !bytes.Equal(e.key, within.from):
			w.report("page %d, element %d: key %x is where no search would find it", id, i, shortened(e.key))
		}
		last, used = e.key, used+len(e.key)+len(e.value)
		if p.flags == leafFlag {
			if err := leaf(level, e.key, e); err != nil {
				return err
			}
			continue
		}
		below := within.below
		if next, err := p.element(i + 1); err == nil && i+1 < p.count {
			below = next.key
		}
		if err := w.tree(e.child, level+1, bounds{e.key, below}, leaf); err != nil {
			return err
		}
	}
	return nil
}

func (b bounds) has(key []byte) bool {
	return (b.from == nil || bytes.Compare(key, b.from) >= 0) && (b.below == nil || bytes.Compare(key, b.below) < 0)
}

// shortened is a key for people to read.
func shortened(key []byte) []byte { return key[:min(len(key), 64)] }

// read reads a page into the buffer of a level. A problem is what is wrong with
// the page; an error, that it could not be read.
func (w *walker) read(id uint64, level int) (p page, problem string, err error) {
	if id < firstPage || id >= w.pages {
		return p, "there is no such page", nil
	}
	if err := w.ctx.Err(); err != nil {
		return p, "", err
	}
	for len(w.buffers) <= level {
		w.buffers = append(w.buffers, make([]byte, w.meta.pageSize))
	}
	size := uint64(w.meta.pageSize)
	buf := w.buffers[level][:size]
	if err := readPage(w.r, buf, int64(id*size)); err != nil {
		problem = w.cutShort(&err)
		return p, problem, err
	}
	own, p := parsePage(buf)
	more := overflowOf(buf)
	switch {
	case own != id:
		return p, fmt.Sprintf("it says that it is page %d", own), nil
	case more >= w.pages-id:
		return p, fmt.Sprintf("it has an overflow of %d pages", more), nil
	}
	for i := range more + 1 {
		if !w.reached.set(id + i) {
			return p, "it is in use twice", nil
		}
	}
	if err := p.readOn(w.r, int64(id*size), (more+1)*size); err != nil {
		problem = w.cutShort(&err)
		return p, problem, err
	}
	if problem, err := w.lookAt(&p, id, more); problem != "" || err != nil {
		return p, problem, err
	}
	if w.took != nil {
		w.took(more + 1)
	}
	if cap(p.data) > cap(w.buffers[level]) {
		w.buffers[level] = p.data
	}
	return p, "", nil
}

// lookAt calls look with a page and its overflow, of which p has what its elements reach.
// A problem is that there is no such page.
func (w *walker) lookAt(p *page, id, more uint64) (problem string, err error) {
	if w.look == nil {
		return "", nil
	}
	size := uint64(w.meta.pageSize)
	for i := range more + 1 {
		data := p.data
		if end := (i + 1) * size; end <= uint64(len(data)) {
			data = data[i*size : end]
		} else {
			data = make([]byte, size)
			if err := readPage(w.r, data, int64((id+i)*size)); err != nil {
				problem = w.cutShort(&err)
				return problem, err
			}
		}
		if problem := w.look(id+i, data); problem != "" {
			w.report("page %d: %s", id+i, problem) // and what it has may be read all the same
			w.changed = id
		}
	}
	return "", nil
}

// readOn reads the overflow of a page that is long bytes in all, as far as its
// elements reach: what it says of its length may be damaged, and is not to cost
// the memory for it.
func (p *page) readOn(r io.ReaderAt, at int64, long uint64) error {
	for have := uint64(len(p.data)); have < long; have = uint64(len(p.data)) {
		end := min(long, p.reach())
		if end <= have {
			return nil
		}
		p.data = slices.Grow(p.data, int(end-have))[:end]
		if err := readPage(r, p.data[have:], at+int64(have)); err != nil {
			return err
		}
	}
	return nil
}

// cutShort makes a problem of an error that says that the file ends before, or
// that the disk cannot read it.
func (w *walker) cutShort(err *error) (problem string) {
	if failure, ok := errors.AsType[*fs.PathError](*err); ok {
		w.unreadable = failure
	}
	if errors.Is(*err, ErrCorrupt) {
		problem, *err = (*err).Error(), nil
	}
	return problem
}

// readPage fills b. What the file does not have, or the disk cannot read, is
// ErrCorrupt.
func readPage(r io.ReaderAt, b []byte, at int64) error {
	switch _, err := r.ReadAt(b, at); err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF: //nolint:errorlint // what ReadAt returns
		return fmt.Errorf("%w: it ends before byte %d", ErrCorrupt, at+int64(len(b)))
	default:
		return fmt.Errorf("%w: it cannot be read: %w", ErrCorrupt, err)
	}
}

// freelist reads the list of the free pages, a piece at a time: it can be long.
func (w *walker) freelist() error {
	size := uint64(w.meta.pageSize)
	id := w.meta.freelist
	if id == noFreelist { // the file was not closed: what is not in use is free
		return nil
	}
	if id < firstPage || id >= w.pages {
		w.report("the freelist is page %d of %d", id, w.pages)
		return nil
	}
	head := make([]byte, pageHeaderLen+8)
	if err := readPage(w.r, head, int64(id*size)); err != nil {
		if problem := w.cutShort(&err); problem != "" {
			w.report("freelist page %d: %s", id, problem)
		}
		return err
	}
	own, p := parsePage(head)
	more := overflowOf(head)
	count, at := uint64(p.count), int64(id*size)+pageHeaderLen
	if p.count == 0xffff {
		count = binary.NativeEndian.Uint64(head[pageHeaderLen:])
		at += 8
	}
	end := int64((id + more + 1) * size)
	// Bolt makes it as long as the list was before it took the pages for it.
	longer := count < 1<<40 && more > (pageHeaderLen+8*(count+more+4))/size
	if own != id || p.flags != freelistFlag || more >= w.pages-id || count > uint64(end-at)/8 || longer {
		w.report("freelist page %d: id %d, flags %#x, %d entries, overflow %d", id, own, p.flags, count, more)
		return nil
	}
	w.freelistSound = true
	for i := range more + 1 {
		w.reached.set(id + i)
	}
	if w.look != nil {
		p.data = nil // of which nothing is needed: look reads it
		if problem, err := w.lookAt(&p, id, more); problem != "" || err != nil {
			w.report("freelist page %d: %s", id, problem)
			return err
		}
	}
	return w.freePages(at, count)
}

// freePages reads count page numbers.
func (w *walker) freePages(at int64, count uint64) error {
	buf := make([]byte, 8*min(count, 8<<10))
	for last := uint64(firstPage - 1); count > 0; {
		n := min(count, uint64(len(buf)/8))
		if err := readPage(w.r, buf[:8*n], at); err != nil {
			if problem := w.cutShort(&err); problem != "" {
				w.report("freelist: %s", problem)
				w.freelistSound = false
			}
			return err
		}
		for i := range n {
			id := binary.NativeEndian.Uint64(buf[8*i:])
			if id <= last || id >= w.meta.pages || id < w.pages && w.reached.has(id) {
				w.report("freelist: page %d after page %d of %d", id, last, w.meta.pages)
				w.freelistSound = false
				return nil
			}
			if last = id; id < w.pages {
				w.free.set(id)
			}
		}
		at, count = at+int64(8*n), count-n
	}
	return nil
}

// A bitmap is a set of page numbers.
type bitmap []uint64

func newBitmap(n uint64) bitmap { return make(bitmap, n/64+1) }

func (b bitmap) has(i uint64) bool { return b[i/64]&(1<<(i%64)) != 0 }

// set adds i, and reports whether it is new.
func (b bitmap) set(i uint64) bool {
	was := b.has(i)
	b[i/64] |= 1 << (i % 64)
	return !was
}

func (b bitmap) clear(i uint64) { b[i/64] &^= 1 << (i % 64) }
