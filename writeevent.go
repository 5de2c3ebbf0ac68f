package doorlog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// write inserts an event, unless it is already stored: the same event under the same ID
// or, in mode once, any event of the same recording or ID.
func (w *writeTx) write(in *insertion, once bool) (written, error) {
	if once && in.RecordingID != "" {
		id, found, err := w.findRecording(in.Camera, in.RecordingID)
		if err != nil {
			return written{}, err
		}
		if found {
			return w.existing(id)
		}
	}
	var there []byte
	if !less(&w.newest, &in.ID) {
		var err error
		if there, _, err = w.find(in.ID); err != nil {
			return written{}, err
		}
	}
	if there == nil {
		return written{in.Event, false}, w.insert(in)
	}
	result, err := w.existing(in.ID)
	if err != nil || once {
		return result, err
	}
	same := result.Event
	same.normaliseNames()
	if !same.sameContent(&in.Event) || in.Pinned && !same.Pinned || in.Reviewed && !same.Reviewed ||
		in.created && !same.CreatedAt.Equal(in.CreatedAt) {
		return written{}, fmt.Errorf("id %s: another event has it: %w", in.ID, ErrExists)
	}
	return result, nil
}

// existing returns the result for an event that is already stored.
func (w *writeTx) existing(id ID) (written, error) {
	r, err := w.get(id)
	return written{r.Event, true}, err
}

// insert puts an event whose ID is free. An event that arrives late (its ID is not
// after indexed_through) is folded at once. Any other becomes part of the tail.
func (w *writeTx) insert(in *insertion) error {
	w.newest = maxID(w.newest, in.ID)
	if w.recordings != nil && in.RecordingID != "" {
		w.recordings[recordingKey{in.Camera, in.RecordingID}] = in.ID
	}
	if !w.folded(in.ID) {
		w.addToTail(in)
		return nil
	}
	if err := w.add(eventsSum, in.ID[:], in.event); err != nil {
		return err
	}
	if in.detected != nil {
		if err := w.add(detectionsSum, in.ID[:], in.detected); err != nil {
			return err
		}
	}
	w.index.put(in.ID, indexEntries(&in.record))
	w.rollups.addEvent(&in.record, 1)
	w.changed(EventCreated, in.ID)
	return nil
}

// replace replaces the record old by now, whose Detections must be loaded.
func (w *writeTx) replace(old, now *record) error {
	now.detections = len(now.Detections)
	w.recordings = nil
	if !w.folded(now.ID) {
		var detected []byte
		if now.detections > 0 {
			detected = encodeDetections(now.ID, now.Detections)
		}
		return w.replaceInTail(now.ID, encodeEvent(now), detected)
	}
	w.changed(EventUpdated, now.ID)
	if err := w.put(eventsSum, now.ID[:], encodeEvent(now)); err != nil {
		return err
	}
	var err error
	switch {
	case sameDetections(old.Detections, now.Detections): // their record stays
	case now.detections > 0:
		err = w.put(detectionsSum, now.ID[:], encodeDetections(now.ID, now.Detections))
	default:
		err = w.delete(detectionsSum, now.ID[:])
	}
	w.index.replace(now.ID, indexEntries(old), indexEntries(now))
	if !old.countsLike(now) {
		w.rollups.addEvent(old, -1)
		w.rollups.addEvent(now, 1)
	}
	return err
}

// remove deletes an event and everything that is derived from it.
func (w *writeTx) remove(r *record) error {
	w.recordings = nil
	if !w.folded(r.ID) {
		return w.replaceInTail(r.ID, nil, nil)
	}
	w.changed(EventDeleted, r.ID)
	if err := w.delete(eventsSum, r.ID[:]); err != nil {
		return err
	}
	if r.detections > 0 {
		if err := w.delete(detectionsSum, r.ID[:]); err != nil {
			return err
		}
	}
	w.index.replace(r.ID, indexEntries(r), nil)
	w.rollups.addEvent(r, -1)
	return nil
}

