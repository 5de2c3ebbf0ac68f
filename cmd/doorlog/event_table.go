package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// writeEventTable writes a row for each event, with times in loc, or noMatch if there is none.
func writeEventTable(w io.Writer, events []doorlog.Event, loc *time.Location) error {
	if len(events) == 0 {
		_, err := fmt.Fprintln(w, noMatch)
		return err
	}
	rows := make([][]string, len(events))
	for i := range events {
		e := &events[i]
		rows[i] = []string{
			e.RecordedAt.In(loc).Format(timeLayout), e.Camera, string(e.Type), e.Person, doorCell(e),
			labels(e), yesNo(e.ThumbnailPath != ""), e.ID.String(),
		}
	}
	return terminal.WriteTable(w, []string{"TIME", "CAMERA", "TYPE", "PERSON", "DOOR", "LABELS", "THUMBNAIL", "ID"}, rows)
}

// doorCell returns what the door did, and how, such as "unlocked (face)".
func doorCell(e *doorlog.Event) string {
	var parts []string
	if e.Door != doorlog.NoAction {
		parts = append(parts, e.Door.String())
	}
	if e.Method != "" {
		parts = append(parts, "("+string(e.Method)+")")
	}
	return strings.Join(parts, " ")
}

const maxLabels = 5 // how many labels of an event a table shows

// noMatch is printed instead of an empty table of events.
const noMatch = "no events match"

// labels returns the labels of the event, each once with its highest confidence, in
// descending order of confidence.
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

// emitEvent prints an event with all of its fields.
func (a *app) emitEvent(e *doorlog.Event, loc *time.Location) error {
	return a.emit(e, func(w io.Writer) error {
		shown := *e
		if e.ThumbnailPath != "" {
			dir, err := a.thumbnailDir()
			if err != nil {
				return err
			}
			shown.ThumbnailPath = filepath.Join(dir, filepath.FromSlash(e.ThumbnailPath))
		}
		return terminal.WriteTable(w, nil, eventDetails(&shown, loc))
	})
}

// eventDetails returns the name and the value of each field.
func eventDetails(e *doorlog.Event, loc *time.Location) [][]string {
	const layout = "2006-01-02 15:04:05.999999999 MST"
	frame, ended := "", ""
	if !e.EndedAt.IsZero() {
		ended = e.EndedAt.In(loc).Format(layout)
	}
	if e.FrameWidth > 0 && e.FrameHeight > 0 {
		frame = fmt.Sprintf("%d × %d", e.FrameWidth, e.FrameHeight)
	}
	rows := [][]string{
		{"id", e.ID.String()},
		{"time", e.RecordedAt.In(loc).Format(layout)},
		{"ended", ended},
		{"camera", e.Camera},
		{"type", string(e.Type)},
		{"recording", e.RecordingID},
		{"person", e.Person},
		{"face confidence", number(e.FaceConfidence)},
		{"face distance", number(e.FaceDistance)},
		{"unlock granted", yesNo(e.UnlockGranted)},
		{"door", e.Door.String()},
		{"method", string(e.Method)},
		{"thumbnail", e.ThumbnailPath},
		{"frame", frame},
		{"alert sent", yesNo(e.AlertSent)},
		{"pinned", yesNo(e.Pinned)},
		{"reviewed", yesNo(e.Reviewed)},
		{"written", e.CreatedAt.In(loc).Format(layout)},
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		rows = append(rows, []string{"attribute " + name, e.Attributes[name]})
	}
	for _, d := range e.Detections {
		value := fmt.Sprintf("%s %s", d.Label, number(&d.Confidence))
		if b := d.Box; b != nil {
			value += fmt.Sprintf(" at (%s, %s) to (%s, %s)", number(&b.X1), number(&b.Y1), number(&b.X2), number(&b.Y2))
		}
		rows = append(rows, []string{"detection", value})
	}
	return rows
}
