package doorlog

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// Lists of events are written as JSON often, so that JSON is appended field by field. Going
// through a struct with encoding/json takes many times as long. The result is the same.

// AppendJSON appends to b what [Event.MarshalJSON] returns. It is for programs that write
// many events: json.Marshal copies and checks what a MarshalJSON returns.
func (e *Event) AppendJSON(b []byte) ([]byte, error) {
	if e.ID == (ID{}) {
		b = append(b, `{"id":null,"camera_id":`...)
	} else {
		b = append(b, `{"id":"`...)
		var id [ulid.EncodedSize]byte
		_ = ulid.ULID(e.ID).MarshalTextTo(id[:]) // there is room for it
		b = append(b, id[:]...)
		b = append(b, `","camera_id":`...)
	}
	b = appendText(b, e.Camera)
	b = appendTime(append(b, `,"recorded_at":`...), e.RecordedAt)
	b = appendTime(append(b, `,"ended_at":`...), e.EndedAt)
	b = appendText(append(b, `,"event_type":`...), string(e.Type))
	b = appendTextOrNull(append(b, `,"recording_id":`...), e.RecordingID)
	b = appendTextOrNull(append(b, `,"person_name":`...), e.Person)
	b, err := appendNumber(append(b, `,"face_confidence":`...), e.FaceConfidence)
	if err != nil {
		return b, err
	}
	if b, err = appendNumber(append(b, `,"face_distance":`...), e.FaceDistance); err != nil {
		return b, err
	}
	b = strconv.AppendBool(append(b, `,"unlock_granted":`...), e.UnlockGranted)
	b = appendText(append(b, `,"door_action":`...), e.Door.String())
	b = appendTextOrNull(append(b, `,"method":`...), string(e.Method))
	b = appendTextOrNull(append(b, `,"thumbnail_path":`...), e.ThumbnailPath)
	b = appendCountOrNull(append(b, `,"frame_width":`...), e.FrameWidth)
	b = appendCountOrNull(append(b, `,"frame_height":`...), e.FrameHeight)
	b = strconv.AppendBool(append(b, `,"alert_sent":`...), e.AlertSent)
	b = strconv.AppendBool(append(b, `,"pinned":`...), e.Pinned)
	b = strconv.AppendBool(append(b, `,"reviewed":`...), e.Reviewed)
	b = appendTime(append(b, `,"created_at":`...), e.CreatedAt)
	b = e.appendAttributes(append(b, `,"attributes":`...))
	b = append(b, `,"detections":[`...)
	for i := range e.Detections {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = e.Detections[i].appendJSON(b); err != nil {
			return b, err
		}
	}
	return append(b, "]}"...), nil
}

func (e *Event) appendAttributes(b []byte) []byte {
	if e.Attributes == nil {
		return append(b, "null"...)
	}
	var few [8]string
	names := slices.AppendSeq(few[:0], maps.Keys(e.Attributes))
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, name), ':')
		b = appendText(b, e.Attributes[name])
	}
	return append(b, '}')
}

func (d *Detection) appendJSON(b []byte) (_ []byte, err error) {
	b = appendText(append(b, `{"label":`...), d.Label)
	if b, err = appendNumber(append(b, `,"confidence":`...), &d.Confidence); err != nil {
		return b, err
	}
	if d.Box == nil {
		return append(b, `,"bbox_x1":null,"bbox_y1":null,"bbox_x2":null,"bbox_y2":null}`...), nil
	}
	for i, side := range d.Box.sides() {
		b = append(append(append(b, `,"`...), sideNames[i]...), `":`...)
		if b, err = appendNumber(b, &side); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// appendText appends a text as encoding/json writes it.
func appendText(b []byte, text string) []byte {
	ascii := true
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return appendEscaped(b, text)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && (!utf8.ValidString(text) || strings.ContainsAny(text, "\u2028\u2029")) {
		return appendEscaped(b, text)
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// appendEscaped is appendText for a text that may have characters which encoding/json escapes.
func appendEscaped(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0 // what is not yet appended
	for i := 0; i < len(text); {
		c := text[i]
		size, escaped := 1, ""
		switch {
		case c >= utf8.RuneSelf:
			var r rune
			switch r, size = utf8.DecodeRuneInString(text[i:]); {
			case r == utf8.RuneError && size == 1:
				escaped = `\ufffd`
			case r == '\u2028':
				escaped = `\u2028`
			case r == '\u2029':
				escaped = `\u2029`
			}
		case c == '"' || c == '\\':
			escaped = `\` + string(c)
		case c == '\n':
			escaped = `\n`
		case c == '\r':
			escaped = `\r`
		case c == '\t':
			escaped = `\t`
		case c == '\b':
			escaped = `\b`
		case c == '\f':
			escaped = `\f`
		case c < ' ' || c == '<' || c == '>' || c == '&':
			b = append(b, text[from:i]...)
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
			from = i + 1
		}
		if escaped != "" {
			b = append(append(b, text[from:i]...), escaped...)
			from = i + size
		}
		i += size
	}
	return append(append(b, text[from:]...), '"')
}

func appendTextOrNull(b []byte, text string) []byte {
	if text == "" {
		return append(b, "null"...)
	}
	return appendText(b, text)
}

func appendCountOrNull(b []byte, n int) []byte {
	if n == 0 {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// appendNumber appends a number as encoding/json writes it; nil is null.
func appendNumber(b []byte, v *float64) ([]byte, error) {
	switch {
	case v == nil:
		return append(b, "null"...), nil
	case math.IsNaN(*v) || math.IsInf(*v, 0):
		return b, fmt.Errorf("%v is no number that JSON has", *v)
	}
	const exact = 1 << 53
	if n := int64(*v); *v > 0 && *v < exact && float64(n) == *v { // many sides of boxes
		return strconv.AppendInt(b, n, 10), nil
	}
	const first, last = 1e-6, 1e21 // outside of these encoding/json writes an exponent
	if size := math.Abs(*v); size != 0 && (size < first || size >= last) {
		text, err := json.Marshal(*v)
		return append(b, text...), err
	}
	return strconv.AppendFloat(b, *v, 'f', -1, 64), nil
}

// appendTime appends a time in RFC 3339 and UTC, or null for the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}
