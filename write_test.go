package doorlog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A writer is one of the methods that write one event, with a frame or without.
type writer struct {
	name   string
	frames bool // it takes one
	once   bool
	write  func(ctx context.Context, s *testStore, e doorlog.Event, frame []byte) (stored doorlog.Event, existed bool, err error)
}

func first(events []doorlog.Event, existed []bool, err error) (doorlog.Event, bool, error) {
	if err != nil {
		return doorlog.Event{}, false, err
	}
	return events[0], existed != nil && existed[0], nil
}

var writers = []writer{
	{"WriteEvent", false, false, func(ctx context.Context, s *testStore, e doorlog.Event, _ []byte) (doorlog.Event, bool, error) {
		stored, err := s.WriteEvent(ctx, e)
		return stored, false, err
	}},
	{"WriteEventWithFrame", true, false, func(ctx context.Context, s *testStore, e doorlog.Event, frame []byte) (doorlog.Event, bool, error) {
		stored, err := s.WriteEventWithFrame(ctx, e, frame)
		return stored, false, err
	}},
	{"WriteEventOnce", true, true, func(ctx context.Context, s *testStore, e doorlog.Event, frame []byte) (doorlog.Event, bool, error) {
		return s.WriteEventOnce(ctx, e, frame)
	}},
	{"WriteEvents", false, false, func(ctx context.Context, s *testStore, e doorlog.Event, _ []byte) (doorlog.Event, bool, error) {
		stored, err := s.WriteEvents(ctx, []doorlog.Event{e})
		return first(stored, nil, err)
	}},
	{"WriteEventsWithFrames", true, false, func(ctx context.Context, s *testStore, e doorlog.Event, frame []byte) (doorlog.Event, bool, error) {
		stored, err := s.WriteEventsWithFrames(ctx, []doorlog.Event{e}, [][]byte{frame})
		return first(stored, nil, err)
	}},
	{"WriteEventsOnce", true, true, func(ctx context.Context, s *testStore, e doorlog.Event, frame []byte) (doorlog.Event, bool, error) {
		stored, existed, err := s.WriteEventsOnce(ctx, []doorlog.Event{e}, [][]byte{frame})
		return first(stored, existed, err)
	}},
}

func TestEveryWriteReturnsTheEventAsItIsStored(t *testing.T) {
	s := newStore(t)
	for i, w := range writers {
		for _, frame := range [][]byte{nil, jpegFrame(t, 80, 40), []byte("no picture")} {
			e := fullEvent()
			e.Camera, e.RecordingID = "Zoe\u0308's "+w.name, fmt.Sprint(i, len(frame)) // not in normal form
			e.Detections[1].Label = "cafe\u0301"
			e.RecordedAt = motion("", 3*i).RecordedAt.Local()
			stored, existed, err := w.write(t.Context(), s, e, frame)
			if err != nil || existed {
				t.Fatalf("%s: existed %v, %v", w.name, existed, err)
			}
			wantEvent(t, stored, s.event(t, stored.ID))
			if stored.Camera != "Zoë's "+w.name || e.Camera == stored.Camera || e.Detections[1].Label != "cafe\u0301" || !e.ID.IsZero() {
				t.Errorf("%s: stored is %+v, and given was %+v", w.name, stored, e)
			}
			if framed := stored.ThumbnailPath != ""; framed != (w.frames && len(frame) > 100) {
				t.Errorf("%s with %d bytes: thumbnail %q", w.name, len(frame), stored.ThumbnailPath)
			}
			for _, folded := range []bool{false, true} { // the same again
				e.ID, e.ThumbnailPath, e.FrameWidth, e.FrameHeight = stored.ID, stored.ThumbnailPath, stored.FrameWidth, stored.FrameHeight
				again, existed, err := w.write(t.Context(), s, e, frame)
				if err != nil || existed != w.once {
					t.Errorf("%s again, folded %v: existed %v, %v", w.name, folded, existed, err)
				}
				wantEvent(t, again, stored)
				if w.once { // and another one of the same recording
					other := motion(e.Camera, 1)
					other.RecordingID = e.RecordingID
					again, existed, err = w.write(t.Context(), s, other, frame)
					if err != nil || !existed {
						t.Errorf("%s of the recording, folded %v: existed %v, %v", w.name, folded, existed, err)
					}
					wantEvent(t, again, stored)
				}
				for j := range doorlog.FoldAt {
					s.write(t, motion("garage", j))
				}
			}
		}
	}
}

func TestNoFrameIsAWriteWithoutOne(t *testing.T) {
	s := newStore(t)
	for i, w := range writers {
		for _, frame := range [][]byte{nil, {}} {
			e := named(fmt.Sprintf("own/%d.jpg", i), i)
			e.RecordingID = fmt.Sprint(i, frame == nil)
			stored, _, err := w.write(t.Context(), s, e, frame)
			if err != nil {
				t.Fatal(w.name, err)
			}
			wantEvent(t, stored, asStored(e, stored.ID))
		}
	}
	if _, err := s.WriteEventsWithFrames(t.Context(), []doorlog.Event{motion("garage", 1)}, nil); err != nil {
		t.Error(err)
	}
	if text := s.log.String(); strings.Contains(text, "thumbnail") {
		t.Errorf("the log says %q", text)
	}
	e := motion("garage", 1)
	for _, frame := range [][]byte{nil, {}} {
		wantError(t, s.SaveThumbnail(t.Context(), &e, frame), doorlog.ErrInvalid, "save thumbnail: frame: is empty")
	}
	s.wantFiles(t)
}

