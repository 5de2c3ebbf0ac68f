package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
)

// A tally computes the analyses from events, for engines that have nothing of
// the kind, and for the oracle.
type tally struct {
	heatmap doorlog.Heatmap
	days    map[string]*doorlog.DayCount
	labels  map[string]*labelSum
}

type labelSum struct {
	count      int
	confidence float64
}

func newTally() *tally {
	return &tally{days: make(map[string]*doorlog.DayCount), labels: make(map[string]*labelSum)}
}

func (t *tally) time(at time.Time) { t.heatmap[at.Weekday()][at.Hour()]++ }

func (t *tally) day(e *doorlog.Event) {
	date := e.RecordedAt.Format(time.DateOnly)
	d := t.days[date]
	if d == nil {
		d = &doorlog.DayCount{Date: date}
		t.days[date] = d
	}
	d.Count++
	switch {
	case e.Person != "":
		d.Known++
	case e.Type == doorlog.Motion:
		d.Strangers++
	}
	if e.UnlockGranted {
		d.Unlocks++
	}
}

func (t *tally) detections(list []doorlog.Detection) {
	for _, d := range list {
		s := t.labels[d.Label]
		if s == nil {
			s = new(labelSum)
			t.labels[d.Label] = s
		}
		s.count++
		s.confidence += d.Confidence
	}
}

func (t *tally) timeline() []doorlog.DayCount {
	var list []doorlog.DayCount
	for _, date := range slices.Sorted(maps.Keys(t.days)) {
		list = append(list, *t.days[date])
	}
	return list
}

func (t *tally) breakdown() []doorlog.LabelCount {
	var list []doorlog.LabelCount
	for label, s := range t.labels {
		list = append(list, doorlog.LabelCount{Label: label, Count: s.count, AvgConfidence: s.confidence / float64(s.count)})
	}
	slices.SortFunc(list, func(a, b doorlog.LabelCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Label, b.Label))
	})
	return list
}
