package doorlog

import (
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A head has the fields of an event that a filter needs. Its names are parts of the record.
type head struct {
	camera, kind, person, recording []byte
	door                            DoorAction
	unlocked, alerted, hasThumbnail bool
	detections                      int

	// These are read only if the filter asks for one of them.
	attributes       decoder // stands at the attributes; see anyAttribute
	method           []byte
	pinned, reviewed bool
}

// decodeHead decodes the head of an event's record. key is the ID. later says whether the fields
// from the attributes on are needed.
func decodeHead(key, rec []byte, later bool) (h head, err error) {
	payload, err := eventRecord.open(key, rec)
	if err != nil {
		return h, err
	}
	d := decoder{b: payload}
	n := d.array()
	if n < eventFields {
		return h, errPayload
	}
	h.camera, h.kind = d.text(), d.text()
	if !d.isNil() {
		h.person = d.text()
	}
	h.door = DoorAction(d.uintBelow(uint64(len(doorActions))))
	h.unlocked, h.alerted = d.boolean(), d.boolean()
	if !d.isNil() {
		h.recording = d.text()
	}
	h.detections = int(d.uintBelow(math.MaxInt32))
	h.hasThumbnail = d.peek() != msgpcode.Nil
	if later {
		const passed = 6 // number of fields to skip, from the thumbnail to the frame height
		d.skip(passed)
		h.attributes = d
		d.skip(1)
		h.pinned = n >= pinnedField && d.optionalBoolean()
		if n >= endedField {
			d.skip(1)
		}
		if n >= methodField && !d.isNil() {
			h.method = d.text()
		}
		h.reviewed = n >= reviewedField && d.optionalBoolean()
	}
	if d.bad {
		return head{}, errPayload
	}
	return h, nil
}

// anyAttribute reports whether ok returns true for the name and the value of any attribute. Both
// are parts of the record.
func (h *head) anyAttribute(ok func(name, value []byte) bool) (bool, error) {
	d := h.attributes // a copy: it can be read several times
	if d.isNil() {
		return false, nil
	}
	for range d.mapping() {
		name := d.text()
		value := d.text()
		if d.bad {
			break
		}
		if ok(name, value) {
			return true, nil
		}
	}
	if d.bad {
		return false, errPayload
	}
	return false, nil
}

// anyDetection reports whether ok returns true for the label and the confidence of any
// detection in a record. The label is a part of the record.
func anyDetection(key, rec []byte, ok func(label []byte, confidence float64) bool) (bool, error) {
	payload, err := detectionsRecord.open(key, rec)
	if err != nil {
		return false, err
	}
	d := decoder{b: payload}
	for range d.array() {
		fields := d.array()
		label, confidence := d.text(), d.number()
		if d.bad || fields < labelFields {
			return false, errPayload
		}
		if ok(label, confidence) {
			return true, nil
		}
		d.skip(fields - labelFields)
	}
	return false, d.finish(0)
}
