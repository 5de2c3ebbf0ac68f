package main

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// queryFlags are the flags that make a query.
type queryFlags struct {
	cameras, persons, labels, types, doors, methods, attributes []string

	stranger, known, unlocked, alerted, unalerted, hasThumbnail, pinned, reviewed, unreviewed bool

	recording     string
	minConfidence float64
	between       timeRange
	hours         string
	weekdays      []string

	oldestFirst   bool
	limit, offset int
}

// addTo adds the flags of a page of events.
func (q *queryFlags) addTo(cmd *cobra.Command) {
	q.addConditions(cmd)
	f := cmd.Flags()
	f.BoolVar(&q.oldestFirst, "oldest-first", false, "show the oldest events first")
	f.IntVar(&q.limit, "limit", doorlog.DefaultPageLimit, "show at most `N` events")
	f.IntVar(&q.offset, "offset", 0, "skip the first `N` events; --cursor is faster if they are many")
}

// addConditions adds the flags that select events.
func (q *queryFlags) addConditions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&q.cameras, "camera", nil, "events of this camera's `name`; repeatable, as are all names")
	f.StringSliceVar(&q.persons, "person", nil, "events of the person of this `name`")
	f.BoolVar(&q.stranger, "stranger", false, "events without a person")
	f.BoolVar(&q.known, "known", false, "events with a person")
	f.StringSliceVar(&q.labels, "label", nil, "events in which this `label` was detected")
	f.Float64Var(&q.minConfidence, "min-confidence", 0, "events with a detection (of --label, if given) of at least this confidence, `0..1`")
	f.StringSliceVar(&q.types, "type", nil, "events of this `type`: motion, ding, or any other name")
	f.StringSliceVar(&q.doors, "door", nil, "events with this `action` of the door: none, unlocked, locked, opened, closed, jammed or failed")
	f.StringSliceVar(&q.methods, "method", nil, "events in which the door was worked by this `method`: face, keypad, key, app, auto, manual, or any other name")
	f.StringArrayVar(&q.attributes, "attribute", nil, "events with this attribute, as `name=value`; repeatable: one of the values of each name")
	f.BoolVar(&q.unlocked, "unlocked", false, "events that let the person in (=false: those that did not)")
	f.BoolVar(&q.alerted, "alerted", false, "events for which an alert was sent")
	f.BoolVar(&q.unalerted, "unalerted", false, "events for which no alert was sent")
	f.BoolVar(&q.hasThumbnail, "has-thumbnail", false, "events with a thumbnail (=false: without one)")
	f.BoolVar(&q.pinned, "pinned", false, "events that are pinned (=false: those that are not)")
	f.BoolVar(&q.reviewed, "reviewed", false, "events that somebody has reviewed")
	f.BoolVar(&q.unreviewed, "unreviewed", false, "events that nobody has reviewed")
	f.StringVar(&q.recording, "recording", "", "events of the recording with this `id`")
	q.between.addTo(cmd)
	f.StringVar(&q.hours, "hours", "", "events in these `hours` of the day: 22-6 is from 22:00 until just before 6:00")
	f.StringSliceVar(&q.weekdays, "weekdays", nil, "events on these `days` of the week, such as sat,sun or mon-fri")

	_ = cmd.RegisterFlagCompletionFunc("weekdays", cobra.FixedCompletions(
		[]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun", "mon-fri", "sat-sun"}, cobra.ShellCompDirectiveNoFileComp))
}

// query returns the query that the flags describe. given reports whether a flag was given.
// Ages count back from now; dates, hours and weekdays are those of loc.
func (q *queryFlags) query(given func(flag string) bool, now time.Time, loc *time.Location) (doorlog.Query, error) {
	out := doorlog.Query{
		Cameras: q.cameras, Persons: q.persons, Labels: q.labels, MinConfidence: q.minConfidence,
		RecordingID: q.recording, OldestFirst: q.oldestFirst, Limit: q.limit, Offset: q.offset,
	}
	if err := q.check(given); err != nil {
		return out, err
	}
	for _, name := range q.types {
		out.Types = append(out.Types, doorlog.EventType(name))
	}
	for _, name := range q.methods {
		out.Methods = append(out.Methods, doorlog.Method(name))
	}
	for _, name := range q.doors {
		action, err := parseDoor(name)
		if err != nil {
			return out, err
		}
		out.Doors = append(out.Doors, action)
	}
	var err error
	if out.Since, out.Until, err = q.between.bounds(given, now, loc); err != nil {
		return out, err
	}
	if out.Stranger, err = opposites(given, "stranger", q.stranger, "known", q.known); err != nil {
		return out, err
	}
	if len(q.persons) > 0 && out.Stranger != nil && *out.Stranger {
		return out, misuse("--person and --stranger exclude each other: a stranger is an event without a person")
	}
	if out.AlertSent, err = opposites(given, "alerted", q.alerted, "unalerted", q.unalerted); err != nil {
		return out, err
	}
	if out.Reviewed, err = opposites(given, "reviewed", q.reviewed, "unreviewed", q.unreviewed); err != nil {
		return out, err
	}
	if out.Attributes, err = parseAskedAttributes(q.attributes); err != nil {
		return out, err
	}
	if given("unlocked") {
		out.UnlockGranted = &q.unlocked
	}
	if given("has-thumbnail") {
		out.HasThumbnail = &q.hasThumbnail
	}
	if given("pinned") {
		out.Pinned = &q.pinned
	}
	return out, q.clock(given, loc, &out)
}

// parseAskedAttributes parses texts of the form name=value. A name may come several times.
func parseAskedAttributes(texts []string) (map[string][]string, error) {
	var asked map[string][]string
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, misuse("--attribute %q is not name=value", text)
		}
		if asked == nil {
			asked = make(map[string][]string)
		}
		asked[name] = append(asked[name], value)
	}
	return asked, nil
}

