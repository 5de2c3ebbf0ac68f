package doorlog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A refusal is what is wrong with an event, and the field that is named.
type refusal struct {
	field  string
	break_ func(*doorlog.Event)
}

// confidence gives an event a detection of this confidence.
func confidence(c float64) func(*doorlog.Event) {
	return func(e *doorlog.Event) { e.Detections = []doorlog.Detection{{Label: "dog", Confidence: c}} }
}

func refusals() []refusal {
	long := strings.Repeat("x", doorlog.MaxNameLen+1)
	box := func(x1, y1, x2, y2 float64) func(*doorlog.Event) {
		return func(e *doorlog.Event) {
			e.Detections = []doorlog.Detection{{Label: "ok"}, {Label: "dog", Box: &doorlog.Box{X1: x1, Y1: y1, X2: x2, Y2: y2}}}
		}
	}
	return append([]refusal{
		{"camera_id: is empty", func(e *doorlog.Event) { e.Camera = "" }},
		{"camera_id: has 256 bytes", func(e *doorlog.Event) { e.Camera = long }},
		{"camera_id: ", func(e *doorlog.Event) { e.Camera = "a\xffb" }},
		{"camera_id: ", func(e *doorlog.Event) { e.Camera = "a\x00b" }},
		{"event_type: is empty", func(e *doorlog.Event) { e.Type = "" }},
		{"event_type: ", func(e *doorlog.Event) { e.Type = "\x00" }},
		{"recording_id: ", func(e *doorlog.Event) { e.RecordingID = long }},
		{"recording_id: ", func(e *doorlog.Event) { e.RecordingID = "\xc3" }},
		{"person_name: ", func(e *doorlog.Event) { e.Person = "a\x00" }},
		{"person_name: ", func(e *doorlog.Event) { e.Person = long }},
		{"recorded_at: is missing", func(e *doorlog.Event) { e.RecordedAt = time.Time{} }},
		{"recorded_at: 1969-12-31", func(e *doorlog.Event) { e.RecordedAt = time.Unix(-1, 0).UTC() }},
		{"recorded_at: 2026-02-26T18:30:01Z lies too far in the future", func(e *doorlog.Event) { e.RecordedAt = now.Add(24*time.Hour + time.Second) }},
		{"recorded_at: ", func(e *doorlog.Event) { e.RecordedAt = time.Date(30000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"created_at: ", func(e *doorlog.Event) { e.CreatedAt = now.AddDate(1, 0, 0) }},
		{"created_at: ", func(e *doorlog.Event) { e.CreatedAt = time.Unix(-1, 0) }},
		{"ended_at: 2026-02-25T18:28:59.999999999Z is before recorded_at 2026-02-25T18:29:00Z", func(e *doorlog.Event) { e.EndedAt = e.RecordedAt.Add(-1) }},
		{"ended_at: 2026-02-26T18:30:01Z lies too far in the future", func(e *doorlog.Event) { e.EndedAt = now.Add(24*time.Hour + time.Second) }},
		{"ended_at: 2300-", func(e *doorlog.Event) { e.EndedAt = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"method: has 256 bytes", func(e *doorlog.Event) { e.Method = doorlog.Method(long) }},
		{"method: ", func(e *doorlog.Event) { e.Method = "a\x00" }},
		{"method: ", func(e *doorlog.Event) { e.Method = "\xff" }},
		{"face_confidence: NaN", func(e *doorlog.Event) { e.FaceConfidence = new(math.NaN()) }},
		{"face_confidence: 1.5", func(e *doorlog.Event) { e.FaceConfidence = new(1.5) }},
		{"face_confidence: ", func(e *doorlog.Event) { e.FaceConfidence = new(-0.1) }},
		{"face_distance: ", func(e *doorlog.Event) { e.FaceDistance = new(math.Inf(1)) }},
		{"face_distance: ", func(e *doorlog.Event) { e.FaceDistance = new(math.NaN()) }},
		{"face_distance: ", func(e *doorlog.Event) { e.FaceDistance = new(-1.0) }},
		{"door_action: ", func(e *doorlog.Event) { e.Door = 7 }},
		{"frame_width: ", func(e *doorlog.Event) { e.FrameWidth = -1 }},
		{"frame_height: ", func(e *doorlog.Event) { e.FrameHeight = 1<<24 + 1 }},
		{"detections[0].confidence: 1.01", confidence(1.01)},
		{"detections[0].confidence: ", confidence(-0.01)},
		{"detections[0].confidence: NaN", confidence(math.NaN())},
		{"detections[0].confidence: +Inf", confidence(math.Inf(1))},
		{"detections[0].label: is empty", func(e *doorlog.Event) { e.Detections = make([]doorlog.Detection, 1) }},
		{"detections[1].bbox_x2: 1 is left of bbox_x1 2", box(2, 0, 1, 5)},
		{"detections[1].bbox_y2: ", box(0, 2, 5, 1)},
		{"detections[1].bbox_x1: NaN", box(math.NaN(), 0, 0, 0)},
		{"detections[1].bbox_y2: +Inf", box(0, 0, 0, math.Inf(1))},
		{"detections: has 1001 entries", func(e *doorlog.Event) {
			e.Detections = slices.Repeat([]doorlog.Detection{{Label: "x"}}, doorlog.MaxDetections+1)
		}},
		{"attributes: ", func(e *doorlog.Event) { e.Attributes = map[string]string{"": "x"} }},
		{"attributes: ", func(e *doorlog.Event) { e.Attributes = map[string]string{"a": "\xff"} }},
		{"attributes: ", func(e *doorlog.Event) {
			e.Attributes = map[string]string{"a": strings.Repeat("x", doorlog.MaxAttributeValue+1)}
		}},
		{"attributes: has 65 entries", func(e *doorlog.Event) {
			e.Attributes = make(map[string]string)
			for i := range doorlog.MaxAttributes + 1 {
				e.Attributes[fmt.Sprint(i)] = ""
			}
		}},
		{"id: ", func(e *doorlog.Event) { e.ID = doorlog.ID{15: 1, 6: 0xff} }}, // more than a millisecond of nanoseconds
		{"recorded_at: ", func(e *doorlog.Event) { e.ID = doorlog.ID{1} }},
	}, pathRefusals()...)
}

func pathRefusals() []refusal {
	return []refusal{
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = "../x.jpg" }},
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = "a/../../x.jpg" }},
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = "/etc/passwd" }},
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = `..\x.jpg` }},
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = "." }},
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = "a//b.jpg" }},
		{"thumbnail_path: ", func(e *doorlog.Event) { e.ThumbnailPath = "a/\x00.jpg" }},
	}
}

