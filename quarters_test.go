package doorlog_test

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// quartersOf is what Quarters returns of events that are in the range, oldest first.
func quartersOf(events []doorlog.Event) []doorlog.QuarterCount {
	quarters := []doorlog.QuarterCount{}
	for _, e := range events {
		start := e.RecordedAt.Truncate(15 * time.Minute).UTC()
		at := slices.IndexFunc(quarters, func(q doorlog.QuarterCount) bool { return q.Camera == e.Camera && q.Start.Equal(start) })
		if at < 0 {
			at, quarters = len(quarters), append(quarters, doorlog.QuarterCount{Camera: e.Camera, Start: start})
		}
		q := &quarters[at]
		q.Count++
		q.Strangers += one(isStranger(e))
		q.Known += one(e.Person != "")
		q.Unlocks += one(e.UnlockGranted)
	}
	slices.SortStableFunc(quarters, func(a, b doorlog.QuarterCount) int { return cmp.Compare(a.Camera, b.Camera) })
	return quarters
}

// compareQuarters holds Quarters against a loop over the slice: of the range of the scope, or if that is too
// long, of its last year.
func (m *model) compareQuarters(t *testing.T, s *testStore, sc doorlog.Scope) {
	t.Helper()
	end := sc.Until
	if end.IsZero() {
		end = now
	}
	if year := end.AddDate(0, 0, -366); sc.Since.Before(year) {
		_, err := s.Quarters(t.Context(), sc)
		wantError(t, err, doorlog.ErrInvalid, "Scope.Since")
		sc.Since = year
	}
	if sc.Since.Before(time.Unix(0, 0)) {
		return // nothing is older
	}
	q := doorlog.Query{
		Since: sc.Since, Until: sc.Until, OldestFirst: true, Methods: sc.Methods, Reviewed: sc.Reviewed, Attributes: sc.Attributes,
	}
	if sc.Camera != "" {
		q.Cameras = []string{sc.Camera}
	}
	checks.Add(1)
	got, err := s.Quarters(t.Context(), sc)
	if want := quartersOf(m.find(q)); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("quarters of %+v\n got %+v\nwant %+v, %v", sc, got, want, err)
	}
}

// A range that cuts quarter hours has of them what is inside of it, from rollups and from the tail.
func TestQuartersAreExactAtTheEndsOfTheRange(t *testing.T) {
	s, m := newStore(t), new(model)
	for i := range doorlog.FoldAt + 100 {
		e := motion([]string{"porch", "yard", "garage"}[i%3], i)
		e.RecordedAt = now.Add(-time.Duration(i) * 97 * time.Second)
		if e.UnlockGranted = i%5 == 0; i%2 == 0 {
			e.Person = "alice"
		}
		m.put(s.write(t, e)[0])
	}
	for _, cut := range []time.Duration{0, time.Nanosecond, time.Minute, 14 * time.Minute, 15 * time.Minute, 5 * time.Hour} {
		for _, camera := range []string{"", "yard", "nowhere"} {
			since := now.Truncate(time.Hour).Add(-20 * time.Hour)
			m.compareQuarters(t, s, doorlog.Scope{Camera: camera, Since: since.Add(cut), Until: now.Add(-cut)})
			m.compareQuarters(t, s, doorlog.Scope{Camera: camera, Since: since.Add(cut)})
		}
	}
}
