package doorlog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"time"
)

// A Scope says which events the analytics are about, and where their days and
// hours are those of the clock. The zero Scope is all events, in UTC.
type Scope struct {
	// Since (inclusive) and Until (exclusive) bound RecordedAt; zero is no bound.
	Since, Until time.Time

	// Camera; empty: all of them.
	Camera string

	// Location is whose days and hours are meant; nil is UTC.
	Location *time.Location
}

func (sc *Scope) location() *time.Location {
	if sc.Location == nil {
		return time.UTC
	}
	return sc.Location
}

func (sc *Scope) query() Query {
	q := Query{Since: sc.Since, Until: sc.Until, OldestFirst: true}
	if sc.Camera != "" {
		q.Cameras = []string{sc.Camera}
	}
	return q
}

// A Summary is the numbers with which a dashboard begins.
type Summary struct {
	Total     int // events
	Today     int // events of the present day in the Scope's Location, whatever its range
	Strangers int // events of type Motion without a person
	Known     int // events with a person
	Unlocks   int // events whose UnlockGranted is set

	First, Last time.Time // RecordedAt of the first and the last event; zero if there is none
}

// MarshalJSON writes total_events, today_count, total_strangers, total_known,
// total_unlocks, first_event and last_event.
func (s Summary) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Total     int     `json:"total_events"`
		Today     int     `json:"today_count"`
		Strangers int     `json:"total_strangers"`
		Known     int     `json:"total_known"`
		Unlocks   int     `json:"total_unlocks"`
		First     *string `json:"first_event"`
		Last      *string `json:"last_event"`
	}{s.Total, s.Today, s.Strangers, s.Known, s.Unlocks, formatTime(s.First), formatTime(s.Last)})
}

// A Heatmap is the number of events on each day of the week, 0 for Sunday, and
// in each hour of the day.
type Heatmap [7][24]int

// MarshalJSON writes a list of day_of_week, hour and count, without those that
// are 0.
func (h Heatmap) MarshalJSON() ([]byte, error) {
	type cell struct {
		Day   int `json:"day_of_week"`
		Hour  int `json:"hour"`
		Count int `json:"count"`
	}
	cells := []cell{}
	for day := range h {
		for hour, n := range h[day] {
			if n > 0 {
				cells = append(cells, cell{day, hour, n})
			}
		}
	}
	return json.Marshal(cells)
}

// A DayCount is what the events of one day come to.
type DayCount struct {
	Date      string `json:"date"` // 2026-02-25, in the Scope's Location
	Count     int    `json:"count"`
	Strangers int    `json:"strangers"`
	Known     int    `json:"known"`
	Unlocks   int    `json:"unlocks"`
}

// An HourCount is how much happens in an hour of the day.
type HourCount struct {
	Hour      int     `json:"hour"`
	Count     int     `json:"count"`
	AvgPerDay float64 `json:"avg_per_day"` // over the days from that of the first event to that of the last
}

// A LabelCount is how often a label was detected.
type LabelCount struct {
	Label         string  `json:"label"`
	Count         int     `json:"count"` // detections
	AvgConfidence float64 `json:"avg_confidence"`
}

// A PersonCount is what is known of the visits of a person.
type PersonCount struct {
	Person string     `json:"person_name"`
	Visits int        `json:"visits"` // events
	First  time.Time  `json:"first_seen"`
	Last   time.Time  `json:"last_seen"`
	Days   []DayVisit `json:"days"` // those with visits, in order
}

// A DayVisit is how many events a person has on a day.
type DayVisit struct {
	Date  string `json:"date"`
	Count int    `json:"count"`
}

// A tally adds up a scope: whole rollups, and what they do not decide.
type tally struct {
	sn     *Snapshot
	sc     *Scope
	wants  wanted
	total  counts
	labels map[string]labelCounts
	clock  localClock
}

// wanted says which parts of the rollups a question needs.
type wanted struct {
	labels bool

	// hours, if it is not nil, is called with what there is in each quarter
	// hour of each camera, and its local time; for some with each event by
	// itself. Neighbours mostly come together.
	hours func(local localTime, c counts)
}

