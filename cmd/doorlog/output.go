package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
)

// noMatch is what stands in the place of a table of events that is empty.
const noMatch = "no events match"

// timeLayout is how tables show a time.
const timeLayout = "2006-01-02 15:04:05 MST"

const maxLabels = 5 // labels of an event that a table shows

// emit prints one result: v in the JSON form that was asked for, else what
// text writes.
func (a *app) emit(v any, text func(io.Writer) error) error {
	if a.flags.json || a.flags.jsonl {
		return writeJSON(a.jsonOut(a.out), v, a.flags.json)
	}
	return a.print(text)
}

// emitList prints results: one array, a line each, or what text writes.
func emitList[T any](a *app, items []T, text func(io.Writer) error) error {
	if !a.flags.jsonl {
		if items == nil {
			items = []T{} // JSON: [], not null
		}
		return a.emit(items, text)
	}
	w := bufio.NewWriter(a.out)
	for _, item := range items {
		if err := writeJSON(a.jsonOut(w), item, false); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeEventTable writes a row for each event, with times in loc, or says that there
// is none.
func writeEventTable(w io.Writer, events []doorlog.Event, loc *time.Location) error {
	if len(events) == 0 {
		_, err := fmt.Fprintln(w, noMatch)
		return err
	}
	rows := make([][]string, len(events))
	for i := range events {
		e := &events[i]
		door := ""
		if e.Door != doorlog.NoAction {
			door = e.Door.String()
		}
		rows[i] = []string{
			e.RecordedAt.In(loc).Format(timeLayout), e.Camera, string(e.Type), e.Person, door,
			labels(e), yesNo(e.ThumbnailPath != ""), e.ID.String(),
		}
	}
	return writeTable(w, []string{"TIME", "CAMERA", "TYPE", "PERSON", "DOOR", "LABELS", "THUMBNAIL", "ID"}, rows)
}

// labels returns each label of the event once, with its best confidence, the
// surest first.
func labels(e *doorlog.Event) string {
	var best []doorlog.Detection
	for _, d := range e.Detections {
		at := slices.IndexFunc(best, func(b doorlog.Detection) bool { return b.Label == d.Label })
		if at < 0 {
			best = append(best, d)
		} else {
			best[at].Confidence = max(best[at].Confidence, d.Confidence)
		}
	}
	slices.SortStableFunc(best, func(a, b doorlog.Detection) int { return cmp.Compare(b.Confidence, a.Confidence) })
	var parts []string
	for i, d := range best {
		if i == maxLabels {
			parts = append(parts, fmt.Sprintf("%d more", len(best)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %.2f", d.Label, d.Confidence))
	}
	return strings.Join(parts, ", ")
}

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

// A stickyWriter remembers the first error of its writer and passes nothing on
// after it, so that one look at the end tells whether all was written.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.w.Write(p)
	}
	return n, s.err
}
