package doorlog

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/fault"
)

// A Summary has the totals that a dashboard shows first.
type Summary struct {
	Total     int // events
	Today     int // events of today in the Scope's Location, whatever its range
	Strangers int // events of type Motion without a person
	Known     int // events with a person
	Unlocks   int // events whose UnlockGranted is set

	First, Last time.Time // RecordedAt of the first and the last event; zero if there are no events
}

type summaryJSON struct {
	Total     int        `json:"total_events"`
	Today     int        `json:"today_count"`
	Strangers int        `json:"total_strangers"`
	Known     int        `json:"total_known"`
	Unlocks   int        `json:"total_unlocks"`
	First     *time.Time `json:"first_event"`
	Last      *time.Time `json:"last_event"`
}

// MarshalJSON writes total_events, today_count, total_strangers, total_known,
// total_unlocks, first_event and last_event.
func (s Summary) MarshalJSON() ([]byte, error) {
	return json.Marshal(summaryJSON{s.Total, s.Today, s.Strangers, s.Known, s.Unlocks, timeOrNull(s.First), timeOrNull(s.Last)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Summary) UnmarshalJSON(data []byte) error {
	var j summaryJSON
	err := json.Unmarshal(data, &j)
	if err == nil {
		*s = Summary{j.Total, j.Today, j.Strangers, j.Known, j.Unlocks, orZero(j.First), orZero(j.Last)}
	}
	return err
}

// Analytics are all counts of one scope, of one state of the store: what a dashboard shows.
type Analytics struct {
	Summary   Summary           `json:"summary"`
	Heatmap   Heatmap           `json:"heatmap"`
	Breakdown List[LabelCount]  `json:"breakdown"`
	Timeline  List[DayCount]    `json:"timeline"`
	Hours     List[HourCount]   `json:"hours"`
	Persons   List[PersonCount] `json:"persons"`
}

// A Heatmap is the number of events for each day of the week (0 is Sunday) and each hour of
// the day.
type Heatmap [7][24]int

type heatmapCell struct {
	Day   int `json:"day_of_week"`
	Hour  int `json:"hour"`
	Count int `json:"count"`
}

// MarshalJSON writes a list of objects with day_of_week, hour and count. It leaves out
// counts of 0.
func (h Heatmap) MarshalJSON() ([]byte, error) {
	cells := []heatmapCell{}
	for day := range h {
		for hour, n := range h[day] {
			if n > 0 {
				cells = append(cells, heatmapCell{day, hour, n})
			}
		}
	}
	return json.Marshal(cells)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (h *Heatmap) UnmarshalJSON(data []byte) error {
	var cells []heatmapCell
	if err := json.Unmarshal(data, &cells); err != nil {
		return err
	}
	var v Heatmap
	for _, c := range cells {
		if c.Day < 0 || c.Day >= len(v) || c.Hour < 0 || c.Hour >= len(v[0]) {
			return invalid("heatmap", "day %d, hour %d is no hour of a week", c.Day, c.Hour)
		}
		v[c.Day][c.Hour] += c.Count
	}
	*h = v
	return nil
}

// A DayCount has the totals of the events of one day.
type DayCount struct {
	Date      string `json:"date"` // 2026-02-25, in the Scope's Location
	Count     int    `json:"count"`
	Strangers int    `json:"strangers"`
	Known     int    `json:"known"`
	Unlocks   int    `json:"unlocks"`
}

// An HourCount is the number of events in an hour of the day.
type HourCount struct {
	Hour      int     `json:"hour"`
	Count     int     `json:"count"`
	AvgPerDay float64 `json:"avg_per_day"` // over all days of the range, with or without events; see PeakHours
}

// A LabelCount is how often a label was detected.
type LabelCount struct {
	Label         string  `json:"label"`
	Count         int     `json:"count"` // detections
	AvgConfidence float64 `json:"avg_confidence"`
}

// A PersonCount has the totals of the visits of a person.
type PersonCount struct {
	Person string         `json:"person_name"`
	Visits int            `json:"visits"` // events
	First  time.Time      `json:"first_seen"`
	Last   time.Time      `json:"last_seen"`
	Days   List[DayVisit] `json:"days"` // the days with visits, in order
}

// A DayVisit is the number of events that a person has on a day.
type DayVisit struct {
	Date  string `json:"date"`
	Count int    `json:"count"`
}

// Analytics returns all counts of the events of a scope. An error is that of the first that fails.
func (sn *Snapshot) Analytics(sc Scope) (a Analytics, err error) {
	a.Summary, err = sn.Summary(sc)
	if err == nil {
		a.Heatmap, err = sn.Heatmap(sc)
	}
	if err == nil {
		a.Breakdown, err = sn.LabelBreakdown(sc)
	}
	if err == nil {
		a.Timeline, err = sn.Timeline(sc)
	}
	if err == nil {
		a.Hours, err = sn.PeakHours(sc)
	}
	if err == nil {
		a.Persons, err = sn.PersonActivity(sc)
	}
	if err != nil {
		return Analytics{}, err
	}
	return a, nil
}

// Summary returns the totals of the events of a scope.
func (sn *Snapshot) Summary(sc Scope) (Summary, error) {
	s, err := sn.summary(&sc)
	return s, failed("summary", err)
}

func (sn *Snapshot) summary(sc *Scope) (s Summary, err error) {
	t, err := sn.tally(sc, wanted{})
	if err != nil {
		return s, err
	}
	s = Summary{
		Total: int(t.total.events), Strangers: int(t.total.strangers), Known: int(t.total.known), Unlocks: int(t.total.unlocks),
	}
	if s.Today, err = sn.todayCount(sc); err != nil {
		return s, err
	}
	s.First, s.Last, err = sn.ends(sc)
	return s, err
}

// ends returns the times of the first and the last event of a scope.
func (sn *Snapshot) ends(sc *Scope) (first, last time.Time, err error) {
	for _, end := range [...]struct {
		at          *time.Time
		oldestFirst bool
	}{{&first, true}, {&last, false}} {
		q := sc.query()
		q.OldestFirst = end.oldestFirst
		from, until := q.bounds()
		events, _, err := sn.collect(q, from, until, 1)
		if err != nil {
			return first, last, err
		}
		if len(events) > 0 {
			*end.at = events[0].RecordedAt
		}
	}
	return first, last, nil
}

// todayCount computes [Summary].Today.
func (sn *Snapshot) todayCount(sc *Scope) (int, error) {
	year, month, day := sn.store.opt.Now().In(sc.location()).Date()
	today := *sc
	today.Since = startOfLocalDay(year, month, day, sc.location())
	today.Until = startOfLocalDay(year, month, day+1, sc.location())
	t, err := sn.tally(&today, wanted{})
	if err != nil {
		return 0, err
	}
	return int(t.total.events), nil
}

// Heatmap returns the number of events of a scope for each day of the week and each hour, by
// the clock of its Location. An hour that the clock skips has no events. An hour that it
// passes twice has the events of both.
func (sn *Snapshot) Heatmap(sc Scope) (h Heatmap, err error) {
	row, rowDay := (*[24]int)(nil), -1
	_, err = sn.tally(&sc, wanted{hours: func(local localTime, c counts) {
		if local.day != rowDay {
			row, rowDay = &h[weekday(local.day)], local.day
		}
		row[local.hour()] += int(c.events)
	}})
	return h, failed("heatmap", err)
}

// Timeline returns the totals of each day that has events, in order.
func (sn *Snapshot) Timeline(sc Scope) ([]DayCount, error) {
	byDay := make(map[int]*counts)
	last, lastDay := (*counts)(nil), -1
	_, err := sn.tally(&sc, wanted{hours: func(local localTime, c counts) {
		if local.day != lastDay {
			if byDay[local.day] == nil {
				byDay[local.day] = new(counts)
			}
			last, lastDay = byDay[local.day], local.day
		}
		last.plus(&c)
	}})
	if err != nil {
		return nil, failed("timeline", err)
	}
	days := []DayCount{}
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		c := byDay[day]
		days = append(days, DayCount{dateOf(day), int(c.events), int(c.strangers), int(c.known), int(c.unlocks)})
	}
	return days, nil
}

// PeakHours returns the number of events in each of the 24 hours of the day, in all and on
// average. The average is over all days that the scope's range touches, with or without
// events: from the day of Since to the day of Until, but not beyond today. If Since is zero,
// the range begins with the day of the first event. If Until is zero, it ends today, or, if
// Since is zero as well, with the day of the last event.
func (sn *Snapshot) PeakHours(sc Scope) ([]HourCount, error) {
	hours := make([]HourCount, 24)
	first, last := math.MaxInt, math.MinInt // days
	_, err := sn.tally(&sc, wanted{hours: func(local localTime, c counts) {
		hours[local.hour()].Count += int(c.events)
		first, last = min(first, local.day), max(last, local.day)
	}})
	if err != nil {
		return nil, failed("peak hours", err)
	}
	for i := range hours {
		hours[i].Hour = i
		if hours[i].Count > 0 {
			hours[i].AvgPerDay = float64(hours[i].Count) / float64(sn.daysOf(&sc, first, last))
		}
	}
	return hours, nil
}

// daysOf returns the number of days that the range of a scope touches. first and last are
// the days of its first and last event.
func (sn *Snapshot) daysOf(sc *Scope, first, last int) int {
	if sc.Since.IsZero() && sc.Until.IsZero() {
		return last - first + 1
	}
	if !sc.Since.IsZero() {
		first = min(first, localDay(sc.Since, sc.location()))
	}
	end := sn.store.opt.Now()
	if !sc.Until.IsZero() && !sc.Until.After(end) {
		end = sc.Until.Add(-1)
	}
	return max(last, localDay(end, sc.location())) - first + 1
}

// LabelBreakdown returns how often each label was detected, the most frequent first.
func (sn *Snapshot) LabelBreakdown(sc Scope) ([]LabelCount, error) {
	t, err := sn.tally(&sc, wanted{labels: true})
	if err != nil {
		return nil, failed("label breakdown", err)
	}
	labels := []LabelCount{}
	for label, c := range oneSpelling(t.labels) {
		if c.detections > 0 {
			average := float64(c.confidence) * confidenceUnit / float64(c.detections)
			labels = append(labels, LabelCount{label, int(c.detections), average})
		}
	}
	slices.SortFunc(labels, func(a, b LabelCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Label, b.Label))
	})
	return labels, nil
}

