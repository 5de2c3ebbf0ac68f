package doorlog_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorlog/doorlog"
)

// pick writes so many events, the newest of which is so many minutes old, and returns those
// with an index of these, in that order.
func (s *testStore) pick(t testing.TB, minutes, n int, indexes ...int) (ids []doorlog.ID, events []doorlog.Event) {
	t.Helper()
	var all []doorlog.Event
	for i := range n {
		e := fullEvent()
		e.RecordedAt = motion("", minutes+n-i-1).RecordedAt
		e.RecordingID = strconv.Itoa(i)
		all = append(all, e)
	}
	stored, err := s.WriteEvents(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range indexes {
		ids, events = append(ids, stored[i].ID), append(events, s.event(t, stored[i].ID))
	}
	return ids, events
}

func TestUpdateEventsChangesManyEventsInOneTransaction(t *testing.T) {
	s := newStore(t)
	ids, want := s.pick(t, 100, 300, 3, 150, 1) // these are folded
	tail, more := s.pick(t, 1, 20, 7)
	ids, want = append(ids, tail[0], ids[0]), append(want, more[0], want[0]) // one of them twice
	before, _, err := s.Commits()
	if err != nil {
		t.Fatal(err)
	}
	change := func(e *doorlog.Event) {
		e.Person, e.Camera, e.Pinned = "zoe", "porch", true
		e.Detections = append(e.Detections[:1], doorlog.Detection{Label: "cat", Confidence: 1})
		e.Detections[0].Box.X2 += 7 // what slices, maps and pointers lead to may be changed
		e.Attributes["seen"] = "yes"
		*e.FaceConfidence = 0.5
		e.CreatedAt = e.CreatedAt.Local()
	}
	calls := 0
	got, err := s.UpdateEvents(t.Context(), ids, func(e *doorlog.Event) error {
		calls++
		change(e)
		return nil
	})
	if err != nil || calls != 4 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if after, _, _ := s.Commits(); after != before+1 {
		t.Errorf("%d transactions", after-before)
	}
	for i := range want {
		if i < 4 {
			change(&want[i])
			want[i].CreatedAt = want[i].CreatedAt.UTC()
		} else {
			want[i] = want[0]
		}
		wantEvent(t, s.event(t, ids[i]), want[i])
	}
	wantEvents(t, got, want)
	s.wantCount(t, doorlog.Query{Persons: []string{"zoe"}}, 4)
	if got, err := s.UpdateEvents(t.Context(), nil, func(*doorlog.Event) error { return nil }); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	before, _, _ = s.Commits()
	if _, err := s.UpdateEvents(t.Context(), ids, func(*doorlog.Event) error { return nil }); err != nil {
		t.Error(err)
	}
	if after, _, _ := s.Commits(); after != before {
		t.Errorf("what was not changed took %d transactions", after-before)
	}
}

func TestUpdateEventsChangesAllOrNothing(t *testing.T) {
	s := newStore(t)
	ids, want := s.pick(t, 1, 5, 0, 1, 2, 3, 4)
	errMine := errors.New("enough")
	nobody, err := s.NewID(now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*doorlog.Event) error
		is     error
		text   string
	}{
		{func(e *doorlog.Event) error { e.Person = "a\x00"; return nil }, doorlog.ErrInvalid, "person_name"},
		{func(e *doorlog.Event) error { e.Detections[1].Label = ""; return nil }, doorlog.ErrInvalid, "detections[1].label: is empty"},
		{func(e *doorlog.Event) error { e.RecordedAt = now; return nil }, doorlog.ErrInvalid, "recorded_at"},
		{func(e *doorlog.Event) error { e.CreatedAt = now; return nil }, doorlog.ErrInvalid, "created_at: cannot be changed"},
		{func(e *doorlog.Event) error { e.ID = nobody; return nil }, doorlog.ErrInvalid, "id: cannot be changed"},
		{func(*doorlog.Event) error { return errMine }, errMine, "enough"},
	} {
		_, err := s.UpdateEvents(t.Context(), ids, func(e *doorlog.Event) error {
			if e.ID == ids[3] {
				return c.change(e)
			}
			e.Camera = "changed"
			return nil
		})
		wantError(t, err, c.is, c.text)
		if !strings.HasPrefix(err.Error(), "doorlog: update events: events[3]: event "+ids[3].String()+": ") {
			t.Errorf("%v", err)
		}
	}
	rename := func(e *doorlog.Event) error { e.Camera = "changed"; return nil }
	_, err = s.UpdateEvents(t.Context(), slices.Concat(ids[:2], []doorlog.ID{nobody}, ids[2:]), rename)
	wantError(t, err, doorlog.ErrNotFound, "events[2]: event "+nobody.String())
	_, err = s.UpdateEvents(t.Context(), make([]doorlog.ID, doorlog.MaxUpdates+1), rename)
	wantError(t, err, doorlog.ErrTooLarge, "ids")
	_, err = s.UpdateEvents(t.Context(), ids, nil)
	wantError(t, err, doorlog.ErrInvalid, "change")
	slices.Reverse(want)
	wantEvents(t, s.all(t, doorlog.Query{}), want)
}

