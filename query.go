package doorlog

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// A Query says which events are asked for. The zero Query is all of them,
// newest first. Fields of different kinds must all hold; of several values in
// one field any may. Names are found in whatever spelling of Unicode they are given
// (see Event). What a Query points to must not be changed while it is being answered.
type Query struct {
	Cameras []string     `json:"cameras,omitempty"`
	Types   []EventType  `json:"types,omitempty"`
	Doors   []DoorAction `json:"doors,omitempty"`

	// Persons asks for events of these people, Stranger for events of any type
	// without a person (true) or with one (false).
	Persons  []string `json:"persons,omitempty"`
	Stranger *bool    `json:"stranger,omitempty"`

	// Labels asks for events with a detection of one of these labels.
	// MinConfidence asks for a detection with at least this confidence: of
	// one of the Labels if there are any, else of any label.
	Labels        []string `json:"labels,omitempty"`
	MinConfidence float64  `json:"min_confidence,omitempty"`

	// nil asks for both kinds.
	UnlockGranted *bool `json:"unlock_granted,omitempty"`
	AlertSent     *bool `json:"alert_sent,omitempty"`
	HasThumbnail  *bool `json:"has_thumbnail,omitempty"`
	Pinned        *bool `json:"pinned,omitempty"`

	// RecordingID asks for events of this recording, of any camera; empty: any.
	RecordingID string `json:"recording_id,omitempty"`

	// Since (inclusive) and Until (exclusive) bound RecordedAt, to the
	// nanosecond. The zero time is no bound.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`

	// Hours and Weekdays bound the local time of RecordedAt in Location; nil
	// is no bound, and nil for Location is UTC.
	Hours    *Hours         `json:"hours,omitempty"`
	Weekdays []time.Weekday `json:"weekdays,omitempty"` // as numbers, 0 for Sunday
	Location *time.Location `json:"-"`                  // see MarshalJSON

	// OldestFirst turns the order round.
	OldestFirst bool `json:"oldest_first,omitempty"`

	// Limit bounds the number of events; 0 is no limit.
	Limit int `json:"limit,omitempty"`

	// Offset passes over the first events. It takes time for each of them; to
	// go through many events, prefer Store.Page.
	Offset int `json:"offset,omitempty"`
}

// Hours are hours of the day, from From (0 to 23) until just before Until (1 to
// 24). An Until before From is on the next day: 22 to 6 is the night.
type Hours struct {
	From  int `json:"from"`
	Until int `json:"until"`
}

func (h *Hours) contains(hour int) bool {
	if h.From < h.Until {
		return h.From <= hour && hour < h.Until
	}
	return h.From <= hour || hour < h.Until
}

func (q *Query) validate() error {
	switch {
	case q.Limit < 0:
		return invalid("Query.Limit", "%d is negative", q.Limit)
	case q.Offset < 0:
		return invalid("Query.Offset", "%d is negative", q.Offset)
	case !(q.MinConfidence >= 0 && q.MinConfidence <= 1):
		return invalid("Query.MinConfidence", "%v is not in 0..1", q.MinConfidence)
	case len(q.Persons) > 0 && q.Stranger != nil && *q.Stranger:
		return invalid("Query.Persons", "are asked for, and strangers as well")
	}
	if h := q.Hours; h != nil && (h.From < 0 || h.From > 23 || h.Until < 1 || h.Until > 24 || h.From == h.Until) {
		return invalid("Query.Hours", "%d to %d are not hours of a day", h.From, h.Until)
	}
	for _, d := range q.Weekdays {
		if d < time.Sunday || d > time.Saturday {
			return invalid("Query.Weekdays", "%d is not a day of the week", d)
		}
	}
	for _, d := range q.Doors {
		if int(d) >= len(doorActions) {
			return invalid("Query.Doors", "%d is none of %s", d, strings.Join(doorActions[:], ", "))
		}
	}
	return cmp.Or(
		validNames("Query.Cameras", q.Cameras), validNames("Query.Types", q.Types), validNames("Query.Persons", q.Persons),
		validNames("Query.Labels", q.Labels), validOptionalName("Query.RecordingID", normalName(q.RecordingID)),
	)
}

func validNames[T ~string](field string, names []T) error {
	for _, name := range names {
		if err := validName(field, string(normalName(name))); err != nil {
			return err
		}
	}
	return nil
}

// bounds returns the first ID of the range, and the first after it.
func (q *Query) bounds() (from, until ID) {
	until = lastID
	if !q.Since.IsZero() {
		from = idFrom(q.Since)
	}
	if !q.Until.IsZero() {
		until = idFrom(q.Until)
	}
	return from, until
}