func TestWhatCannotBeStoredIsRefusedByItsField(t *testing.T) {
	s := newStore(t)
	for _, test := range refusals() {
		e := motion("garage", 1)
		test.break_(&e)
		_, err := s.WriteEvent(t.Context(), e)
		wantError(t, err, doorlog.ErrInvalid, "doorlog: write event: "+test.field)
		tooLarge := strings.Contains(err.Error(), " has ")
		if errors.Is(err, doorlog.ErrTooLarge) != tooLarge {
			t.Errorf("%v: is ErrTooLarge: %v", err, !tooLarge)
		}
	}
	if n := len(s.all(t, doorlog.Query{})); n != 0 {
		t.Errorf("%d of the refused events were stored", n)
	}
}

func TestEdgesOfWhatCanBeStored(t *testing.T) {
	s := newStore(t)
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(0, 1), time.Unix(0, 999_999), now.Add(24 * time.Hour),
		time.Date(2026, 2, 25, 3, 4, 5, 987654321, time.FixedZone("x", 5*3600+45*60)),
	} {
		e := motion("garage", 0)
		e.RecordedAt = at
		id, err := idOf(s.WriteEvent(t.Context(), e))
		if err != nil {
			t.Errorf("%v: %v", at, err)
			continue
		}
		if got := s.event(t, id); !got.RecordedAt.Equal(at) || got.RecordedAt.Location() != time.UTC {
			t.Errorf("%v became %v", at, got.RecordedAt)
		}
	}
}

func TestPrimaryLabelIsThatOfTheHighestConfidence(t *testing.T) {
	e := doorlog.Event{}
	if got := e.PrimaryLabel(); got != "" {
		t.Errorf("no detections: %q", got)
	}
	e.Detections = []doorlog.Detection{{Label: "a"}, {Label: "b", Confidence: 0.7}, {Label: "c", Confidence: 0.7}}
	if got := e.PrimaryLabel(); got != "b" {
		t.Errorf("got %q", got)
	}
}

func TestIDsAreParsedInBothCases(t *testing.T) {
	s := newStore(t)
	id, err := s.NewID(now)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{id.String(), strings.ToLower(id.String())} {
		if got, err := doorlog.ParseID(text); got != id || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", id.String() + "0", "8" + id.String()[1:], "00000000000000000000000000", "01ARZ3NDEKZZZZZZZZZZZZZZZZ", strings.Repeat("é", 13)} {
		_, err := doorlog.ParseID(text)
		wantError(t, err, doorlog.ErrInvalid, "parse id")
	}
	_, err = s.NewID(time.Time{})
	wantError(t, err, doorlog.ErrInvalid, "recorded_at")
}

