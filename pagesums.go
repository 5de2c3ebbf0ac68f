package doorlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// The sums of the pages of a file that was closed are behind its last page, where the
// next transaction may write over them: they are of one state alone, and Open believes
// them only if they are of the newest. There they cost no page, and a copy of the file
// has them. The first page has
//
//	 8       16         8      8       8 for each bucket and the rest   4             4
//	| magic | store ID | txid | pages | pages of the bucket | …      | CRC of sums | CRC of these |
//
// and from the next on there is a CRC-32C for each page, 4 bytes, of which those of
// pages that are not in use mean nothing. Numbers are little-endian.
const sumsMagic = "dlogsums"

func sumsHeaderLen(buckets int) int { return 8 + 16 + 8 + 8 + 8*buckets + 4 + 4 }

// pageSums are the sums of a state.
type pageSums struct {
	storeID [16]byte
	txid    uint64
	sizes   []int
	sums    []uint32
}

// sumsAt returns where the sums of a state are, and how long they are.
func sumsAt(meta *boltMeta) (at, length int64) {
	page := int64(meta.pageSize)
	return int64(meta.pages) * page, page + (4*int64(meta.pages)+page-1)/page*page
}

// write writes the sums behind the last page of a state.
func (s *pageSums) write(f *os.File, meta *boltMeta) error {
	at, length := sumsAt(meta)
	b := make([]byte, length)
	list := b[meta.pageSize:][:4*len(s.sums)]
	for i, sum := range s.sums {
		binary.LittleEndian.PutUint32(list[4*i:], sum)
	}
	h := b[:0]
	h = append(h, sumsMagic...)
	h = append(h, s.storeID[:]...)
	h = binary.LittleEndian.AppendUint64(h, s.txid)
	h = binary.LittleEndian.AppendUint64(h, uint64(len(s.sums)))
	for _, n := range s.sizes {
		h = binary.LittleEndian.AppendUint64(h, uint64(n))
	}
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(list, castagnoliTable))
	binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoliTable))
	_, err := f.WriteAt(b, at)
	return err
}

// readPageSums returns the sums of a state of a file with so many buckets, or nil if
// there are none.
func readPageSums(r io.ReaderAt, meta *boltMeta, buckets int) (*pageSums, error) {
	at, length := sumsAt(meta)
	h := make([]byte, sumsHeaderLen(buckets))
	if ok, err := readIfThere(r, h, at); !ok || err != nil {
		return nil, err
	}
	s := &pageSums{storeID: [16]byte(h[8:24]), sizes: make([]int, buckets), txid: binary.LittleEndian.Uint64(h[24:])}
	pages := binary.LittleEndian.Uint64(h[32:])
	end := len(h) - 4
	if string(h[:8]) != sumsMagic || s.txid != meta.txid || pages != meta.pages ||
		binary.LittleEndian.Uint32(h[end:]) != crc32.Checksum(h[:end], castagnoliTable) {
		return nil, nil
	}
	for i := range s.sizes {
		s.sizes[i] = int(binary.LittleEndian.Uint64(h[40+8*i:]))
	}
	list := make([]byte, length-int64(meta.pageSize))
	if ok, err := readIfThere(r, list, at+int64(meta.pageSize)); !ok || err != nil {
		return nil, err
	}
	list = list[:4*pages]
	if binary.LittleEndian.Uint32(h[end-4:]) != crc32.Checksum(list, castagnoliTable) {
		return nil, nil
	}
	s.sums = make([]uint32, pages)
	for i := range s.sums {
		s.sums[i] = binary.LittleEndian.Uint32(list[4*i:])
	}
	return s, nil
}

// readIfThere fills b. ok is false if the file does not have it, or the disk cannot read it.
func readIfThere(r io.ReaderAt, b []byte, at int64) (ok bool, err error) {
	err = readPage(r, b, at)
	if errors.Is(err, ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}

// table returns the table of a file that was closed, whose list of free pages has been read.
func (s *pageSums) table(r io.ReaderAt, meta boltMeta, free bitmap, names [][]byte, trust trust) (*pageTable, error) {
	t := &pageTable{meta: meta, names: names, trust: trust, sums: s.sums, opened: s.sums, sizes: s.sizes, inUse: newBitmap(meta.pages)}
	t.seen = makeSeen(free)
	t.see(0)
	t.see(1)
	for i := range t.inUse {
		t.inUse[i] = ^free[i]
	}
	for id := meta.pages; id < 64*uint64(len(t.inUse)); id++ {
		t.inUse.clear(id)
	}
	t.used = t.inUse.count()
	// bolt is about to believe the list of free pages.
	return t, t.comparePage(r, meta.freelist)
}

// comparePage compares a page, and its overflow, that nobody has mapped.
func (t *pageTable) comparePage(r io.ReaderAt, id uint64) error {
	size := uint64(t.meta.pageSize)
	buf := make([]byte, size)
	for i, more := uint64(0), uint64(0); i <= more; i++ {
		if id+i >= t.meta.pages {
			return fmt.Errorf("%w: page %d of %d", ErrCorrupt, id+i, t.meta.pages)
		}
		if err := readPage(r, buf, int64((id+i)*size)); err != nil {
			return err
		}
		if !hasSum(buf, t.sums[id+i], t.trust) {
			return wrongSum(id + i)
		}
		if t.see(id + i); i == 0 {
			more = overflowOf(buf)
		}
	}
	return nil
}

// writePageSums writes the sums of a file that is about to be closed, whose state says
// that it was. The next Open reads the whole file if there is no room for them.
func (f *boltFile) writePageSums(storeID [16]byte) error {
	t := f.table
	if t == nil || f.summed {
		return nil
	}
	t.mu.Lock()
	meta, lost := t.meta, t.lost
	t.mu.Unlock()
	if lost != nil || meta.freelist == noFreelist {
		return lost
	}
	t.grow(meta.pages - 1)
	if ok, err := f.roomForSums(&meta); !ok {
		return err
	}
	s := pageSums{storeID: storeID, txid: meta.txid, sizes: t.sizes, sums: t.sums[:meta.pages]}
	if err := s.write(f.file, &meta); err != nil {
		return diskError(err)
	}
	return f.file.Sync()
}

// roomForSums has the file be long enough for the sums, unless the disk, or the file, is full.
func (f *boltFile) roomForSums(meta *boltMeta) (ok bool, err error) {
	at, length := sumsAt(meta)
	if !reserves { // the file is as long as its mapping, and must not become longer
		info, err := f.file.Stat()
		return err == nil && at+length <= info.Size(), err
	}
	if at+length > f.reserve.end {
		err = f.lengthen(at+length, true)
	}
	if errors.Is(err, ErrFull) {
		err = nil
	}
	return err == nil && at+length <= f.reserve.end, err
}

// distrust has the next Open read the whole file, which was found to be damaged.
func (f *boltFile) distrust() error {
	t := f.table
	if t == nil {
		return nil
	}
	t.mu.Lock()
	meta := t.meta
	t.mu.Unlock()
	at, _ := sumsAt(&meta)
	if s, err := readPageSums(f.file, &meta, len(t.names)); s == nil || err != nil {
		return err
	}
	if _, err := f.file.WriteAt(make([]byte, sumsHeaderLen(len(t.names))), at); err != nil {
		return err
	}
	return f.file.Sync()
}
