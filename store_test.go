package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

func TestEventIsReadBackAsItWasWritten(t *testing.T) {
	s := newStore(t)
	stored := s.write(t, fullEvent(), motion("garage", 5))
	for range 2 {
		for _, want := range stored {
			wantEvent(t, s.event(t, want.ID), want)
			if at := want.ID.Time(); !at.Equal(want.RecordedAt) {
				t.Errorf("ID holds %v, want %v", at, want.RecordedAt)
			}
		}
		s.reopen(t)
	}
}

func TestAbsentIsNotZero(t *testing.T) {
	s := newStore(t)
	with, without := motion("garage", 1), motion("garage", 2)
	with.FaceDistance, with.FaceConfidence = new(0.0), new(0.0)
	with.Detections = []doorlog.Detection{{Label: "cat", Box: &doorlog.Box{}}}
	without.Detections = []doorlog.Detection{{Label: "cat"}}
	stored := s.write(t, with, without)
	got := s.event(t, stored[0].ID)
	if got.FaceDistance == nil || *got.FaceDistance != 0 || got.FaceConfidence == nil || got.Detections[0].Box == nil {
		t.Errorf("zero became absent: %+v", got)
	}
	got = s.event(t, stored[1].ID)
	if got.FaceDistance != nil || got.FaceConfidence != nil || got.Detections[0].Box != nil {
		t.Errorf("absent became zero: %+v", got)
	}
}

func TestRecentIsNewestFirstWhateverTheOrderOfArrival(t *testing.T) {
	s := newStore(t)
	var want []doorlog.Event
	for i := range 3 * doorlog.FoldAt { // the tail is folded in between
		want = append(want, motion("garage", (i*37)%(3*doorlog.FoldAt)))
	}
	want = s.write(t, want...)
	slices.SortFunc(want, func(a, b doorlog.Event) int { return b.RecordedAt.Compare(a.RecordedAt) })
	for _, n := range []int{0, 1, 20, len(want), len(want) + 1, 1 << 30} {
		got, err := s.Recent(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		wantEvents(t, got, want[:min(n, len(want))])
	}
	if _, err := s.Recent(t.Context(), -1); !errors.Is(err, doorlog.ErrInvalid) {
		t.Errorf("Recent(-1): %v", err)
	}
}

func TestEqualTimesKeepTheOrderOfInsertion(t *testing.T) {
	s := newStore(t)
	e := motion("garage", 1)
	var ids []doorlog.ID
	for range 200 {
		id, err := idOf(s.WriteEvent(t.Context(), e))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	var got []doorlog.ID
	for _, e := range s.all(t, doorlog.Query{OldestFirst: true}) {
		got = append(got, e.ID)
	}
	if !slices.Equal(got, ids) {
		t.Error("events of the same nanosecond are out of order")
	}
}

func TestEventsOverTime(t *testing.T) {
	s := newStore(t)
	const n = 150
	var stored []doorlog.Event // oldest first
	for i := range n {
		e := motion("garage", n-i)
		if i%3 == 0 {
			e.Detections = []doorlog.Detection{{Label: fmt.Sprint("thing", i), Confidence: 0.5}}
		}
		stored = append(stored, s.write(t, e)...)
	}
	at := func(i int) time.Time { return stored[i].RecordedAt }
	tests := map[string]struct {
		q        doorlog.Query
		from, to int // of stored
	}{
		"all":                    {doorlog.Query{}, 0, n},
		"since is inclusive":     {doorlog.Query{Since: at(10)}, 10, n},
		"until is exclusive":     {doorlog.Query{Until: at(10)}, 0, 10},
		"both":                   {doorlog.Query{Since: at(10), Until: at(90)}, 10, 90},
		"a nanosecond later":     {doorlog.Query{Since: at(10).Add(1), Until: at(90).Add(1)}, 11, 91},
		"another zone":           {doorlog.Query{Since: at(10).In(time.FixedZone("x", 20700))}, 10, n},
		"empty":                  {doorlog.Query{Since: at(10), Until: at(10)}, 10, 10},
		"until is before since":  {doorlog.Query{Since: at(20), Until: at(10)}, 10, 10},
		"before everything":      {doorlog.Query{Until: at(0)}, 0, 0},
		"after everything":       {doorlog.Query{Since: at(n - 1).Add(1)}, n, n},
		"before 1970":            {doorlog.Query{Since: time.Unix(-1e9, 0), Until: time.Unix(-1e8, 0)}, 0, 0},
		"since the dawn of time": {doorlog.Query{Since: time.Unix(-1e12, 0)}, 0, n},
		"until the year 20000":   {doorlog.Query{Until: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, 0, n},
		"since the year 20000":   {doorlog.Query{Since: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, n, n},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := slices.Clone(stored[test.from:test.to])
			for _, oldestFirst := range []bool{true, false} {
				q := test.q
				q.OldestFirst = oldestFirst
				if !oldestFirst {
					slices.Reverse(want)
				}
				wantEvents(t, s.all(t, q), want)
				q.Limit = 7
				wantEvents(t, s.all(t, q), want[:min(7, len(want))])
			}
		})
	}
	for _, err := range s.Events(t.Context(), doorlog.Query{Limit: -1}) {
		wantError(t, err, doorlog.ErrInvalid, "Query.Limit")
	}
}

func TestWriteEventsIsAllOrNone(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	good := []doorlog.Event{motion("garage", 3), fullEvent(), motion("garage", 1)}
	ids, err := storedIDs(s.WriteEvents(ctx, good))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		wantEvent(t, s.event(t, id), asStored(good[i], id))
	}
	bad := motion("", 1)
	_, err = s.WriteEvents(ctx, []doorlog.Event{motion("a", 9), bad, motion("b", 9)})
	wantError(t, err, doorlog.ErrInvalid, "events[1]: camera_id: is empty")
	// The third has the ID of another event: that is only found out after the
	// first is in the transaction.
	taken := motion("other", 3)
	taken.ID = ids[0]
	_, err = s.WriteEvents(ctx, []doorlog.Event{motion("a", 9), motion("b", 9), taken})
	wantError(t, err, doorlog.ErrExists, "events[2]")
	wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}),
		[]doorlog.Event{asStored(good[0], ids[0]), asStored(good[1], ids[1]), asStored(good[2], ids[2])})
	if ids, err := storedIDs(s.WriteEvents(ctx, nil)); len(ids) != 0 || err != nil {
		t.Errorf("no events: %v, %v", ids, err)
	}
}

