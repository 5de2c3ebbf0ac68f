package report

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/printable"
)

var csvHeader = []string{
	"id", "recorded_at", "camera_id", "event_type", "person_name", "door_action", "unlock_granted", "detections",
	"recording_id", "face_confidence", "face_distance", "alert_sent", "pinned", "thumbnail_path", "frame_width", "frame_height",
	"created_at", "attributes", "ended_at", "method", "reviewed", "local_time",
}

const byteOrderMark = "\uFEFF"

// CSV writes a header and a line for each event that q asks for. It returns how many events it has written, also if
// there is an error.
func CSV(ctx context.Context, w io.Writer, src Source, q doorlog.Query, o *Options) (sum Sum, err error) {
	if o.Mark {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return sum, err
		}
	}
	lines := csv.NewWriter(w)
	if err := lines.Write(csvHeader); err != nil {
		return sum, err
	}
	for e, err := range src.Events(ctx, q) {
		if err != nil {
			return sum, err
		}
		row, err := csvRow(&e, o.location())
		if err != nil {
			return sum, err
		}
		if err := lines.Write(row); err != nil {
			return sum, err
		}
		o.done(&sum)
	}
	lines.Flush()
	return sum, lines.Error()
}

func csvRow(e *doorlog.Event, loc *time.Location) ([]string, error) {
	const (
		layout = "2006-01-02T15:04:05.000-07:00" // the offset tells apart an hour that comes twice in autumn
		local  = "2006-01-02 15:04:05.000"       // spreadsheets read this as a time
	)
	at, ended := e.RecordedAt.In(loc), ""
	if !e.EndedAt.IsZero() {
		ended = e.EndedAt.In(loc).Format(layout)
	}
	attributes := ""
	if len(e.Attributes) > 0 {
		var text strings.Builder
		if err := printable.WriteJSON(&text, e.Attributes, false); err != nil {
			return nil, err
		}
		attributes = strings.TrimSuffix(text.String(), "\n")
	}
	detections := make([]string, len(e.Detections))
	for i, d := range e.Detections {
		detections[i] = fmt.Sprintf("%s %.2f", d.Label, d.Confidence)
	}
	return []string{
		e.ID.String(), at.Format(layout), cell(e.Camera), cell(string(e.Type)), cell(e.Person),
		e.Door.String(), strconv.FormatBool(e.UnlockGranted), cell(strings.Join(detections, "; ")), cell(e.RecordingID),
		number(e.FaceConfidence), number(e.FaceDistance), strconv.FormatBool(e.AlertSent), strconv.FormatBool(e.Pinned), cell(e.ThumbnailPath),
		strconv.Itoa(e.FrameWidth), strconv.Itoa(e.FrameHeight), e.CreatedAt.In(loc).Format(layout), cell(attributes),
		ended, cell(string(e.Method)), strconv.FormatBool(e.Reviewed), at.Format(local),
	}, nil
}

// number returns a number, or "" for nil.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

// cell makes a text harmless: no spreadsheet runs it as a formula, and no terminal acts on
// it. Anybody who can send events can choose names (OWASP, CSV Injection). Line breaks are
// escaped as well, so that each event has one line.
func cell(text string) string {
	text = printable.Text(text)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(text, unicode.IsSpace))
	if strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + text
	}
	return text
}
