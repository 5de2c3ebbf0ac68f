package household

import (
	"reflect"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// noon is that of a Wednesday. The month before it has all kinds of days.
var noon = time.Date(2026, time.February, 25, 12, 0, 0, 0, time.UTC)

func month(h *Household, now time.Time) []Sighting {
	var all []Sighting
	for day := range h.Days(30, now) {
		all = append(all, day...)
	}
	return all
}

func TestTheSameSeedLivesTheSameDays(t *testing.T) {
	h := New(1, time.UTC)
	if !reflect.DeepEqual(month(h, noon), month(h, noon)) {
		t.Error("the same month came out differently")
	}
	a, b := h.day(noon), New(2, time.UTC).day(noon)
	if reflect.DeepEqual(a, b) || a[0].Event.RecordedAt.Equal(b[0].Event.RecordedAt) {
		t.Error("another seed lives the same day")
	}
	if a[0].Event.RecordingID == b[0].Event.RecordingID {
		t.Errorf("two households have recordings named %s", a[0].Event.RecordingID)
	}
}

// The same days in another zone would lie at other times, under the same names.
func TestAnotherZoneIsAnotherHousehold(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range month(New(1, time.UTC), noon) {
		names[s.Event.RecordingID] = true
	}
	for _, s := range month(New(1, berlin), noon) {
		if names[s.Event.RecordingID] {
			t.Fatalf("two households have recordings named %s", s.Event.RecordingID)
		}
	}
	// By whatever name a zone goes, its days are the same.
	same := time.FixedZone("somewhere", 60*60)
	a, b := New(1, berlin), New(1, same)
	for i, s := range a.day(noon.In(berlin)) {
		if o := b.day(noon.In(same))[i]; o.Event.RecordingID != s.Event.RecordingID || !o.Event.RecordedAt.Equal(s.Event.RecordedAt) {
			t.Fatalf("%s at %s is %s at %s", s.Event.RecordingID, s.Event.RecordedAt, o.Event.RecordingID, o.Event.RecordedAt)
		}
	}
}

func TestALaterRunFindsTheEventsOfAnEarlierOne(t *testing.T) {
	h := New(1, time.UTC)
	later := map[string]Sighting{}
	for day := range h.Days(32, noon.Add(30*time.Hour)) {
		for _, s := range day {
			later[s.Event.RecordingID] = s
		}
	}
	for _, s := range month(h, noon) {
		if !reflect.DeepEqual(later[s.Event.RecordingID], s) {
			t.Fatalf("%s of %s is another one, or gone, a day later", s.Event.RecordingID, s.Event.RecordedAt)
		}
	}
}

func TestNothingLiesInTheFuture(t *testing.T) {
	h := New(3, time.UTC)
	whole := h.day(noon)
	for minutes := range 24 * 60 {
		now := noon.Truncate(24 * time.Hour).Add(time.Duration(minutes) * time.Minute)
		for today := range h.Days(1, now) {
			if n := len(today); n > 0 && today[n-1].Event.RecordedAt.After(now) {
				t.Fatalf("an event of %s, seen from %s", today[n-1].Event.RecordedAt, now)
			}
			for _, s := range today {
				if s.Event.EndedAt.After(now) {
					t.Fatalf("an event ends at %s, seen from %s", s.Event.EndedAt, now)
				}
			}
			if n := len(today); n < len(whole) && !whole[n].Event.RecordedAt.After(now) {
				t.Fatalf("the event of %s is missing at %s", whole[n].Event.RecordedAt, now)
			}
		}
	}
}

func TestDaysBeginWithTheOldest(t *testing.T) {
	seen := month(New(3, time.UTC), noon)
	if !slices.IsSortedFunc(seen, func(a, b Sighting) int { return a.Event.RecordedAt.Compare(b.Event.RecordedAt) }) {
		t.Error("the sightings are out of order")
	}
	if first, want := seen[0].Event.RecordedAt.Format(time.DateOnly), "2026-01-27"; first != want {
		t.Errorf("the last 30 days begin on %s, want %s", first, want)
	}
}

func TestEventsLieInTheirDayAlsoWhenTheClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, date := range []time.Time{
		time.Date(2026, time.March, 29, 0, 0, 0, 0, berlin), time.Date(2026, time.October, 25, 0, 0, 0, 0, berlin),
	} {
		for _, s := range New(1, berlin).day(date) {
			if at := s.Event.RecordedAt; at.YearDay() != date.YearDay() {
				t.Errorf("the day %s has an event at %s", date.Format(time.DateOnly), at)
			}
		}
	}
}

func TestAMonthHasWhatAHouseholdHas(t *testing.T) {
	doors := map[string]int{}
	for seed := range int64(20) {
		seen := month(New(seed, time.UTC), noon)
		if len(seen) < 1000 || len(seen) > 2500 {
			t.Errorf("seed %d: %d events", seed, len(seen))
		}
		count := map[string]int{}
		for i := range seen {
			tally(count, &seen[i])
		}
		for what, least := range map[string]int{
			"camera " + scene.FrontDoor: 200, "camera " + scene.Driveway: 200, "camera " + scene.Garage: 40, "camera " + scene.Backyard: 100,
			"motion": 900, "ding": 20, "on_demand": 20,
			"alice": 60, "bob": 60, "mary_ann": 60, "grandpa_joe": 5, "stranger": 100, "alert": 1,
			"person": 400, "package": 20, "dog": 100, "cat": 40, "car": 100, "truck": 5, "nothing": 50,
			"unlocked": 50, "locked": 20, "battery": 200, "ended": 900, "face": 40, "keypad": 2, "app": 5, "failed": 1, "unknown let in": 4, "pinned": 1, "late": 1, "overlooked": 20, "auto": 5, "key": 5,
			"zone porch": 100, "zone street": 50, "zone driveway": 50, "zone lawn": 20, "zone patio": 20,
		} {
			if count[what] < least {
				t.Errorf("seed %d: %d of %s, want at least %d", seed, count[what], what, least)
			}
		}
		doors["jammed"] += count["jammed"]
		if night, day := count["night"], count["day"]; night*5 > day {
			t.Errorf("seed %d: %d events from 0 to 5 and %d from 12 to 17", seed, night, day)
		}
	}
	if doors["jammed"] == 0 || doors["jammed"] > 100 {
		t.Errorf("in 20 months: %v", doors)
	}
}

