package doorlog_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

// unusable returns detections of which only the first can be stored as it is, and
// what becomes of them, with a text for each change.
func unusable() (given, mended []doorlog.Detection, changes []string) {
	box := func(x1, y1, x2, y2 float64) *doorlog.Box { return &doorlog.Box{X1: x1, Y1: y1, X2: x2, Y2: y2} }
	given = []doorlog.Detection{
		{Label: "cat", Confidence: 1, Box: box(1, 2, 3, 4)},
		{Label: "rounded", Confidence: 1.0000001},
		{Label: "rounded", Confidence: -1e-9},
		{Label: "percent", Confidence: 95},
		{Label: "none", Confidence: math.NaN()},
		{Label: "", Confidence: 0.5},
		{Label: "\xff", Confidence: 0.5},
		{Label: "turned", Confidence: 0.5, Box: box(30, 40, 10, 20)},
		{Label: "endless", Confidence: 0.5, Box: box(0, 0, math.Inf(1), 5)},
		{Label: "last", Confidence: 0.25},
	}
	mended = []doorlog.Detection{
		given[0],
		{Label: "rounded", Confidence: 1},
		{Label: "rounded", Confidence: 0},
		{Label: "turned", Confidence: 0.5, Box: box(10, 20, 30, 40)},
		{Label: "endless", Confidence: 0.5},
		given[9],
	}
	changes = []string{
		"detections[1].confidence: 1.0000001 is not in 0..1: 1 is taken",
		"detections[2].confidence: -1e-09 is not in 0..1: 0 is taken",
		"detections[3].confidence: 95 is not in 0..1: the detection is left out",
		"detections[4].confidence: NaN is not in 0..1: the detection is left out",
		"detections[5].label: is empty: the detection is left out",
		`detections[6].label: "\xff" is not UTF-8: the detection is left out`,
		"detections[7].bbox_x2: 10 is left of bbox_x1 30: they are exchanged",
		"detections[7].bbox_y2: 20 is above bbox_y1 40: they are exchanged",
		"detections[8].bbox_x2: +Inf is not a number of pixels: the box is left out",
	}
	return given, mended, changes
}

