package doorlog

import (
	"bytes"
	"fmt"
	"slices"
)

// addToTail adds an event to the tail. It is put into a bucket only when the
// transaction is finished: by then it may have to be folded.
func (w *writeTx) addToTail(in *insertion) {
	w.changes++
	w.tail++
	w.sums.add(eventsSum, in.ID[:], recordSum(in.event))
	if in.detected != nil {
		w.sums.add(detectionsSum, in.ID[:], recordSum(in.detected))
	}
	w.inserted++
	w.seq++
	in.seq = w.seq
	w.sums.addChange(in.seq, change{EventCreated, in.ID})
	w.pending = append(w.pending, in)
	if w.pendingByID != nil {
		w.pendingByID[in.ID] = in
	}
}

// takePending appends the pending events to tail and forgets them. It returns all of
// them, oldest first.
func (w *writeTx) takePending(tail []*insertion) []*insertion {
	tail = append(tail, w.pending...)
	w.pending, w.pendingByID = nil, nil
	slices.SortFunc(tail, func(a, b *insertion) int { return a.ID.Compare(b.ID) })
	return tail
}

// flush puts the pending events into the bucket of the tail.
func (w *writeTx) flush() error {
	for _, in := range w.takePending(nil) {
		if err := w.putKey(tailNumber, in.ID[:], joinTail(in.seq, in.event, in.detected)); err != nil {
			return err
		}
	}
	return nil
}

// replaceInTail replaces the records of an event in the tail, or removes the event if
// event is nil.
func (w *writeTx) replaceInTail(id ID, event, detected []byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.changes++
	oldEvent, oldDetected, err := w.find(id)
	if err != nil {
		return err
	}
	w.sums.remove(eventsSum, id[:], recordSum(oldEvent))
	if oldDetected != nil {
		w.sums.remove(detectionsSum, id[:], recordSum(oldDetected))
	}
	seq := tailSeq(w.tx.Get(tailNumber, id[:]))
	if event == nil {
		w.tail--
		w.place(seq, change{EventCreated, id}) // which the entry no longer tells
		w.changed(EventDeleted, id)
		return w.deleteKey(tailNumber, id[:])
	}
	w.changed(EventUpdated, id)
	w.sums.add(eventsSum, id[:], recordSum(event))
	if detected != nil {
		w.sums.add(detectionsSum, id[:], recordSum(detected))
	}
	return w.putKey(tailNumber, id[:], joinTail(seq, event, detected))
}

// overTail calls fn with each event of the tail, oldest first.
func (w *writeTx) overTail(fn func(*record) error) error {
	if err := w.flush(); err != nil {
		return err
	}
	c := w.tx.Cursor(tailNumber)
	for k, event, _ := tailEntry(c.First()); k != nil; k, event, _ = tailEntry(c.Next()) {
		var r record
		if err := decodeEvent(k, event, &w.mem, &r); err != nil {
			return fmt.Errorf("event %s: %w", keyText(k), err)
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}

// fold moves every event of the tail to the buckets events and detections, gives it its
// index entries, counts it in the rollups, and sets indexed_through to the last of
// them. If an event of the tail is damaged, it changes nothing and returns ErrCorrupt.
func (w *writeTx) fold() error {
	tail, err := w.readTail()
	if err != nil {
		return err
	}
	for _, in := range tail {
		if err := w.deleteKey(tailNumber, in.ID[:]); err != nil {
			return err
		}
	}
	tail = w.takePending(tail)
	var entries []indexEntry
	for _, in := range tail {
		if err := w.putKey(eventsSum, in.ID[:], in.event); err != nil {
			return err
		}
		entries = appendIndexEntries(entries[:0], &in.record)
		w.index.put(in.ID, entries)
		w.rollups.addEvent(&in.record, 1)
		w.through = in.ID
		w.place(in.seq, change{EventCreated, in.ID})
	}
	for _, in := range tail { // one bucket after the other: neighbouring keys share pages
		if in.detected == nil {
			continue
		}
		if err := w.putKey(detectionsSum, in.ID[:], in.detected); err != nil {
			return err
		}
	}
	w.tail = 0
	return nil
}

// readTail reads the events in the bucket of the tail.
func (w *writeTx) readTail() (tail []*insertion, err error) {
	c := w.tx.Cursor(tailNumber)
	for k, v := c.First(); k != nil; k, v = c.Next() {
		in := &insertion{seq: tailSeq(v)}
		if in.event, in.detected, err = splitTail(bytes.Clone(v)); err == nil { // a clone: it must outlive its page
			err = decodeEvent(k, in.event, &w.mem, &in.record)
		}
		if err == nil && in.detections > 0 {
			in.Detections, err = decodeDetections(k, in.detected, &w.mem, in.detections)
		}
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", keyText(k), err)
		}
		tail = append(tail, in)
	}
	return tail, nil
}