// An event that somebody else has changed, or deleted, since it was read is read again.
func TestUpdateEventsOverwritesNothingThatWasChangedMeanwhile(t *testing.T) {
	s := newStore(t)
	ids, _ := s.pick(t, 1, 3, 0, 1, 2)
	calls := 0
	_, err := s.UpdateEvents(t.Context(), ids, func(e *doorlog.Event) error {
		if calls++; calls == 3 { // it may call the store, too
			other := s.event(t, ids[1])
			other.Camera = "moved"
			if err := errors.Join(s.UpdateEvent(t.Context(), other), s.Unpin(t.Context(), ids[0])); err != nil {
				t.Error(err)
			}
		}
		e.Person += "!"
		return nil
	})
	if err != nil || calls != 6 {
		t.Errorf("%d calls, %v", calls, err)
	}
	for i, id := range ids {
		if e := s.event(t, id); e.Person != "alice!" || (e.Camera == "moved") != (i == 1) {
			t.Errorf("%+v", e)
		}
	}
	gone := false
	_, err = s.UpdateEvents(t.Context(), ids, func(e *doorlog.Event) error {
		if e.Person = "nobody"; !gone {
			gone = true
			return s.DeleteEvent(t.Context(), ids[2])
		}
		return nil
	})
	wantError(t, err, doorlog.ErrNotFound, "events[2]")
	s.wantCount(t, doorlog.Query{Persons: []string{"nobody"}}, 0)
}

// Many callers who change the same events lose no change.
func TestUpdateEventsOfManyCallersLoseNothing(t *testing.T) {
	s := newStore(t)
	ids, _ := s.pick(t, 1, 2*doorlog.FoldAt, 0, 60, 127)
	const callers, times = 8, 10
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			mine := slices.Clone(ids)
			for n := range times {
				mine[0], mine[n%3] = mine[n%3], mine[0]
				_, err := s.UpdateEvents(t.Context(), mine, func(e *doorlog.Event) error {
					n, _ := strconv.Atoi(e.Attributes["n"])
					e.Attributes["n"] = strconv.Itoa(n + 1)
					return nil
				})
				if err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if got := s.event(t, id).Attributes["n"]; got != strconv.Itoa(callers*times) {
			t.Errorf("%s of %d", got, callers*times)
		}
	}
}

// A thumbnail that is no longer named goes, as with UpdateEvent, and a new one is named.
func TestUpdateEventsTakesAndGivesThumbnails(t *testing.T) {
	s := newStore(t)
	frame := jpegFrame(t, 32, 32)
	var ids []doorlog.ID
	for i := range 3 {
		e := motion("porch", i)
		if i == 2 {
			ids = append(ids, s.write(t, e)[0].ID)
			continue
		}
		ids = append(ids, s.writeFrame(t, e, frame).ID)
	}
	kept := s.event(t, ids[1]).ThumbnailPath
	given := s.event(t, ids[2])
	if err := s.SaveThumbnail(t.Context(), &given, frame); err != nil {
		t.Fatal(err)
	}
	_, err := s.UpdateEvents(t.Context(), ids, func(e *doorlog.Event) error {
		switch e.ID {
		case ids[0]:
			e.ThumbnailPath = ""
		case ids[1]:
			e.Camera = "garage"
		case ids[2]:
			e.ThumbnailPath = given.ThumbnailPath
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{kept, given.ThumbnailPath}
	slices.Sort(want)
	s.wantFiles(t, want...)
	_, err = s.UpdateEvents(t.Context(), ids[:1], func(e *doorlog.Event) error { e.ThumbnailPath = "../up.jpg"; return nil })
	wantError(t, err, doorlog.ErrInvalid, "events[0]")
	wantError(t, err, doorlog.ErrInvalid, "thumbnail_path")
}

func TestAnEventIsDeletedOnlyIfItIsStillWhatWasDecidedOn(t *testing.T) {
	s := newStore(t)
	e := s.write(t, fullEvent())[0]
	stays := errors.New("it stays")
	wantError(t, s.DeleteEventIf(t.Context(), e.ID, func(doorlog.Event) error { return stays }), stays, "doorlog: delete event "+e.ID.String())
	got, err := s.Event(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantEvent(t, got, e)

	var seen []bool
	err = s.DeleteEventIf(t.Context(), e.ID, func(now doorlog.Event) error {
		seen = append(seen, now.AlertSent && now.Pinned)
		now.Detections[0].Label = "nobody" // the event belongs to decide
		if len(seen) == 1 {
			return s.Pin(t.Context(), e.ID)
		}
		return nil
	})
	if err != nil || !slices.Equal(seen, []bool{false, true}) {
		t.Errorf("%v, decided on %v", err, seen)
	}
	never := func(doorlog.Event) error { panic("there is no event to decide on") }
	wantError(t, s.DeleteEventIf(t.Context(), e.ID, never), doorlog.ErrNotFound, e.ID.String())
	wantError(t, s.DeleteEventIf(t.Context(), e.ID, nil), doorlog.ErrInvalid, "decide: is nil")
}

// Of many who delete the event that they have all seen, one does.
func TestOneOfManyDeletes(t *testing.T) {
	s := newStore(t)
	e := s.write(t, motion("garage", 1))[0]
	var all sync.WaitGroup
	var deleted atomic.Int32
	for range 8 {
		all.Go(func() {
			err := s.DeleteEventIf(t.Context(), e.ID, func(doorlog.Event) error { return nil })
			switch {
			case err == nil:
				deleted.Add(1)
			case !errors.Is(err, doorlog.ErrNotFound):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := deleted.Load(); n != 1 {
		t.Errorf("%d have deleted it", n)
	}
}
