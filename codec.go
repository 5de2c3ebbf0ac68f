package doorlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A record is the value of a key in every bucket except tail, which joins two records
// (tail.go), and of some keys in meta:
//
//	 1 byte           4 bytes, big-endian                             rest
//	| format version | CRC-32C of bucket name, version, payload, key | payload |
//
// The payload is a msgpack array. Fields have fixed places and new fields are added at the
// end; a reader skips fields that it does not know. The checksum covers bucket and key, so a
// record in the wrong place does not verify. bolt itself has no checksums of data pages.
//
//	event      [camera, type, person, door, unlock_granted, alert_sent, recording,
//	            number of detections, thumbnail, created_at, face_confidence,
//	            face_distance, frame_width, frame_height, attributes, pinned, ended_at,
//	            method, reviewed]
//	thumbnail  [path, or true if the path follows from the ID; length, CRC-32C of the file]
//	detections [[label, confidence] or [label, confidence, x1, y1, x2, y2], …]
//	person     [display_name, auto_unlock, created_at, key]
//
// An absent value is nil. An event's record ends with the last of the fields from pinned on that
// is set: most events have none of them, which saves six bytes. created_at and ended_at are in
// nanoseconds since 1970. A number is written as an integer or a 32-bit float if that loses
// nothing.
const (
	recordVersion   = 1
	recordHeader    = 1 + 4
	eventFields     = 15 // up to the attributes
	thumbnailFields = 3
	labelFields     = 2
	boxFields       = 6
	personFields    = 3 // a person of schema 4 has one more
)

// The number of fields of an event's record that ends with this field.
const (
	pinnedField = eventFields + 1 + iota
	endedField
	methodField
	reviewedField
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is an event as the events bucket holds it: with the number of its detections, but
// without the detections, which have a record of their own.
type record struct {
	Event
	detections int
	thumb      fileSum
}

// fileSum is the length and the checksum that a file had when it was saved. In the zero value
// neither is known.
type fileSum struct {
	known bool
	size  int64
	crc   uint32
}

// An encoder encodes records. One goroutine uses it at a time.
type encoder struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.enc = msgpack.NewEncoder(&e.buf)
	return e
}}

// A recordKind is what the records of a bucket have in common.
type recordKind struct {
	bucket []byte
	crc    uint32 // of bucket name and version, the beginning of each checksum
}

var (
	eventRecord      = kindOf(eventsBucket)
	detectionsRecord = kindOf(detectionsBucket)
	personRecord     = kindOf(personsBucket)
	rollupRecord     = kindOf(rollupsBucket)
)

func kindOf(bucket []byte) recordKind {
	return recordKind{bucket, crc32.Checksum(append(bytes.Clone(bucket), recordVersion), castagnoli)}
}

func (k *recordKind) sum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Update(k.crc, castagnoli, payload), castagnoli, key)
}

// encode returns a record whose payload put writes. Writing to memory cannot fail, so put need
// not check the encoder's errors.
func (k *recordKind) encode(key []byte, put func(*encoder)) []byte {
	e := encoders.Get().(*encoder) //nolint:forcetypeassert // the pool holds nothing else
	defer encoders.Put(e)
	e.buf.Reset()
	e.buf.Write([]byte{recordVersion, 0, 0, 0, 0})
	put(e)
	rec := bytes.Clone(e.buf.Bytes())
	binary.BigEndian.PutUint32(rec[1:], k.sum(key, rec[recordHeader:]))
	return rec
}

// open verifies a record and returns its payload, which is a part of rec.
func (k *recordKind) open(key, rec []byte) ([]byte, error) {
	switch {
	case len(rec) < recordHeader:
		return nil, fmt.Errorf("%w: record of %d bytes", ErrCorrupt, len(rec))
	case rec[0] != recordVersion:
		return nil, fmt.Errorf("%w: record of version %d; this one knows %d", ErrCorrupt, rec[0], recordVersion)
	case binary.BigEndian.Uint32(rec[1:]) != k.sum(key, rec[recordHeader:]):
		return nil, fmt.Errorf("%w: checksum does not match", ErrCorrupt)
	}
	return rec[recordHeader:], nil
}

// Writing to a bytes.Buffer never fails, so the encoder does not either.
func (e *encoder) array(n int) { _ = e.enc.EncodeArrayLen(n) }

func (e *encoder) text(s string) { _ = e.enc.EncodeString(s) }

func (e *encoder) boolean(b bool) { _ = e.enc.EncodeBool(b) }

func (e *encoder) integer(n int64) { _ = e.enc.EncodeInt(n) }

func (e *encoder) null() { _ = e.enc.EncodeNil() }

func (e *encoder) optional(s string) {
	if s == "" {
		e.null()
		return
	}
	e.text(s)
}

