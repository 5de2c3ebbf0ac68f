package doorlog_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A hands is a clock that a test sets, and the other one that counts while the
// process runs.
type hands struct {
	mu   sync.Mutex
	wall time.Time
	ran  time.Duration // since the start
	n    byte          // of the start
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wall
}

func (h *hands) running() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ran
}

// set has the clock say something else.
func (h *hands) set(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall = at
}

// run lets time go by.
func (h *hands) run(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall, h.ran = h.wall.Add(d), h.ran+d
}

// A clockedStore is a store whose clocks a test sets.
type clockedStore struct {
	*testStore
	hands *hands
}

func newClockedStore(t testing.TB, at time.Time) *clockedStore {
	t.Helper()
	h := &hands{wall: at}
	options := doorlog.Options{Now: h.now}
	t.Cleanup(doorlog.SetBoot(0, h.running))
	return &clockedStore{newStoreWith(t, options), h}
}

// boot starts the system again, under a clock that says something else.
func (s *clockedStore) boot(t testing.TB, at time.Time) {
	t.Helper()
	s.close(t)
	s.hands.set(at)
	s.hands.ran = time.Minute
	s.hands.n++
	t.Cleanup(doorlog.SetBoot(s.hands.n, s.hands.running))
	s.open(t)
}

// keeps fails unless a Prune leaves all of so many events, and says whether the clock
// has held it back.
func (s *clockedStore) keeps(t testing.TB, p doorlog.Policy, n int, heldBack bool) {
	t.Helper()
	said := s.wouldPrune(t, p)
	gone := s.prune(t, p)
	if gone.Kept != n || gone.Events != said.Events || (len(gone.HeldBack) > 0) != heldBack || (len(said.HeldBack) > 0) != heldBack {
		t.Errorf("want %d kept, held back %v\nsaid %+v\n did %+v", n, heldBack, said, gone)
	}
	if heldBack && !strings.Contains(gone.HeldBack[0], "ahead of all that the store has seen") {
		t.Errorf("it says %q", gone.HeldBack)
	}
	if st := s.stats(t); (len(st.HeldBack) > 0) != heldBack {
		t.Errorf("the figures say %q", st.HeldBack)
	}
}

