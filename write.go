package doorlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/fault"
)

// WriteEvent stores an event with its detections and returns it as stored: with its ID,
// its CreatedAt, and its names in normal form. The event is durable when WriteEvent
// returns. The returned event shares its Detections, its Attributes and what its
// pointers lead to with e, which is not changed. The error is [ErrInvalid] if the event
// cannot be stored, and the text names the field (see [Options.MendDetections]).
// [ErrFull], [ErrReadOnly] and [ErrUnknownOutcome] say why a valid event was not
// stored.
//
// If the store already has an event with e's ID, there are two cases. If it is the same
// event, WriteEvent changes nothing and returns the stored event; CreatedAt need not be
// given for that. If it is another event, the error is [ErrExists].
//
// If ctx ends before the commit has begun, nothing is stored, and the error is that of
// ctx.
func (s *Store) WriteEvent(ctx context.Context, e Event) (Event, error) {
	stored, _, err := s.writeOne(ctx, e, nil, false)
	return stored, failed("write event", err)
}

// WriteEventWithFrame does what [Store.SaveThumbnail] and then [Store.WriteEvent] do,
// and returns the event with its ThumbnailPath. If the frame cannot be read or saved,
// the event is stored without a thumbnail and [Options.Logger] gets a warning. No frame
// (nil, or no bytes) is WriteEvent. If the same event is written again under its ID, it
// keeps its first thumbnail.
func (s *Store) WriteEventWithFrame(ctx context.Context, e Event, frame []byte) (Event, error) {
	stored, _, err := s.writeOne(ctx, e, frame, false)
	return stored, failed("write event with frame", err)
}

// WriteEventOnce stores an event unless its camera already has one with the same
// RecordingID. Then it returns that event, and existed is true. An event without a
// RecordingID is identified by its ID; one with neither is [ErrInvalid]. frame is as in
// [Store.WriteEventWithFrame].
func (s *Store) WriteEventOnce(ctx context.Context, e Event, frame []byte) (stored Event, existed bool, err error) {
	stored, existed, err = s.writeOne(ctx, e, frame, true)
	return stored, existed, failed("write event once", err)
}

// WriteEvents stores events in one transaction, all or none, and returns them as
// [Store.WriteEvent] does, in the same order. An error about one of them names it:
// "events[3]".
func (s *Store) WriteEvents(ctx context.Context, events []Event) ([]Event, error) {
	stored, _, err := s.writeMany(ctx, events, nil, false)
	return stored, failed("write events", err)
}

// WriteEventsWithFrames is [Store.WriteEventWithFrame] for many events in one
// transaction, all or none. frames[i] is the frame of events[i], or nil if that has
// none; frames may be nil. Thumbnails are made one after the other, before the
// transaction.
func (s *Store) WriteEventsWithFrames(ctx context.Context, events []Event, frames [][]byte) ([]Event, error) {
	stored, _, err := s.writeMany(ctx, events, frames, false)
	return stored, failed("write events with frames", err)
}

// WriteEventsOnce is [Store.WriteEventOnce] for many events in one transaction, all or
// none. frames are as in [Store.WriteEventsWithFrames]. stored and existed are in the
// order of events.
func (s *Store) WriteEventsOnce(ctx context.Context, events []Event, frames [][]byte) (stored []Event, existed []bool, err error) {
	stored, existed, err = s.writeMany(ctx, events, frames, true)
	return stored, existed, failed("write events once", err)
}

func (s *Store) writeOne(ctx context.Context, e Event, frame []byte, once bool) (stored Event, existed bool, err error) {
	if err := s.enterWrite(); err != nil {
		return Event{}, false, err
	}
	defer s.leave()
	result, err := s.write(ctx, []Event{e}, [][]byte{frame}, once, func(_ int, err error) error { return err })
	if err != nil {
		return Event{}, false, err
	}
	return result[0].Event, result[0].existed, nil
}