// tally adds up the events of a scope.
func (sn *Snapshot) tally(sc *Scope, wants wanted) (t *tally, err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	if err := sn.usable(); err != nil {
		return nil, err
	}
	if err := validOptionalName("Scope.Camera", sc.Camera); err != nil {
		return nil, err
	}
	t = &tally{sn: sn, sc: sc, wants: wants, labels: make(map[string]labelCounts), clock: localClock{location: sc.location()}}
	q := sc.query()
	from, until := q.bounds()
	if from.Compare(until) >= 0 {
		return t, nil
	}
	through, err := sn.indexedThrough()
	if err != nil {
		return nil, err
	}
	// Rollups decide whole units that lie inside of the range: days where
	// labels are wanted, quarter hours else. Their ends are cut pieces.
	unit := quarterHour
	if wants.labels {
		unit = secondsADay * time.Second
	}
	first, last := wholeUnits(from, until, unit)
	if !first.Before(last) { // no whole unit
		return t, t.addEvents(from, until)
	}
	if err := t.addEvents(from, minID(until, idFrom(first))); err != nil {
		return nil, err
	}
	if err := t.addRollups(first, last); err != nil {
		return nil, err
	}
	if err := t.addEvents(maxID(idFrom(first), firstAfter(through)), minID(until, idFrom(last))); err != nil { // the tail
		return nil, err
	}
	return t, t.addEvents(maxID(from, idFrom(last)), until)
}

// wholeUnits returns the bounds of the whole units of time inside of [from, until).
func wholeUnits(from, until ID, unit time.Duration) (first, last time.Time) {
	first, last = IDTime(from).Truncate(unit), maxIDTime.Truncate(unit)
	if idFrom(first) != from {
		first = first.Add(unit)
	}
	if until != lastID {
		last = IDTime(until).Truncate(unit)
	}
	return first, last
}

// indexedThrough returns the ID up to which events are folded.
func (sn *Snapshot) indexedThrough() (through ID, err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	return indexedThrough(sn.r.tx)
}

// addEvents reads the events in [from, until).
func (t *tally) addEvents(from, until ID) error {
	if from.Compare(until) >= 0 {
		return nil
	}
	s, err := t.sn.search(t.sc.query(), from, until)
	if err != nil {
		return err
	}
	mem := t.sn.manyEvents()
	var r record
	for {
		if err := t.sn.usable(); err != nil {
			return err
		}
		ok, err := s.event(&mem, &r, true)
		if !ok || err != nil {
			return err
		}
		c := countsOf(r.Type, r.Person, r.UnlockGranted)
		t.total.plus(&c)
		if t.wants.hours != nil {
			t.wants.hours(t.clock.at(dayOf(r.RecordedAt), quarterOf(r.RecordedAt)), c)
		}
		if t.wants.labels {
			addLabels(t.labels, r.Detections, 1)
		}
	}
}

// addRollups adds what rollups have in [first, last), which are whole units.
func (t *tally) addRollups(first, last time.Time) error {
	return t.sn.eachRollup(t.sc.Camera, first, last, func(day uint32, d *decoder, c counts) error {
		start := startOfDay(day)
		whole := !start.Before(first) && !start.Add(secondsADay*time.Second).After(last)
		if whole && t.wants.hours == nil {
			t.total.plus(&c)
			d.skip(1)
		} else {
			t.addQuarters(d, day, first, last)
		}
		if t.wants.labels {
			d.skip(2) // types, persons
			d.labelTally(t.labels)
		}
		return d.err()
	})
}

func (t *tally) addQuarters(d *decoder, day uint32, first, last time.Time) {
	start := startOfDay(day)
	from := int64(max(0, first.Sub(start)/quarterHour))
	to := int64(min(quartersADay, last.Sub(start)/quarterHour))
	for q := d.quarters(); !q.ended(); {
		i, c := q.next()
		if i < from || i >= to {
			continue
		}
		t.total.plus(&c)
		if t.wants.hours != nil {
			t.wants.hours(t.clock.at(day, int(i)), c)
		}
	}
}

func (d *decoder) err() error {
	if d.bad {
		return errPayload
	}
	return nil
}

