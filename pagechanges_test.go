package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
)

// A pageChange is a call that writes. Those of one store touch different events, so
// that one that fails changes nothing for the others.
type pageChange struct {
	name string
	do   func(context.Context, *doorlog.Store) error
	part bool // one that fails may have been done in part
}

// quickChanges is how many of the first of them are quick.
const quickChanges = 6

// pageChanges are calls that write, to a store of these events.
func pageChanges(events []doorlog.Event) []pageChange {
	plain := func(n int, at time.Time) doorlog.Event {
		at = at.Truncate(time.Millisecond)
		return doorlog.Event{
			ID: eventID(at, n), RecordedAt: at, CreatedAt: now, Camera: "camera1", Type: doorlog.Motion, Pinned: true,
			Detections: []doorlog.Detection{{Label: "label1", Confidence: 0.5}},
		}
	}
	write := func(e doorlog.Event) func(context.Context, *doorlog.Store) error {
		return func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.WriteEvent(ctx, e)
			return err
		}
	}
	// Of a stranger, from here on.
	stranger := func(from int) int {
		for events[from].Person != "" || events[from].FrameWidth > 0 {
			from++
		}
		return from
	}
	updated := stranger(len(events) / 3)
	deleted := stranger(updated + 1)
	update := events[updated]
	update.Camera, update.Pinned, update.Attributes = "camera2", true, map[string]string{"is": "changed"}
	batch := make([]doorlog.Event, doorlog.FoldAt+6)
	for i := range batch {
		batch[i] = plain(100+i, now.Add(2*time.Hour+time.Duration(i)*time.Second))
	}
	maxAge := now.Sub(events[len(events)-min(20, len(events)/10)].RecordedAt) // a few: a prune takes its time
	return []pageChange{
		{"write", write(plain(1, now.Add(time.Hour))), false},
		{"late arrival", write(plain(2, events[len(events)*3/4].RecordedAt)), false},
		{"update", func(ctx context.Context, st *doorlog.Store) error { return st.UpdateEvent(ctx, update) }, false},
		{"delete", func(ctx context.Context, st *doorlog.Store) error { return st.DeleteEvent(ctx, events[deleted].ID) }, false},
		{"put person", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.PutPerson(ctx, doorlog.PersonInput{Name: "frank"})
			return err
		}, false},
		{"batch", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.WriteEvents(ctx, batch)
			return err
		}, false},
		{"prune", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.Prune(ctx, doorlog.Policy{MaxAge: maxAge})
			return err
		}, true},
		{"rename", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.RenameCamera(ctx, "camera1", "camera7")
			return err
		}, true},
		{"erase", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.ErasePerson(ctx, "carol", doorlog.EraseName)
			return err
		}, true},
		{"compact", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.Compact(ctx)
			return err
		}, false},
		{"backup", func(ctx context.Context, st *doorlog.Store) error {
			_, err := st.Backup(ctx, new(bytes.Buffer), nil)
			return err
		}, false},
	}
}

// possible are the versions that an event may have now. nil: it is not there.
type possible map[doorlog.ID][]*doorlog.Event

func possibleOf(events []doorlog.Event) possible {
	p := make(possible, len(events))
	for i := range events {
		p[events[i].ID] = []*doorlog.Event{&events[i]}
	}
	return p
}

// change takes in what a call changes that made one list of another. sure: it was
// done; else it may have been.
func (p possible) change(from, to []doorlog.Event, sure bool) {
	before, after := possibleOf(from), possibleOf(to)
	set := func(id doorlog.ID, e *doorlog.Event) {
		if sure {
			p[id] = nil
		} else if len(p[id]) == 0 {
			p[id] = append(p[id], nil)
		}
		p[id] = append(p[id], e)
	}
	for id, v := range after {
		if before[id] == nil || !reflect.DeepEqual(before[id][0], v[0]) {
			set(id, v[0])
		}
	}
	for id := range before {
		if after[id] == nil {
			set(id, nil)
		}
	}
}

// is reports whether an event may be like that; nil: whether it may be gone.
func (p possible) is(id doorlog.ID, e *doorlog.Event) bool {
	versions := p[id]
	if len(versions) == 0 {
		return e == nil
	}
	return slices.ContainsFunc(versions, func(v *doorlog.Event) bool {
		if v == nil || e == nil {
			return v == e
		}
		return reflect.DeepEqual(*v, *e)
	})
}

// judge compares the events of a store with what they may be. The error is errWrong,
// or the damage that the store tells of.
func (p possible) judge(ctx context.Context, st *doorlog.Store) error {
	ids := make([]doorlog.ID, 0, len(p))
	for id := range p {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b doorlog.ID) int { return b.Compare(a) })
	listed, err := allOf(st.Events(ctx, doorlog.Query{}), len(ids))
	if err != nil && !isDamage(err) {
		return wrong("Events: %v", err)
	}
	at := 0
	for i := range listed {
		for ; at < len(ids) && ids[at].Compare(listed[i].ID) > 0; at++ {
			if !p.is(ids[at], nil) {
				return wrong("Events leaves event %s out", ids[at])
			}
		}
		if at == len(ids) || ids[at] != listed[i].ID || !p.is(ids[at], &listed[i]) {
			return wrong("Events gives %+v", listed[i])
		}
		at++
	}
	for ; err == nil && at < len(ids); at++ {
		if !p.is(ids[at], nil) {
			return wrong("Events leaves event %s out", ids[at])
		}
	}
	for _, id := range ids {
		switch e, gerr := st.Event(ctx, id); {
		case gerr == nil && !p.is(id, &e):
			return wrong("event %s is %+v", id, e)
		case errors.Is(gerr, doorlog.ErrNotFound) && p.is(id, nil):
		case gerr != nil && !isDamage(gerr):
			return wrong("event %s: %v", id, gerr)
		case gerr != nil && err == nil:
			err = fmt.Errorf("event %s: %w", id, gerr)
		}
	}
	return err
}