// hourly writes an event an hour for so many hours before now.
func (s *clockedStore) hourly(t testing.TB, hours int) {
	t.Helper()
	var events []doorlog.Event
	for i := range hours {
		events = append(events, motion("porch", 60*i+1))
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

var ninetyDays = doorlog.Policy{MaxAge: 90 * day}

// One wrong reading, at any moment, deletes nothing that a right clock would keep.
func TestAWrongClockDeletesNothing(t *testing.T) {
	for name, wrong := range map[string]time.Time{
		"years ahead": now.AddDate(9, 0, 0), "months ahead": now.AddDate(0, 3, 0), "behind": time.Unix(5, 0), "at the end of time": time.Unix(1<<33, 0),
		"a quarter ahead": now.AddDate(0, 0, 90),
	} {
		ahead := wrong.After(now)
		t.Run(name, func(t *testing.T) {
			t.Run("for a moment", func(t *testing.T) {
				s := newClockedStore(t, now)
				s.hourly(t, 100)
				s.hands.set(wrong)
				s.keeps(t, ninetyDays, 100, ahead)
				s.hands.set(now)
				s.keeps(t, ninetyDays, 100, false)
			})
			t.Run("the first after boot", func(t *testing.T) {
				s := newClockedStore(t, now)
				s.hourly(t, 100)
				s.boot(t, wrong)
				s.keeps(t, ninetyDays, 100, ahead)
				s.boot(t, now.Add(time.Hour))
				s.keeps(t, ninetyDays, 100, false)
			})
			t.Run("with events by it", func(t *testing.T) {
				s := newClockedStore(t, now)
				s.hourly(t, 100)
				s.hands.set(wrong)
				for i := range 3 {
					s.write(t, doorlog.Event{Camera: "yard", Type: doorlog.Motion, RecordedAt: wrong.Add(time.Duration(i) * time.Second)})
				}
				s.keeps(t, ninetyDays, 103, ahead)
				s.boot(t, wrong.Add(time.Hour))
				s.keeps(t, ninetyDays, 103, ahead)
				s.boot(t, now.Add(2*time.Hour))
				s.keeps(t, ninetyDays, 103, false)
				s.keeps(t, doorlog.Policy{MaxAge: 90 * day, MaxEvents: 103}, 103, false)
			})
			t.Run("another at each boot", func(t *testing.T) {
				s := newClockedStore(t, now)
				s.hourly(t, 100)
				for i := range 40 {
					s.boot(t, wrong.AddDate(0, 0, i))
					s.hands.run(time.Minute)
					s.keeps(t, ninetyDays, 100, ahead)
				}
			})
		})
	}
}

// Ages of hours mind hours.
func TestAClockThatIsWrongByHoursDeletesNothing(t *testing.T) {
	twentyHours := doorlog.Policy{MaxAge: 20 * time.Hour}
	t.Run("for a moment", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hourly(t, 10)
		s.hands.set(now.Add(23 * time.Hour))
		s.keeps(t, twentyHours, 10, true)
		s.hands.set(now)
		s.keeps(t, twentyHours, 10, false)
	})
	t.Run("more and more", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hourly(t, 10)
		for i := range 10 {
			s.hands.set(now.Add(time.Duration(i+1) * 23 * time.Hour))
			s.keeps(t, twentyHours, 10, true)
		}
	})
	t.Run("behind, by the events that it writes", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hands.set(now.Add(-23 * time.Hour))
		s.write(t, doorlog.Event{Camera: "yard", Type: doorlog.Ding, RecordedAt: s.hands.now().UTC()})
		s.hands.set(now)
		s.keeps(t, twentyHours, 1, false)
	})
}

// Processes that run for a moment, as those of cron do, see how time goes by.
func TestShortRunsSeeTimeGoBy(t *testing.T) {
	s := newClockedStore(t, now)
	s.hourly(t, 10)
	for i := range 10 {
		s.close(t)
		s.hands.run(25 * time.Hour)
		s.open(t)
		s.keeps(t, doorlog.Policy{MaxAge: 9 * 25 * time.Hour}, map[bool]int{true: 10, false: 0}[i < 8], false)
	}
	s.hourlyAt(t, s.hands.now(), 5)
	s.boot(t, s.hands.now().Add(40*day)) // in a drawer
	s.keeps(t, doorlog.Policy{MaxAge: 30 * day}, 5, true)
	for range 2 {
		s.close(t)
		s.hands.run(12 * time.Hour)
		s.open(t)
		s.keeps(t, doorlog.Policy{MaxAge: 100 * day}, 5, false)
	}
	s.keeps(t, doorlog.Policy{MaxAge: 30 * day}, 0, false)
}

// Bounds on number and bytes need no clock.
func TestBoundsHoldOnADeadClock(t *testing.T) {
	s := newClockedStore(t, time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC))
	for range 100 {
		s.hands.run(time.Minute)
		s.write(t, doorlog.Event{Camera: "yard", Type: doorlog.Motion, RecordedAt: s.hands.now().UTC()})
	}
	s.keeps(t, doorlog.Policy{MaxEvents: 10, MaxAge: day}, 10, false)
	if oldest := s.all(t, doorlog.Query{OldestFirst: true})[0]; !oldest.RecordedAt.Equal(s.hands.now().Add(-9 * time.Minute)) {
		t.Errorf("the oldest that is left is of %v", oldest.RecordedAt)
	}
	if gone := s.prune(t, doorlog.Policy{MaxBytes: 1}); gone.Kept > 1 {
		t.Errorf("%+v", gone)
	}
}

