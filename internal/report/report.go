// Package report writes events down for people who do not have the store: as CSV for a spreadsheet, and as one HTML
// file with the pictures in it, for the police or a landlord. Both are written event by event, so a report needs no
// more memory when it is longer.
package report

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/doorlog/doorlog"
)

// The formats.
const (
	FormatCSV  = "csv"
	FormatHTML = "html"
)

// A Source has the events. Its methods are those of [doorlog.Store].
type Source interface {
	Events(ctx context.Context, q doorlog.Query) iter.Seq2[doorlog.Event, error]
	Count(ctx context.Context, q doorlog.Query) (int, error)
	Persons(ctx context.Context) ([]doorlog.Person, error)
	Thumbnail(ctx context.Context, id doorlog.ID) ([]byte, error)
}

// Options say how a report is written.
type Options struct {
	// Location is the time zone of all times; nil is UTC.
	Location *time.Location

	// Mark begins CSV with a byte order mark, because Excel reads it as UTF-8 only then.
	Mark bool

	// Language is the language of HTML: one of [Languages]; empty is English.
	Language string

	// Made is when the report is made, and StoreID identifies the store. HTML has both at its beginning.
	Made    time.Time
	StoreID string

	// Picked says that somebody picked the events, so no conditions select them.
	Picked bool

	// NoPictures leaves the pictures out of HTML.
	NoPictures bool

	// Each, if not nil, is called after each event with what has been written so far.
	Each func(Sum)
}

// A Sum says what a report has.
type Sum struct {
	Events   int
	Pictures int
	Missing  int // pictures that events name, and that could not be read
}

func (o *Options) location() *time.Location {
	if o.Location == nil {
		return time.UTC
	}
	return o.Location
}

// done counts an event.
func (o *Options) done(sum *Sum) {
	sum.Events++
	if o.Each != nil {
		o.Each(*sum)
	}
}

// FileName returns a name for a report about q, such as doorlog-2026-02-01-to-2026-02-28.csv. Its days are those of
// loc. made ends a range that has no end.
func FileName(q doorlog.Query, format string, loc *time.Location, made time.Time) string {
	last := made
	if !q.Until.IsZero() {
		last = q.Until.Add(-1) // it is not in the range
	}
	to := last.In(loc).Format(time.DateOnly)
	if q.Since.IsZero() {
		return fmt.Sprintf("doorlog-to-%s.%s", to, format)
	}
	from := q.Since.In(loc).Format(time.DateOnly)
	if from == to {
		return fmt.Sprintf("doorlog-%s.%s", to, format)
	}
	return fmt.Sprintf("doorlog-%s-to-%s.%s", from, to, format)
}
