package doorlog

import (
	"bytes"
	"errors"
	"slices"
	"sort"

	"github.com/doorlog/doorlog/internal/boltfile"
)

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
		w.changes++ // some are made, and the others lost: the transaction cannot go on
	}
	return err
}

// applyToBlock applies the first of changes, which are in order and belong to one
// posting list, and those after it that belong in the same block. It returns how many
// it has applied. cursor must be over the index, and prefix must have room for an ID.
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

// blockOf returns the block of a list in which an ID belongs, if the list has any
// block, and the key of the next block. The slices belong to the transaction, and are
// valid until the bucket changes.
func blockOf(c boltfile.KeyCursor, prefix []byte, id *ID) (key, rec, next []byte) {
	of := func(k []byte) bool { return len(k) == len(prefix)+idLen && bytes.HasPrefix(k, prefix) }
	to := append(prefix, id[:]...) //nolint:gocritic // prefix has the room
	after, _ := c.Seek(to)
	if !bytes.Equal(after, to) { // it belongs in the block before
		k, v := c.Prev()
		if after == nil {
			k, v = c.Last()
		}
		if k == nil { // at the start of the bucket, or at a leaf that this transaction has emptied: Prev stops there
			for a, b := c.Seek(prefix); of(a) && bytes.Compare(a, to) < 0; a, b = c.Next() {
				k, v = a, b
			}
		}
		if of(k) {
			key, rec = k, v
		}
	}
	if key == nil { // or in the first block of the list
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

// readBlock returns the IDs of a block. A damaged block must not stop the writes: it is
// rebuilt from the events.
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

// rebuildBlock returns the IDs of the events that a block should have. Events that this
// transaction folds may be among them.
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

// merge applies changes to old, both in order. appended is true if each change comes
// after the last ID of old.
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
