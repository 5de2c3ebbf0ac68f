package household

import (
	"reflect"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// watch returns what is seen in a life, n times, from a moment on.
func watch(l *Life, from time.Time, n int) (seen []Sighting) {
	for range n {
		from = from.Add(l.Wait(20 * time.Second))
		s, _ := l.Next(from)
		seen = append(seen, s)
	}
	return seen
}

func TestTheSameSeedGoesOnTheSame(t *testing.T) {
	a, b := watch(New(1, time.UTC).Life(noon), noon, 100), watch(New(1, time.UTC).Life(noon), noon, 100)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same life came out differently")
	}
	if c := watch(New(2, time.UTC).Life(noon), noon, 100); reflect.DeepEqual(a, c) {
		t.Error("another seed has the same life")
	}
	later := watch(New(1, time.UTC).Life(noon.Add(time.Millisecond)), noon, 1)
	if later[0].Event.RecordingID == a[0].Event.RecordingID {
		t.Error("two lives have the same recordings")
	}
}

func TestALifeHasWhatBelongsToTheHour(t *testing.T) {
	h := New(1, time.UTC)
	counts := map[string]map[string]int{}
	for name, hour := range map[string]int{"night": 2, "morning": 7, "noon": 12, "evening": 18, "midnight": 23} {
		count := map[string]int{}
		at := noon.Truncate(24 * time.Hour).Add(time.Duration(hour) * time.Hour)
		l := h.Life(at)
		for range 400 {
			s, _ := l.Next(at)
			tally(count, &s)
		}
		counts[name] = count
	}
	for _, want := range []struct {
		when, what  string
		most, least int
	}{
		{"night", "failed", 200, 10},
		{"night", "stranger", 300, 50},
		{"night", "alert", 300, 50},
		{"night", "ding", 0, 0},
		{"night", "package", 0, 0},
		{"midnight", "failed", 200, 10},
		{"morning", "alert", 0, 0},
		{"morning", "alice", 200, 20},
		{"noon", "package", 300, 50},
		{"noon", "ding", 200, 40},
		{"noon", "unknown let in", 60, 2},
		{"evening", "unlocked", 200, 50},
		{"evening", "failed", 100, 5},
		{"evening", "jammed", 100, 3},
		{"evening", "keypad", 150, 10},
	} {
		if n := counts[want.when][want.what]; n > want.most || n < want.least {
			t.Errorf("%s: %d times %s, want %d to %d", want.when, n, want.what, want.least, want.most)
		}
	}
}

func TestWhatIsSeenLiveIsOfNow(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	h := New(3, berlin)
	l := h.Life(noon)
	names := map[string]bool{}
	var failed *Sighting
	opened := 0
	for i := range 2000 {
		now := noon.Add(time.Duration(i) * 47 * time.Second)
		s, lasts := l.Next(now)
		e := &s.Event
		if !e.RecordedAt.Equal(now) || !s.scene.At.Equal(now) || s.scene.At.Location() != berlin {
			t.Fatalf("seen at %s, recorded at %s, drawn as of %s", now, e.RecordedAt, s.scene.At)
		}
		if names[e.RecordingID] || !e.EndedAt.IsZero() || e.Pinned || e.Reviewed || lasts < 0 || lasts > time.Minute {
			t.Errorf("%+v lasts %v", e, lasts)
		}
		names[e.RecordingID] = true
		parcels := 0
		for _, p := range s.scene.Props {
			if p.Kind == scene.Parcel {
				parcels++
			}
		}
		if parcels > 3 {
			t.Fatalf("%d parcels on the porch", parcels)
		}
		if failed != nil && e.Door == doorlog.Unlocked && e.Method == doorlog.MethodKeypad {
			opened++
		}
		failed = nil
		if e.Door == doorlog.Failed {
			failed = &s
		}
	}
	if opened == 0 {
		t.Error("nobody was let in after a refusal")
	}
}

func TestALifeIsAsFastAsItIsAskedFor(t *testing.T) {
	l := New(1, time.UTC).Life(noon)
	const n, every = 2000, 20 * time.Second
	var sum time.Duration
	for range n {
		wait := l.Wait(every)
		if wait < every/5 || wait > 2*every {
			t.Fatalf("it waits %v", wait)
		}
		sum += wait
		_, _ = l.Next(noon)
	}
	if mean := sum / n; mean < every*2/3 || mean > every*3/2 {
		t.Errorf("%v between two, on average", mean)
	}
}
