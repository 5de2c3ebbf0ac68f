package doorlog_test

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/querytest"
)

// checks counts the comparisons of the store with the model.
var checks atomic.Int64

// These make what is stored and asked for.
var (
	zones       = querytest.Zones
	maybe       = querytest.Maybe
	randomEvent = querytest.Event
	randomQuery = querytest.Query
	randomScope = querytest.Scope
)

func some[T any](rng *rand.Rand, values ...T) []T { return querytest.Some(rng, values...) }

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func (m *model) compareQuery(t *testing.T, s *testStore, q doorlog.Query) {
	t.Helper()
	checks.Add(3)
	failed := func(what string) {
		if t.Failed() {
			t.Fatalf("%s of %+v", what, q)
		}
	}
	want := m.find(q)
	wantEvents(t, s.all(t, q), want)
	failed("events")

	count := q
	count.Limit, count.Offset = 0, 0
	if n, err := s.Count(t.Context(), q); err != nil || n != len(m.find(count)) {
		t.Errorf("count is %d, want %d, %v", n, len(m.find(count)), err)
	}
	failed("count")

	p, err := s.Explain(t.Context(), q)
	if err != nil || p.Returned != len(want) {
		t.Errorf("plan %+v, want %d, %v", p, len(want), err)
	}
	failed("plan")
}

// compareScope holds every analysis against loops over the slice.
func (m *model) compareScope(t *testing.T, s *testStore, sc doorlog.Scope) {
	t.Helper()
	ctx := t.Context()
	q := doorlog.Query{
		Since: sc.Since, Until: sc.Until, OldestFirst: true, Methods: sc.Methods, Reviewed: sc.Reviewed, Attributes: sc.Attributes,
	}
	if sc.Camera != "" {
		q.Cameras = []string{sc.Camera}
	}
	events := m.find(q)
	q.Since, q.Until = time.Time{}, time.Time{}
	same := func(what string, got, want any, err error) {
		t.Helper()
		checks.Add(1)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s of %+v\n got %+v\nwant %+v, %v", what, sc, got, want, err)
		}
	}
	today := 0
	for _, e := range m.find(q) {
		if e.RecordedAt.In(sc.Location).Format(time.DateOnly) == now.In(sc.Location).Format(time.DateOnly) {
			today++
		}
	}
	summary, err := s.Summary(ctx, sc)
	same("summary", summary, summaryOf(events, today), err)
	heatmap, err := s.Heatmap(ctx, sc)
	same("heatmap", heatmap, heatmapOf(events, sc.Location), err)
	timeline, err := s.Timeline(ctx, sc)
	same("timeline", timeline, timelineOf(events, sc.Location), err)
	m.compareQuarters(t, s, sc)
	hours, err := s.PeakHours(ctx, sc)
	same("peak hours", hours, hoursOf(events, sc), err)
	labels, err := s.LabelBreakdown(ctx, sc)
	same("labels", labels, labelsOf(events), err)
	persons, err := s.PersonActivity(ctx, sc)
	same("persons", persons, personsOf(events, sc.Location), err)
}

func isStranger(e doorlog.Event) bool { return e.Person == "" && e.Type == doorlog.Motion }

