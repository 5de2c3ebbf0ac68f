package doorlog_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// plainEvent is an event as encoding/json alone would write it.
type plainEvent struct {
	ID             *doorlog.ID        `json:"id"`
	Camera         string             `json:"camera_id"`
	RecordedAt     *time.Time         `json:"recorded_at"`
	EndedAt        *time.Time         `json:"ended_at"`
	Type           doorlog.EventType  `json:"event_type"`
	RecordingID    *string            `json:"recording_id"`
	Person         *string            `json:"person_name"`
	FaceConfidence *float64           `json:"face_confidence"`
	FaceDistance   *float64           `json:"face_distance"`
	UnlockGranted  bool               `json:"unlock_granted"`
	Door           doorlog.DoorAction `json:"door_action"`
	Method         *doorlog.Method    `json:"method"`
	ThumbnailPath  *string            `json:"thumbnail_path"`
	FrameWidth     *int               `json:"frame_width"`
	FrameHeight    *int               `json:"frame_height"`
	AlertSent      bool               `json:"alert_sent"`
	Pinned         bool               `json:"pinned"`
	Reviewed       bool               `json:"reviewed"`
	CreatedAt      *time.Time         `json:"created_at"`
	Attributes     map[string]string  `json:"attributes"`
	Detections     []plainDetection   `json:"detections"`
}

type plainDetection struct {
	Label      string   `json:"label"`
	Confidence float64  `json:"confidence"`
	X1         *float64 `json:"bbox_x1"`
	Y1         *float64 `json:"bbox_y1"`
	X2         *float64 `json:"bbox_x2"`
	Y2         *float64 `json:"bbox_y2"`
}

func set[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func plainOf(e *doorlog.Event) plainEvent {
	p := plainEvent{
		set(e.ID), e.Camera, set(e.RecordedAt.UTC()), set(e.EndedAt.UTC()), e.Type, set(e.RecordingID), set(e.Person),
		e.FaceConfidence, e.FaceDistance, e.UnlockGranted, e.Door, set(e.Method), set(e.ThumbnailPath), set(e.FrameWidth), set(e.FrameHeight),
		e.AlertSent, e.Pinned, e.Reviewed, set(e.CreatedAt.UTC()), e.Attributes,
		[]plainDetection{},
	}
	for _, d := range e.Detections {
		plain := plainDetection{Label: d.Label, Confidence: d.Confidence}
		if b := d.Box; b != nil {
			plain.X1, plain.Y1, plain.X2, plain.Y2 = &b.X1, &b.Y1, &b.X2, &b.Y2
		}
		p.Detections = append(p.Detections, plain)
	}
	return p
}

func TestAnEventsJSONIsWhatEncodingJSONWrites(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "front_door", "grüße ✓", "a<b>&c", `"\`, "tab\tline\n\r\b\f\x01\x7f", "\u2028\u2029", "bad\xff\xfe", "😀", "é\u2028<\xf0\x9f"}
	for c := range byte(0x80) {
		texts = append(texts, "a"+string(rune(c))+"é"+string(rune(c)))
	}
	numbers := []float64{0, 1, math.Copysign(0, -1), 0.1, 1e-6, 9.9e-7, 1e-9, 1e20, 1e21, -1e21, 1 << 53, 1<<53 - 1, 7, -7, 123456789.125, 1 / 3.0, math.MaxFloat64, 5e-324}
	text := func() string { return texts[random.IntN(len(texts))] }
	number := func() float64 { return numbers[random.IntN(len(numbers))] }
	moment := func() time.Time {
		if random.IntN(4) == 0 {
			return time.Time{}
		}
		return time.Unix(random.Int64N(4e9), random.Int64N(2)*random.Int64N(1e9)).In(time.FixedZone("", 3600*random.IntN(5)))
	}
	for range 2000 {
		e := doorlog.Event{
			Camera: text(), RecordedAt: moment(), EndedAt: moment(), Type: doorlog.EventType(text()), RecordingID: text(), Person: text(),
			UnlockGranted: random.IntN(2) == 0, Door: doorlog.DoorAction(random.IntN(8)), Method: doorlog.Method(text()), ThumbnailPath: text(),
			FrameWidth: random.IntN(3) * 640, FrameHeight: random.IntN(3) * 480, AlertSent: random.IntN(2) == 0, Pinned: random.IntN(2) == 0,
			Reviewed: random.IntN(2) == 0, CreatedAt: moment(),
		}
		if random.IntN(2) == 0 {
			e.ID, e.FaceConfidence, e.FaceDistance = doorlog.ID{1, byte(random.IntN(9))}, new(number()), new(number())
			e.Attributes = map[string]string{text(): text(), text(): text()}
		}
		for range random.IntN(4) {
			d := doorlog.Detection{Label: text(), Confidence: number()}
			if random.IntN(2) == 0 {
				d.Box = &doorlog.Box{X1: number(), Y1: number(), X2: number(), Y2: number()}
			}
			e.Detections = append(e.Detections, d)
		}
		want, err := json.Marshal(plainOf(&e))
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.AppendJSON([]byte("before"))
		if err != nil || string(got) != "before"+string(want) {
			t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
		}
		if got, err = json.Marshal(e); err != nil || string(got) != string(want) {
			t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		for _, e := range []doorlog.Event{{FaceConfidence: &bad}, {FaceDistance: &bad}, {Detections: []doorlog.Detection{{Confidence: bad}}}} {
			if got, err := json.Marshal(e); err == nil {
				t.Errorf("%s", got)
			}
		}
	}
}
