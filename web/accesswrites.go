package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/wire"
)

// The writes of events. A token may be limited to the events of some cameras. Then the event that is
// stored and the one that is to be stored must both be of one of these. That is checked where the store
// changes the event, so that nobody can change it in between.

// limited reports whether the caller may write the events of some cameras only.
func (a *access) limited() bool { return !a.grant.Admin && len(a.grant.Cameras) > 0 }

// mayWrite returns ErrForbidden unless the caller may write events of this camera.
func (a *access) mayWrite(camera string) error {
	if err := a.may(needsWrite, "write events"); err != nil || !a.limited() {
		return err
	}
	camera = doorlog.NormalName(camera)
	if slices.ContainsFunc(a.grant.Cameras, func(own string) bool { return doorlog.NormalName(own) == camera }) {
		return nil
	}
	return fmt.Errorf("%w: write events of the camera %.80q", wire.ErrForbidden, camera)
}

// NewID is [doorlog.Store.NewID].
func (a *access) NewID(at time.Time) (doorlog.ID, error) {
	if err := a.may(needsWrite, "get IDs for new events"); err != nil {
		return doorlog.ID{}, err
	}
	return a.st.NewID(at)
}

// WriteEvent is [doorlog.Store.WriteEvent] or, as frame and once say, one of its relatives. existed
// reports whether the event was there before, as far as that is known: without once, another write of
// the same ID at the same time is not seen.
func (a *access) WriteEvent(ctx context.Context, e doorlog.Event, frame []byte, once bool) (stored doorlog.Event, existed bool, err error) {
	if err := a.mayWrite(e.Camera); err != nil {
		return stored, false, err
	}
	switch {
	case once:
		stored, existed, err = a.st.WriteEventOnce(ctx, e, frame)
		if err == nil {
			err = a.mayWrite(stored.Camera) // its ID may be that of an event of another camera
		}
		return stored, existed, err
	case !e.ID.IsZero():
		known, err := a.existing(ctx, []doorlog.ID{e.ID})
		if err != nil {
			return stored, false, err
		}
		existed = known[e.ID]
	}
	if len(frame) > 0 {
		stored, err = a.st.WriteEventWithFrame(ctx, e, frame)
	} else {
		stored, err = a.st.WriteEvent(ctx, e)
	}
	return stored, existed, err
}

