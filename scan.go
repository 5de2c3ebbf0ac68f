package doorlog

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// manyEvents returns an arena for reading many events.
func (sn *Snapshot) manyEvents() arena {
	return arena{names: &sn.store.names, chunk: readChunk}
}

// A scan walks over the events with their detections, newest first: first those of the
// tail, then the others. A search uses only detectionsOf, in its own direction.
type scan struct {
	tail               boltfile.KeyCursor // nil: the tail has been walked
	events, detections boltfile.KeyCursor // nil: only the tail is walked
	oldestFirst        bool               // the direction of detectionsOf

	started, detecting bool
	key                []byte // key of the current event; points into the mapped file
	detected           []byte // its detections, if it is in the tail

	detectionsKey, detectionsRec []byte // the detections cursor's entry; points into the mapped file
}

// overTail calls fn with each event after indexed_through, newest first and without its
// detections, until it returns false.
func (in guarded) overTail(fn func(*record) (more bool)) error {
	tail := scan{tail: in.Cursor(tailNumber)}
	mem := in.manyEvents()
	for {
		var r record
		ok, err := tail.nextEvent(&mem, &r)
		if !ok || err != nil || !fn(&r) {
			return err
		}
	}
}

// overRecords calls fn with the records of each event in [from, until), oldest first,
// until it returns false. The slices point into the mapped file; detected is nil if
// there are no detections.
func (in guarded) overRecords(from, until ID, fn func(key, event, detected []byte) (more bool, err error)) error {
	beside := scan{detections: in.Cursor(detectionsSum), oldestFirst: true}
	before := func(k []byte) bool { return k != nil && bytes.Compare(k, until[:]) < 0 }
	var c boltfile.KeyCursor = in.Cursor(eventsSum)
	for k, event := c.Seek(from[:]); before(k); k, event = c.Next() {
		_, detected := beside.detectionsOf(k)
		if more, err := fn(k, event, detected); err != nil || !more {
			return err
		}
	}
	c = in.Cursor(tailNumber)
	for k, v := c.Seek(from[:]); before(k); k, v = c.Next() {
		event, detected, _ := splitTail(v) // if the entry is damaged, event is nil, which is no valid record
		if more, err := fn(k, event, detected); err != nil || !more {
			return err
		}
	}
	return nil
}

// next reads the next event into r; ok is false at the end.
func (s *scan) next(mem *arena, r *record) (ok bool, err error) {
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	if ok, err = s.nextEvent(mem, r); !ok || r.detections == 0 {
		return ok, err
	}
	k, rec := s.key, s.detected
	if s.tail == nil {
		k, rec = s.detectionsOf(s.key)
	}
	if rec == nil {
		return false, about(s.key, errNoDetections)
	}
	r.Detections, err = decodeDetections(k, rec, mem, r.detections)
	return err == nil, about(s.key, err)
}

// nextEvent reads the next event into r, without its detections.
func (s *scan) nextEvent(mem *arena, r *record) (ok bool, err error) {
	k, v := s.step()
	if k == nil {
		return false, nil
	}
	s.key = k
	err = decodeEvent(k, v, mem, r)
	return err == nil, about(k, err)
}

// step moves to the next older event.
func (s *scan) step() (k, v []byte) {
	c := s.events
	if s.tail != nil {
		c = s.tail
	}
	if c == nil {
		return nil, nil
	}
	if s.started {
		k, v = c.Prev()
	} else {
		k, v = c.Last()
	}
	if s.started = true; s.tail == nil {
		return k, v
	}
	if k == nil {
		s.tail, s.started = nil, false
		return s.step()
	}
	k, v, s.detected = tailEntry(k, v)
	return k, v
}

// detectionsOf returns the record of an event's detections, or nil. Both buckets are in
// the same order, so the record is mostly the cursor's next one.
func (s *scan) detectionsOf(key []byte) (k, v []byte) {
	if bytes.Equal(s.detectionsKey, key) {
		return s.detectionsKey, s.detectionsRec
	}
	defer func() { s.detectionsKey, s.detectionsRec = k, v }()
	if s.detecting {
		if s.oldestFirst {
			k, v = s.detections.Next()
		} else {
			k, v = s.detections.Prev()
		}
		if bytes.Equal(k, key) {
			return k, v
		}
	}
	s.detecting = true
	if k, v = s.detections.Seek(key); bytes.Equal(k, key) {
		return k, v
	}
	return nil, nil
}

// event reads an event with its detections into r, or returns ErrNotFound.
func (in guarded) event(id ID, r *record) error {
	found, err := in.find(id)
	if err != nil {
		return err
	}
	if found.event == nil {
		return ErrNotFound
	}
	mem := arena{names: &in.store.names}
	return in.decode(&found, &mem, r)
}

// A found event is its records, which point into the mapped file. event is nil if there is no such
// event.
type found struct {
	id              ID
	event, detected []byte
	inTail          bool // detected is known; else it is looked up when it is needed
}

func (in guarded) find(id ID) (f found, err error) {
	through, err := in.indexedThrough()
	if err != nil {
		return f, err
	}
	if f.id, f.inTail = id, less(&through, &id); !f.inTail {
		f.event = in.Get(eventsSum, id[:])
	} else if entry := in.Get(tailNumber, id[:]); entry != nil {
		f.event, f.detected, err = splitTail(entry)
	}
	return f, err
}

// detections returns the record of the detections of an event that has some.
func (in guarded) detections(f *found) ([]byte, error) {
	if !f.inTail {
		f.detected = in.Get(detectionsSum, f.id[:])
	}
	if f.detected == nil {
		return nil, errNoDetections
	}
	return f.detected, nil
}

// decode decodes an event with its detections into r.
func (in guarded) decode(f *found, mem *arena, r *record) error {
	if err := decodeEvent(f.id[:], f.event, mem, r); err != nil || r.detections == 0 {
		return err
	}
	detected, err := in.detections(f)
	if err != nil {
		return err
	}
	r.Detections, err = decodeDetections(f.id[:], detected, mem, r.detections)
	return err
}

var errNoDetections = fmt.Errorf("%w: its detections are missing", ErrCorrupt)
