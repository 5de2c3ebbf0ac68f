package doorlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// The tail is the events after indexed_through. They are in a bucket of their
// own, a small one, because a commit writes every page on the way to the keys that
// it puts: of a small tree that is one or two, of each of the two large ones
// three. A fold (writeTx.fold) moves them where they stay.
//
//	ID → | length of the event record, 4 bytes, big-endian | event record | detections record, if there are any |
//
// The records are those of events and detections, and so are their sums (sums.go).
var tailBucket = []byte("tail")

const tailHeader = 4

// How long the tail may get before it is folded. A longer one is folded less often,
// and read more of by each query. Where many write at once the events of one
// transaction are a tail by themselves: one that is a few times as long as these
// takes a third fewer pages a commit, and the next smaller transaction folds it.
const (
	foldAt    = 64
	foldTimes = 4 // the events of the transaction
	maxTail   = 256
)

func joinTail(event, detected []byte) []byte {
	b := make([]byte, 0, tailHeader+len(event)+len(detected))
	b = binary.BigEndian.AppendUint32(b, uint32(len(event)))
	return append(append(b, event...), detected...)
}

// splitTail returns the records of an event of the tail, which are part of it.
// detected is nil if there are no detections.
func splitTail(entry []byte) (event, detected []byte, err error) {
	if len(entry) < tailHeader || uint64(binary.BigEndian.Uint32(entry)) > uint64(len(entry)-tailHeader) {
		return nil, nil, fmt.Errorf("%w: %d bytes of the tail", ErrCorrupt, len(entry))
	}
	at := tailHeader + int(binary.BigEndian.Uint32(entry))
	if event = entry[tailHeader:at]; at < len(entry) {
		detected = entry[at:]
	}
	return event, detected, nil
}

// verifyTail verifies the records of an event of the tail.
func verifyTail(key, entry []byte) error {
	event, detected, err := splitTail(entry)
	if err == nil {
		_, err = eventRecord.open(key, event)
	}
	if err == nil && detected != nil {
		_, err = detectionsRecord.open(key, detected)
	}
	return err
}

// tailEntry is splitTail for what a cursor over the tail came to. It panics with
// an ErrCorrupt, of which whoever guards the transaction makes an error.
func tailEntry(k, v []byte) (key, event, detected []byte) {
	if k == nil {
		return nil, nil, nil
	}
	event, detected, err := splitTail(v)
	if err != nil {
		panic(fmt.Errorf("event %s: %w", keyText(k), err))
	}
	return k, event, detected
}

// addToTail takes in an event of the tail, which is put where it belongs when the
// transaction is finished: by then it may be folded.
func (w *writeTx) addToTail(in *insertion) {
	w.changes++
	w.tail++
	w.sums.add(eventsSum, in.ID[:], recordSum(in.event))
	if in.detected != nil {
		w.sums.add(detectionsSum, in.ID[:], recordSum(in.detected))
	}
	w.inserted++
	w.pending = append(w.pending, in)
	if w.pendingByID != nil {
		w.pendingByID[in.ID] = in
	}
}

func (w *writeTx) findPending(id ID) *insertion {
	if w.pendingByID == nil && len(w.pending) > 0 {
		w.pendingByID = make(map[ID]*insertion)
		for _, in := range w.pending {
			w.pendingByID[in.ID] = in
		}
	}
	return w.pendingByID[id]
}

// takePending adds the events that addToTail has taken in to others of the tail,
// and forgets them. It returns all of them, oldest first.
func (w *writeTx) takePending(tail []*insertion) []*insertion {
	tail = append(tail, w.pending...)
	w.pending, w.pendingByID = nil, nil
	slices.SortFunc(tail, func(a, b *insertion) int { return a.ID.Compare(b.ID) })
	return tail
}