// oneSpelling adds up the counts of labels that are spellings of one label.
func oneSpelling(labels map[string]labelCounts) map[string]labelCounts {
	all := make(map[string]labelCounts, len(labels))
	for label, c := range labels {
		sum := all[normalName(label)]
		sum.events, sum.detections, sum.confidence = sum.events+c.events, sum.detections+c.detections, sum.confidence+c.confidence
		all[normalName(label)] = sum
	}
	return all
}

// PersonActivity returns the visits of each person, the most frequent visitor first. It
// reads the days from the posting lists, so its time grows with the number of visits.
func (sn *Snapshot) PersonActivity(sc Scope) ([]PersonCount, error) {
	persons, err := sn.personActivity(&sc)
	return persons, failed("person activity", err)
}

func (sn *Snapshot) personActivity(sc *Scope) (persons []PersonCount, err error) {
	persons = []PersonCount{}
	names, err := sn.visitors(sc)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		p := PersonCount{Person: name}
		q := sc.query()
		q.Persons = []string{name}
		from, until := q.bounds()
		err := sn.overIDs(q, from, until, func(id ID) {
			at := id.Time()
			if p.Visits++; p.Visits == 1 {
				p.First = at
			}
			p.Last = at
			date := at.In(sc.location()).Format(time.DateOnly)
			if n := len(p.Days); n > 0 && p.Days[n-1].Date == date {
				p.Days[n-1].Count++
			} else {
				p.Days = append(p.Days, DayVisit{date, 1})
			}
		})
		if err != nil {
			return nil, err
		}
		if p.Visits > 0 {
			persons = append(persons, p)
		}
	}
	slices.SortFunc(persons, func(a, b PersonCount) int {
		return cmp.Or(cmp.Compare(b.Visits, a.Visits), cmp.Compare(a.Person, b.Person))
	})
	return persons, nil
}

