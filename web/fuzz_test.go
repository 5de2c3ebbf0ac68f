package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// fuzzed returns a function that posts a body to an empty store, without a network. Whatever the body is,
// the answer is no failure of the server, and the store stays sound.
func fuzzed(f *testing.F) func(t *testing.T, kind, query, body string) string {
	f.Helper()
	st, err := doorlog.Open(filepath.Join(fastFolder(f), "events.db"), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close() })
	h := web.Handler(st, &web.Options{MaxBody: 1 << 20})
	calls := 0
	return func(t *testing.T, kind, query, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(onSocket(r.Context())))
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if calls++; calls%50 == 1 {
			if v, err := st.Verify(t.Context()); err != nil || !v.Sound() {
				t.Errorf("%v, %+v", err, v)
			}
		}
		return w.Body.String()
	}
}

func FuzzForm(f *testing.F) {
	post := fuzzed(f)
	const kind = "multipart/form-data; boundary=x"
	frame := string(jpegFrame(f))
	part := func(name, text string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + text + "\r\n"
	}
	f.Add("", part("event", small+"}")+part("frame", frame)+"--x--\r\n")
	f.Add("once=true", part("events", "["+small+`,"recording_id":"r"}]`)+part("frame.0", frame)+"--x--\r\n")
	f.Add("once=false", part("events", "["+small+"},null]")+part("frame.01", frame)+"--x--\r\n")
	f.Add("x=y", part("event", "")+"--x--")
	f.Fuzz(func(t *testing.T, query, body string) { post(t, kind, query, body) })
}

func FuzzJSONLines(f *testing.F) {
	post := fuzzed(f)
	f.Add("", small+"}\n\n"+small+",\"id\":null}\r\nnull\n{\n")
	f.Add("once=true", small+",\"recording_id\":\"r\"}\n[1]\n{\"detections\":[{\"label\":\"x\",\"confidence\":1}]}")
	f.Fuzz(func(t *testing.T, query, body string) {
		text := post(t, lines, query, body)
		last := 0
		for line := range strings.Lines(text) {
			var r lineResult
			if strings.HasPrefix(line, `{"type"`) { // the address is bad
				continue
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil || r.Line <= last || (r.Error == nil) == r.ID.IsZero() {
				t.Fatalf("%v: %s", err, line)
			}
			if last = r.Line; r.Error != nil && r.Error.Status >= http.StatusInternalServerError {
				t.Errorf("%s", line)
			}
		}
	})
}

func FuzzEventJSON(f *testing.F) {
	post := fuzzed(f)
	f.Add("", small+"}")
	f.Add("once=true", "["+small+"},"+small+",\"recording_id\":\"x\",\"attributes\":{\"a\":\"\"}}]")
	f.Add("camera_id=x", "[]")
	f.Fuzz(func(t *testing.T, query, body string) { post(t, "application/json", query, body) })
}

func FuzzRawFrame(f *testing.F) {
	post := fuzzed(f)
	f.Add("camera_id=x&event_type=motion&recorded_at=1&face_confidence=.5", string(jpegFrame(f)))
	f.Add("camera_id=x&event_type=%00&recorded_at=2026-01-01&pinned=1&id=&once=true&recording_id=%c3%28", "")
	f.Fuzz(func(t *testing.T, query, body string) { post(t, "image/jpeg", query, body) })
}

// fastFolder returns a folder that goes with the test, in memory if there is one.
func fastFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "doorlog-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