func texts(errs []error) (texts []string) {
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

func TestMendDetectionsSaysWhatBecameOfEach(t *testing.T) {
	given, mended, want := unusable()
	e := doorlog.Event{Detections: given}
	changes := e.MendDetections()
	if got := texts(changes); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, err := range changes {
		if _, ok := errors.AsType[*doorlog.FieldError](err); !ok {
			t.Errorf("%v is no FieldError", err)
		}
	}
	if !reflect.DeepEqual(e.Detections, mended) {
		t.Errorf("got %+v, want %+v", e.Detections, mended)
	}
	if again, _, _ := unusable(); given[7].Box.X1 != again[7].Box.X1 || given[1].Confidence != again[1].Confidence {
		t.Error("the slice that was given has changed")
	}
	if more := e.MendDetections(); more != nil {
		t.Errorf("the second time: %v", more)
	}
	none := doorlog.Event{Detections: []doorlog.Detection{{}}}
	if none.MendDetections(); none.Detections != nil {
		t.Errorf("left are %v", none.Detections)
	}
}

func TestOfTooManyDetectionsTheSurestAreKept(t *testing.T) {
	var e doorlog.Event
	for i := range doorlog.MaxDetections + 2 {
		e.Detections = append(e.Detections, doorlog.Detection{Label: "x", Confidence: 0.5, Box: &doorlog.Box{X2: float64(i)}})
	}
	e.Detections[0].Confidence, e.Detections[500].Confidence = 0.1, 0.2
	if got := texts(e.MendDetections()); len(got) != 1 || got[0] != "detections: has 1002 entries, more than 1000: the surest are kept" {
		t.Errorf("%q", got)
	}
	if len(e.Detections) != doorlog.MaxDetections || e.Detections[0].Box.X2 != 1 || e.Detections[499].Box.X2 != 501 {
		t.Errorf("%d are kept, from %v on", len(e.Detections), e.Detections[0].Box)
	}
}

func TestAStoreThatMendsLosesNoEventToADetection(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{MendDetections: true})
	given, mended, changes := unusable()
	events := []doorlog.Event{motion("a", 1), motion("b", 2), motion("c", 3), motion("d", 4)}
	for i := range events {
		events[i].Detections, events[i].RecordingID = given, "r"
	}
	var ids []doorlog.ID
	one, err := idOf(s.WriteEvent(t.Context(), events[0]))
	if err != nil {
		t.Fatal(err)
	}
	many, err := storedIDs(s.WriteEvents(t.Context(), events[1:2]))
	if err != nil {
		t.Fatal(err)
	}
	once, _, err := s.WriteEventOnce(t.Context(), events[2], nil)
	if err != nil {
		t.Fatal(err)
	}
	framed, err := idOf(s.WriteEventWithFrame(t.Context(), events[3], jpegFrame(t, 32, 32)))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range append(ids, one, many[0], once.ID, framed) {
		e := s.event(t, id)
		if !reflect.DeepEqual(e.Detections, mended) {
			t.Errorf("%s: got %+v, want %+v", e.Camera, e.Detections, mended)
		}
		e.Detections = given
		if err := s.UpdateEvent(t.Context(), e); err != nil {
			t.Error(err)
		}
		if _, err := s.WriteEvent(t.Context(), e); err != nil {
			t.Errorf("the same event again: %v", err)
		}
	}
	for _, change := range changes {
		if change = strings.ReplaceAll(change, `"\xff"`, ""); len(change) > 60 {
			change = change[:30]
		}
		if !strings.Contains(s.log.String(), strings.Split(change, ":")[0]) {
			t.Errorf("the log does not say %q", change)
		}
	}
	bad := motion("", 1)
	bad.Detections = given
	_, err = s.WriteEvent(t.Context(), bad)
	wantError(t, err, doorlog.ErrInvalid, "camera_id: is empty")
}

func TestJSONOfDetectionsThatCannotBeReadCostsTheseAlone(t *testing.T) {
	text := `{"camera_id":"c","detections":[
		{"label":"a","confidence":1.00001},
		{"label":"b"},
		{"label":"c","confidence":0.5,"bbox_x1":1,"bbox_y1":2,"bbox_x2":3},
		7, null,
		{"label":"\ud83d","confidence":0.5},
		{"label":"d","confidence":"0.5"},
		{"label":"e","confidence":0.5,"score":1},
		{"label":"","confidence":0.5},
		{"label":"f","confidence":0.5}]}`
	var e doorlog.Event
	changes, err := e.UnmarshalMending([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := texts(changes)
	want := []string{
		"detections[1].confidence: is missing: the detection is left out",
		"detections[2].bbox: has 3 of its 4 sides: the box is left out",
		"detections[3]: is not an object: number: the detection is left out",
		"detections[4].confidence: is missing: the detection is left out",
		`detections[5].label: has \ud83d, which is half of a character: the detection is left out`,
		"detections[6].confidence: is of the wrong kind, or out of range: string: the detection is left out",
		"detections[7].score: is not a field that is known here: the detection is left out",
		"detections[0].confidence: 1.00001 is not in 0..1: 1 is taken",
		"detections[8].label: is empty: the detection is left out",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	left := []doorlog.Detection{{Label: "a", Confidence: 1}, {Label: "c", Confidence: 0.5}, {Label: "f", Confidence: 0.5}}
	if e.Camera != "c" || !reflect.DeepEqual(e.Detections, left) {
		t.Errorf("%+v", e)
	}
	_, err = e.UnmarshalMending([]byte(`{"camera_id":7}`))
	wantError(t, err, doorlog.ErrInvalid, "camera_id: ")
	if len(e.Detections) != 3 {
		t.Error("a bad event has changed the one that was there")
	}
}