func TestJSONHasTheOriginalsNames(t *testing.T) {
	s := newStore(t)
	e := s.write(t, fullEvent())[0]
	e.ThumbnailPath = "a/b.jpg"
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"` + e.ID.String() + `","camera_id":"front_door","recorded_at":"2026-02-25T18:28:59.876543211Z","ended_at":"2026-02-26T14:30:00.5Z",` +
		`"event_type":"ding","recording_id":"rec-1","person_name":"alice","face_confidence":0.875,"face_distance":0,` +
		`"unlock_granted":true,"door_action":"unlocked","method":"face","thumbnail_path":"a/b.jpg","frame_width":1920,"frame_height":1080,` +
		`"alert_sent":true,"pinned":false,"reviewed":true,"created_at":"2026-02-25T18:29:30Z","attributes":{"battery":"87","empty":"","note":"grüße ✓"},` +
		`"detections":[{"label":"person","confidence":0.95,"bbox_x1":10,"bbox_y1":20.5,"bbox_x2":100,"bbox_y2":200},` +
		`{"label":"dog","confidence":1,"bbox_x1":null,"bbox_y1":null,"bbox_x2":null,"bbox_y2":null},` +
		`{"label":"person","confidence":0,"bbox_x1":-3,"bbox_y1":-0.1,"bbox_x2":-3,"bbox_y2":1000000}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back doorlog.Event
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	wantEvent(t, back, e)

	got, err = json.Marshal(doorlog.Event{})
	want = `{"id":null,"camera_id":"","recorded_at":null,"ended_at":null,"event_type":"","recording_id":null,"person_name":null,` +
		`"face_confidence":null,"face_distance":null,"unlock_granted":false,"door_action":"none","method":null,"thumbnail_path":null,` +
		`"frame_width":null,"frame_height":null,"alert_sent":false,"pinned":false,"reviewed":false,"created_at":null,"attributes":null,"detections":[]}`
	if string(got) != want || err != nil {
		t.Errorf("got  %s\nwant %s (%v)", got, want, err)
	}
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, doorlog.Event{}) {
		t.Errorf("an empty event became %+v, %v", back, err)
	}
}

