package doorlog

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doorlog/doorlog/internal/frame"
)

// Limits on what one event may hold.

const (
	MaxDetections = 1000 // detections of an event
)

const (
	MaxAttributes = 64 // attributes of an event
)

const (
	MaxAttributeValue = 4096 // bytes of an attribute's value
)

const (
	maxFrameEdge = frame.MaxEdge
)

// An Event is something that a camera saw, with what was detected in it.
//
// Unicode has several spellings of one name: ë is one code point, or an e and two
// dots. The names of events (Camera, Type, RecordingID, Person, labels) and of
// persons are stored in its normal form NFC, whose length is what counts, and are
// found and erased whatever spelling is asked for. An event that an earlier version
// stored is returned as it is; its RecordingID is not found if it is partly composed and
// partly taken apart. Attributes and ThumbnailPath are kept as they are given.
//
// An Event has its own JSON form. A struct that embeds an Event gets these methods
// with it, so that encoding/json sees no other field of the struct: give the event a
// field with a name instead, as the example does. The same holds for all types here
// that have MarshalJSON or UnmarshalJSON.
type Event struct {
	// ID names the event. The store assigns it when it is zero. A caller that
	// must be able to repeat a write gets one from Store.NewID beforehand: to
	// write the same event again under the same ID changes nothing.
	ID ID

	// Camera names the camera: UTF-8 without NUL, 1 to MaxNameLen bytes.
	Camera string

	// RecordedAt is when it happened, kept to the nanosecond and returned in
	// UTC. It may be left zero when ID is given, which holds it as well. It is no
	// earlier than 1970: of the hours before that in UTC in which 1970 has begun
	// somewhere, where a camera without a clock begins, the beginning of 1970 is
	// kept, and the time that was given in the attribute RecordedAtAttribute.
	RecordedAt time.Time

	// Type says what caused the event: Motion, Ding, OnDemand, or any other name
	// of 1 to MaxNameLen bytes. It must be given.
	Type EventType

	// RecordingID is the producer's own name for the recording; empty if
	// there is none. WriteEventOnce goes by it.
	RecordingID string

	// Person is the name of who was recognised; empty for a stranger.
	Person string

	// FaceConfidence is how sure the recognition is, 0 to 1, and FaceDistance
	// the distance to the nearest known face, at least 0. nil: not measured,
	// which is different from 0.
	FaceConfidence *float64
	FaceDistance   *float64

	// UnlockGranted says whether the person was let in, Door what the door did.
	UnlockGranted bool
	Door          DoorAction

	// ThumbnailPath is a file below the thumbnail folder, with forward
	// slashes; empty if there is none. SaveThumbnail and WriteEventWithFrame
	// set it. A producer may name a file of its own that it put there; a path
	// that leaves the folder is refused.
	ThumbnailPath string

	// FrameWidth and FrameHeight are the size in pixels of the frame in which
	// the boxes of the detections lie; 0 if it is not known.
	FrameWidth, FrameHeight int

	// AlertSent says whether somebody was told (see Store.MarkAlertSent).
	AlertSent bool

	// Pinned keeps the event and its thumbnail from Store.Prune, whatever its
	// policy (see Store.Pin). Two events that differ in nothing else are the
	// same to a write that is repeated, unless the repetition alone is pinned.
	Pinned bool

	// CreatedAt is when the event was written; the store's clock sets it when
	// it is zero.
	CreatedAt time.Time

	// Attributes are the application's own, at most MaxAttributes; nil if
	// there are none.
	Attributes map[string]string

	// Detections are what was seen, in the producer's order, at most
	// MaxDetections; nil if there are none.
	Detections []Detection
}

// RecordedAtAttribute has the time that was given, in the form of RFC 3339, of an event
// whose RecordedAt could not be kept.
const RecordedAtAttribute = "recorded_at"

// takeFirstHours takes the beginning of 1970 by the clock of a zone east of Greenwich
// for that in UTC, before which no ID lies.
func (e *Event) takeFirstHours() {
	epoch := time.Unix(0, 0)
	if !e.RecordedAt.Before(epoch) || e.RecordedAt.Year() < epoch.UTC().Year() { // by the clock of its own zone
		return
	}
	given := e.RecordedAt.Format(time.RFC3339Nano)
	e.RecordedAt = epoch
	if _, has := e.Attributes[RecordedAtAttribute]; has || len(e.Attributes) >= MaxAttributes {
		return
	}
	attributes := make(map[string]string, len(e.Attributes)+1) // the caller's stays as it is
	maps.Copy(attributes, e.Attributes)
	attributes[RecordedAtAttribute] = given
	e.Attributes = attributes
}

