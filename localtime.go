package doorlog

import (
	"time"
)

// startOfLocalDay returns the first moment of a day. If the clock changes at midnight, the day
// has no 0:00 or two of them, and time.Date may return a moment of the day before.
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

const quarterHour = 15 * time.Minute

const quartersADay = 96

// secondsADay is the number of seconds in a UTC day.
const secondsADay = 24 * 60 * 60

func dayOf(t time.Time) uint32 { return uint32(t.Unix() / secondsADay) }

func quarterOf(t time.Time) int { return int(t.Unix() % secondsADay / int64(quarterHour/time.Second)) }

func startOfDay(d uint32) time.Time { return time.Unix(int64(d)*secondsADay, 0).UTC() }

// validLocation refuses a time.FixedZone that is more than a day from UTC.
func validLocation(loc *time.Location) error {
	if _, seconds := time.Unix(0, 0).In(loc).Zone(); seconds <= -secondsADay || seconds >= secondsADay {
		return invalid("Scope.Location", "%s is %d s from UTC", loc, seconds)
	}
	return nil
}

// wholeUnits returns the bounds of the whole units of time that lie inside of [from, until).
func wholeUnits(from, until ID, unit time.Duration) (first, last time.Time) {
	first, last = from.Time().Truncate(unit), maxIDTime.Truncate(unit)
	if idFrom(first) != from {
		first = first.Add(unit)
	}
	if until != lastID {
		last = until.Time().Truncate(unit)
	}
	return first, last
}

// A localTime is a quarter hour (0 to 95) of a day, by a local clock.
type localTime struct{ day, quarter int }

func (l localTime) hour() int { return l.quarter / 4 }

// dayShift is the number of days before 1970 at which the count of days begins, so that no day is
// negative west of Greenwich. Day 0 was a Thursday, as was the first day of 1970.
const dayShift = 14

// weekday returns the day of the week of a day.
func weekday(day int) time.Weekday { return time.Weekday((day + int(time.Thursday)) % 7) }

// dateOf returns a day in the form 2026-02-25.
func dateOf(day int) string {
	return time.Unix(int64(day-dayShift)*secondsADay, 0).UTC().Format(time.DateOnly)
}

// A localClock converts a quarter hour of a UTC day to local time. It remembers the offset of the
// last day: most days have one offset, and most calls are for the same day as the call before.
type localClock struct {
	location *time.Location
	known    bool
	day      uint32
	offset   int  // quarter hours from UTC
	changes  bool // the offset changes on this day
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
