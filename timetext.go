package doorlog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a time as producers write it, and returns it in UTC. Digits beyond
// the nanosecond are cut off. The error is [ErrInvalid] if it cannot read the text. It
// takes:
//
//   - all of RFC 3339, such as 2026-02-25T07:30:00Z, also in lower case and with a
//     space for the T. A leap second, 23:59:60 in UTC at the end of a month, becomes
//     the last nanosecond of 23:59:59.
//   - the same with a comma before the fraction, without seconds, with a space before
//     the offset, or with +01, +0100, UTC or GMT as the offset.
//   - the same without an offset, as the local time in zone. If zone is nil this is
//     refused. So is a local time that zone skips, or that comes twice in it.
//   - a number of seconds, milliseconds, microseconds or nanoseconds since 1970, with
//     or without a fraction. A number below 1e11 counts seconds, one below 1e14
//     milliseconds, one below 1e17 microseconds, and any other nanoseconds. A number
//     that may be meant as a date, or a date with a time, such as 20260225, is
//     refused. So is a number below 1e8 with a fraction: it may count days, as
//     spreadsheets and astronomers do.
//
// [Event.UnmarshalJSON] reads times in this way, with UTC as the zone.
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	t, problem := readTime(text, zone)
	if problem != "" {
		return time.Time{}, failed("parse time", invalid("time", "%.60q %s", text, problem))
	}
	return t, nil
}

const notATime = "is not a time such as 2026-02-25T07:30:00Z"

// readTime is ParseTime; problem says why the text is refused.
func readTime(text string, zone *time.Location) (t time.Time, problem string) {
	if rest := strings.TrimPrefix(text, "-"); rest != "" && strings.Trim(rest, "0123456789.") == "" {
		return readUnixTime(text)
	}
	return readClockTime(text, zone)
}

// readUnixTime reads a decimal number of seconds, milliseconds, microseconds or
// nanoseconds.
func readUnixTime(text string) (t time.Time, problem string) {
	const (
		secondDigits      = 9 // digits of a fraction of a second, down to nanoseconds
		leastWithFraction = 9 // digits before the point: from 1973 on
	)
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, hasPoint := strings.Cut(digits, ".")
	if whole == "" || hasPoint && strings.Trim(fraction, "0123456789") != "" {
		return t, notATime
	}
	if !hasPoint && !negative && readsAsDate(whole) {
		return t, "is a date, or a number of seconds or milliseconds since 1970: it is not clear which"
	}
	whole = strings.TrimLeft(whole, "0")
	if hasPoint && len(whole) < leastWithFraction {
		return t, "is too small for seconds since 1970 with a fraction: it may count days"
	}
	var scale int // how many digits of the unit's fraction make nanoseconds
	switch n := len(whole); {
	case n <= 11:
		scale = secondDigits
	case n <= 14:
		scale = secondDigits - 3
	case n <= 17:
		scale = secondDigits - 6
	case n <= 19:
	default:
		return t, "is too large for a time"
	}
	fraction = (fraction + strings.Repeat("0", scale))[:scale]
	digits = strings.Repeat("0", secondDigits+1) + whole + fraction
	at := len(digits) - secondDigits
	seconds, err := strconv.ParseInt(digits[:at], 10, 64)
	nanoseconds, nerr := strconv.ParseInt(digits[at:], 10, 64)
	if err != nil || nerr != nil {
		return t, notATime
	}
	if negative {
		seconds, nanoseconds = -seconds, -nanoseconds
	}
	if t = time.Unix(seconds, nanoseconds).UTC(); t.Year() < 0 || t.Year() > maxYear {
		return time.Time{}, "is too large for a time"
	}
	return t, ""
}

const maxYear = 9999 // of RFC 3339

// readsAsDate reports whether a number may be meant as a date, or a date with a time,
// without separators.
func readsAsDate(digits string) bool {
	for _, layout := range [...]string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, digits); err == nil && len(digits) == len(layout) && t.Year() >= 1970 && t.Year() < 2200 {
			return true
		}
	}
	return false
}

