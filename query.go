package doorlog

import (
	"cmp"
	"errors"
	"strings"
	"time"
)

// A Query selects events. The zero Query selects all of them, newest first. All fields
// that are set must match; a field with several values matches if any of them does.
// Names match in every Unicode spelling (see [Event]). The slices, maps and pointers of
// a Query must not be changed while it is being answered.
type Query struct {
	Cameras []string     `json:"cameras,omitempty"`
	Types   []EventType  `json:"types,omitempty"`
	Doors   []DoorAction `json:"doors,omitempty"`
	Methods []Method     `json:"methods,omitempty"`

	// Persons selects events of these people. Stranger selects events, of any type,
	// without a person (true) or with one (false).
	Persons  []string `json:"persons,omitempty"`
	Stranger *bool    `json:"stranger,omitempty"`

	// Labels selects events with a detection of one of these labels. MinConfidence
	// selects events with a detection of at least this confidence: one of the Labels if
	// there are any, else any label.
	Labels        []string `json:"labels,omitempty"`
	MinConfidence float64  `json:"min_confidence,omitempty"`

	// nil selects both kinds.
	UnlockGranted *bool `json:"unlock_granted,omitempty"`
	AlertSent     *bool `json:"alert_sent,omitempty"`
	HasThumbnail  *bool `json:"has_thumbnail,omitempty"`
	Pinned        *bool `json:"pinned,omitempty"`
	Reviewed      *bool `json:"reviewed,omitempty"`

	// Attributes selects events by their attributes: for each name in the map, the event must
	// have that attribute with one of these values. Names and values match as a whole, in any
	// spelling. There must be at least one value for each name.
	Attributes map[string][]string `json:"attributes,omitempty"`

	// RecordingID selects events of this recording, of any camera; empty: any.
	RecordingID string `json:"recording_id,omitempty"`

	// Since (inclusive) and Until (exclusive) limit RecordedAt, to the nanosecond. The
	// zero time is no limit.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`

	// Hours and Weekdays limit the local time of RecordedAt in Location; nil is no
	// limit. A nil Location is UTC.
	Hours    *Hours         `json:"hours,omitempty"`
	Weekdays []time.Weekday `json:"weekdays,omitempty"` // as numbers, 0 for Sunday
	Location *time.Location `json:"-"`                  // see MarshalJSON

	// OldestFirst reverses the order.
	OldestFirst bool `json:"oldest_first,omitempty"`

	// Limit is the maximum number of events; 0 is no limit.
	Limit int `json:"limit,omitempty"`

	// Offset skips so many events at the beginning. It takes time for each of them; to
	// go through many events, prefer [Store.Page].
	Offset int `json:"offset,omitempty"`
}

// Hours are hours of the day, from From (0 to 23) until just before Until (1 to 24). If
// Until is before From it is on the next day: 22 to 6 is the night.
type Hours struct {
	From  int `json:"from"`
	Until int `json:"until"`
}

func (h *Hours) contains(hour int) bool {
	if h.From < h.Until {
		return h.From <= hour && hour < h.Until
	}
	return h.From <= hour || hour < h.Until
}

func (q *Query) validate() error {
	switch {
	case q.Limit < 0:
		return invalid("Query.Limit", "%d is negative", q.Limit)
	case q.Offset < 0:
		return invalid("Query.Offset", "%d is negative", q.Offset)
	case !(q.MinConfidence >= 0 && q.MinConfidence <= 1):
		return invalid("Query.MinConfidence", "%v is not in 0..1", q.MinConfidence)
	case len(q.Persons) > 0 && q.Stranger != nil && *q.Stranger:
		return invalid("Query.Persons", "are asked for, and strangers as well: no event is both")
	}
	if h := q.Hours; h != nil && (h.From < 0 || h.From > 23 || h.Until < 1 || h.Until > 24 || h.From == h.Until) {
		return invalid("Query.Hours", "%d to %d are not hours of a day", h.From, h.Until)
	}
	for _, d := range q.Weekdays {
		if d < time.Sunday || d > time.Saturday {
			return invalid("Query.Weekdays", "%d is not a day of the week", d)
		}
	}
	for _, d := range q.Doors {
		if int(d) >= len(doorActions) {
			return invalid("Query.Doors", "%d is none of %s", d, strings.Join(doorActions[:], ", "))
		}
	}
	return cmp.Or(
		validNames("Query.Cameras", q.Cameras), validNames("Query.Types", q.Types), validNames("Query.Persons", q.Persons),
		validNames("Query.Labels", q.Labels), validNames("Query.Methods", q.Methods),
		validAskedAttributes("Query.Attributes", q.Attributes), validOptionalName("Query.RecordingID", normalName(q.RecordingID)),
	)
}