// EventType says what caused an event. Any name may be used; these are the usual ones.
type EventType string

// The usual event types.
const (
	Motion   EventType = "motion"    // something moved
	Ding     EventType = "ding"      // somebody rang
	OnDemand EventType = "on_demand" // somebody looked
)

// DoorAction is what the door did.
type DoorAction uint8

// What a door can do. The zero value is nothing.
const (
	NoAction DoorAction = iota
	Unlocked
	Locked
)

var doorActions = [...]string{NoAction: "none", Unlocked: "unlocked", Locked: "locked"}

// ParseDoorAction reads "none", "unlocked" or "locked".
func ParseDoorAction(text string) (DoorAction, error) {
	for a, name := range doorActions {
		if text == name {
			return DoorAction(a), nil
		}
	}
	return NoAction, invalid("door_action", "%.40q is none of %s", text, strings.Join(doorActions[:], ", "))
}

// String returns "none", "unlocked" or "locked".
func (a DoorAction) String() string {
	if int(a) < len(doorActions) {
		return doorActions[a]
	}
	return fmt.Sprintf("DoorAction(%d)", uint8(a))
}

// A Detection is one thing that was seen in a frame.
type Detection struct {
	// Label says what it is, such as "person": UTF-8 without NUL, 1 to
	// MaxNameLen bytes.
	Label string

	// Confidence is how sure the detector is, 0 to 1.
	Confidence float64

	// Box is where it is; nil if that is not known.
	Box *Box
}

// A Box is a rectangle in pixels of the frame, from the upper left corner
// (X1, Y1) to the lower right one (X2, Y2). It may reach beyond the frame.
type Box struct {
	X1 float64 `json:"bbox_x1"`
	Y1 float64 `json:"bbox_y1"`
	X2 float64 `json:"bbox_x2"`
	Y2 float64 `json:"bbox_y2"`
}

// PrimaryLabel returns the label of the detection with the highest confidence,
// the first of them if several have it; empty if there is no detection.
func (e *Event) PrimaryLabel() string {
	label, best := "", -1.0
	for _, d := range e.Detections {
		if d.Confidence > best {
			label, best = d.Label, d.Confidence
		}
	}
	return label
}

// validate returns the first thing about e, which is normalised, that cannot
// be stored. latest is the last time at which an event may lie.
func (e *Event) validate(latest time.Time) error {
	if err := validTime("recorded_at", e.RecordedAt, latest); err != nil {
		return err
	}
	if err := validTime("created_at", e.CreatedAt, minTime(latest, maxCreatedAt)); err != nil {
		return err
	}
	if err := e.validateNames(); err != nil {
		return err
	}
	if c := e.FaceConfidence; c != nil && !(*c >= 0 && *c <= 1) {
		return invalid("face_confidence", "%v is not in 0..1", *c)
	}
	if d := e.FaceDistance; d != nil && !(*d >= 0 && *d <= math.MaxFloat64) {
		return invalid("face_distance", "%v is not a distance", *d)
	}
	if int(e.Door) >= len(doorActions) {
		return invalid("door_action", "%d is none of %s", e.Door, strings.Join(doorActions[:], ", "))
	}
	if e.FrameWidth < 0 || e.FrameWidth > maxFrameEdge {
		return invalid("frame_width", "%d is not in 0..%d", e.FrameWidth, maxFrameEdge)
	}
	if e.FrameHeight < 0 || e.FrameHeight > maxFrameEdge {
		return invalid("frame_height", "%d is not in 0..%d", e.FrameHeight, maxFrameEdge)
	}
	if err := validAttributes(e.Attributes); err != nil {
		return err
	}
	return validDetections(e.Detections)
}

// maxCreatedAt is the last time that a record can hold, in the year 2262.
var maxCreatedAt = time.Unix(0, math.MaxInt64)

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (e *Event) validateNames() error {
	return cmp.Or(
		validName("camera_id", e.Camera),
		validName("event_type", string(e.Type)),
		validOptionalName("recording_id", e.RecordingID),
		validOptionalName("person_name", e.Person),
		validThumbnailPath(e.ThumbnailPath, e.ID),
	)
}

