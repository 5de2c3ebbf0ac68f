package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/doorlog/doorlog/internal/fault"
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

// Sums are the sums of a state.
type Sums struct {
	StoreID [16]byte
	txid    uint64
	sizes   []int
	Sums    []uint32
}

// sumsAt returns where the sums of a state are, and how long they are.
func sumsAt(meta *Meta) (at, length int64) {
	page := int64(meta.PageSize)
	return int64(meta.Pages) * page, page + (4*int64(meta.Pages)+page-1)/page*page
}

// write writes the sums behind the last page of a state.
func (s *Sums) write(f *os.File, meta *Meta) error {
	at, length := sumsAt(meta)
	b := make([]byte, length)
	list := b[meta.PageSize:][:4*len(s.Sums)]
	for i, sum := range s.Sums {
		binary.LittleEndian.PutUint32(list[4*i:], sum)
	}
	h := b[:0]
	h = append(h, sumsMagic...)
	h = append(h, s.StoreID[:]...)
	h = binary.LittleEndian.AppendUint64(h, s.txid)
	h = binary.LittleEndian.AppendUint64(h, uint64(len(s.Sums)))
	for _, n := range s.sizes {
		h = binary.LittleEndian.AppendUint64(h, uint64(n))
	}
	h = binary.LittleEndian.AppendUint32(h, crc32.Checksum(list, castagnoli))
	binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
	_, err := f.WriteAt(b, at)
	return err
}

// ReadPageSums returns the sums of a state of a file with so many buckets, or nil if
// there are none.
func ReadPageSums(r io.ReaderAt, meta *Meta, buckets int) (*Sums, error) {
	at, length := sumsAt(meta)
	h := make([]byte, sumsHeaderLen(buckets))
	if ok, err := readIfThere(r, h, at); !ok || err != nil {
		return nil, err
	}
	s := &Sums{StoreID: [16]byte(h[8:24]), sizes: make([]int, buckets), txid: binary.LittleEndian.Uint64(h[24:])}
	pages := binary.LittleEndian.Uint64(h[32:])
	end := len(h) - 4
	if string(h[:8]) != sumsMagic || s.txid != meta.Txid || pages != meta.Pages ||
		binary.LittleEndian.Uint32(h[end:]) != crc32.Checksum(h[:end], castagnoli) {
		return nil, nil
	}
	for i := range s.sizes {
		s.sizes[i] = int(binary.LittleEndian.Uint64(h[40+8*i:]))
	}
	list := make([]byte, length-int64(meta.PageSize))
	if ok, err := readIfThere(r, list, at+int64(meta.PageSize)); !ok || err != nil {
		return nil, err
	}
	list = list[:4*pages]
	if binary.LittleEndian.Uint32(h[end-4:]) != crc32.Checksum(list, castagnoli) {
		return nil, nil
	}
	s.Sums = make([]uint32, pages)
	for i := range s.Sums {
		s.Sums[i] = binary.LittleEndian.Uint32(list[4*i:])
	}
	return s, nil
}

// readIfThere fills b. ok is false if the file does not have it, or the disk cannot read it.
func readIfThere(r io.ReaderAt, b []byte, at int64) (ok bool, err error) {
	err = ReadPage(r, b, at)
	if errors.Is(err, fault.ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}

// Table returns the table of a file that was closed, whose list of free pages has been read.
func (s *Sums) Table(r io.ReaderAt, meta Meta, free bitmap, names [][]byte, trust Trust) (*Table, error) {
	t := &Table{meta: meta, names: names, trust: trust, sums: s.Sums, opened: s.Sums, sizes: s.sizes, inUse: newBitmap(meta.Pages)}
	t.seen = makeSeen(free)
	t.see(0)
	t.see(1)
	for i := range t.inUse {
		t.inUse[i] = ^free[i]
	}
	for id := meta.Pages; id < 64*uint64(len(t.inUse)); id++ {
		t.inUse.clear(id)
	}
	t.used = t.inUse.count()
	// bolt is about to believe the list of free pages.
	return t, t.comparePage(r, meta.Freelist)
}

// comparePage compares a page, and its overflow, that nobody has mapped.
func (t *Table) comparePage(r io.ReaderAt, id uint64) error {
	size := uint64(t.meta.PageSize)
	buf := make([]byte, size)
	for i, more := uint64(0), uint64(0); i <= more; i++ {
		if id+i >= t.meta.Pages {
			return fmt.Errorf("%w: page %d of %d", fault.ErrCorrupt, id+i, t.meta.Pages)
		}
		if err := ReadPage(r, buf, int64((id+i)*size)); err != nil {
			return err
		}
		if !HasSum(buf, t.sums[id+i], t.trust) {
			return wrongSum(id + i)
		}
		if t.see(id + i); i == 0 {
			more = OverflowOf(buf)
		}
	}
	return nil
}

// WritePageSums writes the sums of a file that is about to be closed, whose state says
// that it was. The next Open reads the whole file if there is no room for them.
func (f *File) WritePageSums(storeID [16]byte) error {
	t := f.table
	if t == nil || f.summed {
		return nil
	}
	t.mu.Lock()
	meta, lost := t.meta, t.lost
	t.mu.Unlock()
	if lost != nil || meta.Freelist == NoFreelist {
		return lost
	}
	t.grow(meta.Pages - 1)
	if ok, err := f.roomForSums(&meta); !ok {
		return err
	}
	s := Sums{StoreID: storeID, txid: meta.Txid, sizes: t.sizes, Sums: t.sums[:meta.Pages]}
	if err := s.write(f.file, &meta); err != nil {
		return fault.DiskError(err)
	}
	return f.file.Sync()
}

// roomForSums has the file be long enough for the sums, unless the disk, or the file, is full.
func (f *File) roomForSums(meta *Meta) (ok bool, err error) {
	at, length := sumsAt(meta)
	if !Reserves { // the file is as long as its mapping, and must not become longer
		info, err := f.file.Stat()
		return err == nil && at+length <= info.Size(), err
	}
	if at+length > f.reserve.end {
		err = f.lengthen(at+length, true)
	}
	if errors.Is(err, fault.ErrFull) {
		err = nil
	}
	return err == nil && at+length <= f.reserve.end, err
}

// Distrust has the next Open read the whole file, which was found to be damaged.
func (f *File) Distrust() error {
	t := f.table
	if t == nil {
		return nil
	}
	t.mu.Lock()
	meta := t.meta
	t.mu.Unlock()
	at, _ := sumsAt(&meta)
	if s, err := ReadPageSums(f.file, &meta, len(t.names)); s == nil || err != nil {
		return err
	}
	if _, err := f.file.WriteAt(make([]byte, sumsHeaderLen(len(t.names))), at); err != nil {
		return err
	}
	return f.file.Sync()
}