// WriteEvents is WriteEvent for many events in one transaction. An error about one of them is a
// [fault.ItemError].
func (a *access) WriteEvents(
	ctx context.Context, events []doorlog.Event, frames [][]byte, once bool,
) (stored []doorlog.Event, existed []bool, err error) {
	if err := a.may(needsWrite, "write events"); err != nil {
		return nil, nil, err
	}
	for i := range events {
		if err := a.mayWrite(events[i].Camera); err != nil {
			return nil, nil, fault.About(i, err)
		}
	}
	if once {
		if err := a.mayFind(ctx, events); err != nil {
			return nil, nil, err
		}
		stored, existed, err = a.st.WriteEventsOnce(ctx, events, frames)
		for i := range stored { // one may have come meanwhile
			if err := a.mayWrite(stored[i].Camera); err != nil {
				return nil, nil, fault.About(i, err)
			}
		}
		return stored, existed, err
	}
	ids := make([]doorlog.ID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	known, err := a.existing(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	if stored, err = a.st.WriteEventsWithFrames(ctx, events, frames); err != nil {
		return nil, nil, err
	}
	existed = make([]bool, len(events))
	for i := range stored {
		existed[i] = known[stored[i].ID]
		known[stored[i].ID] = true // it may be in the list twice
	}
	return stored, existed, nil
}

// mayFind returns ErrForbidden if one of events has the ID of an event that is stored, and of a camera that
// the caller may not write. It is asked before the others are stored.
func (a *access) mayFind(ctx context.Context, events []doorlog.Event) error {
	if !a.limited() {
		return nil
	}
	return a.st.View(ctx, func(sn *doorlog.Snapshot) error {
		for i := range events {
			if events[i].ID.IsZero() {
				continue
			}
			stored, err := sn.Event(events[i].ID)
			if errors.Is(err, doorlog.ErrNotFound) {
				continue
			}
			if err == nil {
				err = a.mayWrite(stored.Camera)
			}
			if err != nil {
				return fault.About(i, err)
			}
		}
		return nil
	})
}

// existing returns which of these IDs have events.
func (a *access) existing(ctx context.Context, ids []doorlog.ID) (map[doorlog.ID]bool, error) {
	known := make(map[doorlog.ID]bool)
	if !slices.ContainsFunc(ids, func(id doorlog.ID) bool { return !id.IsZero() }) {
		return known, nil
	}
	err := a.st.View(ctx, func(sn *doorlog.Snapshot) error {
		for _, id := range ids {
			if id.IsZero() {
				continue
			}
			_, err := sn.Event(id)
			switch {
			case err == nil:
				known[id] = true
			case !errors.Is(err, doorlog.ErrNotFound):
				return err
			}
		}
		return nil
	})
	return known, err
}

// UpdateEvents is [doorlog.Store.UpdateEvents].
func (a *access) UpdateEvents(ctx context.Context, ids []doorlog.ID, change func(*doorlog.Event) error) ([]doorlog.Event, error) {
	if err := a.may(needsWrite, "change events"); err != nil {
		return nil, err
	}
	return a.st.UpdateEvents(ctx, ids, func(e *doorlog.Event) error {
		if err := a.mayWrite(e.Camera); err != nil {
			return err
		}
		if err := change(e); err != nil {
			return err
		}
		return a.mayWrite(e.Camera)
	})
}

// mark sets one field of events. A limited token goes through UpdateEvents, which knows the camera.
func (a *access) mark(ctx context.Context, ids []doorlog.ID, set func(*doorlog.Event), unlimited func() error) error {
	if err := a.may(needsWrite, "change events"); err != nil {
		return err
	}
	if !a.limited() {
		return unlimited()
	}
	_, err := a.UpdateEvents(ctx, ids, func(e *doorlog.Event) error {
		set(e)
		return nil
	})
	return err
}

// SetPinned is [doorlog.Store.Pin] or [doorlog.Store.Unpin].
func (a *access) SetPinned(ctx context.Context, id doorlog.ID, on bool) error {
	return a.mark(ctx, []doorlog.ID{id}, func(e *doorlog.Event) { e.Pinned = on }, func() error {
		if on {
			return a.st.Pin(ctx, id)
		}
		return a.st.Unpin(ctx, id)
	})
}

// MarkAlertSent is [doorlog.Store.MarkAlertSent].
func (a *access) MarkAlertSent(ctx context.Context, id doorlog.ID) error {
	return a.mark(ctx, []doorlog.ID{id}, func(e *doorlog.Event) { e.AlertSent = true }, func() error { return a.st.MarkAlertSent(ctx, id) })
}

// SetReviewed is [doorlog.Store.MarkReviewed], or takes that back.
func (a *access) SetReviewed(ctx context.Context, ids []doorlog.ID, on bool) error {
	set := func(e *doorlog.Event) { e.Reviewed = on }
	return a.mark(ctx, ids, set, func() error {
		if on {
			return a.st.MarkReviewed(ctx, ids...)
		}
		_, err := a.st.UpdateEvents(ctx, ids, func(e *doorlog.Event) error {
			set(e)
			return nil
		})
		return err
	})
}

// PutThumbnail makes the thumbnail of an event that has none, and returns the event.
func (a *access) PutThumbnail(ctx context.Context, id doorlog.ID, frame []byte) (doorlog.Event, error) {
	if err := a.may(needsWrite, "save thumbnails"); err != nil {
		return doorlog.Event{}, err
	}
	has := func(e *doorlog.Event) error {
		if e.ThumbnailPath != "" {
			return fmt.Errorf("doorlog: thumbnail of event %s: %w", id, doorlog.ErrExists)
		}
		return nil
	}
	e, err := a.st.Event(ctx, id)
	if err == nil {
		err = a.mayWrite(e.Camera)
	}
	if err == nil {
		err = has(&e)
	}
	if err == nil {
		err = a.st.SaveThumbnail(ctx, &e, frame)
	}
	if err != nil {
		return doorlog.Event{}, err
	}
	stored, err := a.UpdateEvents(ctx, []doorlog.ID{id}, func(now *doorlog.Event) error {
		if err := has(now); err != nil {
			return err
		}
		now.ThumbnailPath, now.FrameWidth, now.FrameHeight = e.ThumbnailPath, e.FrameWidth, e.FrameHeight
		return nil
	})
	if err != nil {
		return doorlog.Event{}, err
	}
	return stored[0], nil
}

// DeleteEvent is [doorlog.Store.DeleteEventIf], or [doorlog.Store.DeleteEvent] if may is nil.
func (a *access) DeleteEvent(ctx context.Context, id doorlog.ID, may func(doorlog.Event) error) error {
	if err := a.may(needsAdmin, "delete events"); err != nil {
		return err
	}
	if may == nil {
		return a.st.DeleteEvent(ctx, id)
	}
	return a.st.DeleteEventIf(ctx, id, may)
}