// tally counts what a sighting has.
func tally(count map[string]int, s *Sighting) {
	e := &s.Event
	labels := map[string]bool{}
	for _, p := range s.scene.Props {
		labels[p.Kind.Label()] = true
	}
	switch hour := s.scene.At.Hour(); {
	case hour < 5:
		count["night"]++
	case hour >= 12 && hour < 17:
		count["day"]++
	}
	delete(labels, "") // leaves
	for label := range labels {
		count[label]++
	}
	count["camera "+e.Camera]++
	count[string(e.Type)]++
	count[e.Person]++
	count[string(e.Method)]++
	count["zone "+e.Attributes["zone"]]++
	for what, is := range map[string]bool{
		"stranger": s.showsStranger(), "alert": e.AlertSent, "nothing": len(labels) == 0 && e.Type == doorlog.Motion,
		"unlocked": e.Door == doorlog.Unlocked, "locked": e.Door == doorlog.Locked, "battery": e.Attributes["battery"] != "",
		"unknown let in": e.UnlockGranted && e.Person == "", "pinned": e.Pinned, "overlooked": s.overlooked,
		"late": e.Door == doorlog.Unlocked && s.scene.At.Hour() < 5, "jammed": e.Door == doorlog.Jammed, "failed": e.Door == doorlog.Failed, "ended": !e.EndedAt.IsZero(),
	} {
		if is {
			count[what]++
		}
	}
}

func TestTheGrandfatherIsKnownButNotLetIn(t *testing.T) {
	if slices.IndexFunc(residents, func(r resident) bool { return !r.autoUnlock }) < 0 {
		t.Error("the door opens for everybody")
	}
	rang := 0
	for _, s := range month(New(1, time.UTC), noon) {
		if e := s.Event; e.Person == grandpa.name && e.Type == doorlog.Ding {
			rang++
			if e.UnlockGranted || e.Door != doorlog.NoAction || e.FaceDistance == nil {
				t.Errorf("%+v", e)
			}
		}
	}
	if rang == 0 {
		t.Error("he never came")
	}
}

func TestFieldsAgreeWithEachOther(t *testing.T) {
	opens := map[string]bool{}
	for _, r := range residents {
		opens[r.name] = r.autoUnlock
	}
	recordings, broken := map[string]bool{}, 0
	for _, s := range month(New(1, time.UTC), noon) {
		e := s.Event
		compared := e.FaceDistance != nil
		for what, wrong := range map[string]bool{
			"a face has both numbers or none":          compared != (e.FaceConfidence != nil),
			"who is named was compared":                e.Person != "" && !compared,
			"a resident is near, a stranger is far":    compared && (*e.FaceDistance < 0.6) != (e.Person != ""),
			"who is known is let in if he may":         e.UnlockGranted && e.Person != "" && !opens[e.Person],
			"only the front door opens":                e.UnlockGranted && e.Camera != scene.FrontDoor,
			"who is let in finds the door open":        e.UnlockGranted != (e.Door == doorlog.Unlocked),
			"a door has a method if it did something":  (e.Method != "") != (e.Door != doorlog.NoAction),
			"an event ends after it began":             !e.EndedAt.IsZero() && !e.EndedAt.After(e.RecordedAt),
			"a face opens for whom it is":              e.Method == doorlog.MethodFace && (e.Person == "") != (e.Door == doorlog.Failed),
			"alerts are about strangers":               e.AlertSent && !s.showsStranger(),
			"alerts are sent at night":                 e.AlertSent && s.scene.At.Hour() >= 6 && s.scene.At.Hour() < 22,
			"a recording has a name of its own":        e.RecordingID == "" || recordings[e.RecordingID],
			"an event is where and when its frame was": e.Camera != s.scene.Camera || !e.RecordedAt.Equal(s.scene.At),
		} {
			if wrong {
				t.Errorf("%s, but not in %s: %+v", what, e.RecordingID, e)
			}
		}
		recordings[e.RecordingID] = true
		if e.RecordedAt.Nanosecond() != 0 {
			broken++
		}
	}
	if broken < len(recordings)/2 {
		t.Errorf("%d of %d times have a fraction of a second", broken, len(recordings))
	}
}

func TestAParcelLiesOnThePorchUntilSomebodyTakesItIn(t *testing.T) {
	lying, waited := 0, 0
	for _, s := range month(New(1, time.UTC), noon) {
		if s.Event.Camera != scene.FrontDoor {
			continue
		}
		if s.leaves {
			lying++
		}
		shown := 0
		for _, p := range s.scene.Props {
			if p.Kind == scene.Parcel {
				shown++
			}
		}
		if shown != lying {
			t.Fatalf("%s: %d parcels, want %d", s.Event.RecordedAt, shown, lying)
		}
		if lying > 0 && !s.leaves {
			waited++
		}
		// Who is not known leaves them where they are.
		if rang := s.Event.Type == doorlog.Ding; s.Event.Person != "" && (s.Event.UnlockGranted || rang) {
			lying = 0
		}
	}
	if waited == 0 {
		t.Error("no parcel was ever seen after its delivery")
	}
}