func (s *Store) writeMany(ctx context.Context, events []Event, frames [][]byte, once bool) (stored []Event, existed []bool, err error) {
	if err := s.enterWrite(); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	if frames != nil && len(frames) != len(events) {
		return nil, nil, invalid("frames", "has %d entries for %d events", len(frames), len(events))
	}
	result, err := s.write(ctx, events, frames, once, fault.About)
	if err != nil {
		return nil, nil, err
	}
	stored, existed = make([]Event, len(result)), make([]bool, len(result))
	for i := range result {
		stored[i], existed[i] = result[i].Event, result[i].existed
	}
	return stored, existed, nil
}

// write stores events, and thumbnails of their frames, in one transaction, all or none.
// In mode once an event that is already stored, by its recording or its ID, is not
// changed. about adds to an error which event it is about.
func (s *Store) write(ctx context.Context, events []Event, frames [][]byte, once bool, about func(int, error) error) ([]written, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if err := s.room(0); err != nil {
		return nil, err
	}
	batch := make([]insertion, len(events))
	for i := range events {
		if frames != nil && len(frames[i]) > 0 {
			batch[i].frame = frames[i]
		}
		if err := s.prepare(&events[i], &batch[i], once); err != nil {
			return nil, about(i, err)
		}
	}
	unlock, err := s.lockFiles(ctx, batch)
	if err != nil {
		return nil, err
	}
	defer unlock()
	result := make([]written, len(batch))
	if err := s.addFrames(ctx, batch, result, once); err != nil {
		s.dropThumbnails(ctx, batch, result, err)
		return nil, err
	}
	err = s.insert(ctx, batch, result, once, about)
	s.dropThumbnails(ctx, batch, result, err)
	return result, err
}

// insert writes those events of a batch that are not known to be stored, and fills in
// their results.
func (s *Store) insert(ctx context.Context, batch []insertion, result []written, once bool, about func(int, error) error) error {
	names, all := false, true
	for i := range batch {
		if in := &batch[i]; !in.there {
			names, all = names || in.ThumbnailPath != "", false
		}
	}
	if all {
		return nil
	}
	defer s.thumbs.naming(names)()
	for i := range batch {
		in := &batch[i]
		if in.there {
			continue
		}
		if !in.thumb.known {
			var err error
			if in.thumb, err = s.thumbs.sum(in.ThumbnailPath, in.ID); err != nil {
				return about(i, err)
			}
		}
		in.encode()
	}
	return s.commits.submit(ctx, func(w *writeTx) error {
		for i := range batch {
			if batch[i].there {
				continue
			}
			var err error
			if result[i], err = w.write(&batch[i], once); err != nil {
				return about(i, err)
			}
		}
		return nil
	})
}

// prepare normalises, mends and validates an event. Its thumbnail and its encoding come
// later.
func (s *Store) prepare(e *Event, in *insertion, once bool) error {
	if once && e.RecordingID == "" && e.ID == (ID{}) {
		return invalid("recording_id", "is empty, and so is the id: nothing identifies the event")
	}
	in.created = !e.CreatedAt.IsZero()
	in.Event = *e
	if err := s.normalise(&in.Event); err != nil {
		return err
	}
	s.mend(&in.Event)
	return in.validate(s.latest())
}

