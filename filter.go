package doorlog

import (
	"bytes"
	"slices"
	"time"

	"golang.org/x/text/unicode/norm"
)

// A filter decides whether a query asks for an event. all is the whole query, for events that
// are read one after another. rest is what is left to decide if posting lists are used.
type filter struct{ all, rest condition }

// A condition is a part of a query, prepared to be compared with records.
type condition struct {
	q    *Query
	time timeCondition

	cameras, kinds, persons, labels, recordings, methods [][]byte

	doors      []DoorAction
	stranger   *bool
	attributes []attributeCondition

	needsHead, needsDetections bool
	needsLater                 bool // the later fields of the head
}

// An attributeCondition asks for an attribute that has one of these values. Name and values are in
// normal form.
type attributeCondition struct {
	name   []byte
	values [][]byte
}

func newFilter(q *Query) filter {
	all := condition{
		q: q, time: timeCondition{hours: q.Hours, weekdays: q.Weekdays, location: q.Location},
		cameras: bytesOf(q.Cameras), kinds: bytesOf(q.Types), persons: bytesOf(q.Persons), labels: bytesOf(q.Labels),
		doors: q.Doors, stranger: q.Stranger, methods: bytesOf(q.Methods),
	}
	for name, values := range q.Attributes {
		all.attributes = append(all.attributes, attributeCondition{[]byte(name), bytesOf(values)})
	}
	if q.RecordingID != "" {
		all.recordings = bytesOf(recordingForms(q.RecordingID))
	}
	if all.time.location == nil {
		all.time.location = time.UTC
	}
	rest := all
	rest.cameras, rest.kinds, rest.persons, rest.recordings, rest.attributes = nil, nil, nil, nil, nil
	if q.MinConfidence == 0 {
		rest.labels = nil
	}
	if !slices.Contains(q.Doors, NoAction) {
		rest.doors = nil
	}
	if len(q.Persons) > 0 || q.Stranger != nil && *q.Stranger {
		rest.stranger = nil
	}
	all.weigh()
	rest.weigh()
	return filter{all, rest}
}

func bytesOf[T ~string](values []T) [][]byte {
	var out [][]byte
	for _, v := range values {
		out = append(out, []byte(v))
	}
	return out
}

// weigh sets how much of an event must be read.
func (c *condition) weigh() {
	c.needsDetections = c.labels != nil || c.q.MinConfidence > 0
	c.needsLater = c.attributes != nil || c.methods != nil || c.q.Pinned != nil || c.q.Reviewed != nil
	c.needsHead = c.needsDetections || c.needsLater || c.cameras != nil || c.kinds != nil || c.persons != nil || len(c.doors) > 0 ||
		c.stranger != nil || c.recordings != nil ||
		c.q.UnlockGranted != nil || c.q.AlertSent != nil || c.q.HasThumbnail != nil
}

// matchesRecord compares the record of an event, and returns its head.
func (c *condition) matchesRecord(key, rec []byte) (h head, ok bool, err error) {
	if h, err = decodeHead(key, rec, c.needsLater); err != nil || !c.matchesHead(&h) {
		return h, false, err
	}
	ok, err = c.matchesAttributes(&h)
	return h, ok, err
}

// matchesHead compares all but the attributes.
func (c *condition) matchesHead(h *head) bool {
	return among(c.cameras, h.camera) && among(c.kinds, h.kind) && among(c.persons, h.person) &&
		(len(c.doors) == 0 || slices.Contains(c.doors, h.door)) &&
		is(c.stranger, len(h.person) == 0) &&
		among(c.recordings, h.recording) &&
		is(c.q.UnlockGranted, h.unlocked) && is(c.q.AlertSent, h.alerted) && is(c.q.HasThumbnail, h.hasThumbnail) &&
		is(c.q.Pinned, h.pinned) && is(c.q.Reviewed, h.reviewed) && among(c.methods, h.method)
}

func (c *condition) matchesAttributes(h *head) (bool, error) {
	for i := range c.attributes {
		asked := &c.attributes[i]
		ok, err := h.anyAttribute(func(name, value []byte) bool {
			return bytes.Equal(norm.NFC.Bytes(name), asked.name) && among(asked.values, norm.NFC.Bytes(value))
		})
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (c *condition) matchesDetection(label []byte, confidence float64) bool {
	return confidence >= c.q.MinConfidence && among(c.labels, label)
}

// among reports whether value is one of asked. nil stands for any value.
func among(asked [][]byte, value []byte) bool {
	return asked == nil || slices.ContainsFunc(asked, func(a []byte) bool { return bytes.Equal(a, value) })
}

// A timeCondition is a condition on the local time of an ID.
type timeCondition struct {
	hours    *Hours
	weekdays []time.Weekday
	location *time.Location
}

func (c *timeCondition) matches(key []byte) bool {
	if c.hours == nil && len(c.weekdays) == 0 {
		return true
	}
	local := ID(key).Time().In(c.location)
	return (c.hours == nil || c.hours.contains(local.Hour())) &&
		(len(c.weekdays) == 0 || slices.Contains(c.weekdays, local.Weekday()))
}