// readClockTime reads a date and a time of day.
func readClockTime(text string, zone *time.Location) (t time.Time, problem string) {
	r := clockReader{rest: text}
	year, month, day := r.number(4), r.after("-"), r.after("-")
	hour, minute := r.after("Tt "), r.after(":")
	second, nanosecond := 0, 0
	if strings.HasPrefix(r.rest, ":") {
		second, nanosecond = r.after(":"), r.fraction()
	}
	offset, given := r.offset()
	if r.bad || r.rest != "" {
		return t, notATime
	}
	leap := second == 60
	if leap {
		second, nanosecond = 59, int(time.Second-1)
	}
	wall := time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, time.UTC)
	if wall.Month() != time.Month(month) || wall.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return t, "is no time of any day"
	}
	switch {
	case given:
		t = wall.Add(-offset)
	case zone == nil:
		return t, "has no offset from UTC"
	default:
		if t, problem = ofClock(wall, zone); problem != "" {
			return time.Time{}, problem
		}
	}
	if next := t.Add(1); leap && (next.Day() != 1 || !next.Truncate(24*time.Hour).Equal(next)) {
		return time.Time{}, "is a leap second at a time that has none"
	}
	if t.Year() < 0 || t.Year() > maxYear {
		return time.Time{}, notATime
	}
	return t, ""
}

// ofClock returns the moment at which the local time in zone is what wall shows in UTC.
func ofClock(wall time.Time, zone *time.Location) (t time.Time, problem string) {
	shows := func(offset int) time.Time { return wall.Add(-time.Duration(offset) * time.Second) }
	_, offset := wall.In(zone).Zone()
	start, end := shows(offset).In(zone).ZoneBounds()
	offsets := []int{offset}
	for _, edge := range [...]time.Time{start.Add(-1), start, end} { // an edge is zero if there is none
		if edge.Year() > 1 {
			_, other := edge.In(zone).Zone()
			offsets = append(offsets, other)
		}
	}
	for _, offset := range offsets {
		at := shows(offset)
		if _, there := at.In(zone).Zone(); there != offset || at.Equal(t) {
			continue
		}
		if !t.IsZero() {
			return time.Time{}, fmt.Sprintf("comes twice in %s: give its offset from UTC", zone)
		}
		t = at
	}
	if t.IsZero() {
		return t, fmt.Sprintf("does not come in %s, where the clock is put forward over it", zone)
	}
	return t, ""
}

// A clockReader reads the parts of a time from the front of a text. bad is set once a
// part is not there.
type clockReader struct {
	rest string
	bad  bool
}

// number reads a number of exactly so many digits.
func (r *clockReader) number(digits int) (n int) {
	if r.bad = r.bad || len(r.rest) < digits; r.bad {
		return 0
	}
	for _, c := range []byte(r.rest[:digits]) {
		r.bad = r.bad || c < '0' || c > '9'
		n = 10*n + int(c-'0')
	}
	r.rest = r.rest[digits:]
	return n
}

// after reads one of marks, and then a number of two digits.
func (r *clockReader) after(marks string) int {
	if r.rest == "" || strings.IndexByte(marks, r.rest[0]) < 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[1:]
	return r.number(2)
}

// fraction reads the fraction of a second, in nanoseconds. It returns 0 if there is
// none.
func (r *clockReader) fraction() int {
	if r.rest == "" || r.rest[0] != '.' && r.rest[0] != ',' {
		return 0
	}
	after := strings.TrimLeft(r.rest[1:], "0123456789")
	digits := r.rest[1 : len(r.rest)-len(after)]
	if r.rest = after; digits == "" {
		r.bad = true
		return 0
	}
	n, err := strconv.Atoi((digits + "000000000")[:9])
	r.bad = r.bad || err != nil
	return n
}

// offset reads the offset from UTC, if one is given.
func (r *clockReader) offset() (ahead time.Duration, given bool) {
	r.rest = strings.TrimPrefix(r.rest, " ")
	switch r.rest {
	case "":
		return 0, false
	case "Z", "z", "UTC", "GMT":
		r.rest = ""
		return 0, true
	}
	sign := time.Duration(1)
	if r.rest[0] == '-' {
		sign = -1
	}
	hours, minutes := r.after("+-"), 0
	if r.rest != "" {
		r.rest = strings.TrimPrefix(r.rest, ":")
		minutes = r.number(2)
	}
	if hours > 23 || minutes > 59 {
		r.bad = true
	}
	return sign * (time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute), true
}