// A clock that is far ahead is believed after a day of running, in one piece or many.
func TestAClockProvesItself(t *testing.T) {
	inADrawer := now.AddDate(1, 0, 0)
	t.Run("in one piece", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hourly(t, 10)
		s.boot(t, inADrawer)
		for range 24 {
			s.keeps(t, ninetyDays, 10, true)
			s.hands.run(time.Hour)
		}
		s.hands.run(time.Hour)
		s.keeps(t, ninetyDays, 0, false)
	})
	t.Run("on for two hours a week", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hourly(t, 10)
		at := inADrawer
		for range 8 {
			s.boot(t, at)
			s.keeps(t, ninetyDays, 10, true)
			s.hands.run(time.Hour)
			s.keeps(t, ninetyDays, 10, true)
			s.hands.run(time.Hour)
			at = at.Add(7 * day)
		}
		s.boot(t, at)
		s.keeps(t, ninetyDays, 10, true)
		s.hands.run(3 * time.Hour)
		s.keeps(t, ninetyDays, 10, true)
		s.hands.run(24 * time.Hour)
		s.keeps(t, ninetyDays, 0, false)
	})
	t.Run("by somebody's word", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hourly(t, 10)
		s.boot(t, inADrawer)
		s.keeps(t, ninetyDays, 10, true)
		trusted := ninetyDays
		trusted.TrustClock = true
		s.keeps(t, trusted, 0, false)
		s.hourlyAt(t, inADrawer, 10)
		s.boot(t, inADrawer.Add(time.Hour))
		s.keeps(t, ninetyDays, 10, false)
	})
	t.Run("not if it does not go on from there", func(t *testing.T) {
		s := newClockedStore(t, now)
		s.hourly(t, 10)
		for i := range 60 {
			s.hands.set(now.AddDate(1, i, 0))
			s.hands.run(time.Hour)
			s.keeps(t, ninetyDays, 10, true)
		}
	})
}

// hourlyAt is hourly before another time.
func (s *clockedStore) hourlyAt(t testing.TB, at time.Time, hours int) {
	t.Helper()
	for i := range hours {
		s.write(t, doorlog.Event{Camera: "porch", Type: doorlog.Motion, RecordedAt: at.Add(-time.Duration(i) * time.Hour)})
	}
}

// What was deleted by a right clock is, also while another part of the time is in doubt.
func TestAHeldBackPruneGoesByWhatIsBelieved(t *testing.T) {
	s := newClockedStore(t, now)
	s.hourly(t, 100)
	s.hands.set(now.AddDate(2, 0, 0))
	s.keeps(t, doorlog.Policy{MaxAge: 50 * time.Hour}, 50, true)
	s.hands.run(10 * time.Hour)
	s.keeps(t, doorlog.Policy{MaxAge: 50 * time.Hour}, 40, true)
}

// Events of a dead clock are as old as the time at which it was right again says.
func TestEventsOfADeadClockAreNotOld(t *testing.T) {
	for name, dead := range map[string]time.Time{
		"1970": time.Unix(5, 0), "2000": time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		"2019": time.Date(2019, 6, 1, 0, 0, 0, 0, time.UTC), "last year": now.AddDate(-1, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			s := newClockedStore(t, now)
			s.hourly(t, 10)
			s.boot(t, dead)
			for range 5 {
				s.hands.run(30 * time.Minute)
				s.write(t, doorlog.Event{Camera: "yard", Type: doorlog.Ding, RecordedAt: s.hands.now().UTC()})
				s.keeps(t, ninetyDays, s.stats(t).Events, false)
			}
			s.boot(t, dead.Add(30*day)) // again, before the time is known, and long after
			s.boot(t, dead)
			s.write(t, doorlog.Event{Camera: "yard", Type: doorlog.Ding, RecordedAt: s.hands.now().UTC()})
			s.hands.set(now.Add(3 * time.Hour)) // by the network
			s.keeps(t, ninetyDays, 16, false)
			s.keeps(t, doorlog.Policy{MaxEvents: 16, MaxAge: 90 * day}, 16, false)

			// The oldest go first, and these are the newest.
			s.keeps(t, doorlog.Policy{MaxEvents: 10}, 10, false)
			if n, err := s.Count(t.Context(), doorlog.Query{Cameras: []string{"yard"}}); n != 6 || err != nil {
				t.Errorf("%d events of the dead clock are left, %v", n, err)
			}
			s.keeps(t, doorlog.Policy{MaxEvents: 4}, 4, false)
			for range 100 {
				s.hands.run(day)
				s.write(t, doorlog.Event{Camera: "porch", Type: doorlog.Motion, RecordedAt: s.hands.now().UTC()})
			}
			s.prune(t, ninetyDays)
			if n, err := s.Count(t.Context(), doorlog.Query{Cameras: []string{"yard"}}); n != 0 || err != nil {
				t.Errorf("%d events of the dead clock never age, %v", n, err)
			}
		})
	}
}

