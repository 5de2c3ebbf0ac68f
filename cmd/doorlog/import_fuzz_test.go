package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/doorlog/doorlog"
)

// FuzzImportLines looks for input that makes import panic or lose count, and
// for a line that is taken and, once it is written by this program, is not
// taken as the same event again.
func FuzzImportLines(f *testing.F) {
	f.Add([]byte(`{"camera_id":"front_door","recorded_at":"2026-02-25T07:30:00.123456789Z","event_type":"motion",` +
		`"person_name":"alice","face_confidence":0.5,"unlock_granted":1,"door_action":"unlocked","frame_width":640,` +
		`"attributes":{"battery":"87"},"detections":[{"label":"dog","confidence":1,"bbox_x1":0,"bbox_y1":-0.0,"bbox_x2":1e300,"bbox_y2":2.5}]}`))
	f.Add([]byte("\uFEFF{\"camera_id\":\"a\",\"recorded_at\":\"2026-02-25 07:30:00+0100\"}\r\n\n{\"id\":\"01KJ9WF5X0V4DEFGH0123456JK\"}\nnull\n"))
	f.Add([]byte("{\"camera_id\":\"\\ud800\",\"attributes\":{},\"detections\":[]}\n[]\n{\"camera_id\":\"\xff\"}\n\x1f\x8b\n{\"a\":1}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		lines := newLineReader(bytes.NewReader(input))
		for {
			raw, err := lines.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			checkLine(t, raw)
		}
		ends := bytes.Count(input, []byte("\n"))
		if !bytes.HasSuffix(input, []byte("\n")) && len(input) > 0 {
			ends++
		}
		if lines.number-1 != ends || lines.read != int64(len(input)) { // the end is counted as well
			t.Errorf("%d lines of %d bytes, want %d of %d", lines.number-1, lines.read, ends, len(input))
		}
	})
}

func checkLine(t *testing.T, raw []byte) {
	t.Helper()
	var e, again doorlog.Event
	if _, err := new(importer).unmarshal(raw, &e); err != nil {
		return
	}
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatalf("%q was taken and cannot be written: %v", raw, err)
	}
	if _, err := new(importer).unmarshal(line, &again); err != nil || !reflect.DeepEqual(again, e) {
		t.Fatalf("%q was taken, and written as %s; that gave %v and\n%+v, want\n%+v", raw, line, err, again, e)
	}
}