// normalise fills in the fields that e may leave out, and brings names and times into
// the form in which they are stored.
func (s *Store) normalise(e *Event) error {
	e.takeFirstHours()
	e.normaliseNames()
	if e.ID != (ID{}) {
		if !validID(e.ID) {
			return invalid("id", "%s is not the ID of an event", e.ID)
		}
		at := e.ID.Time()
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
	e.EndedAt = e.EndedAt.Round(0).UTC()
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

// UpdateEvent replaces all fields of the event with e's ID except ID, RecordedAt and
// CreatedAt. The latter two may be zero in e, and must otherwise be as stored. The
// error is [ErrNotFound] if there is no such event. A thumbnail that the event no
// longer names is removed, unless another event names it. [Store.UpdateEvents] changes many
// events at once.
func (s *Store) UpdateEvent(ctx context.Context, e Event) error {
	return failed("update event "+e.ID.String(), s.updateEvent(ctx, e))
}

func (s *Store) updateEvent(ctx context.Context, e Event) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	var n replacement
	if err := n.set(s, e); err != nil {
		return err
	}
	unlock, err := s.busy.Lock(ctx, e.ID)
	if err != nil {
		return err
	}
	defer unlock()
	naming := s.thumbs.naming(e.ThumbnailPath != "")
	n.sum, n.refused = s.thumbs.sum(e.ThumbnailPath, e.ID)
	old, err := s.change(ctx, e.ID, n.edit)
	naming()
	if err == nil && old != e.ThumbnailPath {
		s.releaseThumbnail(ctx, e.ID, old)
	}
	return err
}

// A replacement is an event that is to replace the stored one with its ID.
type replacement struct {
	Event
	created time.Time // the CreatedAt that the caller gave; zero: none
	latest  time.Time // that the event may end, if its end changes
	sum     fileSum   // of the thumbnail, if it is known
	refused error     // why the event must not begin to name the thumbnail
}

// set normalises, mends and validates the event that is to be stored.
func (n *replacement) set(s *Store, e Event) error {
	if e.ID == (ID{}) {
		return invalid("id", "is missing")
	}
	n.created, n.latest = e.CreatedAt, minTime(s.latest(), maxCreatedAt)
	if err := s.normalise(&e); err != nil {
		return err
	}
	s.mend(&e)
	e.CreatedAt = e.RecordedAt // any that is valid: the stored one is kept
	n.Event = e
	e.EndedAt = time.Time{} // edit checks it, if it changes
	return e.validate(maxIDTime)
}

// edit replaces a stored record.
func (n *replacement) edit(r *record) error {
	if !n.created.IsZero() && !n.created.Equal(r.CreatedAt) {
		return invalid("created_at", "cannot be changed")
	}
	if !n.EndedAt.Equal(r.EndedAt) {
		if err := n.validateEnd(n.latest); err != nil {
			return err
		}
	}
	now := record{Event: n.Event, thumb: n.sum}
	now.CreatedAt = r.CreatedAt
	switch {
	case n.sum.known:
	case n.ThumbnailPath == r.ThumbnailPath:
		now.thumb = r.thumb // so that a file that is gone is still reported as missing
	case n.refused != nil:
		return n.refused
	case r.ThumbnailPath == "" && n.ThumbnailPath == thumbnailPath(n.ID):
		now.ThumbnailPath = "" // a Prune has taken it since the event was read
	}
	*r = now
	return nil
}

// MarkAlertSent sets AlertSent of an event. It changes nothing if it is set already.
// The error is [ErrNotFound] if there is no such event.
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

// MarkReviewed sets Reviewed of events, in one transaction, all or none. It changes nothing in an
// event that has it already; [Store.UpdateEvent] can clear it. The error is [ErrNotFound], with the
// ID, if one of the events does not exist. Of very many events, mark some hundred at a time: other
// writers wait for the transaction.
func (s *Store) MarkReviewed(ctx context.Context, ids ...ID) error {
	return failed("mark reviewed", s.markReviewed(ctx, ids))
}

func (s *Store) markReviewed(ctx context.Context, ids []ID) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if len(ids) == 0 {
		return nil
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, ID.Compare)
	ids = slices.Compact(ids)
	return s.commits.submit(ctx, func(w *writeTx) error {
		events := make([]record, len(ids))
		for i, id := range ids { // before the first change, so that an unknown ID fails this call only
			var err error
			if events[i], err = w.get(id); err != nil {
				return fmt.Errorf("event %s: %w", id, err)
			}
		}
		for i := range events {
			now := events[i]
			now.Reviewed = true
			if err := w.replaceIfChanged(&events[i], &now); err != nil {
				return fmt.Errorf("event %s: %w", now.ID, err)
			}
		}
		return nil
	})
}

