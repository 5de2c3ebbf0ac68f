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
)

// An Event is something that a camera saw, with the detections in it.
//
// Unicode has several spellings of one name: ë is one code point, or an e and two dots. The
// names of events (Camera, Type, RecordingID, Person, Method, labels) and of persons are stored
// in the normal form NFC. The limits on length apply to that form. Names are found and erased
// in any spelling. An event that an earlier version has stored is returned as it is; its
// RecordingID is not found if it mixes both spellings. Attributes and ThumbnailPath are kept
// as they are given; attributes are found in any spelling.
//
// An Event has its own JSON form. A struct that embeds an Event inherits these methods, so
// encoding/json ignores all other fields of the struct. Give the event a named field instead,
// as the example does. The same holds for all types here that have MarshalJSON or
// UnmarshalJSON.
type Event struct {
	// ID identifies the event. If it is zero, the store assigns one. A caller that may
	// have to repeat a write gets an ID from Store.NewID first: writing the same event
	// again under the same ID changes nothing.
	ID ID

	// Camera names the camera: UTF-8 without NUL, 1 to MaxNameLen bytes.
	Camera string

	// RecordedAt is when the event happened, to the nanosecond. It is returned in UTC. It
	// may be zero if ID is set, because an ID holds the time. It must not be before 1970,
	// with one exception: a camera without a clock may begin at 1970 in its own zone,
	// which can be some hours before 1970 in UTC. Then RecordedAt becomes the beginning of
	// 1970 in UTC, and the attribute RecordedAtAttribute keeps the given time.
	RecordedAt time.Time

	// EndedAt is when the event ended, to the nanosecond, in UTC. It must not be before
	// RecordedAt. Zero: it goes on, or its end is not known. Store.UpdateEvent can set it
	// later. If RecordedAt becomes the beginning of 1970, an EndedAt from before that moves
	// by as much.
	EndedAt time.Time

	// Type says what caused the event: Motion, Ding, OnDemand, or any other name
	// of 1 to MaxNameLen bytes. It must be given.
	Type EventType

	// RecordingID is the producer's own name for the recording; empty if there is none.
	// Store.WriteEventOnce recognises a repeated event by it.
	RecordingID string

	// Person is the name of the person who was recognised; empty for a stranger.
	Person string

	// FaceConfidence is the confidence of the recognition, 0 to 1. FaceDistance is the
	// distance to the nearest known face, at least 0. nil means not measured, which is
	// not the same as 0.
	FaceConfidence *float64
	FaceDistance   *float64

	// UnlockGranted reports whether the person was let in. Door is what the door did.
	// Method is how the door was worked; empty if that is not known.
	UnlockGranted bool
	Door          DoorAction
	Method        Method

	// ThumbnailPath is the path of a file below the thumbnail folder, with forward
	// slashes; empty if there is none. Store.SaveThumbnail and Store.WriteEventWithFrame
	// set it. A producer may put a file of its own there and name it. A path that leaves
	// the folder is refused.
	ThumbnailPath string

	// FrameWidth and FrameHeight are the size in pixels of the frame to which the boxes
	// of the detections refer; 0 if it is not known.
	FrameWidth, FrameHeight int

	// AlertSent reports whether somebody was alerted (see Store.MarkAlertSent).
	AlertSent bool

	// Pinned protects the event and its thumbnail from Store.Prune, whatever the policy
	// (see Store.Pin). A repeated write may differ from the stored event in Pinned, unless
	// only the repetition is pinned.
	Pinned bool

	// Reviewed reports whether somebody has looked at the event (see Store.MarkReviewed). A
	// repeated write may differ from the stored event in Reviewed, unless only the
	// repetition is reviewed.
	Reviewed bool

	// CreatedAt is when the event was written. If it is zero, the store sets it from its
	// clock.
	CreatedAt time.Time

	// Attributes belong to the application, such as a zone or a number plate. There are at
	// most MaxAttributes; nil if there are none. Query.Attributes finds events by them.
	Attributes map[string]string

	// Detections are what was seen in the frame, in the producer's order, at most
	// MaxDetections; nil if there are none.
	Detections []Detection
}

// RecordedAtAttribute is the attribute that keeps the given time, in RFC 3339, of an event
// whose RecordedAt was before 1970 in UTC. See [Event].
const RecordedAtAttribute = "recorded_at"

// takeFirstHours sets RecordedAt to the beginning of 1970 in UTC, the earliest time of an ID,
// if RecordedAt is before that, but already in 1970 in its own zone.
func (e *Event) takeFirstHours() {
	epoch := time.Unix(0, 0)
	if !e.RecordedAt.Before(epoch) || e.RecordedAt.Year() < epoch.UTC().Year() { // by the clock of its own zone
		return
	}
	given := e.RecordedAt.Format(time.RFC3339Nano)
	if !e.EndedAt.IsZero() && e.EndedAt.Before(epoch) {
		e.EndedAt = e.EndedAt.Add(epoch.Sub(e.RecordedAt))
	}
	e.RecordedAt = epoch
	if _, has := e.Attributes[RecordedAtAttribute]; has || len(e.Attributes) >= MaxAttributes {
		return
	}
	attributes := make(map[string]string, len(e.Attributes)+1) // the caller's map must not change
	maps.Copy(attributes, e.Attributes)
	attributes[RecordedAtAttribute] = given
	e.Attributes = attributes
}

