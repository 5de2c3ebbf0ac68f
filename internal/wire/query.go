package wire

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/zone"
)

// QueryValues returns q as the parameters of a URL, which [ParseQuery] reads. It leaves out what is
// not set. What q asks for is not checked: the store does that when it answers. The error is
// [doorlog.ErrInvalid] if q.Location has no name that another process would understand.
func QueryValues(q doorlog.Query) (url.Values, error) {
	w := writer{}
	texts(w, "camera", q.Cameras)
	texts(w, "type", q.Types)
	for _, d := range q.Doors {
		w.add("door", d.String())
	}
	texts(w, "method", q.Methods)
	texts(w, "person", q.Persons)
	w.truth("stranger", q.Stranger)
	texts(w, "label", q.Labels)
	if q.MinConfidence != 0 {
		w.add("min_confidence", strconv.FormatFloat(q.MinConfidence, 'g', -1, 64))
	}
	w.truth("unlock_granted", q.UnlockGranted)
	w.truth("alert_sent", q.AlertSent)
	w.truth("has_thumbnail", q.HasThumbnail)
	w.truth("pinned", q.Pinned)
	w.truth("reviewed", q.Reviewed)
	w.attributes(q.Attributes)
	if q.RecordingID != "" {
		w.add("recording_id", q.RecordingID)
	}
	w.time("since", q.Since)
	w.time("until", q.Until)
	if q.Hours != nil {
		w.add("hours", strconv.Itoa(q.Hours.From)+"-"+strconv.Itoa(q.Hours.Until))
	}
	for _, d := range q.Weekdays {
		w.number("weekday", int(d))
	}
	if q.OldestFirst {
		w.add("oldest_first", "true")
	}
	if q.Limit != 0 {
		w.number("limit", q.Limit)
	}
	if q.Offset != 0 {
		w.number("offset", q.Offset)
	}
	err := w.zone(q.Location)
	return url.Values(w), err
}

// ParseQuery reads the parameters that [QueryValues] writes. also lists further parameters that the
// caller reads itself, each of which may be given once. The error is [doorlog.ErrInvalid], and names
// the parameter, if a value cannot be read, if a parameter is unknown, and if one that has one value
// is given twice.
func ParseQuery(values url.Values, also ...string) (doorlog.Query, error) {
	r := &reader{values: values, known: make([]string, 0, 32)}
	q := doorlog.Query{
		Cameras: names[string](r, "camera"), Types: names[doorlog.EventType](r, "type"), Doors: r.doors("door"),
		Methods: names[doorlog.Method](r, "method"), Persons: names[string](r, "person"), Stranger: r.truth("stranger"),
		Labels: names[string](r, "label"), MinConfidence: r.fraction("min_confidence"),
		UnlockGranted: r.truth("unlock_granted"), AlertSent: r.truth("alert_sent"), HasThumbnail: r.truth("has_thumbnail"),
		Pinned: r.truth("pinned"), Reviewed: r.truth("reviewed"),
		Attributes: r.attributes("attribute"), RecordingID: r.name("recording_id"),
		Since: r.time("since"), Until: r.time("until"), Hours: r.hours("hours"), Weekdays: r.weekdays("weekday"),
		Location: r.zone("tz"), Limit: r.number("limit"), Offset: r.number("offset"),
	}
	if oldest := r.truth("oldest_first"); oldest != nil {
		q.OldestFirst = *oldest
	}
	if err := r.end(also); err != nil {
		return doorlog.Query{}, err
	}
	return q, nil
}

// ScopeValues returns sc as the parameters of a URL, which [ParseScope] reads. It is otherwise like
// [QueryValues].
func ScopeValues(sc doorlog.Scope) (url.Values, error) {
	w := writer{}
	if sc.Camera != "" {
		w.add("camera", sc.Camera)
	}
	w.time("since", sc.Since)
	w.time("until", sc.Until)
	texts(w, "method", sc.Methods)
	w.truth("reviewed", sc.Reviewed)
	w.attributes(sc.Attributes)
	err := w.zone(sc.Location)
	return url.Values(w), err
}

// ParseScope reads the parameters that [ScopeValues] writes. It is otherwise like [ParseQuery].
func ParseScope(values url.Values, also ...string) (doorlog.Scope, error) {
	r := &reader{values: values}
	sc := doorlog.Scope{
		Camera: r.name("camera"), Since: r.time("since"), Until: r.time("until"), Methods: names[doorlog.Method](r, "method"),
		Reviewed: r.truth("reviewed"), Attributes: r.attributes("attribute"), Location: r.zone("tz"),
	}
	if err := r.end(also); err != nil {
		return doorlog.Scope{}, err
	}
	return sc, nil
}

// A writer writes parameters.
type writer url.Values

func (w writer) add(name, value string) { w[name] = append(w[name], value) }

func texts[T ~string](w writer, name string, values []T) {
	for _, v := range values {
		w.add(name, string(v))
	}
}

func (w writer) number(name string, n int) { w.add(name, strconv.Itoa(n)) }

func (w writer) truth(name string, value *bool) {
	if value != nil {
		w.add(name, strconv.FormatBool(*value))
	}
}

// The first and the last time that RFC 3339 can write. No event is before or after them.
var (
	firstTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

func (w writer) time(name string, t time.Time) {
	switch {
	case t.IsZero():
		return
	case t.Before(firstTime):
		t = firstTime
	case t.After(lastTime):
		t = lastTime
	}
	w.add(name, t.UTC().Format(time.RFC3339Nano))
}

func (w writer) zone(loc *time.Location) error {
	if loc == nil {
		return nil
	}
	name, err := zone.Name(loc)
	if err != nil {
		return &doorlog.FieldError{Field: "tz", Problem: err.Error()}
	}
	w.add("tz", name)
	return nil
}

// attributes writes name=value for each value that is asked for. A name without values, which the
// store refuses, has no equals sign.
func (w writer) attributes(asked map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		escaped := escapeName.Replace(name)
		if len(asked[name]) == 0 {
			w.add("attribute", escaped)
		}
		for _, value := range asked[name] {
			w.add("attribute", escaped+"="+value)
		}
	}
}

// escapeName escapes the name of an attribute, so that the first equals sign ends it.
var escapeName = strings.NewReplacer("%", "%25", "=", "%3D")