// flush puts the events that addToTail has taken in into their bucket.
func (w *writeTx) flush() error {
	for _, in := range w.takePending(nil) {
		if err := w.putKey(tailNumber, in.ID[:], joinTail(in.event, in.detected)); err != nil {
			return err
		}
	}
	return nil
}

// replaceInTail puts other records in the place of those of an event of the
// tail, or takes the event out of it if there are none.
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
	if event == nil {
		w.tail--
		return w.deleteKey(tailNumber, id[:])
	}
	w.sums.add(eventsSum, id[:], recordSum(event))
	if detected != nil {
		w.sums.add(detectionsSum, id[:], recordSum(detected))
	}
	return w.putKey(tailNumber, id[:], joinTail(event, detected))
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

// fold moves every event of the tail to where it stays, gives it its index
// entries, counts it in the rollups, and moves indexed_through to the last of
// them. A tail with a damaged event is left as it is, which is ErrCorrupt.
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
	}
	for _, in := range tail { // one tree after the other, so that neighbours share a page that is at hand
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

// readTail reads what the bucket has of the tail.
func (w *writeTx) readTail() (tail []*insertion, err error) {
	c := w.tx.Cursor(tailNumber)
	for k, v := c.First(); k != nil; k, v = c.Next() {
		in := new(insertion)
		if in.event, in.detected, err = splitTail(bytes.Clone(v)); err == nil { // it is to outlive its page
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

// upgradeFile upgrades a file that nobody has open, as Open would.
func upgradeFile(path string) error {
	opt, err := (&Options{}).withDefaults(path)
	if err != nil {
		return err
	}
	f, err := openFile(path, &opt)
	if err != nil {
		return err
	}
	return f.Close()
}

// upgrade makes a file of this schema of an older one. In schema 1 the tail was at the
// end of events.
func upgrade(f *boltfile.File) (err error) {
	if err := f.SettleNewest(); err != nil {
		return err
	}
	tx, err := f.BeginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fault.Guarded(func() error {
		st, err := readState(tx)
		if err != nil {
			return err
		}
		if st.schema < tailInSchema {
			if err := tx.MakeBucket(tailNumber); err != nil {
				return err
			}
		}
		w, err := newWriteTx(tx, new(interner), 0)
		if err == nil && st.schema < tailInSchema {
			err = w.foldOldTail()
		}
		if err != nil {
			return err
		}
		w.schema = schemaVersion
		version := binary.BigEndian.AppendUint32(nil, schemaVersion)
		if err := errors.Join(tx.Put(metaNumber, metaSchema, version), w.finish()); err != nil {
			return err
		}
		if err := tx.Commit(false); err != nil {
			return fault.DiskError(err)
		}
		return f.NoteCommit()
	})
}

// foldOldTail folds the events after indexed_through, which are in events.
func (w *writeTx) foldOldTail() (err error) {
	after := firstAfter(w.through)
	c := w.tx.Cursor(eventsSum)
	for k, _ := c.Seek(after[:]); k != nil; k, _ = c.Next() {
		if w.through, err = asID(k); err != nil { // from here on get finds it
			return err
		}
		r, err := w.get(w.through)
		if err != nil {
			return fmt.Errorf("event %s: %w", keyText(k), err)
		}
		w.index.put(r.ID, indexEntries(&r))
		w.rollups.addEvent(&r, 1)
	}
	return nil
}

// newestID returns the ID of the newest event, or zero.
func newestID(tail, events boltfile.KeyCursor) (ID, error) {
	k, _ := tail.Last()
	if k == nil {
		k, _ = events.Last()
	}
	if k == nil {
		return ID{}, nil
	}
	return asID(k)
}

func (w *writeTx) newestID() (ID, error) {
	return newestID(w.tx.Cursor(tailNumber), w.tx.Cursor(eventsSum))
}

func (sn *Snapshot) newestID() (ID, error) {
	return newestID(sn.r.Cursor(tailNumber), sn.r.Cursor(eventsSum))
}