// findRecording returns the newest event of a camera that has this recording.
func (w *writeTx) findRecording(camera, recording string) (newest ID, found bool, err error) {
	if w.recordings == nil {
		if err := w.applyIndex(byRecording); err != nil {
			return ID{}, false, err
		}
		w.recordings = make(map[recordingKey]ID)
		err := w.overTail(func(r *record) error {
			if r.RecordingID != "" {
				w.recordings[recordingKey{normalName(r.Camera), normalName(r.RecordingID)}] = r.ID
			}
			return nil
		})
		if err != nil {
			w.recordings = nil
			return ID{}, false, err
		}
	}
	if id, ok := w.recordings[recordingKey{camera, recording}]; ok {
		return id, true, nil
	}
	for _, form := range recordingForms(recording) {
		list := newPostingList(w.tx.Cursor(indexSums+byRecording), byRecording, form, true)
		for id, ok := list.next(); ok; id, ok = list.next() {
			r, err := w.get(id)
			if err != nil {
				return ID{}, false, err
			}
			if normalName(r.Camera) == camera {
				newest, found = maxID(newest, id), true
			}
		}
	}
	return newest, found, nil
}

// eventsOf returns the IDs of the events of a person whose name is stored in these
// forms.
func (w *writeTx) eventsOf(forms []string) (ids []ID, err error) {
	if err := w.applyIndex(byPerson); err != nil {
		return nil, err
	}
	for _, form := range forms {
		list := newPostingList(w.tx.Cursor(indexSums+byPerson), byPerson, form, true)
		for id, ok := list.next(); ok; id, ok = list.next() {
			ids = append(ids, id)
		}
	}
	err = w.overTail(func(r *record) error {
		if slices.Contains(forms, r.Person) {
			ids = append(ids, r.ID)
		}
		return nil
	})
	return ids, err
}

// finish folds the tail if it is long, and writes the changes to the tail, indexes,
// rollups and state.
func (w *writeTx) finish() error {
	if w.tail >= min(max(foldAt, foldTimes*w.inserted), maxTail) || w.tailStopsTrimming() {
		err := w.fold()
		if errors.Is(err, ErrCorrupt) { // the events are stored all the same: they matter more than their index entries
			w.unfolded, err = err, nil
		}
		if err != nil {
			return fmt.Errorf("fold: %w", err)
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	for i := range indexes {
		if err := w.applyIndex(i); err != nil {
			return fmt.Errorf("%s: %w", indexes[i], err)
		}
	}
	if err := w.applyRollups(); err != nil {
		return err
	}
	if err := w.applyChanges(); err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	return w.tx.Put(metaNumber, metaState, w.encode())
}

// applyRollups adds the changes to the rollups in the bucket, and deletes a rollup that
// has no events left. A damaged rollup must not stop the writes: it is rebuilt from the
// events, including those of this transaction.
func (w *writeTx) applyRollups() error {
	damaged := false
	for _, k := range w.rollups.keys() {
		key := k.bytes()
		sum := w.rollups[k]
		before, err := decodeRollup(key, w.tx.Get(rollupsSum, key))
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

// sumRollups computes the sum of the rollups bucket anew: what a damaged rollup had
// added to it is not known.
func (w *writeTx) sumRollups() {
	w.sums[rollupsSum] = bucketSum{}
	c := w.tx.Cursor(rollupsSum)
	for k, v := c.First(); k != nil; k, v = c.Next() {
		w.sums.add(rollupsSum, k, recordSum(v))
	}
}

// rebuildRollup adds up the folded events of a camera on a day.
func (w *writeTx) rebuildRollup(k rollupKey) (*rollup, error) {
	sum := new(rollup)
	from, until := idFrom(startOfDay(k.day)), idFrom(startOfDay(k.day+1))
	c := w.tx.Cursor(eventsSum)
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