// validAskedAttributes checks the attributes of a query or of a rule, which are in normal form. It
// does not check their lengths: an attribute is stored as it is given, and its normal form may be
// longer.
func validAskedAttributes(field string, attributes map[string][]string) error {
	for name, values := range attributes {
		if err := validName(field, name); err != nil && !errors.Is(err, ErrTooLarge) {
			return err
		}
		if len(values) == 0 {
			return invalid(field, "%q has no values", name)
		}
		for _, value := range values {
			if err := validAttributeValue(field, name, value); err != nil && !errors.Is(err, ErrTooLarge) {
				return err
			}
		}
	}
	return nil
}

// normalAttributes returns attributes that are asked for in normal form. It does not change the
// caller's map.
func normalAttributes(attributes map[string][]string) map[string][]string {
	if attributes == nil {
		return nil
	}
	now := make(map[string][]string, len(attributes))
	for name, values := range attributes {
		normal := normalName(name)
		now[normal] = append(now[normal], normalNames(values)...)
	}
	return now
}

// bounds returns the first ID of the range and the first ID after it.
func (q *Query) bounds() (from, until ID) {
	until = lastID
	if !q.Since.IsZero() {
		from = idFrom(q.Since)
	}
	if !q.Until.IsZero() {
		until = idFrom(q.Until)
	}
	return from, until
}

// A Scope says which events the analytics count, and whose local time their days and
// hours are in. The zero Scope is all events, in UTC.
type Scope struct {
	// Since (inclusive) and Until (exclusive) limit RecordedAt; zero is no limit.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`

	// Camera is the only camera that is counted; empty: all cameras.
	Camera string `json:"camera,omitempty"`

	// Methods, Reviewed and Attributes select events as they do in a Query. The kept sums
	// of the days know none of them, so with any of them all events of the range that may
	// match are read.
	Methods    []Method            `json:"methods,omitempty"`
	Reviewed   *bool               `json:"reviewed,omitempty"`
	Attributes map[string][]string `json:"attributes,omitempty"`

	// Location is the time zone of the days and hours; nil is UTC. Events are counted
	// by quarter hours of UTC, and a quarter hour counts by the local time of its
	// beginning. That matters only if the zone's offset from UTC is no multiple of 15
	// minutes (no zone in use has one), or if the clock is changed within a quarter
	// hour.
	Location *time.Location `json:"-"` // see MarshalJSON
}

func (sc *Scope) location() *time.Location {
	if sc.Location == nil {
		return time.UTC
	}
	return sc.Location
}

func (sc *Scope) query() Query {
	q := Query{
		Since: sc.Since, Until: sc.Until, OldestFirst: true,
		Methods: normalNames(sc.Methods), Reviewed: sc.Reviewed, Attributes: normalAttributes(sc.Attributes),
	}
	if sc.Camera != "" {
		q.Cameras = []string{normalName(sc.Camera)}
	}
	return q
}

// readsEvents reports whether the scope selects events by what rollups do not know.
func (sc *Scope) readsEvents() bool {
	return len(sc.Methods) > 0 || sc.Reviewed != nil || len(sc.Attributes) > 0
}

func (sc *Scope) validate() error {
	return cmp.Or(
		validOptionalName("Scope.Camera", normalName(sc.Camera)), validNames("Scope.Methods", normalNames(sc.Methods)),
		validAskedAttributes("Scope.Attributes", normalAttributes(sc.Attributes)),
	)
}

// A Plan says how a query was answered, and how much was read for it.
type Plan struct {
	// Lists are the posting lists that were used. The lists of one index were united,
	// and the results were intersected. Empty: the events themselves were read.
	Lists List[PlanList] `json:"lists"`

	// Scan says that all events in the range were looked at.
	Scan bool `json:"scan"`

	// TailRead is the number of events of the tail that were looked at. The tail is the
	// newest events, which are not in the index buckets yet.
	TailRead int `json:"tail_read"`

	// ScanKeys is the number of keys of events that were stepped over: those in the
	// tail and, with Scan, those in the whole range.
	ScanKeys int `json:"scan_keys"`

	// RecordsRead is the number of events whose record was read, either to decide
	// whether the event matches or to return it.
	RecordsRead int `json:"records_read"`

	// Returned is the number of events in the answer.
	Returned int `json:"returned"`
}

// A PlanList is a posting list that a query used.
type PlanList struct {
	Index string `json:"index"` // such as "by_camera"
	Value string `json:"value"` // empty: strangers; of an attribute: name=value, or = and a hash if that is long
	IDs   int    `json:"ids"`   // how many of its IDs were looked at
}

// normal returns the query with its names in normal form.
func (q Query) normal() Query {
	q.Cameras, q.Types, q.Persons, q.Labels = normalNames(q.Cameras), normalNames(q.Types), normalNames(q.Persons), normalNames(q.Labels)
	q.Methods, q.Attributes, q.RecordingID = normalNames(q.Methods), normalAttributes(q.Attributes), normalName(q.RecordingID)
	return q
}
