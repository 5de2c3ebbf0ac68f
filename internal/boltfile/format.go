package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/bits"

	"github.com/doorlog/doorlog/internal/fault"
)

// The file format of bolt, as far as is needed to read a file without mapping it. All
// numbers are in the byte order of the machine that wrote the file. A page begins with a
// header:
//
//	 8    2       2       4
//	| id | flags | count | overflow |
//
// overflow is the number of pages, without a header, that follow and belong to the page.
// The flags say what kind of page it is. A leaf has count elements, and after them the keys
// and values. A branch has count elements with the numbers of its child pages, and after
// them the keys. The elements of a leaf and of a branch are
//
//	 4       4          4          4            4          4          8
//	| flags | position | key size | value size |   | position | key size | page |
//
// position is the offset of the key from the beginning of the element. In a leaf element
// with bucketFlag the value is a bucket: the number of its root page and a sequence, 8
// bytes each. If the root is 0, the page itself follows. A freelist has count page numbers;
// if count is 0xffff, their number comes first, in 8 bytes. Source: internal/common of
// bbolt.
const (
	PageHeaderLen = 16
	ElementLen    = 16
	bucketLen     = 16

	BranchFlag   = 0x01
	LeafFlag     = 0x02
	metaFlag     = 0x04
	FreelistFlag = 0x10
	bucketFlag   = 0x01

	FirstPage = 2 // pages 0 and 1 are meta pages
)

// A file begins with two meta pages. The valid one with the higher transaction ID (txid)
// counts. After the header of the page they have
//
//	 4      4        4          4      8     8         8         8           8     8
//	| magic | version | page size | flags | root | sequence | freelist | high water | txid | FNV-64a |
const (
	boltMetaLen = 64
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	NoFreelist  = math.MaxUint64 // Meta.Freelist of a file that was not closed (bolt's NoFreelistSync)
)

// A Meta is a valid meta page.
type Meta struct {
	PageSize int
	root     uint64 // page of the bucket of buckets
	Freelist uint64 // page of the freelist, or NoFreelist
	Pages    uint64 // the high-water mark: only pages below this number are in use
	Txid     uint64
}

// metaOffsets are the offsets at which a meta page can be. The first one is at 0. The
// second one is a page after it, so its offset depends on the size of a page. If the first
// one is not valid, bolt tries these offsets, and takes the size from the meta page that it
// finds.
var metaOffsets = func() (at []int64) {
	at = append(at, 0)
	for size := int64(minPageSize); size <= maxPageSize; size *= 2 {
		at = append(at, size)
	}
	return at
}()

const minPageSize, maxPageSize = 1 << 10, 1 << 24

// ReadMetas returns the valid meta pages, newest first, which is the order in which bolt
// uses them. There may be only one: a power cut can have cut the other one short. metas may
// be non-empty even when problem is set.
func ReadMetas(r io.ReaderAt) (metas []Meta, problem error) {
	magic, foreign := false, false
	for _, at := range metaOffsets {
		var b [boltMetaLen]byte
		if _, err := r.ReadAt(b[:], at+PageHeaderLen); errors.Is(err, io.EOF) {
			break // the file ends here
		} else if err != nil {
			return nil, err
		}
		switch binary.NativeEndian.Uint32(b[:]) {
		case boltMagic:
			magic = true
		case bits.ReverseBytes32(boltMagic):
			foreign = true
			continue
		default:
			continue
		}
		m, ok := parseMeta(&b)
		if !ok || len(metas) > 0 && at != int64(metas[0].PageSize) {
			continue
		}
		// A meta page that belongs to another place. bolt would trust it, and write its
		// next meta page over the newest one.
		if at != int64(m.Txid%2)*int64(m.PageSize) {
			problem = fmt.Errorf("%w: the meta page at byte %d is of another place", fault.ErrCorrupt, at)
		}
		if !m.sane() {
			return nil, fmt.Errorf("%w: pages of %d bytes", fault.ErrCorrupt, m.PageSize)
		}
		if len(metas) > 0 && m.Txid > metas[0].Txid {
			metas = []Meta{m, metas[0]}
		} else {
			metas = append(metas, m)
		}
	}
	switch {
	case foreign && !magic:
		return nil, fault.ErrByteOrder
	case !magic:
		return nil, fmt.Errorf("%w: it is no bolt file", fault.ErrNotStore)
	case len(metas) == 0:
		return nil, fmt.Errorf("%w: both meta pages", fault.ErrCorrupt)
	}
	return metas, problem
}