// visitors returns the names that have events, from by_person and from the tail.
func (sn *Snapshot) visitors(sc *Scope) (names []string, err error) {
	if err := sn.usable(); err != nil {
		return nil, err
	}
	if err := sc.validate(); err != nil {
		return nil, err
	}
	err = sn.read(func(in guarded) error {
		err := in.eachValue(byPerson, func(value []byte) { names = append(names, normalName(string(value))) })
		if err != nil {
			return err
		}
		return in.overTail(func(r *record) bool {
			if r.Person != "" {
				names = append(names, normalName(r.Person))
			}
			return true
		})
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// overIDs calls fn with the ID of each event that matches.
func (sn *Snapshot) overIDs(q Query, from, until ID, fn func(ID)) error {
	s, err := sn.search(q, from, until)
	if err != nil {
		return err
	}
	for {
		if err := sn.usable(); err != nil {
			return err
		}
		id, ok, err := s.nextID()
		if !ok || err != nil {
			return err
		}
		fn(id)
	}
}

// nextID returns the ID of the next event that matches; ok is false at the end.
func (s *search) nextID() (id ID, ok bool, err error) {
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	key, _, err := s.next()
	if key == nil || err != nil {
		return ID{}, false, err
	}
	return ID(key), true, nil
}

// analytic calls fn with a new snapshot.
func analytic[T any](ctx context.Context, s *Store, doing string, fn func(*Snapshot) (T, error)) (v T, err error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return v, failed(doing, err)
	}
	defer sn.close()
	return fn(sn)
}

// Analytics is [Snapshot.Analytics] on a snapshot of its own.
func (s *Store) Analytics(ctx context.Context, sc Scope) (Analytics, error) {
	return analytic(ctx, s, "analytics", func(sn *Snapshot) (Analytics, error) { return sn.Analytics(sc) })
}

// Summary is [Snapshot.Summary] on a snapshot of its own.
func (s *Store) Summary(ctx context.Context, sc Scope) (Summary, error) {
	return analytic(ctx, s, "summary", func(sn *Snapshot) (Summary, error) { return sn.Summary(sc) })
}

// Heatmap is [Snapshot.Heatmap] on a snapshot of its own.
func (s *Store) Heatmap(ctx context.Context, sc Scope) (Heatmap, error) {
	return analytic(ctx, s, "heatmap", func(sn *Snapshot) (Heatmap, error) { return sn.Heatmap(sc) })
}

// Timeline is [Snapshot.Timeline] on a snapshot of its own.
func (s *Store) Timeline(ctx context.Context, sc Scope) ([]DayCount, error) {
	return analytic(ctx, s, "timeline", func(sn *Snapshot) ([]DayCount, error) { return sn.Timeline(sc) })
}

// PeakHours is [Snapshot.PeakHours] on a snapshot of its own.
func (s *Store) PeakHours(ctx context.Context, sc Scope) ([]HourCount, error) {
	return analytic(ctx, s, "peak hours", func(sn *Snapshot) ([]HourCount, error) { return sn.PeakHours(sc) })
}

// LabelBreakdown is [Snapshot.LabelBreakdown] on a snapshot of its own.
func (s *Store) LabelBreakdown(ctx context.Context, sc Scope) ([]LabelCount, error) {
	return analytic(ctx, s, "label breakdown", func(sn *Snapshot) ([]LabelCount, error) { return sn.LabelBreakdown(sc) })
}

// PersonActivity is [Snapshot.PersonActivity] on a snapshot of its own.
func (s *Store) PersonActivity(ctx context.Context, sc Scope) ([]PersonCount, error) {
	return analytic(ctx, s, "person activity", func(sn *Snapshot) ([]PersonCount, error) { return sn.PersonActivity(sc) })
}