// A camera whose clock is dead, at a store whose clock is right.
func TestEventsOfADeadCameraAgeFromWhenTheyWereWritten(t *testing.T) {
	s := newClockedStore(t, now)
	s.write(t, doorlog.Event{Camera: "yard", Type: doorlog.Ding, RecordedAt: time.Unix(77, 0)})
	s.keeps(t, ninetyDays, 1, false)
	for range 91 {
		s.hands.run(day)
		s.write(t, doorlog.Event{Camera: "porch", Type: doorlog.Motion, RecordedAt: s.hands.now().UTC()})
	}
	s.keeps(t, ninetyDays, 91, false)
}

// A dead clock is no reason to refuse an event that has the right time.
func TestADeadClockRefusesNoEvent(t *testing.T) {
	right := doorlog.Event{Camera: "front", Type: doorlog.Ding, RecordedAt: now}
	t.Run("of a new store", func(t *testing.T) {
		s := newClockedStore(t, time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC))
		s.write(t, right)
		if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice", CreatedAt: now}); err != nil {
			t.Error(err)
		}
		far := right
		far.RecordedAt = now.AddDate(100, 0, 0)
		_, err := s.WriteEvent(t.Context(), far)
		wantError(t, err, doorlog.ErrInvalid, "too far in the future")
	})
	t.Run("behind what was seen", func(t *testing.T) {
		s := newClockedStore(t, now.Add(-time.Hour))
		s.hourly(t, 1)
		s.boot(t, now.AddDate(0, -3, 0))
		s.write(t, right)
	})
	t.Run("but a right one does", func(t *testing.T) {
		s := newClockedStore(t, now)
		late := right
		late.RecordedAt = now.AddDate(0, 0, 2)
		_, err := s.WriteEvent(t.Context(), late)
		wantError(t, err, doorlog.ErrInvalid, "too far in the future")
	})
}

// A camera without a clock begins at 1970 by local time, which is before 1970 in UTC
// east of Greenwich.
func TestTheFirstHoursOf1970AreTaken(t *testing.T) {
	s := newStore(t)
	e := doorlog.Event{
		Camera: "front", Type: doorlog.Ding, RecordedAt: time.Date(1970, 1, 1, 0, 0, 5, 0, time.FixedZone("CET", 3600)),
		Attributes: map[string]string{"battery": "87"},
	}
	id, err := idOf(s.WriteEvent(t.Context(), e))
	if err != nil {
		t.Fatal(err)
	}
	got := s.event(t, id)
	if !got.RecordedAt.Equal(time.Unix(0, 0)) || got.Attributes["battery"] != "87" ||
		got.Attributes[doorlog.RecordedAtAttribute] != "1970-01-01T00:00:05+01:00" || len(e.Attributes) != 1 {
		t.Errorf("%+v", got)
	}
	e.ID = id
	if again, err := idOf(s.WriteEvent(t.Context(), e)); again != id || err != nil {
		t.Errorf("again: %v, %v", again, err)
	}
	e.ID, e.RecordedAt = doorlog.ID{}, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)
	_, err = s.WriteEvent(t.Context(), e)
	wantError(t, err, doorlog.ErrInvalid, "before 1970")
}
