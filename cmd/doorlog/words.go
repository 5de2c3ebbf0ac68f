package main

import (
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// count returns a number as "1,234".
func count(n int) string { return humanize.Comma(int64(n)) }

// plural returns "1 event" or "1,234 events".
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// size returns a number of bytes as "1.2 MiB".
func size(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// number returns a number, or "" for nil.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

// wereThere goes on after a number of events.
func wereThere(n int) string {
	if n == 1 {
		return " was there already"
	}
	return " were there already"
}

// rounded returns a duration in days, or to the second.
func rounded(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return plural(int(d/day), "day")
	}
	return d.Round(time.Second).String()
}

// How tables show a time.
const (
	timeLayout   = "2006-01-02 15:04:05 MST"
	minuteLayout = "2006-01-02 15:04"
)
