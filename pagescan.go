package doorlog

import (
	"encoding/binary"
	"os"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// scan reads every page of a file that is not free and takes each record that verifies. It does
// not trust what a page says about itself: the checksum of a record shows its bucket and its key.
// w is nil if both meta pages are damaged; then it is not known which pages are free.
//
// scan reads the pages that are part of a tree first, because the other pages may hold older
// versions of records.
func (c *copier) scan(f *os.File, w *boltfile.Walker) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var size int
	pages := func(own bool, id uint64) bool { return !own }
	if w != nil {
		size = w.Meta.PageSize
		pages = func(own bool, id uint64) bool {
			if id >= w.Meta.Pages {
				return !own && !w.FreelistSound
			}
			return own == (w.Reached.Has(id) && !w.Free.Has(id)) && (w.Reached.Has(id) || !w.Free.Has(id))
		}
	} else {
		size = boltfile.GuessPageSize(f)
	}
	told := tellBytes(c.tell, "searching for records")
	told.knows(2 * info.Size()) // the whole file is read twice
	for _, own := range [...]bool{true, false} {
		for id := uint64(boltfile.FirstPage); id < uint64(info.Size())/uint64(size); id++ {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			told.add(int64(size))
			if !pages(own, id) {
				continue
			}
			c.scanPage(f, id, size, info.Size(), !own)
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	told.finish()
	return nil
}

// scanPage takes the records of a page.
func (c *copier) scanPage(f *os.File, id uint64, size int, end int64, unsure bool) {
	at := int64(id) * int64(size)
	buf := make([]byte, size)
	if boltfile.ReadPage(f, buf, at) != nil {
		return // the page cannot be read
	}
	_, p := boltfile.ParsePage(buf)
	long := (int64(boltfile.OverflowOf(buf)) + 1) * int64(size)
	// The length of a damaged page may be any number. To follow all of them could take
	// for ever.
	if long <= end-at && c.extra <= 2*end {
		if p.ReadOn(f, at, uint64(long)) != nil {
			p.Data = buf
		}
		c.extra += int64(len(p.Data) - size)
	}
	if p.Flags != boltfile.BranchFlag && p.Flags != boltfile.FreelistFlag { // with any other flags it is read as a leaf
		p.Flags = boltfile.LeafFlag
		c.scanLeaf(&p, unsure, true)
	}
}

// scanLeaf takes the records of a leaf. It reads as many elements as the header says, or as many
// as fit before the first key, whichever is more. Elements may overlap a little. If outer is set, it also reads
// buckets inside of the page, but no buckets inside of those.
func (c *copier) scanLeaf(p *boltfile.Page, unsure, outer bool) {
	count := p.Count
	if len(p.Data) >= boltfile.PageHeaderLen+boltfile.ElementLen {
		count = max(count, int(binary.NativeEndian.Uint32(p.Data[boltfile.PageHeaderLen+4:])/boltfile.ElementLen))
	}
	used := 0
	for i := range min(count, len(p.Data)/boltfile.ElementLen) {
		e, err := p.Element(i)
		if used += len(e.Key) + len(e.Value); used > 4*len(p.Data) {
			return
		}
		switch {
		case err != nil:
		case e.Bucket:
			if _, inside, _ := boltfile.ParseBucket(e.Value); inside.Data != nil && outer {
				c.scanLeaf(&inside, unsure, false)
			}
		default:
			if !c.takeVerified(e.Key, e.Value, unsure) {
				c.takeTail(e.Key, e.Value, unsure)
			}
		}
	}
}

// takeTail takes the records of what may be an entry of the tail. The length in the entry has no
// checksum. If it is wrong, takeTail looks for the length with which the event's record
// verifies.
func (c *copier) takeTail(key, entry []byte, unsure bool) {
	if event, detected, err := splitTail(entry); err == nil {
		taken := c.takeVerified(key, event, unsure)
		if c.takeVerified(key, detected, unsure) || taken {
			return
		}
	}
	const longest = 1 << 12 // bytes of the longest entry in which every length is tried
	if len(key) != idLen || len(entry) > longest {
		return
	}
	for _, from := range [...]int{tailSeqHeader, tailHeader} {
		for at := from + recordHeader; at <= len(entry); at++ {
			if _, err := eventRecord.open(key, entry[from:at]); err == nil {
				c.takeVerified(key, entry[from:at], unsure)
				c.takeVerified(key, entry[at:], unsure)
				return
			}
		}
	}
}

// takeVerified takes rec if it verifies as a record of any bucket.
func (c *copier) takeVerified(key, rec []byte, unsure bool) (taken bool) {
	for bucket, kind := range recordKinds {
		if _, err := kind.open(key, rec); err == nil {
			c.take(bucket, key, rec, unsure)
			taken = true
		}
	}
	return taken
}