func summaryOf(events []doorlog.Event, today int) doorlog.Summary {
	s := doorlog.Summary{Total: len(events), Today: today}
	for _, e := range events {
		s.Strangers += one(isStranger(e))
		s.Known += one(e.Person != "")
		s.Unlocks += one(e.UnlockGranted)
	}
	if len(events) > 0 {
		s.First, s.Last = events[0].RecordedAt, events[len(events)-1].RecordedAt
	}
	return s
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func heatmapOf(events []doorlog.Event, loc *time.Location) (h doorlog.Heatmap) {
	for _, e := range events {
		at := e.RecordedAt.In(loc)
		h[at.Weekday()][at.Hour()]++
	}
	return h
}

func timelineOf(events []doorlog.Event, loc *time.Location) []doorlog.DayCount {
	days := []doorlog.DayCount{}
	for _, e := range events { // oldest first: the days are in order
		date := e.RecordedAt.In(loc).Format(time.DateOnly)
		at := slices.IndexFunc(days, func(d doorlog.DayCount) bool { return d.Date == date })
		if at < 0 {
			at, days = len(days), append(days, doorlog.DayCount{Date: date})
		}
		d := &days[at]
		d.Count++
		d.Strangers += one(isStranger(e))
		d.Known += one(e.Person != "")
		d.Unlocks += one(e.UnlockGranted)
	}
	return days
}

func hoursOf(events []doorlog.Event, sc doorlog.Scope) []doorlog.HourCount {
	hours := make([]doorlog.HourCount, 24)
	days, loc := 0, sc.Location
	if len(events) > 0 {
		from, to := events[0].RecordedAt, events[len(events)-1].RecordedAt
		if !sc.Since.IsZero() {
			from = sc.Since
		}
		if ends := sc.Until.Add(-1); !sc.Until.IsZero() && ends.Before(now) {
			to = ends
		} else if to.Before(now) && (!sc.Since.IsZero() || !sc.Until.IsZero()) {
			to = now
		}
		midnight := func(t time.Time) time.Time {
			year, month, day := t.In(loc).Date()
			return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		}
		days = 1 + int(math.Round(midnight(to).Sub(midnight(from)).Hours()/24))
	}
	for h := range hours {
		hours[h].Hour = h
		for _, e := range events {
			hours[h].Count += one(e.RecordedAt.In(loc).Hour() == h)
		}
		if days > 0 {
			hours[h].AvgPerDay = float64(hours[h].Count) / float64(days)
		}
	}
	return hours
}

func labelsOf(events []doorlog.Event) []doorlog.LabelCount {
	labels := []doorlog.LabelCount{}
	sums := make(map[string][2]int64) // detections, billionths of confidence
	for _, e := range events {
		for _, d := range e.Detections {
			s := sums[d.Label]
			sums[d.Label] = [2]int64{s[0] + 1, s[1] + int64(math.Round(d.Confidence*1e9))}
		}
	}
	for label, s := range sums {
		labels = append(labels, doorlog.LabelCount{Label: label, Count: int(s[0]), AvgConfidence: float64(s[1]) * 1e-9 / float64(s[0])})
	}
	slices.SortFunc(labels, func(a, b doorlog.LabelCount) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Label, b.Label))
	})
	return labels
}

func personsOf(events []doorlog.Event, loc *time.Location) []doorlog.PersonCount {
	persons := []doorlog.PersonCount{}
	for _, e := range events {
		if e.Person == "" {
			continue
		}
		at := slices.IndexFunc(persons, func(p doorlog.PersonCount) bool { return p.Person == e.Person })
		if at < 0 {
			at, persons = len(persons), append(persons, doorlog.PersonCount{Person: e.Person, First: e.RecordedAt})
		}
		p := &persons[at]
		p.Visits++
		p.Last = e.RecordedAt
		date := e.RecordedAt.In(loc).Format(time.DateOnly)
		if n := len(p.Days); n > 0 && p.Days[n-1].Date == date {
			p.Days[n-1].Count++
		} else {
			p.Days = append(p.Days, doorlog.DayVisit{Date: date, Count: 1})
		}
	}
	slices.SortFunc(persons, func(a, b doorlog.PersonCount) int {
		return cmp.Or(b.Visits-a.Visits, strings.Compare(a.Person, b.Person))
	})
	return persons
}

// filled returns a store and a model with the same random events, some of
// which were updated and deleted.
func filled(t *testing.T, rng *rand.Rand, steps int) (*testStore, *model) {
	s, m := newStore(t), new(model)
	for range steps {
		m.step(t, s, rng)
	}
	return s, m
}

// Random questions of all kinds get the answers that loops over a slice give.
func TestQueriesAndAnalyticsAgreeWithASlice(t *testing.T) {
	rounds := 8
	if *long {
		rounds = 110
	}
	before := checks.Load()
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 77))
		s, m := filled(t, rng, 100+int(seed)*200)
		for range rounds {
			for range 60 {
				m.compareQuery(t, s, randomQuery(rng))
			}
			for range 8 {
				m.compareScope(t, s, randomScope(rng))
			}
			for range 5 {
				m.step(t, s, rng)
			}
		}
		s.reopen(t)
		m.compareScope(t, s, randomScope(rng))
	}
	n := checks.Load() - before
	t.Logf("%d checks", n)
	if *long && n < 100_000 {
		t.Errorf("only %d checks", n)
	}
}