// EventType says what caused an event. Any name may be used.
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
	Opened
	Closed
	Jammed
	Failed // the lock refused an attempt, or could not do it
)

var doorActions = [...]string{
	NoAction: "none", Unlocked: "unlocked", Locked: "locked",
	Opened: "opened", Closed: "closed", Jammed: "jammed", Failed: "failed",
}

// ParseDoorAction reads "none", "unlocked", "locked", "opened", "closed", "jammed" or "failed".
func ParseDoorAction(text string) (DoorAction, error) {
	for a, name := range doorActions {
		if text == name {
			return DoorAction(a), nil
		}
	}
	return NoAction, invalid("door_action", "%.40q is none of %s", text, strings.Join(doorActions[:], ", "))
}

// String returns the text that [ParseDoorAction] reads.
func (a DoorAction) String() string {
	if int(a) < len(doorActions) {
		return doorActions[a]
	}
	return fmt.Sprintf("DoorAction(%d)", uint8(a))
}

// A Method is how a door was worked. Any name of 1 to MaxNameLen bytes may be used.
type Method string

// The usual methods.
const (
	MethodFace   Method = "face"   // a face was recognised
	MethodKeypad Method = "keypad" // a code was entered
	MethodKey    Method = "key"    // a key or a card was used
	MethodApp    Method = "app"    // somebody used an app, or called a service
	MethodAuto   Method = "auto"   // the lock did it by itself, such as after a time
	MethodManual Method = "manual" // somebody turned it by hand
)

// A Detection is one thing that was seen in a frame.
type Detection struct {
	// Label says what it is, such as "person": UTF-8 without NUL, 1 to
	// MaxNameLen bytes.
	Label string

	// Confidence is how sure the detector is, 0 to 1.
	Confidence float64

	// Box is where it is in the frame; nil if that is not known.
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

// PrimaryLabel returns the label of the detection with the highest confidence. If several
// have it, it returns the label of the first. It is empty if there is no detection.
func (e *Event) PrimaryLabel() string {
	label, best := "", -1.0
	for _, d := range e.Detections {
		if d.Confidence > best {
			label, best = d.Label, d.Confidence
		}
	}
	return label
}

// validate returns an error for the first field of e that cannot be stored. e must be
// normalised. latest is the latest time that an event may have.
func (e *Event) validate(latest time.Time) error {
	if err := validTime("recorded_at", e.RecordedAt, latest); err != nil {
		return err
	}
	if err := validTime("created_at", e.CreatedAt, minTime(latest, maxCreatedAt)); err != nil {
		return err
	}
	if err := e.validateEnd(minTime(latest, maxCreatedAt)); err != nil {
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

// validateEnd checks EndedAt. latest is the latest time that it may have.
func (e *Event) validateEnd(latest time.Time) error {
	switch {
	case e.EndedAt.IsZero():
		return nil
	case e.EndedAt.Before(e.RecordedAt):
		return invalid("ended_at", "%s is before recorded_at %s",
			e.EndedAt.UTC().Format(time.RFC3339Nano), e.RecordedAt.UTC().Format(time.RFC3339Nano))
	}
	return validTime("ended_at", e.EndedAt, latest)
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
		validOptionalName("method", string(e.Method)),
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
		if err := validAttributeValue("attributes", name, value); err != nil {
			return err
		}
	}
	return nil
}

func validAttributeValue(field, name, value string) error {
	if len(value) > MaxAttributeValue {
		return tooLarge(field, "%q has %d bytes, more than %d", name, len(value), MaxAttributeValue)
	}
	if !utf8.ValidString(value) {
		return invalid(field, "%q is not UTF-8", name)
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

// sameContent reports whether e and o have the same content. CreatedAt, Pinned and Reviewed do
// not count.
func (e *Event) sameContent(o *Event) bool {
	return e.ID == o.ID && e.Camera == o.Camera && e.RecordedAt.Equal(o.RecordedAt) && e.EndedAt.Equal(o.EndedAt) && e.Type == o.Type &&
		e.RecordingID == o.RecordingID && e.Person == o.Person &&
		sameValue(e.FaceConfidence, o.FaceConfidence) && sameValue(e.FaceDistance, o.FaceDistance) &&
		e.UnlockGranted == o.UnlockGranted && e.Door == o.Door && e.Method == o.Method && e.ThumbnailPath == o.ThumbnailPath &&
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

// sameValue reports whether a and b are both nil, or both set and equal.
func sameValue[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func detectionPlace(i int) string { return fmt.Sprintf("detections[%d]", i) }

// normaliseNames converts all names of an event to their normal form.
func (e *Event) normaliseNames() {
	e.Camera, e.Type, e.Person, e.RecordingID = normalName(e.Camera), normalName(e.Type), normalName(e.Person), normalName(e.RecordingID)
	e.Method = normalName(e.Method)
	cloned := false
	for i := range e.Detections {
		label := normalName(e.Detections[i].Label)
		if label == e.Detections[i].Label {
			continue
		}
		if !cloned { // the slice belongs to the caller
			e.Detections, cloned = slices.Clone(e.Detections), true
		}
		e.Detections[i].Label = label
	}
}
