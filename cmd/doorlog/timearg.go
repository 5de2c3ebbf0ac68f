package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// A timeRange is the values of --since and --until.
type timeRange struct{ since, until string }

const timeForms = "a time such as 2026-02-25T07:30:00Z, a date such as 2026-02-25, or an age such as 36h, 7d or 2w"

func (r *timeRange) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.since, "since", "", "events at or after this `TIME`, date or AGE, such as 2026-02-25 or 7d")
	f.StringVar(&r.until, "until", "", "events before this `TIME`, date or AGE")
}

// bounds returns the range. A zero time means no bound. Ages count back from now.
func (r *timeRange) bounds(given func(flag string) bool, now time.Time, loc *time.Location) (since, until time.Time, err error) {
	for _, end := range [...]struct {
		flag, text string
		at         *time.Time
	}{{"since", r.since, &since}, {"until", r.until, &until}} {
		if !given(end.flag) {
			continue
		}
		var ok bool
		if *end.at, ok = parseMoment(end.text, now, loc); !ok {
			return since, until, misuse("--%s %q is not %s", end.flag, end.text, timeForms)
		}
	}
	if given("since") && given("until") && since.After(until) {
		return since, until, misuse("--since %s is after --until %s", r.since, r.until)
	}
	return since, until, nil
}

// hasAge reports whether the range moves with the clock.
func (r *timeRange) hasAge() bool {
	_, since := parseAge(r.since)
	_, until := parseAge(r.until)
	return since || until
}

// parseMoment parses a time as [doorlog.ParseTime] does, a date, which means its first moment
// in loc, or an age.
func parseMoment(text string, now time.Time, loc *time.Location) (t time.Time, ok bool) {
	if age, ok := parseAge(text); ok {
		t = now.Add(-age)
	} else if date, err := time.Parse(time.DateOnly, text); err == nil {
		t = startOfDay(date, loc)
	} else if t, err = parseTime(text, loc); err != nil {
		return t, false
	}
	if epoch := time.Unix(0, 0); t.Before(epoch) {
		t = epoch // no event is older, and a zero time would mean no bound
	}
	return t, true
}

// parseTime is [doorlog.ParseTime], but refuses small numbers: somebody who writes 7 more
// likely means 7d than the seventh second of 1970.
func parseTime(text string, loc *time.Location) (time.Time, error) {
	const least = len("100000000") // a second of 1973
	if len(text) < least {
		return time.Time{}, errors.New("is too short")
	}
	return doorlog.ParseTime(text, loc)
}

const hoursADay = 24

var ageUnits = map[byte]time.Duration{
	'y': 365 * hoursADay * time.Hour, 'w': 7 * hoursADay * time.Hour, 'd': hoursADay * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second,
}

// parseAge parses an age such as 36h, 7d or 1w2d.
func parseAge(text string) (age time.Duration, ok bool) {
	for rest := text; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || digits == len(rest) {
			return 0, false
		}
		unit := ageUnits[rest[digits]]
		if unit == 0 || n > int64((math.MaxInt64-age)/unit) {
			return 0, false
		}
		age += time.Duration(n) * unit
		rest = rest[digits+1:]
	}
	return age, text != ""
}

// startOfDay returns the first moment of a date in loc. The date is given as a midnight in
// UTC. If the clock changes at midnight there may be no 0:00 or two of them, and [time.Date]
// does not say what it returns then.
func startOfDay(date time.Time, loc *time.Location) time.Time {
	year, month, day := date.Date()
	first := time.Date(year, month, day, 0, 0, 0, 0, loc)
	start, end := first.ZoneBounds()
	if first.Format(time.DateOnly) < date.Format(time.DateOnly) {
		return end // the clock skips midnight
	}
	if start.IsZero() {
		return first
	}
	_, before := start.Add(-1).Zone()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.FixedZone("", before)).In(loc)
	for _, t := range [...]time.Time{start, midnight} {
		if t.Before(first) && t.Format(time.DateOnly) == date.Format(time.DateOnly) {
			first = t
		}
	}
	return first
}

// dateOf returns the date of t, as a midnight in UTC.
func dateOf(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
