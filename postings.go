package doorlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A posting list has the IDs of the events with a value, in their order. It is
// cut into blocks, each of which is one key of the index bucket:
//
//	value 0x00 first ID → | version | CRC-32C | second ID | third ID | … |
//
// The value is a record (codec.go) whose payload is IDs, 16 bytes each, or
// nothing if the block has just the one ID of its key. All IDs of a block are
// before those of the next one. A list that grows at its end, as lists mostly
// do, has full blocks but for the last.
//
// A key for each ID would be simpler, and took two and a half times the space
// and most of the time of a bulk load: see design/schema.md. Schema 1 had that,
// which reads as blocks of one ID each.

// blockIDs is how many IDs a block has at most. Four such blocks with the names
// of a household fill a page of 4 KiB.
const blockIDs = 52

const idLen = len(ID{})

var postingRecords = func() (kinds [indexCount]recordKind) {
	for i := range kinds {
		kinds[i] = kindOf(indexes[i])
	}
	return kinds
}()

// A block is a block of a posting list. It is part of the page that it was read from.
type block struct {
	first []byte // ID
	rest  []byte // the other IDs
}

func openBlock(index int, key, value []byte) (b block, err error) {
	if _, ok := indexValue(key); !ok {
		return b, fmt.Errorf("%w: %s: %q is no key of a posting list", ErrCorrupt, indexes[index], boltfile.Shortened(key))
	}
	b.first = key[len(key)-idLen:]
	if len(value) == 0 {
		return b, nil
	}
	b.rest, err = postingRecords[index].open(key, value)
	if err == nil && (len(b.rest)%idLen != 0 || len(b.rest) == 0 || b.len() > blockIDs) {
		err = fmt.Errorf("%w: %d bytes of IDs", ErrCorrupt, len(b.rest))
	}
	if err != nil {
		return block{}, fmt.Errorf("%s: posting list of %q: %w", indexes[index], boltfile.Shortened(key[:len(key)-idLen-1]), err)
	}
	return b, nil
}

func (b *block) len() int { return 1 + len(b.rest)/idLen }

// bytes returns an ID, which is part of the block.
func (b *block) bytes(i int) []byte {
	if i == 0 {
		return b.first
	}
	return b.rest[(i-1)*idLen : i*idLen]
}

func (b *block) id(i int) ID { return ID(b.bytes(i)) }

