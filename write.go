package doorlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// NewID returns an ID for an event that happened at recordedAt, which must be
// a time that an event can have. A caller who gives an event its ID can write
// it again when it did not learn what became of the first attempt.
func (s *Store) NewID(recordedAt time.Time) (ID, error) {
	if err := s.enter(); err != nil {
		return ID{}, failed("new id", err)
	}
	defer s.leave()
	e := Event{RecordedAt: recordedAt}
	e.takeFirstHours()
	if err := validTime("recorded_at", e.RecordedAt, s.latest()); err != nil {
		return ID{}, failed("new id", err)
	}
	id, err := s.ids.next(e.RecordedAt)
	return id, failed("new id", err)
}

// latest is the last time at which an event may lie now.
func (s *Store) latest() time.Time { return s.clock.latest(s.opt.MaxFutureSkew) }

// WriteEvent stores an event with its detections and returns its ID. It is
// durable when WriteEvent returns. An event that cannot be stored is
// ErrInvalid, and the text names the field (see Options.MendDetections). ErrFull, ErrReadOnly and
// ErrUnknownOutcome say why a good event was not stored.
//
// If e has an ID that the store has already, the same event is a success that
// changes nothing (CreatedAt need not be given again), and another event is
// ErrExists.
//
// If ctx ends before the commit has begun, nothing is stored, and the error is
// that of ctx.
func (s *Store) WriteEvent(ctx context.Context, e Event) (ID, error) {
	return s.writeOne(ctx, "write event", e, nil)
}

// WriteEventWithFrame is SaveThumbnail and then WriteEvent. A frame that
// cannot be read or saved costs the thumbnail and a line in Options.Logger,
// but never the event. When the same event is written again under its ID, the
// thumbnail of the first time stays.
func (s *Store) WriteEventWithFrame(ctx context.Context, e Event, frame []byte) (ID, error) {
	return s.writeOne(ctx, "write event with frame", e, &frame)
}

func (s *Store) writeOne(ctx context.Context, doing string, e Event, frame *[]byte) (ID, error) {
	if err := s.enterWrite(); err != nil {
		return ID{}, failed(doing, err)
	}
	defer s.leave()
	w, err := s.writeFramed(ctx, e, frame, false)
	return w.id, failed(doing, err)
}

// WriteEventOnce stores an event unless its camera has one with the same
// RecordingID already, whose ID it then returns with existed set. frame is as
// in WriteEventWithFrame; nil is no frame. An event without a RecordingID goes
// by its ID; one with neither is ErrInvalid.
func (s *Store) WriteEventOnce(ctx context.Context, e Event, frame []byte) (id ID, existed bool, err error) {
	const doing = "write event once"
	if err := s.enterWrite(); err != nil {
		return ID{}, false, failed(doing, err)
	}
	defer s.leave()
	with := &frame
	if frame == nil {
		with = nil
	}
	w, err := s.writeFramed(ctx, e, with, true)
	return w.id, w.existed, failed(doing, err)
}

// WriteEvents stores events in one transaction, all or none, and returns their
// IDs in the same order. An error about one of them names it: "events[3]".
func (s *Store) WriteEvents(ctx context.Context, events []Event) ([]ID, error) {
	ids, _, err := s.writeMany(ctx, events, false)
	return ids, failed("write events", err)
}

// WriteEventsOnce is WriteEventOnce for many events in one transaction, all or
// none. ids and existed are in the order of events.
func (s *Store) WriteEventsOnce(ctx context.Context, events []Event) (ids []ID, existed []bool, err error) {
	ids, existed, err = s.writeMany(ctx, events, true)
	return ids, existed, failed("write events once", err)
}

func (s *Store) writeMany(ctx context.Context, events []Event, once bool) (ids []ID, existed []bool, err error) {
	if err := s.enterWrite(); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	result, err := s.write(ctx, events, once, func(i int, err error) error {
		return fmt.Errorf("events[%d]: %w", i, err)
	})
	if err != nil {
		return nil, nil, err
	}
	ids, existed = make([]ID, len(result)), make([]bool, len(result))
	for i, w := range result {
		ids[i], existed[i] = w.id, w.existed
	}
	return ids, existed, nil
}

// written is what became of an event that was to be written.
type written struct {
	id      ID
	existed bool
}

