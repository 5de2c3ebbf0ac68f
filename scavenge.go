package doorlog

import (
	"encoding/binary"
	"os"
)

// scan looks through every page of a file that is not free, and takes each
// record in it that verifies, whatever the page says of itself: a record's
// checksum tells in which bucket, and under which key, it belongs. The walker is
// nil if both meta pages are damaged; then nothing is known of which pages are
// free.
//
// First come the pages that are part of a tree, because what the others hold may
// be of before.
func (c *copier) scan(f *os.File, w *walker) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var size int
	pages := func(own bool, id uint64) bool { return !own }
	if w != nil {
		size = w.meta.pageSize
		pages = func(own bool, id uint64) bool {
			if id >= w.meta.pages {
				return !own && !w.freelistSound
			}
			return own == (w.reached.has(id) && !w.free.has(id)) && (w.reached.has(id) || !w.free.has(id))
		}
	} else {
		size = guessPageSize(f)
	}
	told := tellBytes(c.tell, "searching for records")
	told.knows(2 * info.Size()) // all of it twice
	for _, own := range [...]bool{true, false} {
		for id := uint64(firstPage); id < uint64(info.Size())/uint64(size); id++ {
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
	if readPage(f, buf, at) != nil {
		return // it cannot be read
	}
	_, p := parsePage(buf)
	long := (int64(overflowOf(buf)) + 1) * int64(size)
	// What many pages say of their length may be noise; to believe all of it
	// could take for ever.
	if long <= end-at && c.extra <= 2*end {
		if p.readOn(f, at, uint64(long)) != nil {
			p.data = buf
		}
		c.extra += int64(len(p.data) - size)
	}
	if p.flags != branchFlag && p.flags != freelistFlag { // whatever else it says that it is
		p.flags = leafFlag
		c.scanLeaf(&p, unsure, true)
	}
}

// scanLeaf takes the records of a leaf: as many as it says that it has, or as have
// room before the first key. They may lie over each other a little. Buckets in it
// have no more buckets inside.
func (c *copier) scanLeaf(p *page, unsure, outer bool) {
	count := p.count
	if len(p.data) >= pageHeaderLen+elementLen {
		count = max(count, int(binary.NativeEndian.Uint32(p.data[pageHeaderLen+4:])/elementLen))
	}
	used := 0
	for i := range min(count, len(p.data)/elementLen) {
		e, err := p.element(i)
		if used += len(e.key) + len(e.value); used > 4*len(p.data) {
			return
		}
		switch {
		case err != nil:
		case e.bucket:
			if _, inside, _ := parseBucket(e.value); inside.data != nil && outer {
				c.scanLeaf(&inside, unsure, false)
			}
		default:
			if !c.takeVerified(e.key, e.value, unsure) {
				c.takeTail(e.key, e.value, unsure)
			}
		}
	}
}

// takeTail takes the records of what may be an entry of the tail. Its length has no
// checksum: where it is not right the event's record is the piece that verifies.
func (c *copier) takeTail(key, entry []byte, unsure bool) {
	if event, detected, err := splitTail(entry); err == nil {
		taken := c.takeVerified(key, event, unsure)
		if c.takeVerified(key, detected, unsure) || taken {
			return
		}
	}
	const longest = 1 << 12 // of what is tried byte by byte
	if len(key) != idLen || len(entry) > longest {
		return
	}
	for at := tailHeader + recordHeader; at <= len(entry); at++ {
		if _, err := eventRecord.open(key, entry[tailHeader:at]); err == nil {
			c.takeVerified(key, entry[tailHeader:at], unsure)
			c.takeVerified(key, entry[at:], unsure)
			return
		}
	}
}

// takeVerified takes a record if it is one, of whichever bucket.
func (c *copier) takeVerified(key, rec []byte, unsure bool) (taken bool) {
	for bucket, kind := range recordKinds {
		if _, err := kind.open(key, rec); err == nil {
			c.take(bucket, key, rec, unsure)
			taken = true
		}
	}
	return taken
}

// guessPageSize returns the size with which most pages say rightly which page
// they are.
func guessPageSize(f *os.File) (best int) {
	most := -1
	var head [pageHeaderLen]byte
	for size := minPageSize; size <= maxPageSize; size *= 2 {
		right := 0
		for id := int64(firstPage); id < 256; id++ {
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
