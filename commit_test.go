package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// untilWaiting returns when so many writes wait for a transaction.
func (s *testStore) untilWaiting(n int) {
	for s.Waiting() < n {
		runtime.Gosched()
	}
}

func (s *testStore) commits(t testing.TB) uint64 {
	t.Helper()
	n, _, err := s.Commits()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhoWaitsSharesOneCommit(t *testing.T) {
	s := newStore(t)
	before := s.commits(t)
	release := s.Block()
	const writers = 40
	ids := make([]doorlog.ID, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			var err error
			if ids[i], err = idOf(s.WriteEvent(t.Context(), motion(fmt.Sprint("camera", i), i))); err != nil {
				t.Error(err)
			}
		})
	}
	s.untilWaiting(writers)
	release()
	all.Wait()
	if n := s.commits(t) - before; n != 1 {
		t.Errorf("%d writes took %d commits, want 1", writers, n)
	}
	for i, id := range ids {
		if got := s.event(t, id); got.Camera != fmt.Sprint("camera", i) {
			t.Errorf("writer %d got the ID of %s", i, got.Camera)
		}
	}
}

func TestBadWriteFailsAlone(t *testing.T) {
	s := newStore(t)
	cause := errors.New("spoilt")
	for i := range doorlog.FoldAt - 2 { // so that the tail is folded in between
		s.write(t, motion("driveway", i+100))
	}
	release := s.Block()
	results := make([]error, 30)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			switch i % 5 {
			case 0:
				results[i] = s.Spoil(cause)
			case 1:
				results[i] = s.Panic()
			case 2:
				results[i] = s.DeleteEvent(t.Context(), doorlog.ID{byte(i + 1)})
			default:
				_, results[i] = s.WriteEvent(t.Context(), motion("garage", i))
			}
		})
	}
	s.untilWaiting(len(results))
	release()
	all.Wait()
	want := []error{cause, doorlog.ErrCorrupt, doorlog.ErrNotFound, nil, nil}
	for i, err := range results {
		if !errors.Is(err, want[i%5]) {
			t.Errorf("write %d: %v, want %v", i, err, want[i%5])
		}
	}
	if n := len(s.all(t, doorlog.Query{Cameras: []string{"garage"}})); n != 12 {
		t.Errorf("%d events, want 12", n)
	}
	if persons, err := s.Persons(t.Context()); err != nil || len(persons) > 0 {
		t.Errorf("a failed write left %v, %v", persons, err)
	}
}

func TestRefusedWriteDoesNotCostTheOthersTheirCommit(t *testing.T) {
	s := newStore(t)
	before := s.commits(t)
	release := s.Block()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if i%2 == 0 {
				if err := s.MarkAlertSent(t.Context(), doorlog.ID{1}); !errors.Is(err, doorlog.ErrNotFound) {
					t.Error(err)
				}
			} else if _, err := s.WriteEvent(t.Context(), motion("garage", i)); err != nil {
				t.Error(err)
			}
		})
	}
	s.untilWaiting(20)
	release()
	all.Wait()
	if n := s.commits(t) - before; n != 1 {
		t.Errorf("%d commits, want 1", n)
	}
}

func TestWaitingWriteIsTakenBackWhenItsContextEnds(t *testing.T) {
	s := newStore(t)
	release := s.Block()
	ctx, cancel := context.WithCancel(t.Context())
	given, kept := make(chan error), make(chan error)
	go func() {
		_, err := s.WriteEvent(ctx, motion("given-up", 1))
		given <- err
	}()
	s.untilWaiting(1)
	go func() {
		_, err := s.WriteEvent(t.Context(), motion("kept", 2))
		kept <- err
	}()
	s.untilWaiting(2)
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) { // though nothing can be written now
		t.Errorf("a cancelled write returned %v", err)
	}
	release()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	if got := s.all(t, doorlog.Query{}); len(got) != 1 || got[0].Camera != "kept" {
		t.Errorf("stored: %+v", got)
	}
}

func TestCloseLetsWaitingWritesEnd(t *testing.T) {
	s := newStore(t)
	release := s.Block()
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, err := s.WriteEvent(t.Context(), motion("garage", i)); err != nil {
				t.Error(err)
			}
		})
	}
	s.untilWaiting(10)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	release()
	all.Wait()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	s.open(t)
	if n := len(s.all(t, doorlog.Query{})); n != 10 {
		t.Errorf("%d events of 10", n)
	}
}