// search returns the number of IDs of the block before target.
func (b *block) search(target *ID) int {
	high, low := binary.BigEndian.Uint64(target[:8]), binary.BigEndian.Uint64(target[8:])
	from, to := 0, b.len()
	for from < to {
		middle := int(uint(from+to) >> 1)
		id := b.bytes(middle)
		h := binary.BigEndian.Uint64(id)
		if h < high || h == high && binary.BigEndian.Uint64(id[8:]) < low {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from
}

// inOrder reports whether the IDs of the block are in order.
func (b *block) inOrder() bool {
	for i := 1; i < b.len(); i++ {
		if bytes.Compare(b.bytes(i-1), b.bytes(i)) >= 0 {
			return false
		}
	}
	return true
}

// errOrder: the keys of a damaged file are not in their order, in which a search
// that begins anew from what it finds would come back to it for ever.
var errOrder = fmt.Errorf("%w: keys are not in their order", ErrCorrupt)

// A postingList is a cursor over the IDs of one value, in one direction. It only
// moves forward. In a write transaction it must be oldest first: bolt's Prev stops
// at a leaf that the transaction has emptied, which Next and Seek pass. What is
// damaged makes it panic with an ErrCorrupt, of which whoever guards the
// transaction makes an error.
type postingList struct {
	index       int
	cursor      boltfile.KeyCursor
	key         []byte // value 0x00, with room for an ID
	oldestFirst bool

	block   block // where it stands, and
	at      int   // at which of its IDs
	id      ID
	started bool
	ended   bool
	steps   int // IDs at which it stood
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

// before reports whether the list stands before target.
func (p *postingList) before(target *ID) bool {
	return p.id != *target && p.oldestFirst == less(&p.id, target)
}

// seekNearby looks in the block where the list stands, and the next one.
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

// seekFar looks from the root of the tree.
func (p *postingList) seekFar(target *ID) {
	to := append(p.key, target[:]...) //nolint:gocritic // p.key has the room
	k, v := p.cursor.Seek(to)
	if bytes.Equal(k, to) {
		if p.enter(k, v); !p.ended {
			p.seekInBlock(target)
		}
		return
	}
	// The block that begins before target is the one that may have it.
	if k == nil {
		k, v = p.cursor.Last()
	} else {
		k, v = p.cursor.Prev()
	}
	p.enter(k, v)
	if !p.ended && p.seekInBlock(target) || !p.oldestFirst {
		return
	}
	p.enter(p.cursor.Seek(to)) // else it is the first of the one that begins after it
}

// enter goes to the nearer end of the block at which the cursor is.
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

// seekInBlock moves within the block; false: it does not reach so far.
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
	p.at += step // mostly that is it
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

// less reports whether a is before b. In the inner loop of a search it is worth
// more than ID.Compare.
func less(a, b *ID) bool {
	ah, bh := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8])
	if ah != bh {
		return ah < bh
	}
	return binary.BigEndian.Uint64(a[8:]) < binary.BigEndian.Uint64(b[8:])
}

// applyIndex writes the changes of one index to its bucket.
func (w *writeTx) applyIndex(index int) error {
	if len(w.index[index]) == 0 {
		return nil
	}
	var buf []byte
	cursor := w.tx.Cursor(indexSums + index)
	err := w.index.take(index, func(value string, changes []indexChange) error {
		buf = slices.Grow(buf[:0], len(value)+1+idLen)
		prefix := append(append(buf, value...), 0)
		for i := range changes {
			entry := append(prefix, changes[i].id[:]...) //nolint:gocritic // prefix has the room
			if changes[i].remove {
				w.sums.remove(indexSums+index, entry, 0)
			} else {
				w.sums.add(indexSums+index, entry, 0)
			}
		}
		for len(changes) > 0 {
			n, err := w.applyToBlock(index, cursor, prefix, changes)
			if err != nil {
				return err
			}
			changes = changes[n:]
		}
		return nil
	})
	if err != nil {
		w.changes++ // some are made, and the others forgotten: the transaction cannot go on
	}
	return err
}

// applyToBlock makes the first of some changes of a posting list, which are in
// order, and those after it that belong into the same block. It returns how many
// these are. The cursor is one over the index, and prefix has room for an ID.
func (w *writeTx) applyToBlock(index int, cursor boltfile.KeyCursor, prefix []byte, changes []indexChange) (n int, err error) {
	key, rec, next := blockOf(cursor, prefix, &changes[0].id)
	n = len(changes)
	if next != nil {
		end := ID(next[len(prefix):])
		n = sort.Search(n, func(i int) bool { return !less(&changes[i].id, &end) })
		if n == 0 {
			return 0, errOrder
		}
	}
	var old []ID
	if key != nil {
		if old, err = w.readBlock(index, key, rec, next); err != nil {
			return 0, err
		}
	}
	ids, appended := merge(old, changes[:n])
	if key != nil && (len(ids) == 0 || ids[0] != ID(key[len(prefix):])) {
		if err := w.deleteKey(indexSums+index, key); err != nil {
			return 0, err
		}
	}
	size := blockIDs
	if !appended && len(ids) > size { // equal parts, so that there is room in each
		parts := (len(ids) + size - 1) / size
		size = (len(ids) + parts - 1) / parts
	}
	for part := range slices.Chunk(ids, size) {
		if err := w.putBlock(index, prefix, part); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// blockOf returns the block of a list into which an ID belongs, if the list has
// any, and the key of the block after it. They are part of the transaction, until
// the bucket changes.
func blockOf(c boltfile.KeyCursor, prefix []byte, id *ID) (key, rec, next []byte) {
	of := func(k []byte) bool { return len(k) == len(prefix)+idLen && bytes.HasPrefix(k, prefix) }
	to := append(prefix, id[:]...) //nolint:gocritic // prefix has the room
	after, _ := c.Seek(to)
	if !bytes.Equal(after, to) { // it belongs into the block before it
		k, v := c.Prev()
		if after == nil {
			k, v = c.Last()
		}
		if k == nil { // the beginning; or a leaf that this transaction has emptied, at which Prev stops
			for a, b := c.Seek(prefix); of(a) && bytes.Compare(a, to) < 0; a, b = c.Next() {
				k, v = a, b
			}
		}
		if of(k) {
			key, rec = k, v
		}
	}
	if key == nil { // or into the first of the list
		if !of(after) {
			return nil, nil, nil
		}
		key, rec = c.Seek(to)
		after, _ = c.Next()
	}
	if of(after) {
		next = after
	}
	return key, rec, next
}

// readBlock returns the IDs of a block. One that is damaged must not stop the
// writes: it is made anew from the events.
func (w *writeTx) readBlock(index int, key, rec, next []byte) ([]ID, error) {
	b, err := openBlock(index, key, rec)
	if err != nil {
		return w.rebuildBlock(index, key, next)
	}
	ids := make([]ID, b.len())
	for i := range ids {
		ids[i] = b.id(i)
	}
	return ids, nil
}

// rebuildBlock returns the IDs of the events that a block should have. Those of
// events that this transaction folds may be among them.
func (w *writeTx) rebuildBlock(index int, key, next []byte) (ids []ID, err error) {
	at := len(key) - idLen
	is := indexEntry{index, string(key[:at-1])}
	c := w.tx.Cursor(eventsSum)
	for k, _ := c.Seek(key[at:]); k != nil; k, _ = c.Next() {
		if next != nil && bytes.Compare(k, next[at:]) >= 0 {
			break
		}
		id, err := asID(k)
		if err != nil || !w.folded(id) {
			return ids, err
		}
		r, err := w.get(id)
		if errors.Is(err, ErrCorrupt) {
			continue // a verification finds it
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(indexEntries(&r), is) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// merge returns old with the changes, all in order, and whether each of them
// came after the last of old.
func merge(old []ID, changes []indexChange) (ids []ID, appended bool) {
	ids = make([]ID, 0, len(old)+len(changes))
	appended = true
	for i := range changes {
		c := &changes[i]
		for len(old) > 0 && less(&old[0], &c.id) {
			ids = append(ids, old[0])
			old = old[1:]
		}
		appended = appended && len(old) == 0
		if len(old) > 0 && old[0] == c.id {
			old = old[1:]
		}
		if n := len(ids); n > 0 && ids[n-1] == c.id { // of two changes of one ID the later one wins
			ids = ids[:n-1]
		}
		if !c.remove {
			ids = append(ids, c.id)
		}
	}
	return append(ids, old...), appended
}

func (w *writeTx) putBlock(index int, prefix []byte, ids []ID) error {
	key := append(prefix, ids[0][:]...) //nolint:gocritic // bolt copies keys
	if len(ids) == 1 {
		return w.putKey(indexSums+index, key, nil)
	}
	return w.putKey(indexSums+index, key, postingRecords[index].encode(key, func(e *encoder) {
		for i := range ids[1:] {
			e.buf.Write(ids[1+i][:])
		}
	}))
}
