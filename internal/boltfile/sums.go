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

// A closed file has the sums of its pages behind its last page. The next transaction may
// overwrite them. They describe one state, and are used only if that is the newest. In this
// place they take no page of bolt's, and a copy of the file has them, too. The first page
// has
//
//	 8       16         8      8       8 for each bucket and the rest   4             4
//	| magic | store ID | txid | pages | pages of the bucket | …      | CRC of sums | CRC of these |
//
// The pages after it have a CRC-32C for each page of the file, 4 bytes each. The sum of a
// page that is not in use has no meaning. Numbers are little-endian.
const sumsMagic = "dlogsums"

func sumsHeaderLen(buckets int) int { return 8 + 16 + 8 + 8 + 8*buckets + 4 + 4 }

// Sums holds the sums of the pages of one state.
type Sums struct {
	StoreID [16]byte
	txid    uint64
	sizes   []int
	Sums    []uint32
}

// sumsAt returns the offset and the length of the sums of a state, in bytes.
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

// ReadPageSums returns the sums of a state. It returns nil if the file has none, or they are
// of another state or damaged. buckets is the number of buckets.
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

// readIfThere fills b. ok is false if the file is too short or the disk cannot read it.
func readIfThere(r io.ReaderAt, b []byte, at int64) (ok bool, err error) {
	err = ReadPage(r, b, at)
	if errors.Is(err, fault.ErrCorrupt) {
		return false, nil
	}
	return err == nil, err
}

// Table returns the table of a closed file. free is its list of free pages.
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
	// bolt will trust the list of free pages, so compare it now.
	return t, t.comparePage(r, meta.Freelist)
}

// comparePage compares a page and its overflow with their sums before the file is mapped.
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

// WritePageSums writes the sums of a file that is about to be closed. The last transaction
// must have written the list of free pages; otherwise WritePageSums does nothing. If there
// is no room for the sums, it returns nil, and the next open reads the whole file.
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

// roomForSums makes the file long enough for the sums. ok is false if the disk is full or
// the file has reached its bound.
func (f *File) roomForSums(meta *Meta) (ok bool, err error) {
	at, length := sumsAt(meta)
	if !Reserves { // the file is as long as its mapping and must not grow
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

// Distrust removes the sums of a file that was found to be damaged, so that the next open
// reads all of it.
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