// eachRollup calls fn with the rollups of a camera, or of all, on the UTC days
// that [first, last) touches: the counts, and what else of the record there is
// to decode.
func (sn *Snapshot) eachRollup(camera string, first, last time.Time, fn func(day uint32, d *decoder, c counts) error) (err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	cursor := readable(sn.r.tx, rollupsBucket).Cursor()
	from, to := dayOf(first), dayOf(last.Add(-1))
	mem := arena{}
	k, v := cursor.First()
	if camera != "" {
		k, v = cursor.Seek(rollupKey{camera, from}.bytes())
	}
	for k != nil {
		at := len(k) - 5
		if at < 1 || k[at] != 0 {
			return errPayload
		}
		switch day := binary.BigEndian.Uint32(k[at+1:]); {
		case camera != "" && string(k[:at]) != camera:
			return nil
		case day < from: // to this camera's first day in the range
			k, v = cursor.Seek(binary.BigEndian.AppendUint32(bytes.Clone(k[:at+1]), from))
		case day > to: // to the next camera
			k, v = cursor.Seek(append(bytes.Clone(k[:at]), 1))
		default:
			payload, err := rollupRecord.open(k, v)
			if err != nil {
				return err
			}
			d := decoder{b: payload, mem: &mem}
			if d.array() < rollupFields {
				return errPayload
			}
			if err := fn(day, &d, d.counts()); err != nil {
				return err
			}
			k, v = cursor.Next()
		}
	}
	return nil
}

// A localTime is a quarter hour (0 to 95) of a day, by a local clock.
type localTime struct{ day, quarter int }

func (l localTime) hour() int { return l.quarter / 4 }

// dayShift: days are counted from some weeks before 1970, so that none is
// negative west of Greenwich. That day was a Thursday too.
const dayShift = 14

// weekday returns the day of the week of a day.
func weekday(day int) time.Weekday { return time.Weekday((day + int(time.Thursday)) % 7) }

// dateOf returns a day as 2026-02-25.
func dateOf(day int) string { return startOfDay(uint32(day - dayShift)).Format(time.DateOnly) }

// A localClock tells the local time of a quarter hour of a UTC day. It remembers
// the day of the last one, as most days have one offset and the next quarter
// hour is mostly of the same day.
type localClock struct {
	location *time.Location
	known    bool
	day      uint32
	offset   int  // quarter hours from UTC
	changes  bool // the offset does, on this day
}

func (l *localClock) at(day uint32, quarter int) localTime {
	if !l.known || day != l.day {
		begin := startOfDay(day)
		after := l.offsetAt(begin.Add(secondsADay * time.Second))
		l.known, l.day, l.offset = true, day, l.offsetAt(begin)
		l.changes = l.offset != after
	}
	offset := l.offset
	if l.changes {
		offset = l.offsetAt(startOfDay(day).Add(time.Duration(quarter) * quarterHour))
	}
	local := localTime{int(day) + dayShift, quarter + offset}
	switch {
	case local.quarter < 0:
		local.day, local.quarter = local.day-1, local.quarter+quartersADay
	case local.quarter >= quartersADay:
		local.day, local.quarter = local.day+1, local.quarter-quartersADay
	}
	return local
}

func (l *localClock) offsetAt(t time.Time) int {
	_, seconds := t.In(l.location).Zone()
	return seconds / int(quarterHour/time.Second)
}

// Summary adds up the events of a scope.
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

// TodayCount returns the number of events of the present day in a scope's
// Location, of its Camera, whatever its range.
func (sn *Snapshot) TodayCount(sc Scope) (int, error) {
	n, err := sn.todayCount(&sc)
	return n, failed("today count", err)
}

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

// startOfLocalDay returns the first moment of a day. Where the clock changes at
// midnight there is no 0:00, or there are two, and time.Date may return a
// moment of the day before.
func startOfLocalDay(year int, month time.Month, day int, loc *time.Location) time.Time {
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	date := noon.Format(time.DateOnly)
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	for t.Format(time.DateOnly) < date {
		t = t.Add(quarterHour)
	}
	for t.Add(-quarterHour).Format(time.DateOnly) == date {
		t = t.Add(-quarterHour)
	}
	return t
}

// Heatmap returns the number of events of a scope on each day of the week and
// in each hour, by the clock of its Location. An hour that the clock leaves out
// has none, and one that it passes through twice has both.
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

// Timeline returns what each day with events comes to, in order.
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
	var days []DayCount
	for _, day := range slices.Sorted(maps.Keys(byDay)) {
		c := byDay[day]
		days = append(days, DayCount{dateOf(day), int(c.events), int(c.strangers), int(c.known), int(c.unlocks)})
	}
	return days, nil
}

// PeakHours returns for each of the 24 hours of the day how many events there
// are in it, in all and on average.
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
			hours[i].AvgPerDay = float64(hours[i].Count) / float64(last-first+1)
		}
	}
	return hours, nil
}

