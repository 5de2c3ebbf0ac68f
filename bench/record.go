package main

import (
	"bytes"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/doorlog/doorlog"
)

// A record is an event as the engines keep it that store bytes or Go values. It
// goes through msgpack, as arrays: small, and quick to read.
type record struct {
	At, Created    int64 // nanoseconds since 1970
	Camera         string
	Type           string
	Recording      string
	Person         string
	FaceConfidence *float64
	FaceDistance   *float64
	Unlock         bool
	Door           uint8
	Thumbnail      string
	Alert          bool
	Detections     []recordDetection
}

type recordDetection struct {
	Label      string
	Confidence float64
	Box        []float64 // of four sides, or none
}

func recordOf(e *doorlog.Event) *record {
	r := &record{
		At: e.RecordedAt.UnixNano(), Created: e.CreatedAt.UnixNano(), Camera: e.Camera, Type: string(e.Type),
		Recording: e.RecordingID, Person: e.Person, FaceConfidence: e.FaceConfidence, FaceDistance: e.FaceDistance,
		Unlock: e.UnlockGranted, Door: uint8(e.Door), Thumbnail: e.ThumbnailPath, Alert: e.AlertSent,
		Detections: make([]recordDetection, len(e.Detections)),
	}
	for i, d := range e.Detections {
		r.Detections[i] = recordDetection{Label: d.Label, Confidence: d.Confidence}
		if b := d.Box; b != nil {
			r.Detections[i].Box = []float64{b.X1, b.Y1, b.X2, b.Y2}
		}
	}
	return r
}

func (r *record) event() doorlog.Event {
	e := doorlog.Event{
		RecordedAt: time.Unix(0, r.At).UTC(), CreatedAt: time.Unix(0, r.Created).UTC(), Camera: r.Camera,
		Type: doorlog.EventType(r.Type), RecordingID: r.Recording, Person: r.Person, FaceConfidence: r.FaceConfidence,
		FaceDistance: r.FaceDistance, UnlockGranted: r.Unlock, Door: doorlog.DoorAction(r.Door), ThumbnailPath: r.Thumbnail,
		AlertSent: r.Alert, Detections: make([]doorlog.Detection, len(r.Detections)),
	}
	for i, d := range r.Detections {
		e.Detections[i] = doorlog.Detection{Label: d.Label, Confidence: d.Confidence}
		if b := d.Box; len(b) == 4 {
			e.Detections[i].Box = &doorlog.Box{X1: b[0], Y1: b[1], X2: b[2], Y2: b[3]}
		}
	}
	return e
}

func encodeEvent(e *doorlog.Event) ([]byte, error) { return encodeRecord(recordOf(e)) }

func encodeRecord(r *record) ([]byte, error) {
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	var b bytes.Buffer
	enc.Reset(&b)
	enc.UseArrayEncodedStructs(true)
	err := enc.Encode(r)
	return b.Bytes(), err
}

func decodeEvent(data []byte) (doorlog.Event, error) {
	var r record
	if err := msgpack.Unmarshal(data, &r); err != nil {
		return doorlog.Event{}, err
	}
	return r.event(), nil
}