// Pin sets Pinned of an event, and [Store.Unpin] clears it. It changes nothing if it is
// set already. The error is [ErrNotFound] if there is no such event.
func (s *Store) Pin(ctx context.Context, id ID) error {
	return s.setPinned(ctx, "pin event ", id, true)
}

// Unpin clears what [Store.Pin] sets.
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

// change applies edit to a stored event, and returns the path of the thumbnail that the
// event had before. edit may be called twice.
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
		return w.replaceIfChanged(&old, &now)
	})
	return thumbnail, err
}

func (w *writeTx) replaceIfChanged(old, now *record) error {
	if old.same(now) {
		return nil
	}
	return w.replace(old, now)
}

// same reports whether nothing differs that an update can change.
func (r *record) same(o *record) bool {
	return r.sameContent(&o.Event) && r.Pinned == o.Pinned && r.Reviewed == o.Reviewed && r.thumb == o.thumb
}

// DeleteEvent deletes an event with its detections and its thumbnail. The file stays if
// another event names it. The error is [ErrNotFound] if there is no such event.
func (s *Store) DeleteEvent(ctx context.Context, id ID) error {
	return failed("delete event "+id.String(), s.deleteEvent(ctx, id, nil))
}

// deleteEvent deletes an event. If may is not nil it is asked first, in the transaction.
func (s *Store) deleteEvent(ctx context.Context, id ID, may func(*record) error) error {
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
		if err == nil && may != nil {
			err = may(&r)
		}
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

// mend mends the detections of an event that is to be written, if
// Options.MendDetections is set.
func (s *Store) mend(e *Event) {
	if !s.opt.MendDetections {
		return
	}
	for _, change := range e.MendDetections() {
		s.opt.Logger.Warn("doorlog: a detection has been mended", "event", e.ID.String(), "camera", e.Camera, "error", change)
	}
}

// SaveThumbnail makes a thumbnail of a camera frame (JPEG, PNG, GIF, WebP or BMP; see
// [MaxFrameBytes] for the limits). It sets e's ThumbnailPath, FrameWidth and
// FrameHeight, and its ID if it has none, so that e can be written, or updated, next.
// The file is durable when SaveThumbnail returns, and is named after the ID. If e is
// not written afterwards the file belongs to no event, and [Store.Prune] removes it
// when it is an hour old.
//
// A frame that cannot be read is [ErrInvalid], and so is no frame (nil, or no bytes).
// The error is [ErrExists] if the event is already stored and has its thumbnail. After
// an error e is unchanged.
func (s *Store) SaveThumbnail(ctx context.Context, e *Event, frame []byte) error {
	return failed("save thumbnail", s.saveThumbnail(ctx, e, frame))
}

func (s *Store) saveThumbnail(ctx context.Context, e *Event, frame []byte) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.room(0); err != nil {
		return err
	}
	n := *e
	if err := s.normalise(&n); err != nil {
		return err
	}
	unlock, err := s.busy.Lock(ctx, n.ID)
	if err != nil {
		return err
	}
	defer unlock()
	there, err := s.stored(ctx, &n)
	if err != nil {
		return err
	}
	if there.ThumbnailPath == thumbnailPath(n.ID) {
		return fmt.Errorf("thumbnail of event %s: %w", n.ID, ErrExists)
	}
	if err := s.checkPlace(ctx); err != nil {
		return err
	}
	saved, err := s.thumbs.save(ctx, n.ID, frame)
	if err != nil {
		return err
	}
	e.ID, e.RecordedAt, e.Attributes, e.ThumbnailPath = n.ID, n.RecordedAt, n.Attributes, saved.path
	e.FrameWidth, e.FrameHeight = saved.width, saved.height
	return nil
}