func TestWriteIsRepeatedUnderTheSameID(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	e := fullEvent()
	e.CreatedAt = time.Time{}
	id, err := s.NewID(e.RecordedAt)
	if err != nil {
		t.Fatal(err)
	}
	e.ID = id
	for range 3 {
		if got, err := idOf(s.WriteEvent(ctx, e)); got != id || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
	}
	wantEvents(t, s.all(t, doorlog.Query{}), []doorlog.Event{asStored(e, id)})

	e.RecordedAt = time.Time{} // the ID holds it
	if _, err := s.WriteEvent(ctx, e); err != nil {
		t.Error(err)
	}
	e.Person = "bob"
	_, err = s.WriteEvent(ctx, e)
	wantError(t, err, doorlog.ErrExists, id.String())
	e.RecordedAt = now
	_, err = s.WriteEvent(ctx, e)
	wantError(t, err, doorlog.ErrInvalid, "recorded_at")
}

func TestWriteOnceGoesByCameraAndRecording(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	e := motion("front_door", 5)
	e.RecordingID = "rec-7"
	once := func(e doorlog.Event) (doorlog.ID, bool) {
		t.Helper()
		stored, existed, err := s.WriteEventOnce(ctx, e, nil)
		if err != nil {
			t.Fatal(err)
		}
		return stored.ID, existed
	}
	first, existed := once(e)
	if existed {
		t.Error("the first write found something")
	}
	later := e
	later.RecordedAt, later.Type = e.RecordedAt.Add(time.Second), doorlog.Ding
	for range 2 { // in the tail, and folded
		if id, existed := once(later); id != first || !existed {
			t.Errorf("second write: %v, %v; want %v, true", id, existed, first)
		}
		for i := range doorlog.FoldAt {
			s.write(t, motion("garage", i))
		}
	}
	other := e
	other.Camera = "garage"
	if id, existed := once(other); existed || id == first {
		t.Error("another camera's recording of that name is the same one")
	}
	if got, err := s.EventByRecording(ctx, "front_door", "rec-7"); err != nil || got.ID != first {
		t.Errorf("%v, %v", got.ID, err)
	}
	_, err := s.EventByRecording(ctx, "front_door", "rec-8")
	wantError(t, err, doorlog.ErrNotFound, `"rec-8"`)
	_, err = s.EventByRecording(ctx, "front_door", "")
	wantError(t, err, doorlog.ErrInvalid, "recording_id")
	_, _, err = s.WriteEventOnce(ctx, motion("garage", 1), nil)
	wantError(t, err, doorlog.ErrInvalid, "recording_id")

	if err := s.DeleteEvent(ctx, first); err != nil {
		t.Fatal(err)
	}
	if _, existed := once(later); existed {
		t.Error("a deleted event is still found")
	}
}

