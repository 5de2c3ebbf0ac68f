package doorlog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// A CameraInfo says how many events a camera has, and the time that they span.
type CameraInfo struct {
	Camera string `json:"camera_id"` // in the normal form of names (see Event)
	Events int    `json:"events"`    // at least 1

	// First and Last are the RecordedAt of the camera's oldest and newest event.
	First time.Time `json:"first_event"`
	Last  time.Time `json:"last_event"`
}

// A TypeInfo says how many events of a type there are, and the time that they span.
type TypeInfo struct {
	Type   EventType `json:"event_type"` // in the normal form of names (see Event)
	Events int       `json:"events"`     // at least 1

	// First and Last are the RecordedAt of the oldest and the newest event of the type.
	First time.Time `json:"first_event"`
	Last  time.Time `json:"last_event"`
}

// Cameras returns all cameras that have events, sorted by name. Spellings of one name are
// one camera. It reads the rollups, the ends of each camera's posting list and the tail, and
// no other events. The error is [ErrCorrupt] if their events are not as many as the store
// has recorded.
func (sn *Snapshot) Cameras() ([]CameraInfo, error) {
	spans, err := sn.spans(byCamera, func(r *record) string { return r.Camera })
	cameras := make([]CameraInfo, len(spans))
	for i, s := range spans {
		cameras[i] = CameraInfo{s.name, s.events, s.first.Time(), s.last.Time()}
	}
	return cameras, failed("cameras", err)
}

// Types returns all event types that events have, sorted by name. It reads as little as
// [Snapshot.Cameras] does, and the errors are the same.
func (sn *Snapshot) Types() ([]TypeInfo, error) {
	spans, err := sn.spans(byType, func(r *record) string { return string(r.Type) })
	types := make([]TypeInfo, len(spans))
	for i, s := range spans {
		types[i] = TypeInfo{EventType(s.name), s.events, s.first.Time(), s.last.Time()}
	}
	return types, failed("types", err)
}

// Cameras is [Snapshot.Cameras] on a snapshot of its own.
func (s *Store) Cameras(ctx context.Context) ([]CameraInfo, error) {
	return analytic(ctx, s, "cameras", (*Snapshot).Cameras)
}

// Types is [Snapshot.Types] on a snapshot of its own.
func (s *Store) Types(ctx context.Context) ([]TypeInfo, error) {
	return analytic(ctx, s, "types", (*Snapshot).Types)
}

// A span says how many events have a value, and which of them are the first and the last.
type span struct {
	name        string // the normal form of the value
	events      int
	first, last ID
}

// spans returns the spans of all values of byCamera or byType, sorted by name. of returns
// the value of an event.
func (sn *Snapshot) spans(index int, of func(*record) string) (spans []span, err error) {
	if err := sn.usable(); err != nil {
		return nil, err
	}
	all, total := make(map[string]*span), 0
	add := func(value string, events int, first, last ID) {
		name := normalName(value)
		s := all[name]
		if s == nil {
			s = &span{name: name, first: first, last: last}
			all[name] = s
		}
		s.first, s.last = minID(s.first, first), maxID(s.last, last)
		s.events += events
		total += events
	}
	err = sn.read(func(in guarded) error {
		folded, err := in.foldedSpans(index)
		if err != nil {
			return err
		}
		for _, s := range folded {
			add(s.name, s.events, s.first, s.last)
		}
		return in.overTail(func(r *record) bool {
			add(of(r), 1, r.ID, r.ID)
			return true
		})
	})
	if err == nil {
		err = sn.hasAll(eventsSum, total)
	}
	if err != nil {
		return nil, err
	}
	for s := range maps.Values(all) {
		spans = append(spans, *s)
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.name, b.name) })
	return spans, nil
}

// foldedSpans is spans without the tail, and with a span for each stored spelling.
func (in guarded) foldedSpans(index int) (spans []span, err error) {
	var values []string
	if err := in.eachValue(index, func(value []byte) { values = append(values, string(value)) }); err != nil {
		return nil, err
	}
	counted := make(map[string]int64)
	if index == byCamera {
		for _, camera := range values {
			if err := in.allRollups(camera, func(_ *decoder, c counts) { counted[camera] += c.events }); err != nil {
				return nil, err
			}
		}
	} else {
		err := in.allRollups("", func(d *decoder, _ counts) {
			d.skip(1) // quarter hours
			d.tally(counted)
		})
		if err != nil {
			return nil, err
		}
	}
	for _, value := range values {
		first, _ := newPostingList(in.Cursor(indexSums+index), index, value, true).next()
		last, _ := newPostingList(in.Cursor(indexSums+index), index, value, false).next()
		spans = append(spans, span{value, int(counted[value]), first, last})
	}
	return spans, nil
}

// allRollups calls fn with each rollup of a camera, or of all cameras if camera is empty.
func (in guarded) allRollups(camera string, fn func(*decoder, counts)) error {
	return in.eachRollup(camera, startOfDay(0), maxIDTime, func(_ []byte, _ uint32, d *decoder, c counts) error {
		fn(d, c)
		return cmp.Or(d.err(), in.usable())
	})
}