// check refuses invalid values, before the library does in other words.
func (q *queryFlags) check(given func(flag string) bool) error {
	for _, list := range [...]struct {
		flag  string
		names []string
	}{
		{"camera", q.cameras},
		{"person", q.persons},
		{"label", q.labels},
		{"type", q.types},
		{"door", q.doors},
		{"method", q.methods},
		{"weekdays", q.weekdays},
	} {
		// The library would read an empty list as no condition.
		if given(list.flag) && (len(list.names) == 0 || slices.Contains(list.names, "")) {
			return misuse("--%s has an empty name", list.flag)
		}
	}
	switch {
	case given("recording") && q.recording == "":
		return misuse("--recording is empty")
	case !(q.minConfidence >= 0 && q.minConfidence <= 1): // also if it is NaN
		return misuse("--min-confidence %v is not in 0..1", q.minConfidence)
	case q.limit < 1:
		return misuse("--limit %d is less than 1", q.limit)
	case q.offset < 0:
		return misuse("--offset %d is less than 0", q.offset)
	}
	return nil
}

// clock sets the hours and the days of the week.
func (q *queryFlags) clock(given func(flag string) bool, loc *time.Location, out *doorlog.Query) error {
	if given("hours") {
		hours, ok := parseHours(q.hours)
		if !ok {
			return misuse("--hours %q is not two hours of the day such as 22-6", q.hours)
		}
		out.Hours = &hours
	}
	for _, text := range q.weekdays {
		days, ok := parseWeekdays(text)
		if !ok {
			return misuse("--weekdays %q is not a day such as sat, or days such as mon-fri", text)
		}
		out.Weekdays = append(out.Weekdays, days...)
	}
	if out.Hours != nil || out.Weekdays != nil {
		out.Location = namedZone(loc) // otherwise left out, so that a cursor is valid in every zone
	}
	return nil
}

// opposites returns what a flag or its opposite says, or nil if neither is given.
func opposites(given func(flag string) bool, yes string, isYes bool, no string, isNo bool) (*bool, error) {
	switch {
	case given(yes) && given(no):
		return nil, misuse("--%s and --%s exclude each other", yes, no)
	case given(yes):
		return &isYes, nil
	case given(no):
		return new(!isNo), nil
	}
	return nil, nil
}

// parseHours parses hours such as 22-6. At the end midnight may be 0 or 24.
func parseHours(text string) (h doorlog.Hours, ok bool) {
	from, until, found := strings.Cut(text, "-")
	var err1, err2 error
	h.From, err1 = strconv.Atoi(from)
	h.Until, err2 = strconv.Atoi(until)
	if !found || err1 != nil || err2 != nil || h.From == h.Until {
		return h, false
	}
	if h.Until == 0 {
		h.Until = hoursADay
	}
	return h, 0 <= h.From && h.From < hoursADay && 0 < h.Until && h.Until <= hoursADay
}

// parseWeekdays parses a day of the week, as at least three letters of its name, or a range
// such as mon-fri.
func parseWeekdays(text string) (days []time.Weekday, ok bool) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, ok1 := parseWeekday(first)
	to, ok2 := parseWeekday(last)
	if !ok1 || !ok2 {
		return nil, false
	}
	for d := from; ; d = (d + 1) % 7 {
		if days = append(days, d); d == to {
			return days, true
		}
	}
}

func parseWeekday(text string) (time.Weekday, bool) {
	const least = 3 // letters are enough to tell the days apart
	text = strings.ToLower(strings.TrimSpace(text))
	for d := time.Sunday; d <= time.Saturday; d++ {
		if len(text) >= least && strings.HasPrefix(strings.ToLower(d.String()), text) {
			return d, true
		}
	}
	return 0, false
}