// writeFramed stores one event, with a thumbnail of the frame if there is one.
func (s *Store) writeFramed(ctx context.Context, e Event, frame *[]byte, once bool) (written, error) {
	if once && e.RecordingID == "" && e.ID == (ID{}) {
		return written{}, invalid("recording_id", "is empty, so the event cannot be told from another")
	}
	e.takeFirstHours()
	if frame != nil && e.ID == (ID{}) && validTime("recorded_at", e.RecordedAt, s.latest()) == nil {
		var err error
		if e.ID, err = s.ids.next(e.RecordedAt); err != nil {
			return written{}, err
		}
	}
	if e.ID != (ID{}) && (frame != nil || e.ThumbnailPath != "") { // whose file nobody else may touch meanwhile
		unlock, err := s.busy.Lock(ctx, e.ID)
		if err != nil {
			return written{}, err
		}
		defer unlock()
	}
	saved := false
	if frame != nil {
		if err := s.room(0); err != nil {
			return written{}, err
		}
		there, found, err := s.alreadyThere(ctx, &e, once)
		switch {
		case err != nil:
			return written{}, err
		case found && (once || e.RecordingID != "" && there.ID != e.ID):
			return written{there.ID, true}, nil
		case found: // the same event again, which its first thumbnail must not make another one
			e.ThumbnailPath, e.FrameWidth, e.FrameHeight = there.ThumbnailPath, there.FrameWidth, there.FrameHeight
		default:
			if saved, err = s.addFrame(ctx, &e, *frame); err != nil {
				return written{}, err
			}
		}
	}
	result, err := s.write(ctx, []Event{e}, once, func(_ int, err error) error { return err })
	if err != nil {
		if saved && !errors.Is(err, ErrUnknownOutcome) { // then the event may be there after all
			s.removeThumbnail(e.ThumbnailPath)
		}
		return written{}, err
	}
	if saved && result[0].existed {
		s.removeThumbnail(e.ThumbnailPath)
	}
	return result[0], nil
}

// alreadyThere returns the event that a write of e would find: in mode once by
// its recording or its ID, else by its ID.
func (s *Store) alreadyThere(ctx context.Context, e *Event, once bool) (there Event, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return Event{}, false, err
	}
	sn, err := s.look(ctx)
	if err != nil {
		return Event{}, false, err
	}
	defer sn.close()
	err = ErrNotFound
	if once && e.RecordingID != "" {
		there, err = sn.EventByRecording(e.Camera, e.RecordingID)
	}
	if errors.Is(err, ErrNotFound) && e.ID != (ID{}) {
		there, err = sn.Event(e.ID)
	}
	if errors.Is(err, ErrNotFound) {
		return Event{}, false, nil
	}
	return there, err == nil, err
}

// write stores events in one transaction, all or none. In mode once an event
// that is there already, by its recording or its ID, is left as it is. about
// says which event an error is about.
func (s *Store) write(ctx context.Context, events []Event, once bool, about func(int, error) error) ([]written, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if err := s.room(0); err != nil {
		return nil, err
	}
	defer s.thumbs.naming(events)()
	ready := make([]insertion, len(events))
	for i := range events {
		if once && events[i].RecordingID == "" && events[i].ID == (ID{}) {
			return nil, about(i, invalid("recording_id", "is empty, so the event cannot be told from another"))
		}
		if err := s.prepare(&events[i], &ready[i]); err != nil {
			return nil, about(i, err)
		}
	}
	result := make([]written, len(events))
	err := s.commits.submit(ctx, func(w *writeTx) error {
		for i := range ready {
			var err error
			if result[i], err = w.write(&ready[i], once); err != nil {
				return about(i, err)
			}
		}
		return nil
	})
	return result, err
}

// prepare makes an event ready to be put, all but finding its place.
func (s *Store) prepare(e *Event, in *insertion) (err error) {
	in.created = !e.CreatedAt.IsZero()
	in.Event = *e
	if err := s.normalise(&in.Event); err != nil {
		return err
	}
	s.mend(&in.Event)
	if err := in.validate(s.latest()); err != nil {
		return err
	}
	if in.thumb, err = s.thumbs.sum(in.ThumbnailPath, in.ID); err != nil {
		return err
	}
	in.encode()
	return nil
}

