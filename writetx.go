package doorlog

import (
	"bytes"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// foldAt is how long the tail may get before it is folded into the index
// buckets. A longer one is folded less often, and read more of by each query.
const foldAt = 64

// A writeTx is a bolt transaction with what doorlog's writes need in it.
type writeTx struct {
	tx                 *bolt.Tx
	txID               int
	mem                arena
	events, detections *bolt.Bucket
	state                    // as this transaction leaves it
	tail               int   // events after indexed_through
	changes            int   // puts and deletes so far
	unfolded           error // why the tail could not be folded
	index              indexChanges
	rollups            rollupChanges
	touched            map[changedKey]struct{} // what was put or deleted, if that is of interest

	// recordings has the events of the tail, and those that this transaction
	// inserted, that have a recording. nil: not made yet.
	recordings map[recordingKey]ID
}

type recordingKey struct{ camera, recording string }

// An insertion is an event that is ready to be put.
type insertion struct {
	record
	created         bool   // the caller gave CreatedAt
	event, detected []byte // the encoded records; detected is nil if there are no detections
}

func (in *insertion) encode() {
	in.detections = len(in.Detections)
	in.event = encodeEvent(&in.record)
	if in.detections > 0 {
		in.detected = encodeDetections(in.ID, in.Detections)
	}
}

func newWriteTx(tx *bolt.Tx, names *interner, tail int) (*writeTx, error) {
	st, err := readState(tx)
	if err != nil {
		return nil, err
	}
	st.unclean = true
	return &writeTx{
		tx: tx, txID: tx.ID(), mem: arena{names: names}, state: st, tail: tail, rollups: make(rollupChanges),
		events:     writable(tx, eventsBucket),
		detections: writable(tx, detectionsBucket),
	}, nil
}

// add puts a record under a key that is free.
func (w *writeTx) add(bucket int, key, rec []byte) error {
	w.changes++
	w.touch(bucket, key)
	w.sums.add(bucket, key, recordSum(rec))
	return w.bucket(bucket).Put(key, rec)
}

// put puts a record in the place of the one under the key, if there is one.
func (w *writeTx) put(bucket int, key, rec []byte) error {
	w.forget(bucket, key)
	return w.add(bucket, key, rec)
}

// delete deletes the record under a key, if there is one.
func (w *writeTx) delete(bucket int, key []byte) error {
	w.forget(bucket, key)
	w.changes++
	w.touch(bucket, key)
	return w.bucket(bucket).Delete(key)
}

// touch notes that a key is put or deleted. Every change but one of meta must be
// noted, as a compaction would not have it.
func (w *writeTx) touch(bucket int, key []byte) {
	if w.touched != nil {
		w.touched[changedKey{bucket, string(key)}] = struct{}{}
	}
}

// forget takes what is under a key out of the sums.
func (w *writeTx) forget(bucket int, key []byte) {
	if old := w.bucket(bucket).Get(key); old != nil {
		w.sums.remove(bucket, key, recordSum(old))
	}
}

func (w *writeTx) bucket(bucket int) *bolt.Bucket {
	switch bucket {
	case eventsSum:
		return w.events
	case detectionsSum:
		return w.detections
	}
	return writable(w.tx, summed[bucket])
}

func (w *writeTx) folded(id ID) bool { return id.Compare(w.through) <= 0 }

// get returns an event with its detections, or ErrNotFound.
func (w *writeTx) get(id ID) (r record, err error) {
	rec := w.events.Get(id[:])
	if rec == nil {
		return r, ErrNotFound
	}
	if err := decodeEvent(id[:], rec, &w.mem, &r); err != nil {
		return r, err
	}
	if r.detections == 0 {
		return r, nil
	}
	r.Detections, err = decodeDetections(id[:], w.detections.Get(id[:]), &w.mem, r.detections)
	return r, err
}

// write inserts an event, unless it is there already: the same event under the
// same ID, or, in mode once, any event of the same recording or ID.
func (w *writeTx) write(in *insertion, once bool) (written, error) {
	if once && in.RecordingID != "" {
		id, found, err := w.findRecording(in.Camera, in.RecordingID)
		if err != nil || found {
			return written{id, true}, err
		}
	}
	if w.events.Get(in.ID[:]) == nil {
		return written{in.ID, false}, w.insert(in)
	}
	if !once {
		there, err := w.get(in.ID)
		if err != nil {
			return written{}, err
		}
		if !there.sameContent(&in.Event) || in.created && !there.CreatedAt.Equal(in.CreatedAt) {
			return written{}, fmt.Errorf("id %s: another event has it: %w", in.ID, ErrExists)
		}
	}
	return written{in.ID, true}, nil
}

// insert puts an event whose ID is free. One that arrives late is folded at
// once, any other becomes part of the tail.
func (w *writeTx) insert(in *insertion) error {
	if err := w.add(eventsSum, in.ID[:], in.event); err != nil {
		return err
	}
	if in.detected != nil {
		if err := w.add(detectionsSum, in.ID[:], in.detected); err != nil {
			return err
		}
	}
	if w.recordings != nil && in.RecordingID != "" {
		w.recordings[recordingKey{in.Camera, in.RecordingID}] = in.ID
	}
	if w.folded(in.ID) {
		w.index.put(indexEntries(&in.record))
		w.rollups.addEvent(&in.record, 1)
	} else {
		w.tail++
	}
	return nil
}

// replace puts now, which has its Detections, in the place of old.
func (w *writeTx) replace(old, now *record) error {
	now.detections = len(now.Detections)
	if err := w.put(eventsSum, now.ID[:], encodeEvent(now)); err != nil {
		return err
	}
	var err error
	switch {
	case now.detections > 0:
		err = w.put(detectionsSum, now.ID[:], encodeDetections(now.ID, now.Detections))
	case old.detections > 0:
		err = w.delete(detectionsSum, now.ID[:])
	}
	if w.folded(now.ID) {
		w.index.replace(indexEntries(old), indexEntries(now))
		if !old.countsLike(now) {
			w.rollups.addEvent(old, -1)
			w.rollups.addEvent(now, 1)
		}
	}
	w.recordings = nil
	return err
}

// remove deletes an event and everything that is derived from it.
func (w *writeTx) remove(r *record) error {
	if err := w.delete(eventsSum, r.ID[:]); err != nil {
		return err
	}
	if r.detections > 0 {
		if err := w.delete(detectionsSum, r.ID[:]); err != nil {
			return err
		}
	}
	if w.folded(r.ID) {
		w.index.replace(indexEntries(r), nil)
		w.rollups.addEvent(r, -1)
	} else {
		w.tail--
	}
	w.recordings = nil
	return nil
}

// overTail calls fn with each event of the tail, oldest first.
func (w *writeTx) overTail(fn func(*record) error) error {
	after := firstAfter(w.through)
	c := w.events.Cursor()
	for k, v := c.Seek(after[:]); k != nil; k, v = c.Next() {
		var r record
		if err := decodeEvent(k, v, &w.mem, &r); err != nil {
			return fmt.Errorf("event %s: %w", keyText(k), err)
		}
		if err := fn(&r); err != nil {
			return err
		}
	}
	return nil
}

// findRecording returns the event of a camera that has this recording.
func (w *writeTx) findRecording(camera, recording string) (ID, bool, error) {
	if w.recordings == nil {
		if err := w.applyIndex(byRecording); err != nil {
			return ID{}, false, err
		}
		w.recordings = make(map[recordingKey]ID)
		err := w.overTail(func(r *record) error {
			if r.RecordingID != "" {
				w.recordings[recordingKey{r.Camera, r.RecordingID}] = r.ID
			}
			return nil
		})
		if err != nil {
			return ID{}, false, err
		}
	}
	if id, ok := w.recordings[recordingKey{camera, recording}]; ok {
		return id, true, nil
	}
	list := postingsOf(readable(w.tx, indexes[byRecording]), recording)
	for id, ok := list.next(); ok; id, ok = list.next() {
		r, err := w.get(id)
		if err != nil {
			return ID{}, false, err
		}
		if r.Camera == camera {
			return id, true, nil
		}
	}
	return ID{}, false, nil
}

// eventsOf returns the IDs of the events of a person.
func (w *writeTx) eventsOf(person string) (ids []ID, err error) {
	if err := w.applyIndex(byPerson); err != nil {
		return nil, err
	}
	list := postingsOf(readable(w.tx, indexes[byPerson]), person)
	for id, ok := list.next(); ok; id, ok = list.next() {
		ids = append(ids, id)
	}
	err = w.overTail(func(r *record) error {
		if r.Person == person {
			ids = append(ids, r.ID)
		}
		return nil
	})
	return ids, err
}

// finish folds the tail if it is long, and writes the changes of what is derived.
func (w *writeTx) finish() error {
	if w.tail >= foldAt {
		err := w.fold()
		if errors.Is(err, ErrCorrupt) { // new events are worth more than their index entries
			w.unfolded, err = err, nil
		}
		if err != nil {
			return fmt.Errorf("fold: %w", err)
		}
	}
	for i := range indexes {
		if err := w.applyIndex(i); err != nil {
			return fmt.Errorf("%s: %w", indexes[i], err)
		}
	}
	if err := w.applyRollups(); err != nil {
		return err
	}
	return writable(w.tx, metaBucket).Put(metaState, w.encode())
}

// applyIndex writes the changes of one index to its bucket.
func (w *writeTx) applyIndex(index int) error {
	changes := w.index.take(index)
	if len(changes) == 0 {
		return nil
	}
	bucket := writable(w.tx, indexes[index])
	for _, change := range changes {
		var err error
		w.touch(indexSums+index, change.key)
		if change.remove {
			w.sums.remove(indexSums+index, change.key, 0)
			err = bucket.Delete(change.key)
		} else {
			w.sums.add(indexSums+index, change.key, 0)
			err = bucket.Put(change.key, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// applyRollups adds the changes to the rollups in the bucket. One that has no
// events left goes. One that is damaged must not stop the writes: it is made
// anew from the events, this transaction's among them.
func (w *writeTx) applyRollups() error {
	damaged := false
	for _, k := range w.rollups.keys() {
		key := k.bytes()
		sum := w.rollups[k]
		before, err := decodeRollup(key, w.bucket(rollupsSum).Get(key))
		switch {
		case errors.Is(err, ErrCorrupt):
			damaged = true
			if sum, err = w.rebuildRollup(k); err != nil {
				return fmt.Errorf("rollup of %s on day %d: %w", k.camera, k.day, err)
			}
		case err != nil:
			return err
		case before != nil:
			sum.add(before)
		}
		if sum.events == 0 {
			err = w.delete(rollupsSum, key)
		} else {
			err = w.put(rollupsSum, key, encodeRollup(key, sum))
		}
		if err != nil {
			return err
		}
	}
	clear(w.rollups)
	if damaged {
		w.sumRollups()
	}
	return nil
}

// sumRollups sums the rollups anew. What a damaged one had been is not known.
func (w *writeTx) sumRollups() {
	w.sums[rollupsSum] = bucketSum{}
	c := w.bucket(rollupsSum).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		w.sums.add(rollupsSum, k, recordSum(v))
	}
}

// rebuildRollup adds up the events of a camera's day that are folded.
func (w *writeTx) rebuildRollup(k rollupKey) (*rollup, error) {
	sum := new(rollup)
	from, until := idFrom(startOfDay(k.day)), idFrom(startOfDay(k.day+1))
	c := w.events.Cursor()
	for key, _ := c.Seek(from[:]); key != nil && bytes.Compare(key, until[:]) < 0; key, _ = c.Next() {
		id, err := asID(key)
		if err != nil || !w.folded(id) {
			return sum, err
		}
		r, err := w.get(id)
		if err != nil {
			return nil, err
		}
		if r.Camera == k.camera {
			sum.addEvent(&r, 1)
		}
	}
	return sum, nil
}

// fold gives every event of the tail its index entries and counts it in the
// rollups, and moves indexed_through to the last of them.
func (w *writeTx) fold() error {
	last := w.through
	var tail []record
	err := w.overTail(func(r *record) (err error) {
		last = r.ID
		if r.detections > 0 {
			r.Detections, err = decodeDetections(r.ID[:], w.detections.Get(r.ID[:]), &w.mem, r.detections)
			if err != nil {
				return fmt.Errorf("detections of event %s: %w", r.ID, err)
			}
		}
		tail = append(tail, *r)
		return nil
	})
	if err != nil {
		return err
	}
	for i := range tail {
		w.index.put(indexEntries(&tail[i]))
		w.rollups.addEvent(&tail[i], 1)
	}
	w.through, w.tail = last, 0
	return nil
}
