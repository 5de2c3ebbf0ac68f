package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

const (
	maxStatsDays = 36500
	drawnDays    = 31 // rows of days
	drawnNames   = 20 // rows of labels and of persons
)

// statsFlags are the flags of stats.
type statsFlags struct {
	between timeRange
	days    int
	camera  string

	methods, attributes  []string
	reviewed, unreviewed bool
}

func newStatsCommand(a *app) *cobra.Command {
	var f statsFlags
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count events by time, label and person",
		Long: `Show how many events there are: by weekday and hour, by day, by hour of the day, by
label of their detections, and by person. Days and hours are those of the clock in --tz.

A stranger is a motion without a person. --since and --until take a TIME, a date or an
AGE ("doorlog help" explains them). The range includes --since and excludes --until.
"today" is the current day, whatever the range. "A DAY" is the average over all days of
the range: from --since, or the first event, to --until, or today.

With --json it prints an object with summary, heatmap, breakdown, timeline, hours and
persons. In the heatmap Sunday is 0, and hours without events are left out.`,
		Example: `  doorlog stats --days 30 --tz Europe/Berlin
  doorlog stats --camera front_door --since 2026-02-01 --until 2026-03-01
  doorlog stats --attribute zone=porch --unreviewed
  doorlog stats --json | jq .summary`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.stats(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.between.addTo(cmd)
	flags.IntVar(&f.days, "days", 0, "the last `N` days, today included")
	flags.StringVar(&f.camera, "camera", "", "only events of the camera of this `name`")
	flags.StringSliceVar(&f.methods, "method", nil, "only events in which the door was worked by this `method`; repeatable")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "only events with this attribute, as `name=value`; repeatable")
	flags.BoolVar(&f.reviewed, "reviewed", false, "only events that somebody has reviewed")
	flags.BoolVar(&f.unreviewed, "unreviewed", false, "only events that nobody has reviewed")
	return cmd
}

// stats prints the statistics of the events that the flags select.
func (a *app) stats(ctx context.Context, f *statsFlags, given func(flag string) bool) error {
	if a.flags.jsonl {
		return misuse("--jsonl is for lists: use --json, because stats prints one document")
	}
	loc, err := a.location()
	if err != nil {
		return err
	}
	sc, err := f.scope(given, a.now(), loc)
	if err != nil {
		return err
	}
	var s statistics
	err = a.withStore(ctx, reads, func(ctx context.Context, st store) error {
		s.Analytics, err = st.Analytics(ctx, sc)
		return err
	})
	if err != nil {
		return fromFlags(err)
	}
	return a.emit(&s.Analytics, func(w io.Writer) error { return s.draw(w, a.screen, &sc) })
}

// scope returns the scope that the flags describe.
func (f *statsFlags) scope(given func(flag string) bool, now time.Time, loc *time.Location) (doorlog.Scope, error) {
	sc := doorlog.Scope{Camera: f.camera, Location: loc}
	switch {
	case given("camera") && f.camera == "":
		return sc, misuse("--camera is empty")
	case given("days") && given("since"):
		return sc, misuse("--days and --since exclude each other")
	case given("days") && (f.days < 1 || f.days > maxStatsDays):
		return sc, misuse("--days %d is not in 1..%d", f.days, maxStatsDays)
	}
	for _, name := range f.methods {
		if name == "" {
			return sc, misuse("--method is empty")
		}
		sc.Methods = append(sc.Methods, doorlog.Method(name))
	}
	var err error
	if sc.Reviewed, err = opposites(given, "reviewed", f.reviewed, "unreviewed", f.unreviewed); err != nil {
		return sc, err
	}
	if sc.Attributes, err = parseAskedAttributes(f.attributes); err != nil {
		return sc, err
	}
	if sc.Since, sc.Until, err = f.between.bounds(given, now, loc); err != nil {
		return sc, err
	}
	if given("days") {
		sc.Since = startOfDay(dateOf(now.In(loc)).AddDate(0, 0, 1-f.days), loc)
	}
	return sc, nil
}

// statistics are those of one scope, all of one state of the store.
type statistics struct{ doorlog.Analytics }

