package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/doorlog/doorlog"
)

// noon of a Wednesday; the month before it has all kinds of days.
var noon = time.Date(2026, time.February, 25, 12, 0, 0, 0, time.UTC)

func month(h household, now time.Time) []sighting {
	var all []sighting
	for day := range h.days(30, now) {
		all = append(all, day...)
	}
	return all
}

func TestTheSameSeedLivesTheSameDays(t *testing.T) {
	h := household{seed: 1, loc: time.UTC}
	if !reflect.DeepEqual(month(h, noon), month(h, noon)) {
		t.Error("the same month came out differently")
	}
	a, b := h.day(noon), household{seed: 2, loc: time.UTC}.day(noon)
	if reflect.DeepEqual(a, b) || a[0].event.RecordedAt.Equal(b[0].event.RecordedAt) {
		t.Error("another seed lives the same day")
	}
	if a[0].event.RecordingID == b[0].event.RecordingID {
		t.Errorf("two households have recordings named %s", a[0].event.RecordingID)
	}
}

// The same days in another zone would lie at other times, under the same names.
func TestAnotherZoneIsAnotherHousehold(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range month(household{seed: 1, loc: time.UTC}, noon) {
		names[s.event.RecordingID] = true
	}
	for _, s := range month(household{seed: 1, loc: berlin}, noon) {
		if names[s.event.RecordingID] {
			t.Fatalf("two households have recordings named %s", s.event.RecordingID)
		}
	}
	// By whatever name a zone goes, its days are the same.
	same := time.FixedZone("somewhere", 60*60)
	a, b := household{seed: 1, loc: berlin}, household{seed: 1, loc: same}
	for i, s := range a.day(noon.In(berlin)) {
		if o := b.day(noon.In(same))[i]; o.event.RecordingID != s.event.RecordingID || !o.event.RecordedAt.Equal(s.event.RecordedAt) {
			t.Fatalf("%s at %s is %s at %s", s.event.RecordingID, s.event.RecordedAt, o.event.RecordingID, o.event.RecordedAt)
		}
	}
}

func TestALaterRunFindsTheEventsOfAnEarlierOne(t *testing.T) {
	h := household{seed: 1, loc: time.UTC}
	later := map[string]sighting{}
	for day := range h.days(32, noon.Add(30*time.Hour)) {
		for _, s := range day {
			later[s.event.RecordingID] = s
		}
	}
	for _, s := range month(h, noon) {
		if !reflect.DeepEqual(later[s.event.RecordingID], s) {
			t.Fatalf("%s of %s is another one, or gone, a day later", s.event.RecordingID, s.event.RecordedAt)
		}
	}
}

func TestNothingLiesInTheFuture(t *testing.T) {
	h := household{seed: 3, loc: time.UTC}
	whole := h.day(noon)
	for minutes := range 24 * 60 {
		now := noon.Truncate(24 * time.Hour).Add(time.Duration(minutes) * time.Minute)
		for today := range h.days(1, now) {
			if n := len(today); n > 0 && today[n-1].event.RecordedAt.After(now) {
				t.Fatalf("an event of %s, seen from %s", today[n-1].event.RecordedAt, now)
			}
			if n := len(today); n < len(whole) && !whole[n].event.RecordedAt.After(now) {
				t.Fatalf("the event of %s is missing at %s", whole[n].event.RecordedAt, now)
			}
		}
	}
}

func TestDaysBeginWithTheOldest(t *testing.T) {
	seen := month(household{seed: 3, loc: time.UTC}, noon)
	if !slices.IsSortedFunc(seen, func(a, b sighting) int { return a.event.RecordedAt.Compare(b.event.RecordedAt) }) {
		t.Error("the sightings are out of order")
	}
	if first, want := seen[0].event.RecordedAt.Format(time.DateOnly), "2026-01-27"; first != want {
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
		for _, s := range (household{seed: 1, loc: berlin}).day(date) {
			if at := s.event.RecordedAt; at.YearDay() != date.YearDay() {
				t.Errorf("the day %s has an event at %s", date.Format(time.DateOnly), at)
			}
		}
	}
}

func TestAMonthHasWhatAHouseholdHas(t *testing.T) {
	for seed := range int64(20) {
		seen := month(household{seed: seed, loc: time.UTC}, noon)
		if len(seen) < 1000 || len(seen) > 2500 {
			t.Errorf("seed %d: %d events", seed, len(seen))
		}
		count := map[string]int{}
		for i := range seen {
			tally(count, &seen[i])
		}
		for what, least := range map[string]int{
			"camera " + frontDoor: 200, "camera " + driveway: 200, "camera " + garage: 40, "camera " + backyard: 100,
			"motion": 900, "ding": 20, "on_demand": 20,
			"alice": 60, "bob": 60, "mary_ann": 60, "grandpa_joe": 5, "stranger": 100, "alert": 1,
			"person": 400, "package": 20, "dog": 100, "cat": 40, "car": 100, "truck": 5, "nothing": 50,
			"unlocked": 50, "locked": 20, "battery": 200,
		} {
			if count[what] < least {
				t.Errorf("seed %d: %d of %s, want at least %d", seed, count[what], what, least)
			}
		}
		if night, day := count["night"], count["day"]; night*5 > day {
			t.Errorf("seed %d: %d events from 0 to 5 and %d from 12 to 17", seed, night, day)
		}
	}
}