// LabelBreakdown returns how often each label was detected, most first.
func (sn *Snapshot) LabelBreakdown(sc Scope) ([]LabelCount, error) {
	t, err := sn.tally(&sc, wanted{labels: true})
	if err != nil {
		return nil, failed("label breakdown", err)
	}
	var labels []LabelCount
	for label, c := range t.labels {
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

// PersonActivity returns the visits of each person, most first.
func (sn *Snapshot) PersonActivity(sc Scope) ([]PersonCount, error) {
	persons, err := sn.personActivity(&sc)
	return persons, failed("person activity", err)
}

func (sn *Snapshot) personActivity(sc *Scope) (persons []PersonCount, err error) {
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
			at := IDTime(id)
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

// visitors returns the names that have events: those of by_person, each found
// with one look-up, and those of the tail.
func (sn *Snapshot) visitors(sc *Scope) (names []string, err error) {
	defer catch(debug.SetPanicOnFault(true), &err)
	if err := sn.usable(); err != nil {
		return nil, err
	}
	if err := validOptionalName("Scope.Camera", sc.Camera); err != nil {
		return nil, err
	}
	c := readable(sn.r.tx, indexes[byPerson]).Cursor()
	for k, _ := c.Seek([]byte{1}); k != nil; { // past the strangers
		value, ok := indexValue(k)
		if !ok {
			return nil, errPayload
		}
		names = append(names, string(value))
		k, _ = c.Seek(append(bytes.Clone(value), 1))
	}
	through, err := indexedThrough(sn.r.tx)
	if err != nil {
		return nil, err
	}
	tail := sn.r.newScan(firstAfter(through), lastID, false)
	mem := sn.manyEvents()
	for {
		var r record
		ok, err := tail.nextEvent(&mem, &r)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if r.Person != "" {
			names = append(names, r.Person)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
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
	defer catch(debug.SetPanicOnFault(true), &err)
	key, _, err := s.next()
	if key == nil || err != nil {
		return ID{}, false, err
	}
	return ID(key), true, nil
}

// analytic calls fn with a snapshot of its own.
func analytic[T any](ctx context.Context, s *Store, doing string, fn func(*Snapshot) (T, error)) (v T, err error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return v, failed(doing, err)
	}
	defer sn.close()
	return fn(sn)
}

// Summary is Snapshot.Summary on a snapshot of its own.
func (s *Store) Summary(ctx context.Context, sc Scope) (Summary, error) {
	return analytic(ctx, s, "summary", func(sn *Snapshot) (Summary, error) { return sn.Summary(sc) })
}

// TodayCount is Snapshot.TodayCount on a snapshot of its own.
func (s *Store) TodayCount(ctx context.Context, sc Scope) (int, error) {
	return analytic(ctx, s, "today count", func(sn *Snapshot) (int, error) { return sn.TodayCount(sc) })
}

// Heatmap is Snapshot.Heatmap on a snapshot of its own.
func (s *Store) Heatmap(ctx context.Context, sc Scope) (Heatmap, error) {
	return analytic(ctx, s, "heatmap", func(sn *Snapshot) (Heatmap, error) { return sn.Heatmap(sc) })
}

// Timeline is Snapshot.Timeline on a snapshot of its own.
func (s *Store) Timeline(ctx context.Context, sc Scope) ([]DayCount, error) {
	return analytic(ctx, s, "timeline", func(sn *Snapshot) ([]DayCount, error) { return sn.Timeline(sc) })
}

// PeakHours is Snapshot.PeakHours on a snapshot of its own.
func (s *Store) PeakHours(ctx context.Context, sc Scope) ([]HourCount, error) {
	return analytic(ctx, s, "peak hours", func(sn *Snapshot) ([]HourCount, error) { return sn.PeakHours(sc) })
}

// LabelBreakdown is Snapshot.LabelBreakdown on a snapshot of its own.
func (s *Store) LabelBreakdown(ctx context.Context, sc Scope) ([]LabelCount, error) {
	return analytic(ctx, s, "label breakdown", func(sn *Snapshot) ([]LabelCount, error) { return sn.LabelBreakdown(sc) })
}

// PersonActivity is Snapshot.PersonActivity on a snapshot of its own.
func (s *Store) PersonActivity(ctx context.Context, sc Scope) ([]PersonCount, error) {
	return analytic(ctx, s, "person activity", func(sn *Snapshot) ([]PersonCount, error) { return sn.PersonActivity(sc) })
}