func TestWriteEventsOnceFindsWhatIsThereAndWhatIsTwice(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	var events []doorlog.Event
	for i := range 200 {
		e := motion("garage", 300-i)
		e.RecordingID = fmt.Sprint("rec-", i%150)
		events = append(events, e)
	}
	stored, existed, err := s.WriteEventsOnce(ctx, events, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if want := i >= 150; existed[i] != want || want && stored[i].ID != stored[i-150].ID {
			t.Fatalf("event %d: existed %v, id %v", i, existed[i], stored[i].ID)
		}
	}
	byID := motion("garage", 400)
	if byID.ID, err = s.NewID(byID.RecordedAt); err != nil {
		t.Fatal(err)
	}
	again, existed, err := s.WriteEventsOnce(ctx, append(events[:150:150], byID, byID), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again[:150], stored[:150]) || slices.Contains(existed[:150], false) {
		t.Error("the second time is not as the first")
	}
	if existed[150] || !existed[151] || again[151].ID != byID.ID {
		t.Errorf("an event without a recording does not go by its ID: %v", existed[150:])
	}
	if n := len(s.all(t, doorlog.Query{})); n != 151 {
		t.Errorf("%d events, want 151", n)
	}
}

func TestUpdateReplacesAllButIdentity(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	for _, name := range []string{"tail", "folded"} {
		t.Run(name, func(t *testing.T) {
			old := fullEvent()
			old.RecordedAt = old.RecordedAt.Add(time.Duration(len(name)) * time.Hour)
			stored := s.write(t, old)[0]
			if name == "folded" {
				for i := range doorlog.FoldAt {
					s.write(t, motion("garage", i-600))
				}
			}
			e := doorlog.Event{
				ID: stored.ID, Camera: "backyard", Type: "noise", RecordingID: "rec-2", Person: "bob",
				Door: doorlog.Locked, Detections: []doorlog.Detection{{Label: "cat", Confidence: 0.25}},
			}
			if err := s.UpdateEvent(ctx, e); err != nil {
				t.Fatal(err)
			}
			e.RecordedAt, e.CreatedAt = stored.RecordedAt, stored.CreatedAt
			wantEvent(t, s.event(t, e.ID), e)
			if got, err := s.EventByRecording(ctx, "backyard", "rec-2"); err != nil || got.ID != e.ID {
				t.Errorf("by its new recording: %v, %v", got.ID, err)
			}
			if _, err := s.EventByRecording(ctx, "front_door", "rec-1"); !errors.Is(err, doorlog.ErrNotFound) {
				t.Errorf("by its old recording: %v", err)
			}
			e.Detections = nil
			if err := s.UpdateEvent(ctx, e); err != nil {
				t.Fatal(err)
			}
			wantEvent(t, s.event(t, e.ID), e)

			moved := e
			moved.RecordedAt = e.RecordedAt.Add(time.Second)
			wantError(t, s.UpdateEvent(ctx, moved), doorlog.ErrInvalid, "recorded_at")
			moved = e
			moved.CreatedAt = e.CreatedAt.Add(time.Second)
			wantError(t, s.UpdateEvent(ctx, moved), doorlog.ErrInvalid, "created_at")
			moved = e
			moved.Camera = ""
			wantError(t, s.UpdateEvent(ctx, moved), doorlog.ErrInvalid, "camera_id")
			wantEvent(t, s.event(t, e.ID), e)
			if err := s.DeleteEvent(ctx, e.ID); err != nil {
				t.Error(err)
			}
		})
	}
	unknown, err := s.NewID(now)
	if err != nil {
		t.Fatal(err)
	}
	e := motion("garage", 0)
	e.ID = unknown
	wantError(t, s.UpdateEvent(ctx, e), doorlog.ErrNotFound, unknown.String())
	wantError(t, s.UpdateEvent(ctx, motion("garage", 0)), doorlog.ErrInvalid, "id: is missing")
}

