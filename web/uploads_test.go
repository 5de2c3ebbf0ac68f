package web_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

// form returns a form with these parts, names and contents in turn, and its Content-Type.
func form(t testing.TB, parts ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		part, err := w.CreateFormFile(parts[i], "ignored")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(parts[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

const small = `{"camera_id":"door","event_type":"motion","recorded_at":"2026-02-25T18:00:00Z"`

type written struct {
	Events  []doorlog.Event `json:"events"`
	Existed []bool          `json:"existed"`
}

func TestAFrameComesWithItsEvent(t *testing.T) {
	s := newSite(t)
	frame := string(jpegFrame(t))
	body, kind := form(t, "event", small+`}`, "frame", frame)
	var e doorlog.Event
	s.ask(t, "POST", "/v1/events", body, "Content-Type", kind).wants(t, http.StatusCreated, &e)
	if e.ThumbnailPath == "" || e.FrameWidth != 64 {
		t.Errorf("%+v", e)
	}
	want, err := s.Thumbnail(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	at := "/v1/events/" + e.ID.String() + "/thumbnail"
	a := s.ask(t, "GET", at, "").wants(t, http.StatusOK, nil)
	if a.body != string(want) || a.header.Get("Content-Type") != "image/jpeg" || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v", a.header)
	}
	s.ask(t, "GET", at, "", "If-None-Match", a.header.Get("ETag")).wants(t, http.StatusNotModified, nil)
	if part := s.ask(t, "GET", at, "", "Range", "bytes=0-9"); part.status != http.StatusPartialContent || part.body != string(want[:10]) {
		t.Errorf("%+v", part)
	}

	query := url.Values{"camera_id": {"porch ë"}, "event_type": {"ding"}, "recorded_at": {"2026-02-25T17:00:00Z"}, "person_name": {"123"}, "face_confidence": {"0.5"}, "unlock_granted": {"true"}}
	s.ask(t, "POST", "/v1/events?"+query.Encode(), frame, "Content-Type", "image/jpeg").wants(t, http.StatusCreated, &e)
	if e.Camera != "porch ë" || e.Person != "123" || *e.FaceConfidence != 0.5 || !e.UnlockGranted || e.ThumbnailPath == "" {
		t.Errorf("%+v", e)
	}

	body, kind = form(t, "events", `[`+small+`,"recording_id":"a"},`+small+`,"recording_id":"b"}]`, "frame.1", frame)
	var list written
	s.ask(t, "POST", "/v1/events?once=true", body, "Content-Type", kind).wants(t, http.StatusOK, &list)
	if len(list.Events) != 2 || list.Events[0].ThumbnailPath != "" || list.Events[1].ThumbnailPath == "" || fmt.Sprint(list.Existed) != "[false false]" {
		t.Errorf("%+v", list)
	}
	s.ask(t, "POST", "/v1/events?once=true", body, "Content-Type", kind).wants(t, http.StatusOK, &list)
	if fmt.Sprint(list.Existed) != "[true true]" {
		t.Errorf("%+v", list)
	}
}

func TestAThumbnailIsPutOnce(t *testing.T) {
	s := newSite(t)
	e := s.write(t, motion("garage", 1))
	at := "/v1/events/" + e.ID.String() + "/thumbnail"
	s.ask(t, "GET", at, "").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.ask(t, "PUT", at, "no picture", "Content-Type", "image/jpeg").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "frame")
	s.ask(t, "PUT", at, "{}", "Content-Type", "application/json").refused(t, http.StatusUnsupportedMediaType, wire.ErrRequest, "")
	s.ask(t, "PUT", at, string(jpegFrame(t)), "Content-Type", "image/jpeg").wants(t, http.StatusOK, &e)
	if e.ThumbnailPath == "" || e.FrameHeight != 48 {
		t.Errorf("%+v", e)
	}
	s.ask(t, "GET", at, "").wants(t, http.StatusOK, nil)
	s.ask(t, "PUT", at, string(jpegFrame(t)), "Content-Type", "image/jpeg").refused(t, http.StatusConflict, doorlog.ErrExists, "")
	nobody, err := s.NewID(now)
	if err != nil {
		t.Fatal(err)
	}
	s.ask(t, "PUT", "/v1/events/"+nobody.String()+"/thumbnail", string(jpegFrame(t)), "Content-Type", "image/png").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
}

// A producer may have named any file. It must not become a page of the server.
func TestAFileThatIsNoPictureIsSentAsBytes(t *testing.T) {
	s := newSite(t)
	folder := doorlog.DefaultThumbnailDir(s.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.jpg"), []byte("<html><script>alert(1)</script>"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := motion("garage", 1)
	e.ThumbnailPath = "a.jpg"
	at := "/v1/events/" + s.write(t, e).ID.String() + "/thumbnail"
	a := s.ask(t, "GET", at, "").wants(t, http.StatusOK, nil)
	if a.header.Get("Content-Type") != "application/octet-stream" || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", a.header)
	}
	file := filepath.Join(folder, "a.jpg")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	s.ask(t, "GET", at, "").refused(t, http.StatusNotFound, fs.ErrNotExist, "")
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotBeAFrameLeavesTheEvent(t *testing.T) {
	s := newSite(t)
	bomb := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x02\x00\x00\x00" // 65535 by 65535 pixels
	for _, frame := range []string{bomb, "no picture", "", strings.Repeat("x", doorlog.MaxFrameBytes+1)} {
		body, kind := form(t, "event", small+`}`, "frame", frame)
		var e doorlog.Event
		s.ask(t, "POST", "/v1/events", body, "Content-Type", kind).wants(t, http.StatusCreated, &e)
		if e.ThumbnailPath != "" || e.Camera != "door" {
			t.Errorf("%+v", e)
		}
	}
}

func TestBadUploadsNameTheFieldAndStoreNothing(t *testing.T) {
	s := newSiteWith(t, doorlog.Options{}, web.Options{MaxBody: 100_000})
	post := func(address, kind, body string) answer {
		return s.ask(t, "POST", address, body, "Content-Type", kind)
	}
	const j = "application/json"
	for _, c := range []struct{ address, kind, body, field string }{
		{"/v1/events", j, small + `,"zone":"x"}`, "zone"},
		{"/v1/events", j, small + `,"camera_id":"x"}`, "camera_id"},
		{"/v1/events", j, `{"event_type":"motion","recorded_at":1}`, "camera_id"},
		{"/v1/events", j, small + `,"pinned":"yes"}`, "pinned"},
		{"/v1/events", j, small + `} x`, "json"},
		{"/v1/events", j, "", "json"},
		{"/v1/events", j, "null", "json"},
		{"/v1/events", j, "{\"camera_id\":\"\xff\"}", "json"},
		{"/v1/events", j, `[` + small + `},{"camera":1}]`, "events[1].camera"},
		{"/v1/events", j, `[` + small + `},null]`, "events[1]"},
		{"/v1/events", j, `[` + small + `},{"camera_id":"door"}]`, "recorded_at"},
		{"/v1/events?once=yes", j, small + `}`, "once"},
		{"/v1/events?twice=true", j, small + `}`, "twice"},
		{"/v1/events?once=true", j, small + `}`, "recording_id"},
		{"/v1/events?camera_id=x&camera_id=y", "image/jpeg", "x", "camera_id"},
		{"/v1/events?camera=x", "image/jpeg", "x", "camera"},
		{"/v1/events?camera_id=x&event_type=motion&recorded_at=yesterdayish", "image/jpeg", "x", "recorded_at"},
		{"/v1/events?camera_id=x&event_type=motion&recorded_at=1&face_confidence=0x1p-2", "image/jpeg", "x", "face_confidence"},
		{"/v1/events?camera_id=x&event_type=motion&recorded_at=1&pinned=yes", "image/jpeg", "x", "pinned"},
		{"/v1/events?camera_id=%ff&event_type=motion&recorded_at=1", "image/jpeg", "x", "camera_id"},
	} {
		if p := post(c.address, c.kind, c.body).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, c.field); t.Failed() {
			t.Fatalf("%s %q: %+v", c.address, c.body, p)
		}
	}
	frame := string(jpegFrame(t))
	for field, parts := range map[string][]string{
		"event":     {},
		"frame":     {"frame", frame, "event", small + `}`},
		"events":    {"event", small + `}`, "events", "[]"},
		"frame.0":   {"event", small + `}`, "frame.0", frame},
		"frame.1":   {"events", `[` + small + `}]`, "frame.1", frame},
		"frame.00":  {"events", `[` + small + `}]`, "frame.00", frame},
		"picture":   {"event", small + `}`, "picture", frame},
		"camera":    {"event", `{"camera":1}`},
		"frame.000": {"events", `[]`, "frame.000", frame},
	} {
		body, kind := form(t, parts...)
		post("/v1/events", kind, body).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, field)
	}
	body, kind := form(t, "event", small+`}`, "frame", frame, "frame", frame)
	post("/v1/events", kind, body).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "frame")
	body, kind = form(t, "event", small+`}`, "frame", frame)
	post("/v1/events", kind, body[:len(body)-10]).refused(t, http.StatusBadRequest, wire.ErrRequest, "")
	post("/v1/events", "multipart/form-data", body).refused(t, http.StatusBadRequest, wire.ErrRequest, "")
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed", ";"} {
		post("/v1/events", kind, small+"}").refused(t, http.StatusUnsupportedMediaType, wire.ErrRequest, "")
	}
	post("/v1/events", j, small+`,"attributes":{"a":"`+strings.Repeat("x", 100_000)+`"}}`).refused(t, http.StatusRequestEntityTooLarge, wire.ErrRequest, "")
	body, kind = form(t, "event", small+`}`, "frame", strings.Repeat("x", 100_000))
	post("/v1/events", kind, body).refused(t, http.StatusRequestEntityTooLarge, wire.ErrRequest, "")
	if n, err := s.Count(t.Context(), doorlog.Query{}); n != 0 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestAListIsWrittenWholeOrNotAtAll(t *testing.T) {
	s := newSite(t)
	id, err := s.NewID(now.Add(-1))
	if err != nil {
		t.Fatal(err)
	}
	own := `{"id":"` + id.String() + `","camera_id":"door","event_type":"ding"}`
	var list written
	s.json(t, "POST", "/v1/events", `[`+small+`},`+own+`,`+own+`]`).wants(t, http.StatusOK, &list)
	if fmt.Sprint(list.Existed) != "[false false true]" || list.Events[1].ID != id {
		t.Errorf("%+v", list)
	}
	if a := s.json(t, "POST", "/v1/events", ` []`); a.body != `{"events":[],"existed":[]}`+"\n" {
		t.Errorf("%+v", a)
	}
	p := s.json(t, "POST", "/v1/events", `[`+small+`},`+strings.Replace(own, "ding", "motion", 1)+`]`).refused(t, http.StatusConflict, doorlog.ErrExists, "")
	if !strings.Contains(p.Detail, "events[1]") {
		t.Errorf("%s", p.Detail)
	}
	if n, err := s.Count(t.Context(), doorlog.Query{}); n != 2 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
	var known struct {
		Known []doorlog.ID `json:"known"`
	}
	s.json(t, "POST", "/v1/events/known", jsonOf(t, map[string][]doorlog.ID{"ids": {{1}, id, list.Events[0].ID}})).wants(t, http.StatusOK, &known)
	if len(known.Known) != 2 || known.Known[0] != id {
		t.Errorf("%v", known)
	}
	s.json(t, "POST", "/v1/events/known", jsonOf(t, map[string][]doorlog.ID{"ids": make([]doorlog.ID, 10_001)})).refused(t, http.StatusRequestEntityTooLarge, doorlog.ErrTooLarge, "ids")
}