// tally counts what there is to say about a sighting.
func tally(count map[string]int, s *sighting) {
	e := &s.event
	labels := map[string]bool{}
	for _, p := range s.scene.props {
		labels[kinds[p.kind].label] = true
	}
	switch hour := s.scene.at.Hour(); {
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
	for what, is := range map[string]bool{
		"stranger": s.showsStranger(), "alert": e.AlertSent, "nothing": len(labels) == 0 && e.Type == doorlog.Motion,
		"unlocked": e.Door == doorlog.Unlocked, "locked": e.Door == doorlog.Locked, "battery": e.Attributes["battery"] != "",
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
	for _, s := range month(household{seed: 1, loc: time.UTC}, noon) {
		if e := s.event; e.Person == grandpa.name && e.Type == doorlog.Ding {
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
	for _, s := range month(household{seed: 1, loc: time.UTC}, noon) {
		e := s.event
		compared := e.FaceDistance != nil
		for what, wrong := range map[string]bool{
			"a face has both numbers or none":          compared != (e.FaceConfidence != nil),
			"who is named was compared":                e.Person != "" && !compared,
			"a resident is near, a stranger is far":    compared && (*e.FaceDistance < 0.6) != (e.Person != ""),
			"only residents are let in":                e.UnlockGranted && !opens[e.Person],
			"only the front door opens":                e.UnlockGranted && e.Camera != frontDoor,
			"who is let in finds the door open":        e.UnlockGranted != (e.Door == doorlog.Unlocked),
			"alerts are about strangers":               e.AlertSent && !s.showsStranger(),
			"alerts are sent at night":                 e.AlertSent && s.scene.at.Hour() >= 6 && s.scene.at.Hour() < 22,
			"a recording has a name of its own":        e.RecordingID == "" || recordings[e.RecordingID],
			"an event is where and when its frame was": e.Camera != s.scene.camera || !e.RecordedAt.Equal(s.scene.at),
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
	for _, s := range month(household{seed: 1, loc: time.UTC}, noon) {
		if s.event.Camera != frontDoor {
			continue
		}
		if s.leaves {
			lying++
		}
		shown := 0
		for _, p := range s.scene.props {
			if p.kind == kindParcel {
				shown++
			}
		}
		if shown != lying {
			t.Fatalf("%s: %d parcels, want %d", s.event.RecordedAt, shown, lying)
		}
		if lying > 0 && !s.leaves {
			waited++
		}
		if rang := s.event.Type == doorlog.Ding; s.event.UnlockGranted || rang && s.event.Person != "" {
			lying = 0
		}
	}
	if waited == 0 {
		t.Error("no parcel was ever seen after its delivery")
	}
}

// runDemo runs the command at a time of the test's choosing.
func runDemo(t *testing.T, now time.Time, args ...string) (r demoResult) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd := newRootCommand(&app{out: &out, err: &errOut, now: func() time.Time { return now }})
	cmd.SetArgs(append([]string{"demo", "--json", "--tz", "UTC"}, args...))
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errOut.Len() > 0 {
		t.Errorf("warnings: %s", &errOut)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheDemoAddsOnlyWhatIsNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "house")
	first := runDemo(t, noon, "--days", "1", "--dir", dir)
	if first.Events < 10 || first.Existing != 0 || first.Persons != len(residents) || first.Thumbnails != first.Events {
		t.Errorf("the first run: %+v", first)
	}
	second := runDemo(t, noon.Add(10*time.Hour), "--days", "1", "--dir", dir)
	if second.Existing != first.Events || second.Events < 10 || second.Persons != 0 || second.Thumbnails != second.Events {
		t.Errorf("ten hours later: %+v after %+v", second, first)
	}

	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	events, err := st.Recent(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(events)) != first.Events+second.Events {
		t.Errorf("%d events, want %d and %d", len(events), first.Events, second.Events)
	}
	if !slices.IsSortedFunc(events, func(a, b doorlog.Event) int { return b.RecordedAt.Compare(a.RecordedAt) }) {
		t.Error("the events are out of order")
	}
}

func TestTheDemoRefusesWhatMakesNoSense(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"--days", "0"}, {"--days", "3651"}, {"--days", "some"}, {"--dir", ""}, {"--db", "mine.db"}, {"--thumbnails", "mine"}, {"extra"},
	} {
		if code := run(t.Context(), append([]string{"demo"}, args...), nil, io.Discard, io.Discard); code != exitMisuse {
			t.Errorf("demo %q: exit code %d, want %d", args, code, exitMisuse)
		}
	}
	if made, _ := filepath.Glob("*"); len(made) > 0 {
		t.Errorf("a refused demo has made %q", made)
	}
}