func FuzzQueriesAgreeWithASlice(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		rng := rand.New(rand.NewPCG(a, b))
		s, m := filled(t, rng, rng.IntN(150))
		for range 5 {
			m.compareQuery(t, s, randomQuery(rng))
			m.compareScope(t, s, randomScope(rng))
			q := randomQuery(rng)
			q.Offset = 0
			m.walkPages(t, s, rng, q)
		}
	})
}

// Pages of random sizes, in both directions, while events come and go: what was
// there all the time is seen exactly once, in order, and what is seen was there.
func TestPagesAreStableWhileEventsComeAndGo(t *testing.T) {
	rounds := 12
	if *long {
		rounds = 120
	}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 99))
		s, m := filled(t, rng, 200)
		for range rounds {
			q := randomQuery(rng)
			if rng.IntN(2) == 0 {
				q = doorlog.Query{OldestFirst: q.OldestFirst, Cameras: q.Cameras}
			}
			q.Offset = 0
			m.walkPages(t, s, rng, q)
		}
	}
}

// walkPages goes through all pages of a query and back again.
func (m *model) walkPages(t *testing.T, s *testStore, rng *rand.Rand, q doorlog.Query) {
	t.Helper()
	at := ""
	var last doorlog.Page
	for _, forward := range []bool{true, false} {
		start := slices.Clone(m.events)
		var seen []doorlog.ID
		for n := 0; n == 0 || at != ""; n++ {
			q.Limit = 1 + rng.IntN(60)
			page, err := s.Page(t.Context(), q, at)
			if err != nil {
				t.Fatal(err)
			}
			checks.Add(1)
			m.checkPage(t, page, q)
			ids := idsOf(page.Events)
			if forward {
				seen, at = append(seen, ids...), page.Next
			} else {
				seen, at = append(ids, seen...), page.Prev
			}
			last = page
			if n > 3*len(start)+10 {
				t.Fatalf("the pages of %+v do not end", q)
			}
			for range rng.IntN(3) {
				m.step(t, s, rng)
			}
		}
		m.checkWalk(t, q, start, seen, forward)
		if at = last.Prev; at == "" { // back from where we are
			return
		}
	}
}

func idsOf(events []doorlog.Event) (ids []doorlog.ID) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

// checkPage checks that a page has what the store has now.
func (m *model) checkPage(t *testing.T, page doorlog.Page, q doorlog.Query) {
	t.Helper()
	if len(page.Events) > q.Limit {
		t.Fatalf("%d events on a page of %d", len(page.Events), q.Limit)
	}
	for _, e := range page.Events {
		at := slices.IndexFunc(m.events, func(o doorlog.Event) bool { return o.ID == e.ID })
		if at < 0 || !asksFor(q, e) {
			t.Fatalf("event %s is on a page of %+v", e.ID, q)
		}
		wantEvent(t, e, m.events[at])
	}
}

// checkWalk checks that a walk saw in order and once what was there before it
// and after it, as it was.
func (m *model) checkWalk(t *testing.T, q doorlog.Query, start []doorlog.Event, seen []doorlog.ID, forward bool) {
	t.Helper()
	if !slices.IsSortedFunc(seen, func(a, b doorlog.ID) int {
		if q.OldestFirst {
			return a.Compare(b)
		}
		return b.Compare(a)
	}) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Fatalf("pages of %+v are out of order", q)
	}
	if !forward {
		return // it begins in the middle
	}
	before, onPage := make(map[doorlog.ID]doorlog.Event), make(map[doorlog.ID]bool)
	for _, e := range start {
		before[e.ID] = e
	}
	for _, id := range seen {
		onPage[id] = true
	}
	for _, e := range m.events {
		if asksFor(q, e) && !onPage[e.ID] && reflect.DeepEqual(before[e.ID], e) {
			t.Fatalf("event %s is on no page of %+v", e.ID, q)
		}
	}
}

func TestPagesForwardAndBackAreTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	s, m := filled(t, rng, 500)
	for _, oldestFirst := range []bool{false, true} {
		q := doorlog.Query{Limit: 7, OldestFirst: oldestFirst, Cameras: []string{"camera1", "camera2"}}
		var pages []doorlog.Page
		for at := ""; at != "" || len(pages) == 0; {
			page, err := s.Page(t.Context(), q, at)
			if err != nil {
				t.Fatal(err)
			}
			pages, at = append(pages, page), page.Next
		}
		all := q
		all.Limit = 0
		if want := (len(m.find(all)) + 6) / 7; len(pages) != want {
			t.Errorf("%d pages, want %d", len(pages), want)
		}
		if pages[0].Prev != "" || pages[len(pages)-1].Next != "" {
			t.Error("there is something before the first page or after the last")
		}
		for i := len(pages) - 1; i > 0; i-- {
			back, err := s.Page(t.Context(), q, pages[i].Prev)
			if err != nil {
				t.Fatal(err)
			}
			wantEvents(t, back.Events, pages[i-1].Events)
			if back.Next == "" || (back.Prev == "") != (i == 1) {
				t.Errorf("page %d, from the back: next %q, prev %q", i-1, back.Next, back.Prev)
			}
		}
	}
}