// normalise gives e the values that it may leave out, and the form in which
// they are kept.
func (s *Store) normalise(e *Event) error {
	e.takeFirstHours()
	e.normaliseNames()
	if e.ID != (ID{}) {
		if !validID(e.ID) {
			return invalid("id", "%s is not the ID of an event", e.ID)
		}
		at := IDTime(e.ID)
		if e.RecordedAt.IsZero() {
			e.RecordedAt = at
		}
		if !e.RecordedAt.Equal(at) {
			return invalid("recorded_at", "%s is not the time %s that the id holds",
				e.RecordedAt.UTC().Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
		}
	}
	e.RecordedAt = e.RecordedAt.Round(0).UTC() // Round takes the monotonic clock off
	if e.CreatedAt.IsZero() {
		e.CreatedAt = s.opt.Now()
	}
	e.CreatedAt = e.CreatedAt.Round(0).UTC()
	if len(e.Attributes) == 0 {
		e.Attributes = nil
	}
	if len(e.Detections) == 0 {
		e.Detections = nil
	}
	if e.ID == (ID{}) {
		if err := validTime("recorded_at", e.RecordedAt, s.latest()); err != nil {
			return err
		}
		var err error
		e.ID, err = s.ids.next(e.RecordedAt)
		return err
	}
	return nil
}

// UpdateEvent replaces everything of the event with e's ID but its ID,
// RecordedAt and CreatedAt, which may be left zero in e and must otherwise be
// as they are. It is ErrNotFound if there is no such event. A thumbnail that
// the event no longer names is removed, unless another event names it.
func (s *Store) UpdateEvent(ctx context.Context, e Event) error {
	return failed("update event "+e.ID.String(), s.updateEvent(ctx, e))
}

func (s *Store) updateEvent(ctx context.Context, e Event) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if e.ID == (ID{}) {
		return invalid("id", "is missing")
	}
	created := e.CreatedAt
	if err := s.normalise(&e); err != nil {
		return err
	}
	s.mend(&e)
	e.CreatedAt = e.RecordedAt // any that is valid: the stored one is kept
	if err := e.validate(maxIDTime); err != nil {
		return err
	}
	unlock, err := s.busy.Lock(ctx, e.ID)
	if err != nil {
		return err
	}
	defer unlock()
	naming := s.thumbs.naming([]Event{e})
	sum, refused := s.thumbs.sum(e.ThumbnailPath, e.ID)
	old, err := s.change(ctx, e.ID, func(r *record) error {
		if !created.IsZero() && !created.Equal(r.CreatedAt) {
			return invalid("created_at", "cannot be changed")
		}
		now := record{Event: e, thumb: sum}
		now.CreatedAt = r.CreatedAt
		switch {
		case sum.known:
		case e.ThumbnailPath == r.ThumbnailPath:
			now.thumb = r.thumb // a file that is gone is still missed
		case refused != nil:
			return refused
		case r.ThumbnailPath == "" && e.ThumbnailPath == thumbnailPath(e.ID):
			now.ThumbnailPath = "" // a Prune has taken it since e was read
		}
		*r = now
		return nil
	})
	naming()
	if err == nil && old != e.ThumbnailPath {
		s.releaseThumbnail(ctx, e.ID, old)
	}
	return err
}

// MarkAlertSent sets AlertSent of an event. To do so again changes nothing.
func (s *Store) MarkAlertSent(ctx context.Context, id ID) error {
	doing := "mark alert sent of event " + id.String()
	if err := s.enterWrite(); err != nil {
		return failed(doing, err)
	}
	defer s.leave()
	_, err := s.change(ctx, id, func(r *record) error {
		r.AlertSent = true
		return nil
	})
	return failed(doing, err)
}

// Pin sets Pinned of an event, and Unpin takes it back. To do so again changes
// nothing. They are ErrNotFound if there is no such event.
func (s *Store) Pin(ctx context.Context, id ID) error {
	return s.setPinned(ctx, "pin event ", id, true)
}

// Unpin is the opposite of Pin.
func (s *Store) Unpin(ctx context.Context, id ID) error {
	return s.setPinned(ctx, "unpin event ", id, false)
}

func (s *Store) setPinned(ctx context.Context, doing string, id ID, pinned bool) error {
	doing += id.String()
	if err := s.enterWrite(); err != nil {
		return failed(doing, err)
	}
	defer s.leave()
	_, err := s.change(ctx, id, func(r *record) error {
		r.Pinned = pinned
		return nil
	})
	return failed(doing, err)
}

// change rewrites an event as edit leaves it, and returns the path of the
// thumbnail that it had. edit may be called twice.
func (s *Store) change(ctx context.Context, id ID, edit func(*record) error) (thumbnail string, err error) {
	err = s.commits.submit(ctx, func(w *writeTx) error {
		old, err := w.get(id)
		if err != nil {
			return err
		}
		thumbnail = old.ThumbnailPath
		now := old
		if err := edit(&now); err != nil {
			return err
		}
		if old.sameContent(&now.Event) && old.Pinned == now.Pinned && old.thumb == now.thumb {
			return nil
		}
		return w.replace(&old, &now)
	})
	return thumbnail, err
}

// DeleteEvent deletes an event with its detections and its thumbnail (which
// stays if another event names the same file). It is ErrNotFound if there is
// no such event.
func (s *Store) DeleteEvent(ctx context.Context, id ID) error {
	return failed("delete event "+id.String(), s.deleteEvent(ctx, id))
}

func (s *Store) deleteEvent(ctx context.Context, id ID) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	unlock, err := s.busy.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	var thumbnail string
	err = s.commits.makeRoom(ctx, func(w *writeTx) error {
		r, err := w.get(id)
		if err != nil {
			return err
		}
		thumbnail = r.ThumbnailPath
		return w.remove(&r)
	})
	if err == nil {
		s.releaseThumbnail(ctx, id, thumbnail)
	}
	return err
}