// Events iterates over the events that q asks for. The iteration is over the
// snapshot, so events that are written meanwhile do not appear in it, and the
// pages that it sees are kept until the View ends: Store.Events does without.
// An error is the last thing that it yields, with a zero Event. It is ErrCorrupt
// if all events are asked for, and there are more or fewer than there should be.
func (sn *Snapshot) Events(q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := sn.usable(); err != nil {
			yield(Event{}, failed("events", err))
			return
		}
		q := q.normal()
		if err := q.validate(); err != nil {
			yield(Event{}, failed("events", err))
			return
		}
		from, until := q.bounds()
		search, err := sn.search(q, from, until)
		if err != nil {
			yield(Event{}, failed("events", err))
			return
		}
		mem := sn.manyEvents()
		for n := 0; q.Limit == 0 || n-q.Offset < q.Limit; n++ {
			if err := sn.usable(); err != nil { // the loop may outlive the View
				yield(Event{}, failed("events", err))
				return
			}
			var r record
			ok, err := search.event(&mem, &r, n >= q.Offset)
			if !ok && err == nil && q.asksForAll() {
				err = sn.hasAll(eventsSum, n)
			}
			if err != nil {
				yield(Event{}, failed("events", err))
				return
			}
			if !ok || n >= q.Offset && !yield(r.Event, nil) {
				return
			}
		}
	}
}

// Recent returns the newest n events, newest first; fewer if there are fewer.
func (sn *Snapshot) Recent(n int) ([]Event, error) {
	if err := sn.usable(); err != nil {
		return nil, failed("recent", err)
	}
	if n < 0 {
		return nil, failed("recent", invalid("n", "%d is negative", n))
	}
	const mostAtOnce = 256 // n may be far more than there are events
	events := make([]Event, 0, min(n, mostAtOnce))
	if _, err := sn.indexedThrough(); err != nil { // which looks at what is where
		return nil, failed("recent", err)
	}
	all := scan{tail: sn.r.Cursor(tailNumber), events: sn.r.Cursor(eventsSum), detections: sn.r.Cursor(detectionsSum)}
	mem := sn.manyEvents()
	var r record
	for len(events) < n {
		ok, err := all.next(&mem, &r)
		if err != nil {
			return nil, failed("recent", err)
		}
		if !ok {
			break
		}
		events = append(events, r.Event)
		if len(events)%mostAtOnce == 0 && sn.ctx.Err() != nil {
			return nil, failed("recent", sn.ctx.Err())
		}
	}
	return events, nil
}

// manyEvents returns the arena of a read of many events.
func (sn *Snapshot) manyEvents() arena {
	return arena{names: &sn.store.names, chunk: readChunk}
}

// lastID is after the ID of every event.
var lastID = ID(bytes.Repeat([]byte{math.MaxUint8}, len(ID{})))

// A scan walks over the events, newest first, those of the tail before the
// others, and over their detections beside them. A search uses the latter half
// alone, in its own direction.
type scan struct {
	tail               boltfile.KeyCursor // nil: it is behind
	events, detections boltfile.KeyCursor // nil: just the tail
	oldestFirst        bool               // the direction of detectionsOf

	started, detecting bool
	key                []byte // of the event; part of the map
	detected           []byte // its detections, if it is of the tail

	detectionsKey, detectionsRec []byte // where the detections cursor stands; part of the map
}

// overTail calls fn with each event after indexed_through, newest first and
// without its detections, until it returns false. It is called guarded.
func (sn *Snapshot) overTail(fn func(*record) (more bool)) error {
	tail := scan{tail: sn.r.Cursor(tailNumber)}
	mem := sn.manyEvents()
	for {
		var r record
		ok, err := tail.nextEvent(&mem, &r)
		if !ok || err != nil || !fn(&r) {
			return err
		}
	}
}

// overRecords calls fn with the records of each event in [from, until), oldest
// first, until it returns false. They are part of the map; detected is nil if
// there are no detections. It is called guarded.
func (sn *Snapshot) overRecords(from, until ID, fn func(key, event, detected []byte) (more bool, err error)) error {
	beside := scan{detections: sn.r.Cursor(detectionsSum), oldestFirst: true}
	before := func(k []byte) bool { return k != nil && bytes.Compare(k, until[:]) < 0 }
	var c boltfile.KeyCursor = sn.r.Cursor(eventsSum)
	for k, event := c.Seek(from[:]); before(k); k, event = c.Next() {
		_, detected := beside.detectionsOf(k)
		if more, err := fn(k, event, detected); err != nil || !more {
			return err
		}
	}
	c = sn.r.Cursor(tailNumber)
	for k, v := c.Seek(from[:]); before(k); k, v = c.Next() {
		event, detected, _ := splitTail(v) // nil, which is no record, if it is damaged
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

// detectionsOf returns the record of an event's detections, or nil. Its
// cursor mostly stands just before it, as both buckets are in the same order.
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

// Event returns an event with its detections, or ErrNotFound.
func (s *Store) Event(ctx context.Context, id ID) (Event, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Event{}, eventError(id, err)
	}
	defer sn.close()
	return sn.Event(id)
}

// EventByRecording returns the event of a camera that has this recording ID,
// the newest if there are several, or ErrNotFound.
func (s *Store) EventByRecording(ctx context.Context, camera, recording string) (Event, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Event{}, fmt.Errorf("doorlog: recording %q of camera %q: %w", recording, camera, err)
	}
	defer sn.close()
	return sn.EventByRecording(camera, recording)
}

// Recent returns the newest n events, newest first; fewer if there are fewer.
func (s *Store) Recent(ctx context.Context, n int) ([]Event, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, failed("recent", err)
	}
	defer sn.close()
	return sn.Recent(n)
}