func validTime(field string, t, latest time.Time) error {
	switch {
	case t.IsZero():
		return invalid(field, "is missing")
	case t.Before(time.Unix(0, 0)):
		return invalid(field, "%s is before 1970", t.Format(time.RFC3339))
	case t.After(latest):
		return invalid(field, "%s lies too far in the future: the latest that is taken now is %s",
			t.Format(time.RFC3339), latest.Format(time.RFC3339))
	}
	return nil
}

func validAttributes(attributes map[string]string) error {
	if len(attributes) > MaxAttributes {
		return tooLarge("attributes", "has %d entries, more than %d", len(attributes), MaxAttributes)
	}
	for name, value := range attributes {
		if err := validName("attributes", name); err != nil {
			return err
		}
		if len(value) > MaxAttributeValue {
			return tooLarge("attributes", "%q has %d bytes, more than %d", name, len(value), MaxAttributeValue)
		}
		if !utf8.ValidString(value) {
			return invalid("attributes", "%q is not UTF-8", name)
		}
	}
	return nil
}

func validDetections(detections []Detection) error {
	if len(detections) > MaxDetections {
		return tooLarge("detections", "has %d entries, more than %d", len(detections), MaxDetections)
	}
	for i := range detections {
		if err := detections[i].validate(); err != nil {
			return inside(detectionPlace(i), err)
		}
	}
	return nil
}

func (d *Detection) validate() error {
	if err := validName("label", d.Label); err != nil {
		return err
	}
	if !(d.Confidence >= 0 && d.Confidence <= 1) {
		return invalid("confidence", "%v is not in 0..1", d.Confidence)
	}
	b := d.Box
	if b == nil {
		return nil
	}
	for i, v := range b.sides() {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return invalid(sideNames[i], "%v is not a number of pixels", v)
		}
	}
	if b.X2 < b.X1 {
		return invalid("bbox_x2", "%v is left of bbox_x1 %v", b.X2, b.X1)
	}
	if b.Y2 < b.Y1 {
		return invalid("bbox_y2", "%v is above bbox_y1 %v", b.Y2, b.Y1)
	}
	return nil
}

// sides returns the sides of a box, whose names in JSON are sideNames.
func (b *Box) sides() [4]float64 { return [...]float64{b.X1, b.Y1, b.X2, b.Y2} }

var sideNames = [...]string{"bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"}

// sameContent reports whether e and o hold the same event, whenever each was
// written, and whether or not it is pinned.
func (e *Event) sameContent(o *Event) bool {
	return e.ID == o.ID && e.Camera == o.Camera && e.RecordedAt.Equal(o.RecordedAt) && e.Type == o.Type &&
		e.RecordingID == o.RecordingID && e.Person == o.Person &&
		sameValue(e.FaceConfidence, o.FaceConfidence) && sameValue(e.FaceDistance, o.FaceDistance) &&
		e.UnlockGranted == o.UnlockGranted && e.Door == o.Door && e.ThumbnailPath == o.ThumbnailPath &&
		e.FrameWidth == o.FrameWidth && e.FrameHeight == o.FrameHeight && e.AlertSent == o.AlertSent &&
		maps.Equal(e.Attributes, o.Attributes) && sameDetections(e.Detections, o.Detections)
}

func sameDetections(a, b []Detection) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Label != b[i].Label || a[i].Confidence != b[i].Confidence || !sameValue(a[i].Box, b[i].Box) {
			return false
		}
	}
	return true
}

// sameValue reports whether both are absent, or both there and equal.
func sameValue[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func detectionPlace(i int) string { return fmt.Sprintf("detections[%d]", i) }

// normaliseNames brings all names of an event into their form.
func (e *Event) normaliseNames() {
	e.Camera, e.Type, e.Person, e.RecordingID = normalName(e.Camera), normalName(e.Type), normalName(e.Person), normalName(e.RecordingID)
	cloned := false
	for i := range e.Detections {
		label := normalName(e.Detections[i].Label)
		if label == e.Detections[i].Label {
			continue
		}
		if !cloned { // they are the caller's
			e.Detections, cloned = slices.Clone(e.Detections), true
		}
		e.Detections[i].Label = label
	}
}
