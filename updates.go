package doorlog

import (
	"context"
	"errors"
	"slices"

	"github.com/doorlog/doorlog/internal/fault"
)

// UpdateEvents reads the events with these IDs, calls change with each of them in turn, and
// stores what change has made of them. It returns the events as stored, in the order of ids.
// What [Store.UpdateEvent] says of one event holds for each of these: its ID, RecordedAt and
// CreatedAt cannot be changed, and a thumbnail that is no longer named is removed. An event
// that change leaves as it is, is not written.
//
// All events are changed in one transaction, all or none. For that reason there may be at
// most [MaxUpdates] IDs; more are [ErrTooLarge]. An ID that is given twice counts once. If
// there is no event with one of the IDs, the error is [ErrNotFound]. An error of change ends
// the call, and is wrapped in the error of UpdateEvents. Each error about an event names it:
// "events[3]". Nothing is changed then.
//
// change gets an event of its own, and may also change what its slices, map and pointers lead
// to. The returned events share these. change is called in the goroutine of the caller, while
// other calls can read and write. If one of the events was changed meanwhile, all of them are
// read again, and change is called with them again. So it should depend on the event alone.
func (s *Store) UpdateEvents(ctx context.Context, ids []ID, change func(*Event) error) ([]Event, error) {
	stored, err := s.updateEvents(ctx, ids, change)
	return stored, failed("update events", err)
}

func (s *Store) updateEvents(ctx context.Context, ids []ID, change func(*Event) error) (stored []Event, err error) {
	if err := s.enterWrite(); err != nil {
		return nil, err
	}
	defer s.leave()
	if len(ids) > MaxUpdates {
		return nil, tooLarge("ids", "has %d entries, more than %d", len(ids), MaxUpdates)
	}
	if change == nil {
		return nil, invalid("change", "is nil")
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var updates map[ID]*eventUpdate
	for err = errMeanwhile; errors.Is(err, errMeanwhile); {
		if updates, err = s.readUpdates(ctx, ids); err != nil {
			return nil, err
		}
		if err := s.makeUpdates(ids, updates, change); err != nil {
			return nil, err
		}
		err = s.storeUpdates(ctx, updates)
	}
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		stored = append(stored, updates[id].now.Event)
	}
	return stored, nil
}

// errMeanwhile says that an event is not what it was when it was read.
var errMeanwhile = errors.New("changed meanwhile")

// An eventUpdate is one event of UpdateEvents.
type eventUpdate struct {
	replacement
	place    int    // the first place of the ID in ids
	was, now record // as read, and as stored
}

// about adds to err which event it is about.
func (u *eventUpdate) about(err error) error {
	if err == nil {
		return nil
	}
	return fault.About(u.place, about(u.was.ID[:], err))
}

// readUpdates reads the events that are to be updated.
func (s *Store) readUpdates(ctx context.Context, ids []ID) (map[ID]*eventUpdate, error) {
	sn, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	updates := make(map[ID]*eventUpdate, len(ids))
	for i, id := range ids {
		if updates[id] != nil {
			continue
		}
		u := &eventUpdate{place: i}
		updates[id] = u
		u.was.ID = id
		for _, r := range [...]*record{&u.was, &u.now} { // twice, because the caller may change what pointers lead to
			if *r, err = sn.record(id); err != nil {
				u.was.ID = id
				return nil, u.about(err)
			}
		}
	}
	return updates, nil
}

// makeUpdates has change make the new events.
func (s *Store) makeUpdates(ids []ID, updates map[ID]*eventUpdate, change func(*Event) error) error {
	for i, id := range ids {
		u := updates[id]
		if u.place != i {
			continue
		}
		e := u.now.Event
		err := change(&e)
		if err == nil && e.ID != id {
			err = invalid("id", "cannot be changed")
		}
		if err == nil {
			err = u.set(s, e)
		}
		if err != nil {
			return u.about(err)
		}
	}
	return nil
}

// storeUpdates stores updates in one transaction, and removes the thumbnails that are no
// longer named. The error is errMeanwhile if an event is not as it was read.
func (s *Store) storeUpdates(ctx context.Context, updates map[ID]*eventUpdate) error {
	var all []*eventUpdate
	for _, u := range updates {
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b *eventUpdate) int { return a.ID.Compare(b.ID) }) // as everybody locks them
	names := false
	for _, u := range all {
		unlock, err := s.busy.Lock(ctx, u.ID)
		if err != nil {
			return err
		}
		defer unlock()
		names = names || u.ThumbnailPath != ""
	}
	naming := s.thumbs.naming(names)
	for _, u := range all {
		if u.ThumbnailPath != u.was.ThumbnailPath {
			u.sum, u.refused = s.thumbs.sum(u.ThumbnailPath, u.ID)
		}
	}
	err := s.commits.submit(ctx, func(w *writeTx) error { return w.update(all) })
	naming()
	if err != nil {
		return err
	}
	for _, u := range all {
		if old := u.was.ThumbnailPath; old != u.ThumbnailPath {
			s.releaseThumbnail(ctx, u.ID, old)
		}
	}
	return nil
}

// update replaces events if all of them are as they were read, and may be replaced.
func (w *writeTx) update(all []*eventUpdate) error {
	olds := make([]record, len(all))
	for i, u := range all {
		old, err := w.get(u.ID)
		if errors.Is(err, ErrNotFound) || err == nil && !old.unchanged(&u.was) {
			return errMeanwhile
		}
		if err == nil {
			olds[i], u.now = old, old
			err = u.edit(&u.now)
		}
		if err != nil {
			return u.about(err)
		}
	}
	for i, u := range all {
		if err := w.replaceIfChanged(&olds[i], &u.now); err != nil {
			return err
		}
	}
	return nil
}

// unchanged reports whether r is the event that was read before.
func (r *record) unchanged(was *record) bool { return r.same(was) && r.CreatedAt.Equal(was.CreatedAt) }

// DeleteEventIf reads the event with this ID and calls decide with it. If decide returns nil, and
// the event is still the same, it does what [Store.DeleteEvent] does. If the event was changed
// meanwhile, it begins again. An error of decide ends the call, and is wrapped in the error of
// DeleteEventIf; the event stays. decide is called in the goroutine of the caller, and gets an event
// of its own.
func (s *Store) DeleteEventIf(ctx context.Context, id ID, decide func(Event) error) error {
	return failed("delete event "+id.String(), s.deleteEventIf(ctx, id, decide))
}

func (s *Store) deleteEventIf(ctx context.Context, id ID, decide func(Event) error) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if decide == nil {
		return invalid("decide", "is nil")
	}
	for {
		e, was, err := s.readTwice(ctx, id)
		if err != nil {
			return err
		}
		if err := decide(e.Event); err != nil {
			return err
		}
		err = s.deleteEvent(ctx, id, func(r *record) error {
			if !r.unchanged(&was) {
				return errMeanwhile
			}
			return nil
		})
		if !errors.Is(err, errMeanwhile) {
			return err
		}
	}
}

// readTwice returns an event twice, because a caller may change what the pointers of one lead to.
func (s *Store) readTwice(ctx context.Context, id ID) (one, other record, err error) {
	sn, err := s.look(ctx)
	if err != nil {
		return one, other, err
	}
	defer sn.close()
	if one, err = sn.record(id); err == nil {
		other, err = sn.record(id)
	}
	return one, other, err
}
