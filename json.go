package doorlog

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// The JSON forms. The field names are the column names of the platform whose events doorlog
// keeps, so its producers can pass their dictionaries unchanged. Absent values are null.

type eventJSON struct {
	ID             *string           `json:"id"`
	Camera         string            `json:"camera_id"`
	RecordedAt     json.RawMessage   `json:"recorded_at"`
	EndedAt        json.RawMessage   `json:"ended_at"`
	Type           EventType         `json:"event_type"`
	RecordingID    *string           `json:"recording_id"`
	Person         *string           `json:"person_name"`
	FaceConfidence *float64          `json:"face_confidence"`
	FaceDistance   *float64          `json:"face_distance"`
	UnlockGranted  json.RawMessage   `json:"unlock_granted"`
	Door           DoorAction        `json:"door_action"`
	Method         *Method           `json:"method"`
	ThumbnailPath  *string           `json:"thumbnail_path"`
	FrameWidth     *int              `json:"frame_width"`
	FrameHeight    *int              `json:"frame_height"`
	AlertSent      json.RawMessage   `json:"alert_sent"`
	Pinned         json.RawMessage   `json:"pinned"`
	Reviewed       json.RawMessage   `json:"reviewed"`
	CreatedAt      json.RawMessage   `json:"created_at"`
	Attributes     map[string]string `json:"attributes"`
	Detections     []json.RawMessage `json:"detections"`
}

var eventShape = func() *jsonShape {
	shape := shapeOf(eventJSON{})
	shape.fields["detections"] = &jsonShape{later: true}
	return shape
}()

// MarshalJSON writes the event with these fields:
// id, camera_id, recorded_at (RFC 3339, UTC), ended_at, event_type,
// recording_id, person_name, face_confidence, face_distance, unlock_granted,
// door_action, method, thumbnail_path, frame_width, frame_height, alert_sent,
// pinned, reviewed, created_at, attributes, detections. Absent values are null.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil) }

// UnmarshalJSON reads what MarshalJSON writes. A field may be absent or null. 0 and 1 stand for
// false and true. Times may have any form that [ParseTime] reads; a time without an offset is
// in UTC.
//
// UnmarshalJSON returns [ErrInvalid], with the name of the field, for whatever could not be
// stored as it is given: an unknown field (the letter case of names counts), a field that is
// given twice, a value of the wrong kind, and text that is not UTF-8 or has half of a surrogate
// pair. It does not check the event otherwise; writing it does.
func (e *Event) UnmarshalJSON(data []byte) error { return e.unmarshal(data, nil) }

// UnmarshalMending calls [Event.UnmarshalJSON] and then [Event.MendDetections], and returns the
// changes. It leaves out a detection that cannot be read at all, and a box that lacks a side.
func (e *Event) UnmarshalMending(data []byte) (changes []error, err error) {
	var kept []int // the indexes of the detections that could be read
	unreadable := make(map[int]bool)
	err = e.unmarshal(data, func(i int, err error, whole bool) {
		what := "the box"
		if unreadable[i] = whole; whole {
			what = "the detection"
		}
		f := err.(*FieldError) //nolint:errorlint,forcetypeassert // unmarshal returns only these
		changes = append(changes, inside(detectionPlace(i), invalid(f.Field, "%s: %s is left out", f.Problem, what)))
	})
	if err != nil {
		return nil, err
	}
	for i := 0; len(kept) < len(e.Detections); i++ {
		if !unreadable[i] {
			kept = append(kept, i)
		}
	}
	return append(changes, e.mendDetections(func(i int) int { return kept[i] })...), nil
}

// unmarshal reads an event. If mend is not nil, unmarshal leaves out a detection that cannot be
// read, or only its box, and calls mend; whole says which.
func (e *Event) unmarshal(data []byte, mend func(i int, err error, whole bool)) error {
	if string(data) == "null" { // null changes nothing, as everywhere in encoding/json
		return nil
	}
	var j eventJSON
	if err := unmarshalStrict(data, &j, eventShape); err != nil {
		return err
	}
	v := Event{
		Camera: j.Camera, Type: j.Type, RecordingID: orZero(j.RecordingID), Person: orZero(j.Person),
		FaceConfidence: j.FaceConfidence, FaceDistance: j.FaceDistance, Door: j.Door, Method: orZero(j.Method),
		ThumbnailPath: orZero(j.ThumbnailPath), FrameWidth: orZero(j.FrameWidth), FrameHeight: orZero(j.FrameHeight),
		Attributes: j.Attributes,
	}
	if err := v.readRaw(&j); err != nil {
		return err
	}
	for i, raw := range j.Detections {
		var d Detection
		readable, err := unmarshalDetection(raw, &d)
		switch {
		case err == nil:
		case mend == nil:
			return inside(detectionPlace(i), err)
		default:
			mend(i, err, !readable)
		}
		if readable {
			v.Detections = append(v.Detections, d)
		}
	}
	*e = v
	return nil
}