// number writes v, which is finite, in the shortest form that loses nothing.
func (e *encoder) number(v float64) {
	const exact = 1 << 53 // above this not every integer is a float64
	switch {
	case v == math.Trunc(v) && math.Abs(v) < exact:
		e.integer(int64(v))
	case float64(float32(v)) == v:
		_ = e.enc.EncodeFloat32(float32(v))
	default:
		_ = e.enc.EncodeFloat64(v)
	}
}

func (e *encoder) optionalNumber(v *float64) {
	if v == nil {
		e.null()
		return
	}
	e.number(*v)
}

func encodeEvent(r *record) []byte {
	return eventRecord.encode(r.ID[:], func(e *encoder) {
		fields := r.fields()
		e.array(fields)
		e.text(r.Camera)
		e.text(string(r.Type))
		e.optional(r.Person)
		e.integer(int64(r.Door))
		e.boolean(r.UnlockGranted)
		e.boolean(r.AlertSent)
		e.optional(r.RecordingID)
		e.integer(int64(r.detections))
		e.thumbnail(r)
		e.integer(r.CreatedAt.UnixNano())
		e.optionalNumber(r.FaceConfidence)
		e.optionalNumber(r.FaceDistance)
		e.integer(int64(r.FrameWidth))
		e.integer(int64(r.FrameHeight))
		e.attributes(r.Attributes)
		if fields >= pinnedField {
			e.boolean(r.Pinned)
		}
		if fields >= endedField {
			e.optionalTime(r.EndedAt)
		}
		if fields >= methodField {
			e.optional(string(r.Method))
		}
		if fields >= reviewedField {
			e.boolean(r.Reviewed)
		}
	})
}

// fields returns the number of fields that the record of an event has.
func (r *record) fields() int {
	switch {
	case r.Reviewed:
		return reviewedField
	case r.Method != "":
		return methodField
	case !r.EndedAt.IsZero():
		return endedField
	case r.Pinned:
		return pinnedField
	}
	return eventFields
}

func (e *encoder) optionalTime(t time.Time) {
	if t.IsZero() {
		e.null()
		return
	}
	e.integer(t.UnixNano())
}

func (e *encoder) thumbnail(r *record) {
	if r.ThumbnailPath == "" {
		e.null()
		return
	}
	e.array(thumbnailFields)
	if r.ThumbnailPath == thumbnailPath(r.ID) {
		e.boolean(true)
	} else {
		e.text(r.ThumbnailPath)
	}
	if !r.thumb.known {
		e.null()
		e.null()
		return
	}
	e.integer(r.thumb.size)
	e.integer(int64(r.thumb.crc))
}

func (e *encoder) attributes(m map[string]string) {
	if len(m) == 0 {
		e.null()
		return
	}
	_ = e.enc.EncodeMapLen(len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e.text(name)
		e.text(m[name])
	}
}

func encodeDetections(id ID, detections []Detection) []byte {
	return detectionsRecord.encode(id[:], func(e *encoder) {
		e.array(len(detections))
		for i := range detections {
			d := &detections[i]
			if d.Box == nil {
				e.array(labelFields)
			} else {
				e.array(boxFields)
			}
			e.text(d.Label)
			e.number(d.Confidence)
			if b := d.Box; b != nil {
				e.number(b.X1)
				e.number(b.Y1)
				e.number(b.X2)
				e.number(b.Y2)
			}
		}
	})
}

func encodePerson(p *Person) []byte {
	return personRecord.encode([]byte(p.Name), func(e *encoder) {
		if p.Key == (ID{}) {
			e.array(personFields)
		} else {
			e.array(personFields + 1)
		}
		e.text(p.DisplayName)
		e.boolean(p.AutoUnlock)
		e.integer(p.CreatedAt.UnixNano())
		if p.Key != (ID{}) {
			e.text(string(p.Key[:]))
		}
	})
}

// decodeEvent decodes the record of an event into r, without its detections. key is the ID.
func decodeEvent(key, rec []byte, mem *arena, r *record) error {
	id, err := asID(key)
	if err != nil {
		return err
	}
	payload, err := eventRecord.open(key, rec)
	if err != nil {
		return err
	}
	return decodeEventPayload(id, payload, mem, r)
}

func decodeEventPayload(id ID, payload []byte, mem *arena, r *record) error {
	d := decoder{b: payload, mem: mem}
	n := d.array()
	if n < eventFields {
		return errPayload
	}
	*r = record{}
	r.ID = id
	r.RecordedAt = id.Time()
	r.Camera = d.name()
	r.Type = EventType(d.name())
	r.Person = d.optionalName()
	r.Door = DoorAction(d.uintBelow(uint64(len(doorActions))))
	r.UnlockGranted = d.boolean()
	r.AlertSent = d.boolean()
	r.RecordingID = d.optionalText()
	r.detections = int(d.uintBelow(math.MaxInt32))
	d.thumbnail(r)
	r.CreatedAt = time.Unix(0, d.integer()).UTC()
	d.face(r)
	r.FrameWidth = int(d.uintBelow(maxFrameEdge + 1))
	r.FrameHeight = int(d.uintBelow(maxFrameEdge + 1))
	r.Attributes = d.attributes()
	r.Pinned = n >= pinnedField && d.optionalBoolean()
	if n >= endedField && !d.isNil() {
		r.EndedAt = time.Unix(0, d.integer()).UTC()
	}
	if n >= methodField {
		r.Method = Method(d.optionalName())
	}
	r.Reviewed = n >= reviewedField && d.optionalBoolean()
	return d.finish(max(0, n-reviewedField))
}