// sane reports whether bolt makes pages of this size.
func (m *Meta) sane() bool {
	return m.PageSize >= minPageSize && m.PageSize <= maxPageSize && m.PageSize&(m.PageSize-1) == 0
}

func parseMeta(b *[boltMetaLen]byte) (m Meta, ok bool) {
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56])
	m = Meta{
		PageSize: int(min(binary.NativeEndian.Uint32(b[8:]), math.MaxInt32)),
		root:     binary.NativeEndian.Uint64(b[16:]),
		Freelist: binary.NativeEndian.Uint64(b[32:]),
		Pages:    binary.NativeEndian.Uint64(b[40:]),
		Txid:     binary.NativeEndian.Uint64(b[48:]),
	}
	return m, binary.NativeEndian.Uint32(b[4:]) == boltVersion && sum.Sum64() == binary.NativeEndian.Uint64(b[56:])
}

// put writes the meta page to its place in metas, the first two pages of a file.
func (m *Meta) put(metas []byte) {
	slot := int(m.Txid % 2)
	p := metas[slot*m.PageSize:]
	binary.NativeEndian.PutUint64(p, uint64(slot))
	binary.NativeEndian.PutUint16(p[8:], metaFlag)
	b := p[PageHeaderLen : PageHeaderLen+boltMetaLen]
	binary.NativeEndian.PutUint32(b, boltMagic)
	binary.NativeEndian.PutUint32(b[4:], boltVersion)
	binary.NativeEndian.PutUint32(b[8:], uint32(m.PageSize))
	binary.NativeEndian.PutUint64(b[16:], m.root)
	binary.NativeEndian.PutUint64(b[32:], m.Freelist)
	binary.NativeEndian.PutUint64(b[40:], m.Pages)
	binary.NativeEndian.PutUint64(b[48:], m.Txid)
	sum := fnv.New64a()
	_, _ = sum.Write(b[:56]) // never fails
	binary.NativeEndian.PutUint64(b[56:], sum.Sum64())
}

// Check returns [fault.ErrCorrupt] if a file of size bytes is too short for the pages of the
// meta page.
func (m *Meta) Check(size int64) error {
	if m.Pages < FirstPage || m.Pages > uint64(size)/uint64(m.PageSize) {
		return fmt.Errorf("%w: it has %d bytes and should have %d pages of %d", fault.ErrCorrupt, size, m.Pages, m.PageSize)
	}
	return nil
}

// StateReader reads a file in the state of one meta page. The other meta page reads as
// zeros, and the last page of the state is the end. A page that does not match its sum is
// [fault.ErrCorrupt].
func StateReader(f io.ReaderAt, meta *Meta, pages *UsedPages) io.Reader {
	metas := make([]byte, 2*meta.PageSize)
	meta.put(metas)
	end := int64(meta.Pages) * int64(meta.PageSize)
	rest := io.NewSectionReader(f, int64(len(metas)), end-int64(len(metas)))
	return io.MultiReader(bytes.NewReader(metas), &pageReader{r: rest, pages: pages, id: FirstPage, page: make([]byte, 0, meta.PageSize)})
}

// A pageReader compares each page that is read through it with its sum.
type pageReader struct {
	r     io.Reader
	pages *UsedPages
	id    uint64 // the page that is being read
	page  []byte // the part of it that has been read
}

func (p *pageReader) Read(b []byte) (n int, err error) {
	n, err = p.r.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		some := rest[:min(len(rest), cap(p.page)-len(p.page))]
		p.page, rest = append(p.page, some...), rest[len(some):]
		if len(p.page) < cap(p.page) {
			break
		}
		if problem := p.pages.Wants(p.id, p.page); problem != "" {
			err := fmt.Errorf("%w: page %d: %s", fault.ErrCorrupt, p.id, problem)
			p.pages.table.tell(err)
			return 0, err
		}
		p.id, p.page = p.id+1, p.page[:0]
	}
	return n, err
}

// A Page is a page of a bolt file, with its overflow, in memory.
type Page struct {
	Flags uint16
	Count int
	Data  []byte // with the header; of the overflow at least what the elements reach
}