// readRaw reads the fields that have several forms in JSON.
func (e *Event) readRaw(j *eventJSON) (err error) {
	if j.ID != nil {
		if e.ID, err = parseULID(*j.ID); err != nil || !validID(e.ID) {
			return invalid("id", "%.40q is not the ID of an event", *j.ID)
		}
	}
	for _, t := range [...]struct {
		field string
		raw   json.RawMessage
		into  *time.Time
	}{
		{"recorded_at", j.RecordedAt, &e.RecordedAt}, {"ended_at", j.EndedAt, &e.EndedAt}, {"created_at", j.CreatedAt, &e.CreatedAt},
	} {
		if *t.into, err = parseTime(t.field, t.raw); err != nil {
			return err
		}
	}
	for _, b := range [...]struct {
		field string
		raw   json.RawMessage
		into  *bool
	}{
		{"unlock_granted", j.UnlockGranted, &e.UnlockGranted},
		{"alert_sent", j.AlertSent, &e.AlertSent},
		{"pinned", j.Pinned, &e.Pinned},
		{"reviewed", j.Reviewed, &e.Reviewed},
	} {
		if *b.into, err = parseBool(b.field, b.raw); err != nil {
			return err
		}
	}
	return nil
}

type detectionJSON struct {
	Label      string   `json:"label"`
	Confidence *float64 `json:"confidence"`
	X1         *float64 `json:"bbox_x1"`
	Y1         *float64 `json:"bbox_y1"`
	X2         *float64 `json:"bbox_x2"`
	Y2         *float64 `json:"bbox_y2"`
}

var detectionShape = shapeOf(detectionJSON{})

// MarshalJSON writes label, confidence, and bbox_x1 to bbox_y2, which are
// null when there is no box.
func (d Detection) MarshalJSON() ([]byte, error) { return d.appendJSON(nil) }

// UnmarshalJSON reads what MarshalJSON writes. A box has either all four sides or none.
func (d *Detection) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var v Detection
	if _, err := unmarshalDetection(data, &v); err != nil {
		return err
	}
	*d = v
	return nil
}

// unmarshalDetection reads a detection. With an error, readable reports that only the box is
// wrong.
func unmarshalDetection(data []byte, d *Detection) (readable bool, err error) {
	var j detectionJSON
	if err := unmarshalStrict(data, &j, detectionShape); err != nil {
		return false, err
	}
	if j.Confidence == nil {
		return false, invalid("confidence", "is missing")
	}
	*d = Detection{Label: j.Label, Confidence: *j.Confidence}
	sides := [...]*float64{j.X1, j.Y1, j.X2, j.Y2}
	given := 0
	for _, side := range sides {
		if side != nil {
			given++
		}
	}
	switch given {
	case 0:
	case len(sides):
		d.Box = &Box{*j.X1, *j.Y1, *j.X2, *j.Y2}
	default:
		return true, invalid("bbox", "has %d of its 4 sides", given)
	}
	return true, nil
}

type personJSON struct {
	Name        string          `json:"name"`
	DisplayName string          `json:"display_name"`
	AutoUnlock  bool            `json:"auto_unlock"`
	CreatedAt   json.RawMessage `json:"created_at"`
	Key         ID              `json:"key,omitzero"`
}

var personShape = shapeOf(personJSON{})

// MarshalJSON writes name, display_name, auto_unlock, created_at and key.
func (p Person) MarshalJSON() ([]byte, error) {
	return json.Marshal(personJSON{p.Name, p.DisplayName, p.AutoUnlock, rawTime(p.CreatedAt), p.Key})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Person) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	j := personJSON{AutoUnlock: true}
	if err := unmarshalStrict(data, &j, personShape); err != nil {
		return err
	}
	created, err := parseTime("created_at", j.CreatedAt)
	if err != nil {
		return err
	}
	*p = Person{j.Name, j.DisplayName, j.AutoUnlock, created, j.Key}
	return nil
}

// MarshalText returns the text of String.
func (a DoorAction) MarshalText() ([]byte, error) {
	return []byte(a.String()), nil
}

// UnmarshalText reads what [ParseDoorAction] reads. Empty text is [NoAction].
func (a *DoorAction) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*a = NoAction
		return nil
	}
	*a, err = ParseDoorAction(string(text))
	return err
}

// timeOrNull returns nil for the zero time.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// rawTime returns a time in RFC 3339 and UTC, or null for the zero time.
func rawTime(t time.Time) json.RawMessage {
	if t.IsZero() {
		return nil // null
	}
	return strconv.AppendQuote(nil, t.UTC().Format(time.RFC3339Nano))
}

// parseTime reads what [ParseTime] reads, as text or as a number. An absent value, null and the
// empty text are the zero time. A time without an offset is in UTC.
func parseTime(field string, raw json.RawMessage) (time.Time, error) {
	text := string(raw)
	switch {
	case text == "" || text == "null" || text == `""`:
		return time.Time{}, nil
	case text[0] == '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return time.Time{}, invalid(field, "%.60s %s", raw, notATime)
		}
	case strings.ContainsAny(text, "eE") && text[0] != 't' && text[0] != 'f': // a number with an exponent
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(number) >= 1e19 {
			return time.Time{}, invalid(field, "%.60s %s", raw, notATime)
		}
		text = strconv.FormatFloat(number, 'f', -1, 64)
	}
	t, problem := readTime(text, time.UTC)
	if problem != "" {
		return time.Time{}, invalid(field, "%.60q %s", text, problem)
	}
	return t, nil
}

// parseBool reads true and false, and also 1, 0 and null, which SQLite writes.
func parseBool(field string, raw json.RawMessage) (bool, error) {
	switch string(raw) {
	case "true", "1":
		return true, nil
	case "false", "0", "null", "":
		return false, nil
	}
	return false, invalid(field, "%.40s is not true or false", raw)
}

// orEmpty returns list, or an empty list if it is nil, which JSON writes as [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