func (d *decoder) optionalBoolean() bool { return !d.isNil() && d.boolean() }

// face reads FaceConfidence and FaceDistance.
func (d *decoder) face(r *record) {
	confidence, hasConfidence := d.optionalNumber()
	distance, hasDistance := d.optionalNumber()
	if !hasConfidence && !hasDistance {
		return
	}
	both := d.mem.twoNumbers()
	both[0], both[1] = confidence, distance
	if hasConfidence {
		r.FaceConfidence = &both[0]
	}
	if hasDistance {
		r.FaceDistance = &both[1]
	}
}

func (d *decoder) thumbnail(r *record) {
	if d.isNil() {
		return
	}
	n := d.array()
	if n < thumbnailFields {
		d.fail()
		return
	}
	if d.peek() == msgpcode.True {
		d.boolean()
		r.ThumbnailPath = thumbnailPath(r.ID)
	} else {
		r.ThumbnailPath = string(d.text())
	}
	if d.isNil() {
		d.skip(1)
	} else {
		r.thumb.known = true
		r.thumb.size = int64(d.uintBelow(math.MaxInt64))
		r.thumb.crc = uint32(d.uintBelow(1 << 32))
	}
	d.skip(n - thumbnailFields)
}

func (d *decoder) attributes() map[string]string {
	if d.isNil() {
		return nil
	}
	n := d.mapping()
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		name := d.name()
		m[name] = d.mem.text(d.text())
	}
	return m
}

// countDetections returns the number of detections in a record; 0 if the record does not
// verify.
func countDetections(key, rec []byte) int {
	payload, err := detectionsRecord.open(key, rec)
	if err != nil {
		return 0
	}
	return detectionsIn(payload)
}

// detectionsIn returns the number of detections in the payload of such a record.
func detectionsIn(payload []byte) int {
	d := decoder{b: payload}
	n := d.array()
	if d.bad || n > len(payload) {
		return 0
	}
	return n
}

// decodeDetections decodes the record of the detections of an event. want is the number that
// the event's record names.
func decodeDetections(key, rec []byte, mem *arena, want int) ([]Detection, error) {
	payload, err := detectionsRecord.open(key, rec)
	if err != nil {
		return nil, err
	}
	detections, err := decodeDetectionsPayload(payload, mem)
	if err == nil && len(detections) != want {
		err = fmt.Errorf("%w: %d detections where the event has %d", ErrCorrupt, len(detections), want)
	}
	return detections, err
}

func decodeDetectionsPayload(payload []byte, mem *arena) ([]Detection, error) {
	const shortest = 3 // bytes of a detection: its array, a label, a confidence
	d := decoder{b: payload, mem: mem}
	n := d.array()
	if n > len(payload)/shortest {
		return nil, errPayload
	}
	if n == 0 {
		return nil, d.finish(0)
	}
	detections := mem.someDetections(n)
	var boxes []Box // for all boxes that may follow; allocated with the first one
	for i := range detections {
		fields := d.array()
		if fields < labelFields {
			return nil, errPayload
		}
		detections[i] = Detection{Label: d.name(), Confidence: d.number()}
		if fields < boxFields {
			d.skip(fields - labelFields)
			continue
		}
		if boxes == nil {
			boxes = mem.someBoxes(n - i)[:0]
		}
		boxes = append(boxes, Box{d.number(), d.number(), d.number(), d.number()})
		detections[i].Box = &boxes[len(boxes)-1]
		d.skip(fields - boxFields)
	}
	return detections, d.finish(0)
}

func decodePerson(name string, rec []byte) (Person, error) {
	payload, err := personRecord.open([]byte(name), rec)
	if err != nil {
		return Person{}, err
	}
	return decodePersonPayload(name, payload)
}

func decodePersonPayload(name string, payload []byte) (Person, error) {
	d := decoder{b: payload, mem: &arena{}}
	n := d.array()
	if n < personFields {
		return Person{}, errPayload
	}
	p := Person{
		Name:        name,
		DisplayName: string(d.text()),
		AutoUnlock:  d.boolean(),
		CreatedAt:   time.Unix(0, d.integer()).UTC(),
	}
	if n > personFields {
		if key := d.text(); len(key) == idLen {
			p.Key = ID(key)
		} else {
			d.fail()
		}
	}
	if err := d.finish(max(0, n-personFields-1)); err != nil {
		return Person{}, err
	}
	return p, nil
}