func TestMarkAlertSent(t *testing.T) {
	s := newStore(t)
	e := s.write(t, motion("garage", 1))[0]
	for range 2 {
		if err := s.MarkAlertSent(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		e.AlertSent = true
		wantEvent(t, s.event(t, e.ID), e)
	}
	wantError(t, s.MarkAlertSent(t.Context(), doorlog.ID{1}), doorlog.ErrNotFound, "mark alert sent")
}

// A clock that has stepped back, as after a start without a battery, is no
// reason to refuse a change of what is stored already, nor an event.
func TestUpdateWhenTheClockHasSteppedBack(t *testing.T) {
	clock := now
	s := newStoreWith(t, doorlog.Options{Now: func() time.Time { return clock }})
	e := s.write(t, motion("garage", 1))[0]
	clock = now.AddDate(-10, 0, 0)
	e.Person = "alice"
	if err := s.UpdateEvent(t.Context(), e); err != nil {
		t.Error(err)
	}
	if err := s.MarkAlertSent(t.Context(), e.ID); err != nil {
		t.Error(err)
	}
	e.AlertSent = true
	wantEvent(t, s.event(t, e.ID), e)
	if _, err := s.WriteEvent(t.Context(), motion("garage", 1)); err != nil {
		t.Error(err)
	}
}

func TestDeleteTakesTheDetectionsAlong(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	stored := s.write(t, fullEvent(), motion("garage", 5))
	if err := s.DeleteEvent(ctx, stored[0].ID); err != nil {
		t.Fatal(err)
	}
	_, err := s.Event(ctx, stored[0].ID)
	wantError(t, err, doorlog.ErrNotFound, stored[0].ID.String())
	wantError(t, s.DeleteEvent(ctx, stored[0].ID), doorlog.ErrNotFound, stored[0].ID.String())
	wantEvents(t, s.all(t, doorlog.Query{}), stored[1:])
}

func TestSnapshotStaysAsItWas(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	before := s.write(t, motion("garage", 3), motion("garage", 2))
	err := s.View(ctx, func(sn *doorlog.Snapshot) error {
		s.write(t, motion("garage", 1))
		if err := s.DeleteEvent(ctx, before[0].ID); err != nil {
			return err
		}
		got, err := sn.Recent(10)
		if err != nil {
			return err
		}
		wantEvents(t, got, []doorlog.Event{before[1], before[0]})
		n := 0
		for e, err := range sn.Events(doorlog.Query{}) { // reads inside of a loop do not disturb it
			if err != nil {
				return err
			}
			if again, err := sn.Event(e.ID); err != nil || again.ID != e.ID {
				t.Errorf("%v, %v", again.ID, err)
			}
			if _, err := sn.Recent(1); err != nil {
				return err
			}
			n++
		}
		if n != 2 {
			t.Errorf("the loop saw %d events, want 2", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.all(t, doorlog.Query{})); n != 2 {
		t.Errorf("afterwards there are %d events, want 2", n)
	}
}

func TestSnapshotCannotBeUsedAfterItsView(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("garage", 1), motion("garage", 2))
	var kept *doorlog.Snapshot
	fail := errors.New("mine")
	if err := s.View(t.Context(), func(sn *doorlog.Snapshot) error { kept = sn; return fail }); !errors.Is(err, fail) {
		t.Errorf("View returned %v", err)
	}
	_, err := kept.Event(doorlog.ID{1})
	wantError(t, err, doorlog.ErrClosed, "after its View")
	_, err = kept.Recent(1)
	wantError(t, err, doorlog.ErrClosed, "after its View")
	_, err = kept.Persons()
	wantError(t, err, doorlog.ErrClosed, "after its View")
	_, err = kept.Cameras()
	wantError(t, err, doorlog.ErrClosed, "cameras: snapshot used after its View")
	_, err = kept.Types()
	wantError(t, err, doorlog.ErrClosed, "types: snapshot used after its View")
	for _, err := range kept.Events(doorlog.Query{}) {
		wantError(t, err, doorlog.ErrClosed, "after its View")
	}
	func() {
		defer func() {
			if recover() != "theirs" {
				t.Error("a panic of the caller's function did not come through")
			}
		}()
		_ = s.View(t.Context(), func(*doorlog.Snapshot) error { panic("theirs") })
	}()
	for range s.Events(t.Context(), doorlog.Query{}) {
		break
	}
	s.reopen(t) // which waits for all snapshots: none is left open
}

func TestContextsEndCalls(t *testing.T) {
	s := newStore(t)
	stored := s.write(t, motion("garage", 2), motion("garage", 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range s.Events(ctx, doorlog.Query{}) {
		n, last = n+1, err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("the loop ended after %d with %v", n, last)
	}
	_, err := s.WriteEvent(ctx, motion("garage", 0))
	wantError(t, err, context.Canceled, "write event")
	_, err = s.Event(ctx, stored[0].ID)
	wantError(t, err, context.Canceled, "event")
	_, err = s.Recent(ctx, 1)
	wantError(t, err, context.Canceled, "recent")
	_, err = s.WriteEventWithFrame(ctx, motion("garage", 0), jpegFrame(t, 8, 8))
	wantError(t, err, context.Canceled, "write event")
	wantEvents(t, s.all(t, doorlog.Query{OldestFirst: true}), stored)
}

func TestOpenIsIdempotent(t *testing.T) {
	s := newStore(t)
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	stored := s.write(t, fullEvent())
	for range 3 {
		s.reopen(t)
		wantEvents(t, s.all(t, doorlog.Query{}), stored)
	}
	files, err := os.ReadDir(filepath.Dir(s.path))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "events.db" {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

func TestOpenWithNilOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s, err := doorlog.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e := doorlog.Event{Camera: "garage", RecordedAt: time.Now(), Type: doorlog.Motion}
	id, err := idOf(s.WriteEventWithFrame(t.Context(), e, jpegFrame(t, 8, 8)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Event(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "thumbnails", got.ThumbnailPath)); err != nil {
		t.Error(err)
	}
}

func TestManyMayCreateTheSameStoreAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s, err := doorlog.Open(path, &doorlog.Options{LockTimeout: time.Minute, Now: func() time.Time { return now }})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.WriteEvent(context.Background(), motion(fmt.Sprint("camera", i), i)); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s, err := doorlog.Open(path, &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := s.Recent(t.Context(), 100); err != nil || len(got) != 8 {
		t.Errorf("%d events of 8, %v", len(got), err)
	}
}

func TestOpenRemovesAnUnfinishedCreation(t *testing.T) {
	s := newStore(t)
	left := filepath.Join(filepath.Dir(s.path), ".events.db.new-123")
	if err := os.WriteFile(left, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.reopen(t)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", left, err)
	}
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	boltFile := func(t *testing.T, noFreelist bool, fill func(*bolt.Tx) error) []byte {
		name := filepath.Join(t.TempDir(), "x.db")
		db, err := bolt.Open(name, 0o600, &bolt.Options{NoFreelistSync: noFreelist}) // to open which for writing would change it
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(fill), db.Close()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	meta := func(kv ...string) func(*bolt.Tx) error {
		return func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("meta"))
			for i := 0; i < len(kv) && err == nil; i += 2 {
				err = b.Put([]byte(kv[i]), []byte(kv[i+1]))
			}
			return err
		}
	}
	tests := map[string]struct {
		data []byte
		is   error
	}{
		"empty file":           {[]byte{}, doorlog.ErrNotStore},
		"text":                 {[]byte("hello"), doorlog.ErrNotStore},
		"long text":            {[]byte(strings.Repeat("hello ", 10000)), doorlog.ErrNotStore},
		"sqlite":               {append([]byte("SQLite format 3\x00"), make([]byte, 8192)...), doorlog.ErrNotStore},
		"somebody's bolt file": {boltFile(t, false, func(*bolt.Tx) error { return nil }), doorlog.ErrNotStore},
		"without a freelist":   {boltFile(t, true, meta("format", "another's")), doorlog.ErrNotStore},
		"bolt file with meta":  {boltFile(t, false, meta("format", "other")), doorlog.ErrNotStore},
		"newer schema":         {boltFile(t, false, meta("format", "doorlog", "schema", "\x00\x00\x00\x05")), doorlog.ErrNewerSchema},
		"schema 0":             {boltFile(t, false, meta("format", "doorlog", "schema", "\x00\x00\x00\x00")), doorlog.ErrCorrupt},
		"missing buckets":      {boltFile(t, false, meta("format", "doorlog", "schema", "\x00\x00\x00\x04")), doorlog.ErrCorrupt},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := openFiles()
			path := filepath.Join(t.TempDir(), "events.db")
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				_, err := doorlog.Open(path, &doorlog.Options{ReadOnly: readOnly})
				wantError(t, err, test.is, path)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(test.data) {
				t.Errorf("the file was changed (%v)", err)
			}
			if n := openFiles(); n > files {
				t.Errorf("%d files are left open", n-files)
			}
		})
	}
}

// A file that was cut short is refused, and does not end the process.
func TestCutFileIsRefused(t *testing.T) {
	s := newStore(t)
	for i := range 500 {
		s.write(t, motion("garage", i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	files := openFiles()
	for _, size := range []int{1, 16, 100, 4096, 8191, 8192, 12288, 16384, 40000, 100_000} {
		if err := os.WriteFile(s.path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		for _, readOnly := range []bool{false, true} {
			_, err := doorlog.Open(s.path, &doorlog.Options{ReadOnly: readOnly})
			if !errors.Is(err, doorlog.ErrCorrupt) && !errors.Is(err, doorlog.ErrNotStore) {
				t.Errorf("cut to %d bytes: %v", size, err)
			}
		}
	}
	if n := openFiles(); n > files {
		t.Errorf("%d files are left open", n-files)
	}
	if err := os.WriteFile(s.path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s.open(t)
}

// A file that is cut short, or written over, under an open store is an error
// for whoever reads or writes, and nobody waits for ever.
func TestFileThatIsDestroyedUnderAnOpenStore(t *testing.T) {
	for name, destroy := range map[string]func(string) error{
		"cut to nothing":       func(path string) error { return os.Truncate(path, 0) },
		"cut to its metas":     func(path string) error { return os.Truncate(path, 8192) },
		"metas written over":   func(path string) error { return overwrite(path, make([]byte, 8192)) },
		"all of it is written": func(path string) error { return overwrite(path, bytes.Repeat([]byte("garbage "), 20000)) },
	} {
		for _, first := range []string{"read", "write"} {
			t.Run(name+", "+first+" first", func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "events.db")
				s, err := doorlog.Open(path, nil)
				if err != nil {
					t.Fatal(err)
				}
				var id doorlog.ID
				for range 300 {
					if id, err = idOf(s.WriteEvent(t.Context(), doorlog.Event{Camera: "x", RecordedAt: time.Now(), Type: "x"})); err != nil {
						t.Fatal(err)
					}
				}
				if err := destroy(path); err != nil {
					t.Fatal(err)
				}
				done := make(chan error)
				go func() {
					defer close(done)
					for i := range 4 {
						if (first == "read") == (i%2 == 0) {
							if _, err := s.Event(t.Context(), id); err == nil {
								done <- errors.New("a read went well")
							}
						} else if _, err := s.WriteEvent(t.Context(), doorlog.Event{Camera: "x", RecordedAt: time.Now(), Type: "x"}); err == nil {
							done <- errors.New("a write went well")
						}
					}
					_ = s.Close() // may say that it is damaged
				}()
				for err := range done {
					t.Error(err)
				}
			})
		}
	}
}

func overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func TestOpenRefusesBadPathsAndOptions(t *testing.T) {
	dir := t.TempDir()
	_, err := doorlog.Open(dir, nil)
	wantError(t, err, doorlog.ErrNotStore, "it is a folder")
	_, err = doorlog.Open(filepath.Join(dir, "no", "events.db"), nil)
	wantError(t, err, fs.ErrNotExist, "events.db")
	_, err = doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{ReadOnly: true})
	wantError(t, err, fs.ErrNotExist, "events.db")
	for _, o := range []doorlog.Options{{MaxSize: -1}, {ThumbnailEdge: -1}, {MaxFutureSkew: -1}} {
		_, err = doorlog.Open(filepath.Join(dir, "events.db"), &o)
		wantError(t, err, doorlog.ErrInvalid, "Options.")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("%v was made (%v)", files, err)
	}
}

func TestSecondOpenIsLockedOut(t *testing.T) {
	s := newStore(t)
	for _, o := range []doorlog.Options{{LockTimeout: -1}, {LockTimeout: 60 * time.Millisecond}, {LockTimeout: -1, ReadOnly: true}} {
		_, err := doorlog.Open(s.path, &o)
		wantError(t, err, doorlog.ErrLocked, s.path)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var readers []*doorlog.Store
	for range 2 {
		r, err := doorlog.Open(s.path, &doorlog.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	_, err := doorlog.Open(s.path, &doorlog.Options{LockTimeout: -1})
	wantError(t, err, doorlog.ErrLocked, s.path)
	for _, r := range readers {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	s.open(t)
}

func TestReadOnlyStoreReadsAndRefusesWrites(t *testing.T) {
	s := newStore(t)
	stored := s.write(t, fullEvent())
	s.options.ReadOnly = true
	s.reopen(t)
	wantEvents(t, s.all(t, doorlog.Query{}), stored)
	for name, err := range everyWrite(s.Store) {
		if !errors.Is(err, doorlog.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// everyWrite calls every method that writes, with arguments that are fine.
func everyWrite(s *doorlog.Store) map[string]error {
	ctx := context.Background()
	frame := []byte("a frame")
	e := motion("garage", 1)
	e.RecordingID = "rec-1"
	results := make(map[string]error)
	_, results["WriteEvent"] = s.WriteEvent(ctx, e)
	_, results["SyncPersonFiles"] = s.SyncPersonFiles(ctx, []string{"alice_1.jpg"})
	results["RecordBackup"] = s.RecordBackup(ctx, &doorlog.BackupInfo{})
	if _, err := s.NewID(now); err != nil { // which a read-only store allows
		results["NewID"] = err
	}
	_, results["WriteEvents"] = s.WriteEvents(ctx, []doorlog.Event{e})
	_, _, results["WriteEventOnce"] = s.WriteEventOnce(ctx, e, nil)
	_, _, results["WriteEventsOnce"] = s.WriteEventsOnce(ctx, []doorlog.Event{e}, nil)
	_, results["WriteEventWithFrame"] = s.WriteEventWithFrame(ctx, e, frame)
	_, results["WriteEventsWithFrames"] = s.WriteEventsWithFrames(ctx, []doorlog.Event{e}, [][]byte{frame})
	results["SaveThumbnail"] = s.SaveThumbnail(ctx, &e, frame)
	results["UpdateEvent"] = s.UpdateEvent(ctx, e)
	results["MarkAlertSent"] = s.MarkAlertSent(ctx, e.ID)
	_, results["ForgetMissing"] = s.ForgetMissing(ctx, nil)
	results["MarkReviewed"] = s.MarkReviewed(ctx, e.ID)
	results["Pin"] = s.Pin(ctx, e.ID)
	results["Unpin"] = s.Unpin(ctx, e.ID)
	results["DeleteEvent"] = s.DeleteEvent(ctx, e.ID)
	results["DeleteEventIf"] = s.DeleteEventIf(ctx, e.ID, func(doorlog.Event) error { return nil })
	_, results["PutPerson"] = s.PutPerson(ctx, doorlog.PersonInput{Name: "alice"})
	results["SetAutoUnlock"] = s.SetAutoUnlock(ctx, "alice", true)
	results["DeletePerson"] = s.DeletePerson(ctx, "alice")
	_, results["Consumer"] = s.Consumer(ctx, "fleet", nil)
	results["RemoveConsumer"] = s.RemoveConsumer(ctx, "fleet")
	_, results["Prune"] = s.Prune(ctx, doorlog.Policy{MaxAge: 1})
	_, results["UpdateEvents"] = s.UpdateEvents(ctx, []doorlog.ID{e.ID}, func(*doorlog.Event) error { return nil })
	_, results["RenameCamera"] = s.RenameCamera(ctx, "garage", "porch")
	_, results["RenamePerson"] = s.RenamePerson(ctx, "alice", "bob")
	_, results["Compact"] = s.Compact(ctx)
	_, results["ErasePerson"] = s.ErasePerson(ctx, "alice", doorlog.EraseName)
	return results
}

// everyRead calls every method that reads.
func everyRead(s *doorlog.Store) map[string]error {
	ctx := context.Background()
	results := make(map[string]error)
	_, results["Event"] = s.Event(ctx, doorlog.ID{1})
	_, results["EventByRecording"] = s.EventByRecording(ctx, "garage", "rec-1")
	_, results["Recent"] = s.Recent(ctx, 1)
	_, results["Backup"] = s.Backup(ctx, io.Discard, nil)
	for _, err := range s.Events(ctx, doorlog.Query{}) {
		results["Events"] = err
	}
	_, results["Page"] = s.Page(ctx, doorlog.Query{}, "")
	_, results["Explain"] = s.Explain(ctx, doorlog.Query{})
	_, results["Count"] = s.Count(ctx, doorlog.Query{})
	_, results["WouldPrune"] = s.WouldPrune(ctx, doorlog.Policy{MaxAge: 1})
	_, results["Summary"] = s.Summary(ctx, doorlog.Scope{})
	_, results["Heatmap"] = s.Heatmap(ctx, doorlog.Scope{})
	_, results["Timeline"] = s.Timeline(ctx, doorlog.Scope{})
	_, results["Quarters"] = s.Quarters(ctx, doorlog.Scope{Since: now})
	_, results["PeakHours"] = s.PeakHours(ctx, doorlog.Scope{})
	_, results["LabelBreakdown"] = s.LabelBreakdown(ctx, doorlog.Scope{})
	_, results["PersonActivity"] = s.PersonActivity(ctx, doorlog.Scope{})
	results["View"] = s.View(ctx, func(*doorlog.Snapshot) error { return nil })
	_, results["Stats"] = s.Stats(ctx)
	_, results["Verify"] = s.Verify(ctx)
	_, results["WouldForgetMissing"] = s.WouldForgetMissing(ctx, nil)
	_, results["Thumbnail"] = s.Thumbnail(ctx, doorlog.ID{1})
	_, results["Person"] = s.Person(ctx, "alice")
	_, results["Persons"] = s.Persons(ctx)
	_, results["AutoUnlockNames"] = s.AutoUnlockNames(ctx)
	_, results["Cursor"] = s.Cursor(ctx)
	_, results["Consumers"] = s.Consumers(ctx)
	if _, err := s.FindConsumer(ctx, "alerts"); !errors.Is(err, doorlog.ErrNotFound) {
		results["FindConsumer"] = err
	}
	_, results["ChangePage"] = s.ChangePage(ctx, doorlog.Cursor{}, 1, nil)
	first := func(changes iter.Seq2[doorlog.Change, error]) (err error) {
		for _, err := range changes { // it may wait for ever, unless there is a change or the store is closed
			return err
		}
		return nil
	}
	_, err := s.Cursor(ctx)
	if page, perr := s.ChangePage(ctx, doorlog.Cursor{}, 1, nil); err != nil || perr != nil || page.More {
		results["Changes"] = first(s.Changes(ctx, doorlog.Cursor{}))
		results["ChangesWith"] = first(s.ChangesWith(ctx, doorlog.Cursor{}, nil))
		results["AwaitChange"] = s.AwaitChange(ctx, doorlog.Cursor{})
	}
	_, results["Cameras"] = s.Cameras(ctx)
	_, results["Analytics"] = s.Analytics(ctx, doorlog.Scope{})
	_, results["Types"] = s.Types(ctx)
	return results
}

func TestEveryMethodAfterCloseSaysClosed(t *testing.T) {
	s := newStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{
		"Close": true,
		"Check": true, "Commits": true, "Block": true, "Waiting": true, "Spoil": true, "Panic": true, "Damage": true, "Condemn": true, "Waits": true, "FailCommits": true, "BesideCommits": true, "IdleReaders": true, "DamagedDelete": true, "BreakRollup": true, "ChecksOfRecent": true, "Transactions": true, "InUse": true, "Contents": true, "NoteRemoving": true, "TakeNameOff": true, "AfterCommits": true, "FirstPage": true, // of export_test.go
		"Path": true, "ThumbnailDir": true, "ReadOnly": true, // they need no file
		"SyncPersons": true, // below
	}
	_, err := s.SyncPersons(t.Context(), t.TempDir())
	wantError(t, err, doorlog.ErrClosed, "sync persons")
	for _, results := range []map[string]error{everyWrite(s.Store), everyRead(s.Store)} {
		for name, err := range results {
			seen[name] = true
			if !errors.Is(err, doorlog.ErrClosed) || !strings.HasPrefix(err.Error(), "doorlog: ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for m := range reflect.TypeFor[*doorlog.Store]().Methods() {
		if !seen[m.Name] {
			t.Errorf("method %s is not tried", m.Name)
		}
	}
}

func TestCloseMayBeCalledByMany(t *testing.T) {
	s := newStore(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	s := newStore(t)
	e := s.write(t, motion("garage", 1))[0]
	reading, closing := make(chan struct{}), make(chan struct{})
	closed := make(chan error)
	go func() {
		<-reading
		close(closing)
		closed <- s.Close()
	}()
	err := s.View(t.Context(), func(sn *doorlog.Snapshot) error {
		close(reading)
		<-closing
		for { // until Close has begun
			if _, err := s.Event(t.Context(), e.ID); errors.Is(err, doorlog.ErrClosed) {
				break
			}
		}
		got, err := sn.Event(e.ID)
		wantEvent(t, got, e)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
