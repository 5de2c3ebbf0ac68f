package doorlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// Explain runs q and returns, instead of the events, how it was answered.
func (sn *Snapshot) Explain(q Query) (Plan, error) {
	p, err := sn.explain(q)
	return p, failed("explain", err)
}

func (sn *Snapshot) explain(q Query) (Plan, error) {
	if err := sn.usable(); err != nil {
		return Plan{}, err
	}
	q = q.normal()
	if err := q.validate(); err != nil {
		return Plan{}, err
	}
	from, until := q.bounds()
	s, err := sn.search(q, from, until)
	if err != nil {
		return Plan{}, err
	}
	mem := sn.manyEvents()
	var r record
	var lists []list
	for _, p := range s.parts {
		lists = append(lists, p.lists...)
	}
	for n := 0; q.Limit == 0 || n-q.Offset < q.Limit; n++ {
		if err := sn.usable(); err != nil {
			return Plan{}, err
		}
		ok, err := s.event(&mem, &r, n >= q.Offset)
		if err != nil {
			return Plan{}, err
		}
		if !ok {
			break
		}
	}
	i := 0
	s.explains.Lists = orEmpty(s.explains.Lists)
	for _, l := range lists {
		for _, p := range l.of {
			s.explains.Lists[i].IDs = p.steps
			i++
		}
	}
	return s.explains, nil
}

// Explain is [Snapshot.Explain] on a snapshot of its own.
func (s *Store) Explain(ctx context.Context, q Query) (Plan, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Plan{}, failed("explain", err)
	}
	defer sn.close()
	return sn.Explain(q)
}

// alreadyThere returns the stored event that a write of e would find: by its ID, or, with
// once, by its recording or its ID.
func (sn *Snapshot) alreadyThere(e *Event, once bool) (there Event, found bool, err error) {
	err = ErrNotFound
	if once && e.RecordingID != "" {
		there, err = sn.EventByRecording(e.Camera, e.RecordingID)
	}
	if errors.Is(err, ErrNotFound) {
		there, err = sn.Event(e.ID)
	}
	if errors.Is(err, ErrNotFound) {
		return Event{}, false, nil
	}
	return there, err == nil, err
}

// Events iterates over the events that q asks for. It reads the snapshot, so events that are
// written meanwhile do not appear. The snapshot keeps its pages from being used again until
// the View ends; [Store.Events] does not.
//
// If there is an error, Events yields it last, with a zero [Event]. If q asks for all events
// and there are more or fewer than there should be, the error is [ErrCorrupt].
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
			if err := sn.usable(); err != nil { // the loop may go on after the View has ended
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

// Recent returns the newest n events, newest first. It returns fewer if there are fewer.
func (sn *Snapshot) Recent(n int) ([]Event, error) {
	if err := sn.usable(); err != nil {
		return nil, failed("recent", err)
	}
	if n < 0 {
		return nil, failed("recent", invalid("n", "%d is negative", n))
	}
	const mostAtOnce = 256 // n may be much larger than the number of events
	events := make([]Event, 0, min(n, mostAtOnce))
	var all scan
	err := sn.read(func(in guarded) error {
		all = scan{tail: in.Cursor(tailNumber), events: in.Cursor(eventsSum), detections: in.Cursor(detectionsSum)}
		_, err := in.indexedThrough() // checks that all events after the tail begins are in the tail
		return err
	})
	if err != nil {
		return nil, failed("recent", err)
	}
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

// Event returns an event with its detections, or [ErrNotFound].
func (s *Store) Event(ctx context.Context, id ID) (Event, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Event{}, eventError(id, err)
	}
	defer sn.close()
	return sn.Event(id)
}

// EventByRecording returns the event of a camera with the given recording ID, or
// [ErrNotFound]. If there are several, it returns the newest.
func (s *Store) EventByRecording(ctx context.Context, camera, recording string) (Event, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Event{}, fmt.Errorf("doorlog: recording %q of camera %q: %w", recording, camera, err)
	}
	defer sn.close()
	return sn.EventByRecording(camera, recording)
}

// Recent returns the newest n events, newest first. It returns fewer if there are fewer.
func (s *Store) Recent(ctx context.Context, n int) ([]Event, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, failed("recent", err)
	}
	defer sn.close()
	return sn.Recent(n)
}

// Event returns an event with its detections, or [ErrNotFound].
func (sn *Snapshot) Event(id ID) (Event, error) {
	r, err := sn.record(id)
	if err != nil {
		return Event{}, eventError(id, err)
	}
	return r.Event, nil
}

func (sn *Snapshot) record(id ID) (r record, err error) {
	if err := sn.usable(); err != nil {
		return r, err
	}
	return r, sn.read(func(in guarded) error { return in.event(id, &r) })
}

// EventByRecording returns the event of a camera with the given recording ID, or
// [ErrNotFound]. If there are several, it returns the newest.
func (sn *Snapshot) EventByRecording(camera, recording string) (e Event, err error) {
	doing := func(err error) error {
		return fmt.Errorf("doorlog: recording %q of camera %q: %w", recording, camera, err)
	}
	if err := sn.usable(); err != nil {
		return Event{}, doing(err)
	}
	if recording == "" {
		return Event{}, doing(invalid("recording_id", "is empty"))
	}
	camera, recording = normalName(camera), normalName(recording)
	var r record
	if err := sn.read(func(in guarded) error { return in.eventByRecording(camera, recording, &r) }); err != nil {
		return Event{}, doing(err)
	}
	return r.Event, nil
}

func (in guarded) eventByRecording(camera, recording string, r *record) error {
	found := false
	err := in.overTail(func(t *record) bool {
		if found = normalName(t.RecordingID) == recording && normalName(t.Camera) == camera; found {
			*r = *t
		}
		return !found
	})
	if err != nil {
		return err
	}
	if found {
		return in.event(r.ID, r)
	}
	list := list{}
	for _, form := range recordingForms(recording) {
		list.of = append(list.of, newPostingList(in.Cursor(indexSums+byRecording), byRecording, form, false))
	}
	for id, ok := list.seek(lastID); ok; id, ok = list.seek(lastBefore(id)) {
		if err := in.event(id, r); err != nil {
			return err
		}
		if normalName(r.Camera) == camera {
			return nil
		}
	}
	return ErrNotFound
}