// reach returns how far the elements of the page reach, from the elements that are in
// p.Data.
func (p *Page) reach() (end uint64) {
	end = PageHeaderLen + uint64(p.Count)*ElementLen
	for at := uint64(PageHeaderLen); at+ElementLen <= min(end, uint64(len(p.Data))); at += ElementLen {
		position, keyLen, valueLen := p.head(p.Data[at : at+ElementLen])
		end = max(end, at+position+keyLen+valueLen)
	}
	return end
}

// head parses an element. valueLen is 0 in a branch.
func (p *Page) head(b []byte) (position, keyLen, valueLen uint64) {
	if p.Flags == BranchFlag {
		return uint64(binary.NativeEndian.Uint32(b)), uint64(binary.NativeEndian.Uint32(b[4:])), 0
	}
	return uint64(binary.NativeEndian.Uint32(b[4:])), uint64(binary.NativeEndian.Uint32(b[8:])),
		uint64(binary.NativeEndian.Uint32(b[12:]))
}

// An element is an entry of a page. Its key and value are parts of the page.
type element struct {
	Key, Value []byte
	child      uint64 // page; 0 in a leaf
	Bucket     bool   // the value is a bucket
}

var (
	errElement    = errors.New("an element reaches beyond its page")
	errKind       = errors.New("a bucket where an entry should be, or the other way round")
	errOutOfOrder = errors.New("its key is out of order")
	errOutside    = errors.New("its key is where no search would find it")
)

// Element returns element i. i must be less than p.Count.
func (p *Page) Element(i int) (e element, err error) {
	at := PageHeaderLen + i*ElementLen
	if at+ElementLen > len(p.Data) {
		return e, errElement
	}
	b := p.Data[at : at+ElementLen]
	position, keyLen, valueLen := p.head(b)
	if p.Flags == BranchFlag {
		e.child = binary.NativeEndian.Uint64(b[8:])
	} else {
		e.Bucket = binary.NativeEndian.Uint32(b)&bucketFlag != 0
	}
	from := uint64(at) + position
	if position < ElementLen || from+keyLen+valueLen > uint64(len(p.Data)) {
		return e, errElement
	}
	e.Key = p.Data[from : from+keyLen]
	e.Value = p.Data[from+keyLen : from+keyLen+valueLen]
	return e, nil
}

// ParsePage parses the header of a page. It returns the page number in the header and the
// page, whose Data is data.
func ParsePage(data []byte) (id uint64, p Page) {
	return binary.NativeEndian.Uint64(data), Page{
		Flags: binary.NativeEndian.Uint16(data[8:]),
		Count: int(binary.NativeEndian.Uint16(data[10:])),
		Data:  data,
	}
}

// OverflowOf returns the number of overflow pages of a page, from its header.
func OverflowOf(data []byte) uint64 { return uint64(binary.NativeEndian.Uint32(data[12:])) }

// ParseBucket parses the value of a bucket. It returns the root page, or, if that is 0, the
// page inside the value. With an error, inline is what can still be read of that page.
func ParseBucket(value []byte) (root uint64, inline Page, err error) {
	if len(value) < bucketLen {
		return 0, Page{}, fmt.Errorf("a bucket of %d bytes", len(value))
	}
	if root = binary.NativeEndian.Uint64(value); root != 0 {
		return root, Page{}, nil
	}
	if len(value) < bucketLen+PageHeaderLen {
		return 0, Page{}, fmt.Errorf("a bucket of %d bytes without a page", len(value))
	}
	id, inline := ParsePage(value[bucketLen:])
	// When bolt writes the bucket again, it frees the pages that this header names.
	if more := OverflowOf(inline.Data); inline.Flags != LeafFlag || id != 0 || more != 0 {
		err = fmt.Errorf("a page of flags %#x, id %d and overflow %d inside of a bucket", inline.Flags, id, more)
		inline.Flags = LeafFlag
	}
	return 0, inline, err
}

// verify checks all elements of a page.
func (p *Page) verify() error {
	var last []byte
	for i := range p.Count {
		e, err := p.Element(i)
		if err == nil && (len(e.Key) == 0 || i > 0 && bytes.Compare(last, e.Key) >= 0) {
			err = errOutOfOrder
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		last = e.Key
	}
	return nil
}
