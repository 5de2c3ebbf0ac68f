package doorlog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// changed adds a change with the next number.
func (w *writeTx) changed(op ChangeOp, id ID) {
	w.seq++
	c := change{op, id}
	w.sums.addChange(w.seq, c)
	w.place(w.seq, c)
}

// place has finish put a change, which is part of the sums already, into the bucket; not if seq
// is 0.
func (w *writeTx) place(seq uint64, c change) {
	if seq > 0 {
		w.told = append(w.told, numberedChange{seq, c})
	}
}

// applyChanges puts the changes of the transaction into their bucket, each beside its
// neighbours, and removes the oldest ones that need not be kept.
func (w *writeTx) applyChanges() error {
	if len(w.told) == 0 {
		return nil
	}
	now := time.Time{}
	if w.keep.now != nil {
		now = w.keep.now()
	}
	slices.SortFunc(w.told, func(a, b numberedChange) int { return cmp.Compare(a.seq, b.seq) })
	added := len(w.told)
	for rest := w.told; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].seq == rest[n-1].seq+1 {
			n++
		}
		if err := w.putRun(rest[:n], now); err != nil {
			return err
		}
		rest = rest[n:]
	}
	w.told = nil
	if err := w.trimChanges(now, trimAtLeast+added/maxBlockChanges); !errors.Is(err, ErrCorrupt) { // damage to what happened before stops no write
		return err
	}
	return nil
}

// trimAtLeast is how many blocks a transaction with changes may remove beyond as many as it adds.
const trimAtLeast = 2

// putRun puts changes with adjacent numbers into the bucket. They are joined to the block that
// ends right before them and to the one that begins right after them if there is room.
func (w *writeTx) putRun(run []numberedChange, now time.Time) error {
	b := changeBlock{first: run[0].seq, at: now.UnixNano()}
	before := w.blockBefore(b.first)
	if before.len() > 0 && before.until() == b.first && before.len() < maxBlockChanges {
		b.first, b.changes = before.first, bytes.Clone(before.changes)
	} else if before.until() > b.first {
		return fmt.Errorf("%w: there is a change %d already", ErrCorrupt, b.first)
	}
	for _, c := range run {
		if b.len() == maxBlockChanges {
			if err := w.putChangeBlock(&b); err != nil {
				return err
			}
			b = changeBlock{first: c.seq, at: b.at}
		}
		b.add(c.change)
	}
	key := seqKey(b.until())
	after, err := openChanges(key, w.tx.Get(changesSum, key))
	if err == nil && b.len()+after.len() <= maxBlockChanges {
		b.changes = append(b.changes, after.changes...)
		if err := w.deleteKey(changesSum, key); err != nil {
			return err
		}
	}
	return w.putChangeBlock(&b)
}

func (w *writeTx) putChangeBlock(b *changeBlock) error {
	key, value := b.encode()
	return w.putKey(changesSum, key, value)
}

// blockBefore returns the last block that begins before a number. It is empty if there is none, or
// if that one does not verify: damage to what happened before stops no write.
func (w *writeTx) blockBefore(seq uint64) changeBlock {
	c := w.tx.Cursor(changesSum)
	k, v := c.Last()
	if k != nil && bytes.Compare(k, seqKey(seq)) >= 0 {
		c.Seek(seqKey(seq))
		k, v = c.Prev()
	}
	b, err := openChanges(k, v)
	if err != nil {
		return changeBlock{}
	}
	return b
}

// trimChanges removes the oldest blocks, at most so many, if their changes need not be kept.
func (w *writeTx) trimChanges(now time.Time, blocks int) error {
	if w.keep.number == 0 {
		return nil
	}
	held, err := w.heldChanges()
	if err != nil {
		return err
	}
	for range blocks {
		c := w.tx.Cursor(changesSum)
		k, v := c.First()
		if k == nil {
			return nil
		}
		b, err := openChanges(k, v)
		if err != nil {
			return err
		}
		// The last one that is too old stays, for a cursor of before a quiet time.
		after, err := openChanges(c.Next())
		tooOld := err == nil && after.time().Before(now.Add(-w.keep.age))
		if trimmed := w.trimmed(); b.first != trimmed+1 || // those before it are in the tail
			b.until() > held || !tooOld && w.seq < b.until()+w.keep.number { // one more, for a cursor before them
			return nil
		}
		for i := range b.len() {
			w.sums.removeChange(b.first+uint64(i), b.change(i))
		}
		if err := w.deleteKey(changesSum, k); err != nil {
			return err
		}
	}
	return nil
}

// tailStopsTrimming reports whether changes are kept only because one before them is in the tail.
// A short tail can stay for long while events are deleted or changed.
func (w *writeTx) tailStopsTrimming() bool {
	if w.tail == 0 || w.keep.number == 0 || w.sums[changesSum].entries <= w.keep.number+maxTail {
		return false
	}
	return w.tx.Get(changesSum, seqKey(w.trimmed()+1)) == nil
}

// heldChanges returns the number of the first change that is kept for a consumer: the last one that
// it has got (see Cursor.isCutOff).
func (w *writeTx) heldChanges() (uint64, error) {
	held := uint64(math.MaxUint64)
	c := w.tx.Cursor(consumersSum)
	k, v := c.First()
	if k == nil {
		return held, nil
	}
	history, err := readLineage(w.tx)
	if err != nil {
		return 0, err
	}
	for ; k != nil; k, v = c.Next() {
		r, err := decodeConsumer(k, v)
		if err != nil {
			return 0, fmt.Errorf("consumer %q: %w", k, err)
		}
		own := r.at.IsZero() || r.at.store == w.storeID && r.at.incarnation == history.incarnation
		if !own || r.at.isCutOff(w.trimmed()) || w.seq-r.at.seq > r.hold { // then it gets ErrGone anyway
			continue
		}
		held = min(held, r.at.seq)
	}
	return held, nil
}
