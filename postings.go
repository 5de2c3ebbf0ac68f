package doorlog

import (
	"bytes"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A postingList is a cursor over the IDs of one value. It moves in one direction only,
// oldest first or newest first. In a write transaction it must be oldest first: bolt's
// Prev stops at a leaf that the transaction has emptied, while Next and Seek pass it.
// It panics with an ErrCorrupt if the list is damaged; the guard of the transaction
// turns that into an error.
type postingList struct {
	index       int
	cursor      boltfile.KeyCursor
	key         []byte // value 0x00, with room for an ID
	oldestFirst bool

	block   block // the current block
	at      int   // index of the current ID in the block
	id      ID
	started bool
	ended   bool
	steps   int // number of IDs visited
}

func newPostingList(cursor boltfile.KeyCursor, index int, value string, oldestFirst bool) *postingList {
	key := append(make([]byte, 0, len(value)+1+idLen), value...)
	return &postingList{
		index: index, cursor: cursor, key: append(key, 0), oldestFirst: oldestFirst,
	}
}

// next moves to the next ID; ok is false at the end.
func (p *postingList) next() (id ID, ok bool) {
	switch {
	case p.started && p.oldestFirst:
		return p.seek(firstAfter(p.id))
	case p.started:
		return p.seek(lastBefore(p.id))
	case p.oldestFirst:
		return p.seek(ID{})
	}
	return p.seek(lastID)
}

// seek moves to the first ID at target or beyond it, in the list's direction.
func (p *postingList) seek(target ID) (ID, bool) {
	if p.started && (p.ended || !p.before(&target)) {
		return p.id, !p.ended
	}
	if !p.started || !p.seekNearby(&target) {
		p.started = true
		p.seekFar(&target)
	}
	if !p.ended && p.before(&target) {
		panic(errOrder)
	}
	return p.id, !p.ended
}

// before reports whether the current ID comes before target, in the list's direction.
func (p *postingList) before(target *ID) bool {
	return p.id != *target && p.oldestFirst == less(&p.id, target)
}

// seekNearby looks for target in the current block and in the next one.
func (p *postingList) seekNearby(target *ID) bool {
	if p.seekInBlock(target) {
		return true
	}
	var k, v []byte
	if p.oldestFirst {
		k, v = p.cursor.Next()
	} else {
		k, v = p.cursor.Prev()
	}
	p.enter(k, v)
	return p.ended || p.seekInBlock(target)
}

// seekFar looks for target from the root of the tree.
func (p *postingList) seekFar(target *ID) {
	to := append(p.key, target[:]...) //nolint:gocritic // p.key has the room
	k, v := p.cursor.Seek(to)
	if bytes.Equal(k, to) {
		if p.enter(k, v); !p.ended {
			p.seekInBlock(target)
		}
		return
	}
	// If the list has target, it is in the last block that begins before target.
	if k == nil {
		k, v = p.cursor.Last()
	} else {
		k, v = p.cursor.Prev()
	}
	p.enter(k, v)
	if !p.ended && p.seekInBlock(target) || !p.oldestFirst {
		return
	}
	p.enter(p.cursor.Seek(to)) // else the first ID of the next block
}

// enter opens the block at the cursor, at its first ID in the list's direction.
func (p *postingList) enter(k, v []byte) {
	if p.ended = len(k) != len(p.key)+idLen || !bytes.HasPrefix(k, p.key); p.ended {
		return
	}
	var err error
	if p.block, err = openBlock(p.index, k, v); err != nil {
		panic(err)
	}
	p.at = 0
	if !p.oldestFirst {
		p.at = p.block.len() - 1
	}
	p.stand()
}

// seekInBlock moves to the first ID at target or beyond it within the block. It returns
// false if the block ends before that.
func (p *postingList) seekInBlock(target *ID) bool {
	if !p.before(target) {
		return true
	}
	step := -1
	if p.oldestFirst {
		step = 1
	}
	if next := p.at + step; next < 0 || next >= p.block.len() {
		return false
	}
	p.at += step // mostly the next ID is the one
	if p.stand(); !p.before(target) {
		return true
	}
	at := p.block.search(target)
	if !p.oldestFirst && (at == p.block.len() || *target != p.block.id(at)) {
		at--
	}
	if at < 0 || at >= p.block.len() {
		return false
	}
	p.at = at
	p.stand()
	return true
}

func (p *postingList) stand() {
	p.id = p.block.id(p.at)
	p.steps++
}
