package main

import (
	"github.com/doorlog/doorlog"
)

// The oracle answers from the workload itself, without storing anything: what
// every engine has to say.
type oracle struct{ events int }

func (o oracle) Load([]doorlog.Event, int) error { return errUnasked }
func (o oracle) Settle() error                   { return errUnasked }
func (o oracle) Write(*doorlog.Event, int) error { return errUnasked }
func (o oracle) Close() error                    { return nil }

func (o oracle) Event(r ref) (doorlog.Event, error) { return event(r.n), nil }

func (o oracle) Newest(limit int) ([]doorlog.Event, error) {
	return o.newest(0, limit, func(*doorlog.Event) bool { return true }), nil
}

func (o oracle) NewestWithLabel(label string, limit int) ([]doorlog.Event, error) {
	return o.newest(0, limit, func(e *doorlog.Event) bool {
		for _, d := range e.Detections {
			if d.Label == label {
				return true
			}
		}
		return false
	}), nil
}

func (o oracle) Pair(camera, person string, limit int) ([]doorlog.Event, error) {
	return o.newest(0, limit, func(e *doorlog.Event) bool { return e.Camera == camera && e.Person == person }), nil
}

func (o oracle) PageAt(depth int, _ ref, limit int) ([]doorlog.Event, error) {
	return o.newest(depth, limit, func(*doorlog.Event) bool { return true }), nil
}

func (o oracle) newest(skip, limit int, match func(*doorlog.Event) bool) (list []doorlog.Event) {
	for n := o.events - 1 - skip; n >= 0 && len(list) < limit; n-- {
		if e := event(n); match(&e) {
			list = append(list, e)
		}
	}
	return list
}

func (o oracle) CountCamera(camera string) (count int, err error) {
	for n := range o.events {
		if event(n).Camera == camera {
			count++
		}
	}
	return count, nil
}

func (o oracle) Heatmap(s span) (doorlog.Heatmap, error) { return o.tally(s).heatmap, nil }

func (o oracle) Timeline(s span) ([]doorlog.DayCount, error) { return o.tally(s).timeline(), nil }

func (o oracle) Breakdown(s span) ([]doorlog.LabelCount, error) { return o.tally(s).breakdown(), nil }

func (o oracle) tally(s span) *tally {
	t := newTally()
	for n := range o.events {
		if e := event(n); s.contains(e.RecordedAt) {
			t.time(e.RecordedAt)
			t.day(&e)
			t.detections(e.Detections)
		}
	}
	return t
}