func TestFullStoreRefusesAndGoesOn(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{MaxSize: 4 << 20, Scrub: -1}) // pages that a scrub still reads could not be used again
	ctx := t.Context()
	big := motion("garage", 1)
	big.Attributes = map[string]string{}
	for i := range 40 {
		big.Attributes[strconv.Itoa(i)] = strings.Repeat("x", doorlog.MaxAttributeValue)
	}
	var stored []doorlog.ID
	var err error
	for err == nil && len(stored) < 1000 {
		var id doorlog.ID
		if id, err = idOf(s.WriteEvent(ctx, big)); err == nil {
			stored = append(stored, id)
		}
	}
	wantError(t, err, doorlog.ErrFull, "write event")
	for range 2 {
		if got := s.all(t, doorlog.Query{OldestFirst: true}); len(got) != len(stored) || got[len(got)-1].ID != stored[len(stored)-1] {
			t.Fatalf("%d events of %d are there", len(got), len(stored))
		}
		s.reopen(t)
	}
	// There is room again when events go: bolt uses their pages for others.
	for _, id := range stored[:len(stored)/2] {
		if err := s.DeleteEvent(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	for i := range len(stored) / 4 {
		if _, err := s.WriteEvent(ctx, big); err != nil {
			t.Fatalf("write %d after the deletes: %v", i, err)
		}
	}
}

// Writers and readers at the same time: nothing fails, and no reader ever sees
// an event without all of its detections.
func TestReadersSeeWholeEventsWhileWritersWrite(t *testing.T) {
	s := newStore(t)
	duration := 500 * time.Millisecond
	if *long {
		duration = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var written, read atomic.Int64
	var all sync.WaitGroup
	for w := range 64 {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				e := motion(fmt.Sprint("camera", w%4), (i*7+w)%1000)
				for d := range (i + w) % 5 {
					e.Detections = append(e.Detections, doorlog.Detection{Label: fmt.Sprint("label", d), Confidence: 0.5})
				}
				e.FrameWidth = len(e.Detections)
				id, err := idOf(s.WriteEvent(context.Background(), e))
				if err == nil && i%7 == 3 {
					err = s.DeleteEvent(context.Background(), id)
				}
				if err == nil && i%7 == 5 {
					err = s.MarkAlertSent(context.Background(), id)
				}
				if err != nil {
					t.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	for r := range 16 {
		all.Go(func() {
			for ctx.Err() == nil {
				q := doorlog.Query{OldestFirst: r%2 == 0, Limit: 50}
				for e, err := range s.Events(context.Background(), q) {
					if err != nil || len(e.Detections) != e.FrameWidth {
						t.Errorf("event %s: %d detections of %d, %v", e.ID, len(e.Detections), e.FrameWidth, err)
						return
					}
					read.Add(1)
				}
			}
		})
	}
	all.Wait()
	if written.Load() == 0 || read.Load() == 0 {
		t.Errorf("%d written, %d read", written.Load(), read.Load())
	}
	t.Logf("%d events written, %d read", written.Load(), read.Load())
}

func TestReadersSeeTheirOwnWrites(t *testing.T) {
	s := newStore(t)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 50 {
				id, err := idOf(s.WriteEvent(t.Context(), motion("garage", i*8+w)))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Event(t.Context(), id); err != nil {
					t.Errorf("just written: %v", err)
				}
				if err := s.DeleteEvent(t.Context(), id); err != nil {
					t.Error(err)
				}
				if _, err := s.Event(t.Context(), id); !errors.Is(err, doorlog.ErrNotFound) {
					t.Errorf("just deleted: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestLongestEventIsStored(t *testing.T) {
	s := newStore(t)
	name := strings.Repeat("ü", doorlog.MaxNameLen/2)
	e := motion(name, 1)
	e.Type, e.Person, e.RecordingID = doorlog.EventType(name), name, name
	e.FrameWidth, e.FrameHeight = 1<<24, 1<<24
	e.Attributes = make(map[string]string)
	for i := range doorlog.MaxAttributes {
		e.Attributes[strconv.Itoa(i)] = strings.Repeat("v", doorlog.MaxAttributeValue)
	}
	for i := range doorlog.MaxDetections {
		e.Detections = append(e.Detections, doorlog.Detection{
			Label: strconv.Itoa(i) + strings.Repeat("l", doorlog.MaxNameLen-4), Confidence: 1 / 3.0,
			Box: &doorlog.Box{X1: -math.MaxFloat64, Y1: 1 / 3.0, X2: math.MaxFloat64, Y2: 1 << 54},
		})
	}
	stored := s.write(t, e)
	for i := range doorlog.FoldAt {
		s.write(t, motion("garage", i))
	}
	wantEvent(t, s.event(t, stored[0].ID), stored[0])
	if err := s.DeleteEvent(t.Context(), stored[0].ID); err != nil {
		t.Error(err)
	}
}

// A commit whose last sync fails may be there after a power cut or not. The
// store says so, takes no more writes, and goes on reading; opened again, it
// takes writes, and what was written meanwhile under an ID can be repeated.
func TestUnknownOutcomeStopsTheWrites(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	before := s.write(t, motion("garage", 9))[0]
	cause := errors.New("the disk is gone")
	s.FailCommits(true, cause)
	e := motion("garage", 1)
	var err error
	if e.ID, err = s.NewID(e.RecordedAt); err != nil {
		t.Fatal(err)
	}
	_, err = s.WriteEventWithFrame(ctx, e, jpegFrame(t, 8, 8))
	wantError(t, err, doorlog.ErrUnknownOutcome, cause.Error())
	if errors.Is(err, doorlog.ErrFailed) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	_, err = s.WriteEvent(ctx, motion("garage", 2))
	wantError(t, err, doorlog.ErrFailed, cause.Error())
	if errors.Is(err, doorlog.ErrUnknownOutcome) {
		t.Errorf("the outcome of what was not tried is known: %v", err)
	}
	if n := strings.Count(s.log.String(), "no more writes"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, s.log)
	}
	wantEvent(t, s.event(t, before.ID), before)
	s.reopen(t)
	if _, err := s.WriteEventWithFrame(ctx, e, jpegFrame(t, 8, 8)); err != nil {
		t.Error(err)
	}
	if _, err := s.Thumbnail(ctx, e.ID); err != nil {
		t.Error(err)
	}
	if n := len(s.all(t, doorlog.Query{})); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// A commit that failed before its meta page was written has changed nothing.
func TestFailedCommitChangesNothing(t *testing.T) {
	s := newStore(t)
	cause := fmt.Errorf("write: %w", syscall.ENOSPC)
	s.FailCommits(false, cause)
	_, err := s.WriteEventWithFrame(t.Context(), motion("garage", 1), jpegFrame(t, 8, 8))
	wantError(t, err, doorlog.ErrFull, "no space left")
	s.wantFiles(t)
	s.FailCommits(false, nil)
	stored := s.write(t, motion("garage", 2))
	wantEvents(t, s.all(t, doorlog.Query{}), stored)
}

func TestCancelledWritesAreNotStoredWithTheOthers(t *testing.T) {
	s := newStore(t)
	release := s.Block()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var cancelled atomic.Int64
	for i := range 60 {
		all.Go(func() {
			with := t.Context()
			if i%2 == 0 {
				with = ctx
			}
			if _, err := s.WriteEvent(with, motion(fmt.Sprint(i%2), i)); errors.Is(err, context.Canceled) {
				cancelled.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	s.untilWaiting(60)
	cancel()
	release()
	all.Wait()
	if got := s.all(t, doorlog.Query{}); len(got) != 30 || cancelled.Load() != 30 {
		t.Errorf("%d of 60 were stored, and %d cancelled", len(got), cancelled.Load())
	}
}

// One damaged record keeps the index behind, but new events are stored.
func TestDamagedTailDoesNotStopTheWrites(t *testing.T) {
	s := newStore(t)
	s.write(t, motion("garage", 500))
	repair := s.Damage(t, "event of the tail changed")
	for i := range 4 * doorlog.FoldAt {
		s.write(t, motion("garage", 400-i))
	}
	if n := strings.Count(s.log.String(), "not indexed"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, s.log)
	}
	events := 0
	var last error
	for _, err := range s.Events(t.Context(), doorlog.Query{Since: now.Add(-450 * time.Minute)}) {
		events, last = events+1, err
	}
	if events != 4*doorlog.FoldAt || last != nil {
		t.Errorf("%d events, %v", events, last)
	}
	_ = repair // would take the new events away
	s.DamagedDelete(t)
	s.write(t, motion("garage", 0)) // folds all
}