func TestEmptyPageLeadsBack(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	s.write(t, motion("garage", 3), motion("garage", 2), motion("garage", 1))
	for _, oldestFirst := range []bool{false, true} {
		q := doorlog.Query{Limit: 1, OldestFirst: oldestFirst, Types: []doorlog.EventType{doorlog.Motion}}
		first, err := s.Page(ctx, q, "")
		if err != nil {
			t.Fatal(err)
		}
		rest := q
		rest.Limit = 10
		second, err := s.Page(ctx, rest, first.Next)
		if err != nil || len(second.Events) != 2 {
			t.Fatalf("%+v, %v", second, err)
		}
		page, err := s.Page(ctx, q, second.Prev)
		if err != nil {
			t.Fatal(err)
		}
		wantEvents(t, page.Events, first.Events)
		for _, e := range second.Events {
			if err := s.DeleteEvent(ctx, e.ID); err != nil {
				t.Fatal(err)
			}
		}
		empty, err := s.Page(ctx, q, first.Next)
		if err != nil || len(empty.Events) != 0 || empty.Next != "" || empty.Prev == "" {
			t.Fatalf("%+v, %v", empty, err)
		}
		back, err := s.Page(ctx, q, empty.Prev)
		if err != nil {
			t.Fatal(err)
		}
		wantEvents(t, back.Events, first.Events)
		for _, e := range second.Events { // for the next round
			if _, err := s.WriteEvent(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestBadCursors(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	s.write(t, motion("garage", 3), motion("garage", 2), motion("garage", 1))
	q := doorlog.Query{
		Limit: 1, Cameras: []string{"garage", "driveway"},
		Hours: &doorlog.Hours{From: 0, Until: 24}, Location: zone(t, "Europe/Berlin"),
	}
	page, err := s.Page(ctx, q, "")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Trim(page.Next, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("cursor %q is not safe in a URL", page.Next)
	}
	same := q
	same.Limit, same.Cameras = 2, []string{"driveway", "garage", "garage"}
	if _, err := s.Page(ctx, same, page.Next); err != nil {
		t.Errorf("the same query in other words: %v", err)
	}
	for name, other := range map[string]func(*doorlog.Query){
		"camera": func(q *doorlog.Query) { q.Cameras = nil }, "type": func(q *doorlog.Query) { q.Types = []doorlog.EventType{"x"} },
		"door": func(q *doorlog.Query) { q.Doors = []doorlog.DoorAction{0} }, "person": func(q *doorlog.Query) { q.Persons = []string{"x"} },
		"label": func(q *doorlog.Query) { q.Labels = []string{"x"} }, "confidence": func(q *doorlog.Query) { q.MinConfidence = 0.1 },
		"stranger": func(q *doorlog.Query) { q.Stranger = new(true) }, "known": func(q *doorlog.Query) { q.Stranger = new(false) },
		"unlock": func(q *doorlog.Query) { q.UnlockGranted = new(true) }, "alert": func(q *doorlog.Query) { q.AlertSent = new(true) },
		"thumbnail": func(q *doorlog.Query) { q.HasThumbnail = new(true) }, "recording": func(q *doorlog.Query) { q.RecordingID = "x" },
		"reviewed": func(q *doorlog.Query) { q.Reviewed = new(true) }, "method": func(q *doorlog.Query) { q.Methods = []doorlog.Method{"x"} },
		"attribute": func(q *doorlog.Query) { q.Attributes = map[string][]string{"x": {"y"}} },
		"pinned":    func(q *doorlog.Query) { q.Pinned = new(true) }, "unpinned": func(q *doorlog.Query) { q.Pinned = new(false) },
		"since": func(q *doorlog.Query) { q.Since = now }, "until": func(q *doorlog.Query) { q.Until = now },
		"hours":    func(q *doorlog.Query) { q.Hours = &doorlog.Hours{From: 1, Until: 2} },
		"weekdays": func(q *doorlog.Query) { q.Weekdays = []time.Weekday{1} },
		"location": func(q *doorlog.Query) { q.Location = zone(t, "Asia/Kolkata") },
		"order":    func(q *doorlog.Query) { q.OldestFirst = true },
	} {
		o := q
		other(&o)
		if _, err := s.Page(ctx, o, page.Next); !errors.Is(err, doorlog.ErrBadCursor) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for i := range page.Next {
		bad := []byte(page.Next)
		bad[i] = 'A' + (bad[i]-'A'+1)%26
		if _, err := s.Page(ctx, q, string(bad)); !errors.Is(err, doorlog.ErrBadCursor) {
			t.Errorf("damaged at %d: %v", i, err)
		}
	}
	for _, bad := range []string{"x", "=", page.Next[1:], page.Next + "A", strings.Repeat("A", 40), "é"} {
		if _, err := s.Page(ctx, q, bad); !errors.Is(err, doorlog.ErrBadCursor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	s := newStore(f)
	for i := range 3 {
		if _, err := s.WriteEvent(f.Context(), motion("garage", i)); err != nil {
			f.Fatal(err)
		}
	}
	page, err := s.Page(f.Context(), doorlog.Query{Limit: 1}, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(page.Next)
	f.Add("")
	f.Fuzz(func(t *testing.T, at string) {
		page, err := s.Page(t.Context(), doorlog.Query{Limit: 1}, at)
		if err == nil && len(page.Events) > 1 || err != nil && !errors.Is(err, doorlog.ErrBadCursor) {
			t.Errorf("%+v, %v", page, err)
		}
	})
}

func TestQueriesThatCannotBeAskedAreRefused(t *testing.T) {
	s := newStore(t)
	for field, q := range map[string]doorlog.Query{
		"Query.Limit":          {Limit: -1},
		"Query.Offset":         {Offset: -1},
		"Query.MinConfidence":  {MinConfidence: math.NaN()},
		"Query.Persons":        {Persons: []string{"a"}, Stranger: new(true)},
		"Query.Hours":          {Hours: &doorlog.Hours{From: 24, Until: 1}},
		"Query.Weekdays":       {Weekdays: []time.Weekday{7}},
		"Query.Doors":          {Doors: []doorlog.DoorAction{7}},
		"Query.Cameras":        {Cameras: []string{""}},
		"Query.Labels":         {Labels: []string{"a\x00"}},
		"Query.Types":          {Types: []doorlog.EventType{"\xff"}},
		"Query.Methods":        {Methods: []doorlog.Method{""}},
		"Query.Attributes":     {Attributes: map[string][]string{"": {"x"}}},
		`"zone" has no values`: {Attributes: map[string][]string{"zone": nil}},
		`"zone" is not UTF-8`:  {Attributes: map[string][]string{"zone": {"\xff"}}},
		"Query.RecordingID":    {RecordingID: strings.Repeat("x", 256)},
	} {
		yielded := 0
		for _, err := range s.Events(t.Context(), q) {
			yielded++
			wantError(t, err, doorlog.ErrInvalid, field)
		}
		if yielded != 1 {
			t.Errorf("%s: %d times in the loop", field, yielded)
		}
		_, err := s.Page(t.Context(), q, "")
		wantError(t, err, doorlog.ErrInvalid, field)
		_, err = s.Count(t.Context(), q)
		wantError(t, err, doorlog.ErrInvalid, field)
		_, err = s.Explain(t.Context(), q)
		wantError(t, err, doorlog.ErrInvalid, field)
	}
	_, err := s.Summary(t.Context(), doorlog.Scope{Camera: "a\x00"})
	wantError(t, err, doorlog.ErrInvalid, "Scope.Camera")
	_, err = s.PersonActivity(t.Context(), doorlog.Scope{Camera: "a\x00"})
	wantError(t, err, doorlog.ErrInvalid, "Scope.Camera")
}

func TestPlanSaysWhatAQueryTook(t *testing.T) {
	s := newStore(t)
	for i := range 4 * doorlog.FoldAt {
		e := motion([]string{"garage", "driveway"}[i%2], 1000-i)
		if i%10 == 0 {
			e.Person = "alice"
		}
		s.write(t, e)
	}
	s.write(t, motion("garage", 1), motion("garage", 0)) // the tail
	plan := func(q doorlog.Query) doorlog.Plan {
		p, err := s.Explain(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	all := 4*doorlog.FoldAt + 2
	if p := plan(doorlog.Query{}); !reflect.DeepEqual(p, doorlog.Plan{Lists: []doorlog.PlanList{}, Scan: true, ScanKeys: all + 2, TailRead: 2, RecordsRead: 0, Returned: all}) {
		t.Errorf("everything: %+v", p)
	}
	if p := plan(doorlog.Query{AlertSent: new(true)}); p.RecordsRead != all || p.Returned != 0 || !p.Scan {
		t.Errorf("nothing: %+v", p)
	}
	p := plan(doorlog.Query{Cameras: []string{"garage"}, Persons: []string{"alice"}, Limit: 3})
	if p.Scan || p.TailRead != 2 || p.Returned != 3 || p.RecordsRead != 2+3 || len(p.Lists) != 2 {
		t.Errorf("two lists: %+v", p)
	}
	for i, want := range []doorlog.PlanList{{Index: "by_camera", Value: "garage"}, {Index: "by_person", Value: "alice"}} {
		got := p.Lists[i]
		if got.Index != want.Index || got.Value != want.Value || got.IDs < 3 || got.IDs > 60 {
			t.Errorf("list %d: %+v", i, got)
		}
	}
}

func TestDeadlineIsHeardWhereNothingMatches(t *testing.T) {
	s := newStore(t)
	events := make([]doorlog.Event, 5000)
	for i := range events {
		events[i] = motion([]string{"garage", "driveway"}[i%2], i)
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	for _, q := range []doorlog.Query{{AlertSent: new(true)}, {Cameras: []string{"garage"}, AlertSent: new(true)}} {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.View(ctx, func(sn *doorlog.Snapshot) error {
			next, stop := iter.Pull2(sn.Events(doorlog.Query{}))
			defer stop()
			next()
			cancel()
			if _, _, ok := next(); !ok {
				t.Error("the loop ended without an error")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		var failure error
		calls := 0
		clock := countdown{Context: ctx, after: 3, cancel: cancel}
		for _, err := range s.Events(&clock, q) {
			calls, failure = calls+1, err
		}
		if calls != 1 || !errors.Is(failure, context.Canceled) {
			t.Errorf("%+v: %d events, %v", q, calls, failure)
		}
		clock = countdown{Context: t.Context(), after: 3, cancel: func() {}}
		if _, err := s.Count(&clock, q); !errors.Is(err, context.Canceled) {
			t.Errorf("count: %v", err)
		}
	}
}

// A countdown is a context that ends when it has been looked at so many times.
type countdown struct {
	context.Context
	after  int
	cancel func()
}

func (c *countdown) Err() error {
	if c.after--; c.after < 0 {
		c.cancel()
		return context.Canceled
	}
	return nil
}

// Queries, pages, counts and sums at the boundary between the folded part and
// the tail, to the nanosecond.
func TestBoundsAtTheWatermark(t *testing.T) {
	for _, n := range []int{doorlog.FoldAt - 1, doorlog.FoldAt, doorlog.FoldAt + 1, 2*doorlog.FoldAt + 5} {
		s, m := newStore(t), new(model)
		for i := range n {
			e := motion([]string{"camera0", "camera1"}[i%2], 200-i)
			e.Detections = []doorlog.Detection{{Label: "label0", Confidence: 0.5}}
			m.put(s.write(t, e)[0])
		}
		for _, at := range []int{doorlog.FoldAt - 2, doorlog.FoldAt - 1, doorlog.FoldAt} {
			for ns := range 3 {
				bound := now.Add(-time.Duration(200-at) * time.Minute).Add(time.Duration(ns - 1))
				for _, q := range []doorlog.Query{{Since: bound}, {Until: bound}} {
					for _, cameras := range [][]string{nil, {"camera1"}} {
						for _, oldestFirst := range []bool{false, true} {
							q.Cameras, q.OldestFirst, q.Limit = cameras, oldestFirst, 0
							m.compareQuery(t, s, q)
							q.Limit = 3
							page, err := s.Page(t.Context(), q, "")
							if err != nil {
								t.Fatal(err)
							}
							wantEvents(t, page.Events, m.find(q))
						}
					}
					m.compareScope(t, s, doorlog.Scope{Since: q.Since, Until: q.Until, Location: time.UTC})
				}
			}
		}
	}
}

// Days around changes of the clock, at midnight too, with the store's own clock
// on each of their hours.
func TestTodayAroundChangesOfTheClock(t *testing.T) {
	for name, around := range map[string][]time.Time{
		"America/Sao_Paulo":   {time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC), time.Date(2018, 2, 18, 2, 0, 0, 0, time.UTC)}, // at midnight
		"Asia/Beirut":         {time.Date(2024, 3, 30, 22, 0, 0, 0, time.UTC), time.Date(2024, 10, 26, 21, 0, 0, 0, time.UTC)},
		"Europe/Berlin":       {time.Date(2025, 3, 30, 1, 0, 0, 0, time.UTC), time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC)},
		"Pacific/Apia":        {time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC)}, // which had no 30th
		"Australia/Lord_Howe": {time.Date(2025, 4, 5, 15, 0, 0, 0, time.UTC), time.Date(2025, 10, 4, 15, 30, 0, 0, time.UTC)},
	} {
		loc := zone(t, name)
		for _, change := range around {
			clock := change
			s, m := newStoreWith(t, doorlog.Options{Now: func() time.Time { return clock }, MaxFutureSkew: 1000 * time.Hour}), new(model)
			for i := range 4 * 72 { // each quarter hour of three days
				e := doorlog.Event{
					Camera: "camera0", Type: doorlog.Motion, CreatedAt: change,
					RecordedAt: change.Add(time.Duration(i-4*36) * 15 * time.Minute),
				}
				m.put(s.write(t, e)[0])
			}
			sc := doorlog.Scope{Location: loc}
			heatmap, err := s.Heatmap(t.Context(), sc)
			events := m.find(doorlog.Query{OldestFirst: true})
			if err != nil || heatmap != heatmapOf(events, loc) {
				t.Errorf("%s: heatmap %v, %v", name, heatmap, err)
			}
			timeline, err := s.Timeline(t.Context(), sc)
			if err != nil || !reflect.DeepEqual(timeline, timelineOf(events, loc)) {
				t.Errorf("%s: timeline %v, %v", name, timeline, err)
			}
			for h := range 48 {
				clock = change.Add(time.Duration(h-24) * time.Hour)
				want := 0
				for _, e := range events {
					want += one(e.RecordedAt.In(loc).Format(time.DateOnly) == clock.In(loc).Format(time.DateOnly))
				}
				if got, err := s.Summary(t.Context(), sc); err != nil || got.Today != want {
					t.Errorf("%s at %v: today has %d, want %d, %v", name, clock.In(loc), got.Today, want, err)
				}
			}
		}
	}
}

func TestTimesAtTheEndsOfWhatCanBeStored(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{MaxFutureSkew: 230 * 365 * 24 * time.Hour})
	m := new(model)
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(3600, 0), now.AddDate(225, 0, 0)} {
		e := motion("camera0", 0)
		e.RecordedAt, e.CreatedAt = at.UTC(), now
		m.put(s.write(t, e)[0])
	}
	for _, name := range zones {
		m.compareScope(t, s, doorlog.Scope{Location: zone(t, name)})
	}
	_, err := s.Heatmap(t.Context(), doorlog.Scope{Location: time.FixedZone("far", 30*3600)})
	wantError(t, err, doorlog.ErrInvalid, "Scope.Location")
	q := doorlog.Query{Limit: 1, Weekdays: []time.Weekday{0, 1, 2, 3, 4, 5, 6}, Location: time.FixedZone("", 3600)}
	page, err := s.Page(t.Context(), q, "")
	if err != nil {
		t.Fatal(err)
	}
	q.Location = time.FixedZone("", -11*3600)
	_, err = s.Page(t.Context(), q, page.Next)
	wantError(t, err, doorlog.ErrBadCursor, "another query")
}

// A damaged rollup is made anew from the events, and stops no writes.
func TestDamagedRollupIsMadeAnew(t *testing.T) {
	for _, late := range []bool{false, true} {
		s := newStore(t)
		for i := range doorlog.FoldAt + 3 {
			s.write(t, motion("garage", 500-i))
		}
		s.BreakRollup(t)
		_, err := s.Summary(t.Context(), doorlog.Scope{Until: now.Truncate(time.Hour)})
		wantError(t, err, doorlog.ErrCorrupt, "checksum")
		if late {
			s.write(t, motion("garage", 600))
		} else {
			for i := range 2 * doorlog.FoldAt {
				s.write(t, motion([]string{"garage", "driveway"}[i%2], 300-i))
			}
		}
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if sum, err := s.Summary(t.Context(), doorlog.Scope{}); err != nil || sum.Total != len(s.all(t, doorlog.Query{})) {
			t.Errorf("%+v, %v", sum, err)
		}
	}
}

// A day on which nothing happened is a day of the range that was asked for.
func TestPeakHoursAverageOverTheRange(t *testing.T) {
	s := newStore(t)                                                                // now is 2026-02-25 18:30
	s.write(t, motion("garage", 0), motion("garage", 5), motion("garage", 2*24*60)) // all at six o'clock
	s.write(t, motion("porch", 2*24*60), motion("porch", 3*24*60))
	day := 24 * time.Hour
	for _, c := range []struct {
		name         string
		since, until time.Time
		count        int
		days         float64
	}{
		{"no range: from the first event to the last", time.Time{}, time.Time{}, 3, 3},
		{"ten days to today", now.Add(-9 * day), time.Time{}, 3, 10},
		{"as many that end later", now.Add(-9 * day), now.Add(40 * day), 3, 10},
		{"to the end of yesterday", now.Add(-9 * day), time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC), 1, 9},
		{"into today", now.Add(-9 * day), now.Add(-3 * time.Minute), 2, 10},
		{"no beginning", time.Time{}, now.Add(-day), 1, 2},
		{"nothing in it", now.Add(-9 * day), now.Add(-3 * day), 0, 7},
	} {
		hours, err := s.PeakHours(t.Context(), doorlog.Scope{Since: c.since, Until: c.until, Camera: "garage"})
		if err != nil {
			t.Fatal(err)
		}
		if got := hours[18]; got.Count != c.count || got.AvgPerDay != float64(c.count)/c.days {
			t.Errorf("%s: %+v, want %d over %v days", c.name, got, c.count, c.days)
		}
	}
	for since, days := range map[time.Time]float64{{}: 2, now.Add(-3 * day): 4} {
		hours, err := s.PeakHours(t.Context(), doorlog.Scope{Since: since, Camera: "porch"})
		if err != nil || hours[18].AvgPerDay != 2/days {
			t.Errorf("of a camera that is silent since two days, from %v: %v over %v days, %v", since, hours[18], days, err)
		}
	}
}

// A range that ends now, at midnight, has no day that begins then.
func TestPeakHoursUntilThisMidnight(t *testing.T) {
	midnight := time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC)
	s := newStoreWith(t, doorlog.Options{Now: func() time.Time { return midnight }})
	e := motion("garage", 0)
	e.RecordedAt, e.CreatedAt = midnight.Add(-12*time.Hour), time.Time{}
	s.write(t, e)
	hours, err := s.PeakHours(t.Context(), doorlog.Scope{Since: midnight.AddDate(0, 0, -1), Until: midnight})
	if err != nil || hours[12].AvgPerDay != 1 {
		t.Errorf("%+v, %v", hours[12], err)
	}
}