func TestJSONOfAProducerGoesInUnchanged(t *testing.T) {
	tests := map[string]struct {
		json string
		want doorlog.Event
	}{
		"SQLite's booleans and time": {
			`{"camera_id":"c","event_type":"ding","recorded_at":"2026-02-25 18:30:00","unlock_granted":1,"alert_sent":0,"pinned":1}`,
			doorlog.Event{Camera: "c", Type: doorlog.Ding, RecordedAt: now, UnlockGranted: true, Pinned: true},
		},
		"time without an offset": {`{"recorded_at":"2026-02-25T18:30:00.5"}`, doorlog.Event{RecordedAt: now.Add(time.Second / 2)}},
		"Python's %z":            {`{"recorded_at":"2026-02-25T19:30:00+0100"}`, doorlog.Event{RecordedAt: now}},
		"time with an offset":    {`{"recorded_at":"2026-02-26T00:15:00+05:45"}`, doorlog.Event{RecordedAt: now}},
		"nulls":                  {`{"recording_id":null,"person_name":null,"door_action":null,"detections":null}`, doorlog.Event{}},
		"empty times":            {`{"recorded_at":"","created_at":""}`, doorlog.Event{}},
		"whole boxes": {
			`{"detections":[{"label":"dog","confidence":0.5,"bbox_x1":1,"bbox_y1":2,"bbox_x2":3,"bbox_y2":4}]}`,
			doorlog.Event{Detections: []doorlog.Detection{{Label: "dog", Confidence: 0.5, Box: &doorlog.Box{X1: 1, Y1: 2, X2: 3, Y2: 4}}}},
		},
		"no boxes": {`{"detections":[{"label":"dog","confidence":0}]}`, doorlog.Event{Detections: []doorlog.Detection{{Label: "dog"}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got doorlog.Event
			if err := json.Unmarshal([]byte(test.json), &got); err != nil {
				t.Fatal(err)
			}
			wantEvent(t, got, test.want)
		})
	}
}

func TestBadJSONNamesTheField(t *testing.T) {
	for text, field := range map[string]string{
		`{"camera":"x"}`:                                     "camera: is not a field",
		`{"camera_id":7}`:                                    "camera_id: ",
		`{"recorded_at":true}`:                               "recorded_at: ",
		`{"recorded_at":"yesterday"}`:                        "recorded_at: ",
		`{"created_at":"2026-13-01T00:00:00Z"}`:              "created_at: ",
		`{"unlock_granted":"yes"}`:                           "unlock_granted: ",
		`{"alert_sent":2}`:                                   "alert_sent: ",
		`{"pinned":"no"}`:                                    "pinned: ",
		`{"reviewed":2}`:                                     "reviewed: ",
		`{"ended_at":"later"}`:                               "ended_at: ",
		`{"method":7}`:                                       "method: ",
		`{"door_action":"ajar"}`:                             "door_action: ",
		`{"id":"1234"}`:                                      "id: ",
		`{"id":17}`:                                          "id: ",
		`{"face_distance":"near"}`:                           "face_distance: ",
		`{"face_distance":1e999}`:                            "face_distance: ",
		`{"frame_width":1.5}`:                                "frame_width: ",
		`{"attributes":{"a":1}}`:                             "attributes",
		`{"detections":{}}`:                                  "detections: ",
		`{"detections":[{"label":"x","confidence":0},7]}`:    "detections[1]: is not an object",
		`{"detections":[{"label":"x"}]}`:                     "detections[0].confidence: is missing",
		`{"detections":[{"label":1,"confidence":0}]}`:        "detections[0].label: ",
		`{"detections":[{"name":"x","confidence":0}]}`:       "detections[0].name: is not a field",
		`{"detections":[{"confidence":0,"bbox_x1":1}]}`:      "detections[0].bbox: has 1 of its 4 sides",
		`{"detections":[{"confidence":0,"bbox_x1":"left"}]}`: "detections[0].bbox_x1: ",
		"{\"camera_id\":\"a\xffb\"}":                         "json: is not UTF-8",
		`[]`:                                                 "json: is not an object",
		`7`:                                                  "json: ",
	} {
		var e doorlog.Event
		err := json.Unmarshal([]byte(text), &e)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		wantError(t, err, doorlog.ErrInvalid, field)
	}
}

func TestDetectionJSONByItself(t *testing.T) {
	var d doorlog.Detection
	if err := json.Unmarshal([]byte(`{"label":"dog","confidence":0.5}`), &d); err != nil || d.Label != "dog" {
		t.Errorf("%+v, %v", d, err)
	}
	wantError(t, json.Unmarshal([]byte(`{"label":"dog"}`), &d), doorlog.ErrInvalid, "confidence: is missing")
	e := motion("garage", 1)
	if err := json.Unmarshal([]byte(`null`), &e); err != nil || e.Camera != "garage" {
		t.Errorf("null changed the event: %+v, %v", e, err)
	}
}

func TestAnIDHasItsOwnTextForm(t *testing.T) {
	s := newStore(t)
	id, err := s.NewID(now)
	if err != nil {
		t.Fatal(err)
	}
	var got doorlog.ID
	for _, text := range []string{id.String(), strings.ToLower(id.String())} {
		if err := got.UnmarshalText([]byte(text)); err != nil || got != id {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", id.String() + "0", id.String()[:25], id.String()[:25] + "U", id.String()[:25] + "!", "8" + id.String()[1:]} {
		wantError(t, got.UnmarshalText([]byte(text)), doorlog.ErrInvalid, "id: ")
		if got != id {
			t.Errorf("%q changed the ID to %v", text, got)
		}
	}
	data, err := json.Marshal(map[string]doorlog.ID{"id": id, "none": {}})
	if want := `{"id":"` + id.String() + `","none":"00000000000000000000000000"}`; err != nil || string(data) != want {
		t.Errorf("%s, %v, want %s", data, err, want)
	}
	var back map[string]doorlog.ID
	if err := json.Unmarshal(data, &back); err != nil || back["id"] != id || !back["none"].IsZero() {
		t.Errorf("%v, %v", back, err)
	}
	if !id.Time().Equal(now) || id.IsZero() || id.Compare(doorlog.ID{}) <= 0 || id.Compare(got) != 0 {
		t.Errorf("%v of %v", id, id.Time())
	}
	// What of another package's type would be promised with it is not there.
	var methods []string
	for m := range reflect.TypeFor[*doorlog.ID]().Methods() {
		methods = append(methods, m.Name)
	}
	if want := []string{"Compare", "IsZero", "MarshalText", "String", "Time", "UnmarshalText"}; !slices.Equal(methods, want) {
		t.Errorf("methods %v, want %v", methods, want)
	}
}
