package web

import (
	"context"
	"iter"

	"github.com/doorlog/doorlog"
)

// The reads. Each is the method of [doorlog.Store] of the same name.

// reading checks that the caller may read, and calls fn.
func reading[T any](a *access, what string, fn func() (T, error)) (v T, err error) {
	if err := a.may(needsRead, "read "+what); err != nil {
		return v, err
	}
	return fn()
}

// Event is [doorlog.Store.Event].
func (a *access) Event(ctx context.Context, id doorlog.ID) (doorlog.Event, error) {
	return reading(a, "events", func() (doorlog.Event, error) { return a.st.Event(ctx, id) })
}

// EventByRecording is [doorlog.Store.EventByRecording].
func (a *access) EventByRecording(ctx context.Context, camera, recording string) (doorlog.Event, error) {
	return reading(a, "events", func() (doorlog.Event, error) { return a.st.EventByRecording(ctx, camera, recording) })
}

// Page is [doorlog.Store.Page].
func (a *access) Page(ctx context.Context, q doorlog.Query, cursor string) (doorlog.Page, error) {
	return reading(a, "events", func() (doorlog.Page, error) { return a.st.Page(ctx, q, cursor) })
}

// Events is [doorlog.Store.Events].
func (a *access) Events(ctx context.Context, q doorlog.Query) iter.Seq2[doorlog.Event, error] {
	if err := a.may(needsRead, "read events"); err != nil {
		return func(yield func(doorlog.Event, error) bool) { yield(doorlog.Event{}, err) }
	}
	return a.st.Events(ctx, q)
}

// Known returns those of ids that events have, of one snapshot.
func (a *access) Known(ctx context.Context, ids []doorlog.ID) ([]doorlog.ID, error) {
	return reading(a, "events", func() (known []doorlog.ID, err error) {
		there, err := a.existing(ctx, ids)
		for _, id := range ids {
			if there[id] {
				known = append(known, id)
			}
		}
		return known, err
	})
}

// Thumbnail is [doorlog.Store.Thumbnail].
func (a *access) Thumbnail(ctx context.Context, id doorlog.ID) ([]byte, error) {
	return reading(a, "thumbnails", func() ([]byte, error) { return a.st.Thumbnail(ctx, id) })
}

// Count is [doorlog.Store.Count].
func (a *access) Count(ctx context.Context, q doorlog.Query) (int, error) {
	return reading(a, "events", func() (int, error) { return a.st.Count(ctx, q) })
}

// Explain is [doorlog.Store.Explain].
func (a *access) Explain(ctx context.Context, q doorlog.Query) (doorlog.Plan, error) {
	return reading(a, "events", func() (doorlog.Plan, error) { return a.st.Explain(ctx, q) })
}

// Summary is [doorlog.Store.Summary].
func (a *access) Summary(ctx context.Context, sc doorlog.Scope) (doorlog.Summary, error) {
	return reading(a, "events", func() (doorlog.Summary, error) { return a.st.Summary(ctx, sc) })
}

// Heatmap is [doorlog.Store.Heatmap].
func (a *access) Heatmap(ctx context.Context, sc doorlog.Scope) (doorlog.Heatmap, error) {
	return reading(a, "events", func() (doorlog.Heatmap, error) { return a.st.Heatmap(ctx, sc) })
}

// LabelBreakdown is [doorlog.Store.LabelBreakdown].
func (a *access) LabelBreakdown(ctx context.Context, sc doorlog.Scope) ([]doorlog.LabelCount, error) {
	return reading(a, "events", func() ([]doorlog.LabelCount, error) { return a.st.LabelBreakdown(ctx, sc) })
}

// Timeline is [doorlog.Store.Timeline].
func (a *access) Timeline(ctx context.Context, sc doorlog.Scope) ([]doorlog.DayCount, error) {
	return reading(a, "events", func() ([]doorlog.DayCount, error) { return a.st.Timeline(ctx, sc) })
}

// Quarters is [doorlog.Store.Quarters].
func (a *access) Quarters(ctx context.Context, sc doorlog.Scope) ([]doorlog.QuarterCount, error) {
	return reading(a, "events", func() ([]doorlog.QuarterCount, error) { return a.st.Quarters(ctx, sc) })
}

// PeakHours is [doorlog.Store.PeakHours].
func (a *access) PeakHours(ctx context.Context, sc doorlog.Scope) ([]doorlog.HourCount, error) {
	return reading(a, "events", func() ([]doorlog.HourCount, error) { return a.st.PeakHours(ctx, sc) })
}

// PersonActivity is [doorlog.Store.PersonActivity].
func (a *access) PersonActivity(ctx context.Context, sc doorlog.Scope) ([]doorlog.PersonCount, error) {
	return reading(a, "events", func() ([]doorlog.PersonCount, error) { return a.st.PersonActivity(ctx, sc) })
}

// Analytics is [doorlog.Store.Analytics].
func (a *access) Analytics(ctx context.Context, sc doorlog.Scope) (doorlog.Analytics, error) {
	return reading(a, "events", func() (doorlog.Analytics, error) { return a.st.Analytics(ctx, sc) })
}

// Cameras is [doorlog.Store.Cameras].
func (a *access) Cameras(ctx context.Context) ([]doorlog.CameraInfo, error) {
	return reading(a, "the cameras", func() ([]doorlog.CameraInfo, error) { return a.st.Cameras(ctx) })
}

// Types is [doorlog.Store.Types].
func (a *access) Types(ctx context.Context) ([]doorlog.TypeInfo, error) {
	return reading(a, "the types", func() ([]doorlog.TypeInfo, error) { return a.st.Types(ctx) })
}

// Persons is [doorlog.Store.Persons].
func (a *access) Persons(ctx context.Context) ([]doorlog.Person, error) {
	return reading(a, "persons", func() ([]doorlog.Person, error) { return a.st.Persons(ctx) })
}

// Person is [doorlog.Store.Person].
func (a *access) Person(ctx context.Context, name string) (doorlog.Person, error) {
	return reading(a, "persons", func() (doorlog.Person, error) { return a.st.Person(ctx, name) })
}

// AutoUnlockNames is [doorlog.Store.AutoUnlockNames].
func (a *access) AutoUnlockNames(ctx context.Context) ([]string, error) {
	return reading(a, "persons", func() ([]string, error) { return a.st.AutoUnlockNames(ctx) })
}

// Stats is [doorlog.Store.Stats].
func (a *access) Stats(ctx context.Context) (doorlog.Stats, error) {
	return reading(a, "about the store", func() (doorlog.Stats, error) { return a.st.Stats(ctx) })
}
