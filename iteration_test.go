package doorlog_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// Who goes through the events may delete them, and write, while the file outgrows its
// mapping again and again, for which a writer waits until nobody reads.
func TestLoopOverEventsMayWrite(t *testing.T) {
	defer doorlog.SetMapSize(0)()
	s := newStore(t)
	s.many(t, 300)
	n := 0
	for e, err := range s.Events(t.Context(), doorlog.Query{Cameras: []string{"many"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteEvent(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
		later := motion("later", 0)
		later.Attributes = map[string]string{"note": fmt.Sprintf("%01000d", n)}
		s.write(t, later)
		n++
	}
	if n != 300 {
		t.Errorf("the loop saw %d events", n)
	}
	if left := s.all(t, doorlog.Query{Cameras: []string{"many"}}); len(left) > 0 {
		t.Errorf("%d events are left", len(left))
	}
}

// Events come and go, before and behind the place that a loop has come to. What is there
// all along is seen once, and what comes behind that place is not seen.
func TestLoopOverEventsSeesWhatStaysOnce(t *testing.T) {
	for _, oldestFirst := range []bool{false, true} {
		t.Run(fmt.Sprint("oldest first ", oldestFirst), func(t *testing.T) {
			s := newStore(t)
			s.many(t, 900)
			all := s.all(t, doorlog.Query{OldestFirst: oldestFirst})
			stays := func(i int) bool { return i%3 != 0 }
			seen := make(map[doorlog.ID]int)
			var order []doorlog.ID
			q := doorlog.Query{OldestFirst: oldestFirst}
			for e, err := range s.Events(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				seen[e.ID]++
				order = append(order, e.ID)
				i := slices.IndexFunc(all, func(o doorlog.Event) bool { return o.ID == e.ID })
				if i < 0 || i%10 > 0 {
					continue
				}
				for j := i; j < len(all); j += 450 { // one that was seen, and one that is to come
					if err := s.DeleteEvent(t.Context(), all[j].ID); !stays(j) && err != nil && seen[all[j].ID] == 0 {
						t.Fatal(err)
					} else if stays(j) && err == nil {
						again := all[j]
						again.AlertSent = true // it is another one, in the same place
						s.write(t, again)
					}
				}
				s.write(t, passed(e, oldestFirst))
			}
			for i, e := range all {
				if n := seen[e.ID]; n > 1 || stays(i) && n == 0 {
					t.Fatalf("event %d of %d was seen %d times", i, len(all), n)
				}
			}
			sorted := slices.IsSortedFunc(order, func(a, b doorlog.ID) int {
				if oldestFirst {
					return a.Compare(b)
				}
				return b.Compare(a)
			})
			if !sorted || len(order) > len(all) {
				t.Errorf("%d events of %d, in order: %v", len(order), len(all), sorted)
			}
		})
	}
}

// passed returns an event that lies behind e for a loop in this order.
func passed(e doorlog.Event, oldestFirst bool) doorlog.Event {
	p := motion("passed", 0)
	p.RecordedAt = e.RecordedAt.Add(time.Millisecond)
	if oldestFirst {
		p.RecordedAt = e.RecordedAt.Add(-time.Millisecond)
	}
	return p
}

// Limit and Offset count over all pages.
func TestLoopOverEventsKeepsLimitAndOffset(t *testing.T) {
	s := newStore(t)
	s.many(t, 1500)
	all := s.all(t, doorlog.Query{})
	for _, limit := range []int{0, 1, 19, 20, 21, 256, 257, 700, 2000} {
		for _, offset := range []int{0, 1, 600, 1499, 1500, 1600} {
			want := all[min(offset, len(all)):]
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			got := s.all(t, doorlog.Query{Limit: limit, Offset: offset})
			if len(got) != len(want) || len(got) > 0 && (got[0].ID != want[0].ID || got[len(got)-1].ID != want[len(want)-1].ID) {
				t.Errorf("limit %d, offset %d: %d events, want %d", limit, offset, len(got), len(want))
			}
		}
	}
	large := motion("large", 0)
	large.Attributes = map[string]string{}
	for i := range 30 {
		large.Attributes[fmt.Sprint(i)] = fmt.Sprintf("%01000d", i)
	}
	for range 100 { // of which a page takes fewer
		s.write(t, large)
	}
	if got := s.all(t, doorlog.Query{OldestFirst: true}); len(got) != len(all)+100 {
		t.Errorf("%d events with the large ones", len(got))
	}
}

// A loop that takes its time keeps no snapshot, so that the file does not grow of what
// others write and delete meanwhile.
func TestSlowLoopOverEventsKeepsNoPages(t *testing.T) {
	s := newStore(t)
	s.many(t, 600)
	churn := func() (pages int) {
		before := s.stats(t)
		for range 800 { // of which every fourth folds
			events := make([]doorlog.Event, 64)
			for i := range events {
				events[i] = motion("churn", 0)
			}
			if _, err := s.WriteEvents(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		}
		return s.stats(t).Pages - before.Pages
	}
	grows := churn()
	n := 0
	for _, err := range s.Events(t.Context(), doorlog.Query{OldestFirst: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			if beside := churn(); beside > grows+grows/10 {
				t.Errorf("the file grew by %d pages beside the loop, and by %d without it", beside, grows)
			}
		}
		if st := s.stats(t); st.Snapshots > 0 || !st.OldestSnapshot.IsZero() {
			t.Fatalf("after %d events: %d snapshots are open", n, st.Snapshots)
		}
		if n > 600 {
			break
		}
	}
}

// A loop may close the store that it goes through, or outlive it.
func TestLoopOverEventsEndsWithTheStore(t *testing.T) {
	s := newStore(t)
	s.many(t, 1000)
	n := 0
	var last error
	for _, err := range s.Events(t.Context(), doorlog.Query{}) {
		if n++; n == 1 {
			s.close(t)
		}
		last = err
	}
	wantError(t, last, doorlog.ErrClosed, "doorlog: events: ")
	if n > 300 {
		t.Errorf("%d events were seen of a store that is closed", n)
	}
	s.open(t)
}

// Damage that somebody finds ends the loops that are under way.
func TestDamageEndsLoopsOverEvents(t *testing.T) {
	s := newStore(t)
	s.many(t, 1000)
	repair := s.Damage(t, "rollup gone")
	n := 0
	var last error
	for _, err := range s.Events(t.Context(), doorlog.Query{}) {
		if n++; n == 1 {
			if v, err := s.Verify(t.Context()); err != nil || v.Sound() {
				t.Fatal(v, err)
			}
		}
		last = err
	}
	wantError(t, last, doorlog.ErrCorrupt, "doorlog: events: ")
	if n != 2 {
		t.Errorf("the loop ended after %d", n)
	}
	_ = repair // the store answers nothing any more
	s.close(t)
}

// Whoever asks for everything is told if not all of it has come.
func TestEventsAndPersonsAreCounted(t *testing.T) {
	s := newStore(t)
	s.household(t, 500)
	repair := s.Damage(t, "miscounted")
	wantCounted := func(what string, events func() error) {
		wantError(t, events(), doorlog.ErrCorrupt, "I12: "+what)
	}
	loop := func(q doorlog.Query) func() error {
		return func() error { return lastError(s.Events(t.Context(), q)) }
	}
	wantCounted("events: 500 were found, and there are 501", loop(doorlog.Query{}))
	wantCounted("events: 500 were found, and there are 501", loop(doorlog.Query{OldestFirst: true, Offset: 100}))
	wantCounted("events: ", func() error {
		return s.View(t.Context(), func(sn *doorlog.Snapshot) error { return lastError(sn.Events(doorlog.Query{})) })
	})
	wantCounted("persons: 1 were found, and there are 2", func() error { _, err := s.Persons(t.Context()); return err })
	for _, q := range []doorlog.Query{
		{Cameras: []string{"garage"}}, {Limit: 500}, {Since: now.AddDate(-1, 0, 0)}, {Weekdays: []time.Weekday{2, 3}}, {Labels: []string{"dog"}},
	} {
		if err := loop(q)(); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
	repair()
	// While somebody writes, nobody can say how many there are to be.
	for e, err := range s.Events(t.Context(), doorlog.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Person == "alice" {
			if err := s.DeleteEvent(context.Background(), e.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func lastError(events func(func(doorlog.Event, error) bool)) (last error) {
	for _, err := range events {
		last = err
	}
	return last
}