// draw writes the statistics for people.
func (s *statistics) draw(w io.Writer, in terminal.Screen, sc *doorlog.Scope) error {
	var out bytes.Buffer
	s.drawSummary(&out, in, sc)
	if s.Summary.Total > 0 {
		fmt.Fprintln(&out, "\nBy weekday and hour")
		in.WriteHeatmap(&out, (*[7][hoursADay]int)(&s.Heatmap))
		fmt.Fprintln(&out, "\nBy day")
		s.drawTimeline(&out, in)
		fmt.Fprintln(&out, "\nBy hour")
		s.drawHours(&out, in)
	}
	if len(s.Breakdown) > 0 {
		fmt.Fprintln(&out, "\nDetections by label")
		s.drawLabels(&out, in)
	}
	if len(s.Persons) > 0 {
		fmt.Fprintln(&out, "\nPersons")
		s.drawPersons(&out, in, sc.Location)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (s *statistics) drawSummary(w io.Writer, in terminal.Screen, sc *doorlog.Scope) {
	fmt.Fprint(w, plural(s.Summary.Total, "event"))
	if sc.Camera != "" {
		fmt.Fprint(w, " of ", in.Clip(sc.Camera))
	}
	fmt.Fprintln(w)
	if s.Summary.Total > 0 {
		zone := sc.Location.String()
		if sc.Location == time.Local {
			zone = "local time"
		}
		fmt.Fprintf(w, "from %s to %s, %s\n", s.Summary.First.In(sc.Location).Format(minuteLayout),
			s.Summary.Last.In(sc.Location).Format(minuteLayout), zone)
	}
	for _, row := range [...]struct {
		name string
		n    int
	}{{"today", s.Summary.Today}, {"known", s.Summary.Known}, {"strangers", s.Summary.Strangers}, {"unlocks", s.Summary.Unlocks}} {
		fmt.Fprintf(w, "  %-9s %9s\n", row.name, count(row.n))
	}
}

// drawTimeline writes the last days, also those without events.
func (s *statistics) drawTimeline(w io.Writer, in terminal.Screen) {
	dates := make(map[string]doorlog.DayCount, len(s.Timeline))
	for _, d := range s.Timeline {
		dates[d.Date] = d
	}
	first, err1 := time.Parse(time.DateOnly, s.Timeline[0].Date)
	last, err2 := time.Parse(time.DateOnly, s.Timeline[len(s.Timeline)-1].Date)
	if err1 != nil || err2 != nil {
		return // the library always writes dates in this form
	}
	days := int(last.Sub(first)/(hoursADay*time.Hour)) + 1
	if left := days - drawnDays; left > 0 {
		fmt.Fprintf(w, "(%s before are left out)\n", plural(left, "day"))
	}
	c := terminal.Chart{Header: []string{"DATE", "EVENTS", "KNOWN", "STRANGERS", "UNLOCKS"}}
	for date := last.AddDate(0, 0, 1-min(days, drawnDays)); !date.After(last); date = date.AddDate(0, 0, 1) {
		d := dates[date.Format(time.DateOnly)]
		c.Add(d.Count, date.Format("2006-01-02 Mon"), count(d.Count), count(d.Known), count(d.Strangers), count(d.Unlocks))
	}
	in.WriteChart(w, &c)
}

func (s *statistics) drawHours(w io.Writer, in terminal.Screen) {
	c := terminal.Chart{Header: []string{"HOUR", "EVENTS", "A DAY"}}
	for _, h := range s.Hours {
		c.Add(h.Count, fmt.Sprintf("%02d", h.Hour), count(h.Count), fmt.Sprintf("%.2f", h.AvgPerDay))
	}
	in.WriteChart(w, &c)
}

func (s *statistics) drawLabels(w io.Writer, in terminal.Screen) {
	c := terminal.Chart{Header: []string{"LABEL", "COUNT", "CONFIDENCE"}}
	for _, l := range s.Breakdown[:min(len(s.Breakdown), drawnNames)] {
		c.Add(l.Count, in.Clip(l.Label), count(l.Count), fmt.Sprintf("%.2f", l.AvgConfidence))
	}
	in.WriteChart(w, &c)
	drawRest(w, len(s.Breakdown))
}

func (s *statistics) drawPersons(w io.Writer, in terminal.Screen, loc *time.Location) {
	c := terminal.Chart{Header: []string{"PERSON", "VISITS", "FIRST SEEN", "LAST SEEN"}}
	for _, p := range s.Persons[:min(len(s.Persons), drawnNames)] {
		c.Add(p.Visits, in.Clip(p.Person), count(p.Visits), p.First.In(loc).Format(minuteLayout), p.Last.In(loc).Format(minuteLayout))
	}
	in.WriteChart(w, &c)
	drawRest(w, len(s.Persons))
}

// drawRest says how many rows are left out.
func drawRest(w io.Writer, rows int) {
	if rows > drawnNames {
		fmt.Fprintf(w, "(and %d more)\n", rows-drawnNames)
	}
}
