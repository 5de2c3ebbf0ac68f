package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/doorlog/doorlog"
)

// FuzzImportLines looks for a line that makes import panic, and for a line that import takes
// but, once this program has written it, does not take as the same event again.
func FuzzImportLines(f *testing.F) {
	f.Add([]byte(`{"camera_id":"front_door","recorded_at":"2026-02-25T07:30:00.123456789Z","event_type":"motion",` +
		`"person_name":"alice","face_confidence":0.5,"unlock_granted":1,"door_action":"unlocked","frame_width":640,` +
		`"attributes":{"battery":"87"},"detections":[{"label":"dog","confidence":1,"bbox_x1":0,"bbox_y1":-0.0,"bbox_x2":1e300,"bbox_y2":2.5}]}`))
	f.Add([]byte(`{"camera_id":"front_door","recorded_at":"2026-02-25T07:30:00Z","ended_at":1772004660.5,"event_type":"ding",` +
		`"door_action":"jammed","method":"keypad","reviewed":1,"attributes":{"zone":"porch"}}`))
	f.Add([]byte("\uFEFF{\"camera_id\":\"a\",\"recorded_at\":\"2026-02-25 07:30:00+0100\"}\r\n\n{\"id\":\"01KJ9WF5X0V4DEFGH0123456JK\"}\nnull\n"))
	f.Add([]byte("{\"camera_id\":\"\\ud800\",\"attributes\":{},\"detections\":[]}\n[]\n{\"camera_id\":\"\xff\"}\n\x1f\x8b\n{\"a\":1}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		for line := range bytes.Lines(input) {
			checkLine(t, bytes.TrimRight(line, "\r\n"))
		}
	})
}

func checkLine(t *testing.T, raw []byte) {
	t.Helper()
	var e, again doorlog.Event
	if _, err := decodeEvent(raw, &e, false); err != nil {
		return
	}
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatalf("%q was taken and cannot be written: %v", raw, err)
	}
	if _, err := decodeEvent(line, &again, false); err != nil || !reflect.DeepEqual(again, e) {
		t.Fatalf("%q was taken, and written as %s; that gave %v and\n%+v, want\n%+v", raw, line, err, again, e)
	}
}