func TestABatchWithFramesIsAllOrNone(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	taken := s.writeFrame(t, motion("garage", 50), jpegFrame(t, 20, 10))
	good, bad, other := motion("garage", 3), motion("", 2), motion("porch", 50)
	other.ID = taken.ID
	for _, c := range []struct {
		last   doorlog.Event
		is     error
		says   string
		frames [][]byte
	}{
		{bad, doorlog.ErrInvalid, "write events with frames: events[1]: camera_id: is empty", [][]byte{jpegFrame(t, 8, 8), jpegFrame(t, 8, 8)}},
		{other, doorlog.ErrExists, "events[1]: id " + taken.ID.String(), [][]byte{jpegFrame(t, 8, 8), jpegFrame(t, 8, 8)}},
		{good, doorlog.ErrInvalid, "frames: has 1 entries for 2 events", [][]byte{jpegFrame(t, 8, 8)}},
		{good, doorlog.ErrInvalid, "frames: has 3 entries for 2 events", make([][]byte, 3)},
	} {
		_, err := s.WriteEventsWithFrames(ctx, []doorlog.Event{good, c.last}, c.frames)
		wantError(t, err, c.is, c.says)
		s.wantFiles(t, taken.ThumbnailPath)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err := s.WriteEventsWithFrames(gone, []doorlog.Event{good}, [][]byte{jpegFrame(t, 8, 8)})
	wantError(t, err, context.Canceled, "write events with frames: ")
	s.wantFiles(t, taken.ThumbnailPath)
	wantEvents(t, s.all(t, doorlog.Query{}), []doorlog.Event{taken})

	stored, err := s.WriteEventsWithFrames(ctx, []doorlog.Event{good, motion("porch", 2), motion("yard", 1)},
		[][]byte{jpegFrame(t, 80, 40), []byte("no picture"), nil})
	if err != nil {
		t.Fatal(err)
	}
	if stored[0].FrameWidth != 80 || stored[1].ThumbnailPath != "" || stored[2].ThumbnailPath != "" {
		t.Errorf("stored is %+v", stored)
	}
	s.wantFiles(t, taken.ThumbnailPath, stored[0].ThumbnailPath)
	if text := s.log.String(); strings.Count(text, "without a thumbnail") != 1 || !strings.Contains(text, "event="+stored[1].ID.String()) {
		t.Errorf("the log says %q", text)
	}
}

// What is there already, or twice in a batch, keeps its first thumbnail, and none is left over.
func TestABatchWithFramesKeepsTheFirstThumbnail(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	there := motion("garage", 9)
	there.RecordingID = "r"
	there = s.writeFrame(t, there, jpegFrame(t, 20, 10))
	bare := motion("yard", 8)
	var err error
	if bare.ID, err = s.NewID(bare.RecordedAt); err != nil {
		t.Fatal(err)
	}
	fresh := motion("porch", 7)
	if fresh.ID, err = s.NewID(fresh.RecordedAt); err != nil {
		t.Fatal(err)
	}
	same := there
	same.ThumbnailPath, same.FrameWidth, same.FrameHeight = "", 0, 0
	small, large := jpegFrame(t, 30, 30), jpegFrame(t, 60, 60)
	for range 2 {
		stored, err := s.WriteEventsWithFrames(ctx, []doorlog.Event{same, bare, bare, fresh, fresh}, [][]byte{large, nil, large, small, large})
		if err != nil {
			t.Fatal(err)
		}
		wantEvent(t, stored[0], there)
		wantEvent(t, stored[2], asStored(bare, bare.ID))
		wantEvent(t, stored[4], stored[3])
		if stored[3].FrameWidth != 30 {
			t.Errorf("the frame of the second counts: %+v", stored[3])
		}
		s.wantFiles(t, there.ThumbnailPath, stored[3].ThumbnailPath)
	}
	twice, late := motion("hall", 6), motion("hall", 5)
	twice.RecordingID, late.RecordingID = "hall", "hall"
	same.ID = doorlog.ID{}
	for i := range 2 {
		stored, existed, err := s.WriteEventsOnce(ctx, []doorlog.Event{same, twice, late}, [][]byte{large, small, large})
		if err != nil {
			t.Fatal(err)
		}
		wantEvent(t, stored[0], there)
		wantEvent(t, stored[2], stored[1])
		if !existed[0] || existed[1] != (i > 0) || !existed[2] || stored[1].FrameWidth != 30 {
			t.Errorf("existed %v: %+v", existed, stored)
		}
		s.wantFiles(t, there.ThumbnailPath, s.event(t, fresh.ID).ThumbnailPath, stored[1].ThumbnailPath)
	}
	found, err := s.Verify(ctx) // their checksums are those of the files
	if err != nil || len(found.Findings) > 0 || found.Thumbnails != 3 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestRandomIDsOfATimeDiffer(t *testing.T) {
	a, err := doorlog.RandomID(now)
	b, berr := doorlog.RandomID(now)
	if err != nil || berr != nil || a == b || !a.Time().Equal(now) || !b.Time().Equal(now) {
		t.Errorf("%v and %v, %v, %v", a, b, err, berr)
	}
	s := newStore(t)
	e := motion("garage", 1)
	e.ID = a
	e.RecordedAt = now
	if got := s.write(t, e)[0]; got.ID != a {
		t.Errorf("stored as %v, want %v", got.ID, a)
	}
	_, err = doorlog.RandomID(time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC))
	wantError(t, err, doorlog.ErrInvalid, "doorlog: new id: recorded_at")
}
