package web_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

func TestAnEventIsWrittenReadChangedAndDeleted(t *testing.T) {
	s := newSite(t)
	body, err := fullEvent().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var e doorlog.Event
	a := s.json(t, "POST", "/v1/events", string(body)).wants(t, http.StatusCreated, &e)
	if a.header.Get("Location") != "/v1/events/"+e.ID.String() || a.header.Get("Doorlog-Existed") != "false" {
		t.Errorf("headers: %v", a.header)
	}
	stored, err := s.Event(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, a.body, stored)
	at := "/v1/events/" + e.ID.String()
	got := s.ask(t, "GET", at, "").wants(t, http.StatusOK, nil)
	tag := got.header.Get("ETag")
	if sameJSON(t, got.body, stored); tag == "" || tag != a.header.Get("ETag") {
		t.Errorf("ETags %q and %q", tag, a.header.Get("ETag"))
	}
	for _, known := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if a := s.ask(t, "GET", at, "", "If-None-Match", known); a.status != http.StatusNotModified || a.body != "" || a.header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %+v", known, a)
		}
	}
	s.ask(t, "GET", at, "", "If-None-Match", `"other"`).wants(t, http.StatusOK, nil)
	s.ask(t, "GET", at, "", "If-None-Match", `other`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "If-None-Match")

	// The same under the same ID is there already.
	a = s.json(t, "POST", "/v1/events", got.body).wants(t, http.StatusOK, nil)
	if a.body != got.body || a.header.Get("Doorlog-Existed") != "true" {
		t.Errorf("%+v", a)
	}
	s.json(t, "PUT", at, got.body).wants(t, http.StatusOK, nil)
	other := strings.Replace(got.body, "front_door", "garage", 1)
	s.json(t, "PUT", at, other).refused(t, http.StatusConflict, doorlog.ErrExists, "")
	s.json(t, "POST", "/v1/events", other).refused(t, http.StatusConflict, doorlog.ErrExists, "")

	nobody := doorlog.ID{1}
	s.json(t, "PUT", "/v1/events/"+nobody.String(), other).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "id")
	s.json(t, "PUT", at, other, "If-Match", "stale").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "If-Match")
	s.json(t, "PUT", at, other, "If-Match", `"stale"`).refused(t, http.StatusPreconditionFailed, wire.ErrChanged, "")
	s.json(t, "PUT", at, other, "If-Match", "W/"+tag).refused(t, http.StatusPreconditionFailed, wire.ErrChanged, "")
	a = s.json(t, "PUT", at, other, "If-Match", tag).wants(t, http.StatusOK, nil)
	if !strings.Contains(a.body, `"garage"`) || a.header.Get("ETag") == tag {
		t.Errorf("%+v", a)
	}
	s.json(t, "PUT", at, got.body, "If-Match", "*").wants(t, http.StatusOK, nil)
	s.ask(t, "DELETE", at, "", "If-Match", `"stale"`).refused(t, http.StatusPreconditionFailed, wire.ErrChanged, "")
	s.ask(t, "DELETE", at, "", "If-Match", tag).wants(t, http.StatusNoContent, nil)
	s.ask(t, "DELETE", at, "").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.ask(t, "GET", at, "").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.json(t, "PUT", at, got.body, "If-Match", "*").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.json(t, "PUT", at, got.body).wants(t, http.StatusCreated, nil)
}

func TestAPatchChangesWhatItNames(t *testing.T) {
	s := newSite(t)
	e := s.write(t, fullEvent())
	at := "/v1/events/" + e.ID.String()
	var now doorlog.Event
	s.ask(t, "PATCH", at, `{"person_name":null,"attributes":{"zone":null,"plate":"B-X 1"},"detections":[],"face_confidence":0.5,"pinned":true}`,
		"Content-Type", "application/merge-patch+json").wants(t, http.StatusOK, &now)
	want := e
	want.Person, want.Pinned, want.Detections, want.FaceConfidence = "", true, nil, new(0.5)
	want.Attributes = map[string]string{"note": "grüße <b>", "plate": "B-X 1"}
	stored, err := s.Event(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := stored.MarshalJSON()
	sameJSON(t, string(text), want)
	text, _ = now.MarshalJSON()
	sameJSON(t, string(text), want)
	for body, field := range map[string]string{
		`{"camera":"x"}`:                        "camera",
		`{"camera":null}`:                       "camera",
		`{"camera_id":null}`:                    "camera_id",
		`{"camera_id":"a","camera_id":"b"}`:     "camera_id",
		`{"attributes":{"a":"1","a":"2"}}`:      "attributes.a",
		`{"id":"01ARZ3NDEK00000000000000AV"}`:   "id",
		`{"recorded_at":"2026-01-01"}`:          "recorded_at",
		`{"created_at":"2026-01-01T00:00:00Z"}`: "created_at",
		`{"face_confidence":2}`:                 "face_confidence",
		`{"detections":[{"label":"x"}]}`:        "detections[0].confidence",
		`[]`:                                    "json",
		`null`:                                  "json",
		``:                                      "json",
		"{\n\"camera_id\": }":                   "json",
	} {
		s.json(t, "PATCH", at, body).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, field)
	}
	if p := s.json(t, "PATCH", at, "{\n\"camera_id\": }").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "json"); !strings.Contains(p.Detail, "line 2") {
		t.Errorf("%s", p.Detail)
	}
	s.json(t, "PATCH", at, `{"pinned":false}`, "If-Match", `"stale"`).refused(t, http.StatusPreconditionFailed, wire.ErrChanged, "")
	s.ask(t, "PATCH", at, `{}`, "Content-Type", "text/plain").refused(t, http.StatusUnsupportedMediaType, wire.ErrRequest, "")
	again, err := s.Event(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, _ = again.MarshalJSON()
	sameJSON(t, string(text), want)
}

// Of many who have read the same event, one changes it.
func TestOfManyConditionalChangesOneWins(t *testing.T) {
	s := newSite(t)
	e := s.write(t, motion("garage", 1))
	at := "/v1/events/" + e.ID.String()
	for _, c := range []struct {
		method, body string
		status       int
	}{
		{"PATCH", `{"attributes":{"by":"%"}}`, http.StatusOK},
		{"PUT", `{"camera_id":"garage","event_type":"motion","attributes":{"by":"%"}}`, http.StatusOK},
		{"DELETE", "", http.StatusNoContent},
	} {
		tag := s.ask(t, "GET", at, "").header.Get("ETag")
		var won, lost atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				body := strings.Replace(c.body, "%", c.method+string(rune('a'+i)), 1)
				a, err := s.try(t.Context(), c.method, at, strings.NewReader(body), "Content-Type", "application/json", "If-Match", tag)
				switch {
				case err != nil:
					t.Error(err)
				case a.status == c.status:
					won.Add(1)
				case a.status == http.StatusPreconditionFailed || c.method == "DELETE" && a.status == http.StatusNotFound:
					lost.Add(1)
				default:
					t.Errorf("%d: %s", a.status, a.body)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 15 {
			t.Errorf("%s: %d have won and %d have lost", c.method, won.Load(), lost.Load())
		}
	}
}

func TestEventsAreListedInPages(t *testing.T) {
	s := newSite(t)
	for i := range 60 {
		s.write(t, motion("garage", i))
	}
	var first, second, offset doorlog.Page
	s.ask(t, "GET", "/v1/events", "").wants(t, http.StatusOK, &first)
	if len(first.Events) != 50 || first.Next == "" || first.Prev != "" {
		t.Fatalf("%d events, next %q, prev %q", len(first.Events), first.Next, first.Prev)
	}
	s.ask(t, "GET", "/v1/events?limit=5&cursor="+first.Next, "").wants(t, http.StatusOK, &second)
	a := s.ask(t, "GET", "/v1/events?limit=5&offset=50", "").wants(t, http.StatusOK, &offset)
	if len(second.Events) != 5 || len(offset.Events) != 5 || second.Events[0].ID != offset.Events[0].ID {
		t.Errorf("%v and %v", second, offset)
	}
	want, err := s.Page(t.Context(), doorlog.Query{Limit: 5, Offset: 50}, "")
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, a.body, want)
	if a := s.ask(t, "GET", "/v1/events?camera=nowhere", ""); a.body != `{"events":[],"next":"","prev":""}`+"\n" {
		t.Errorf("%s", a.body)
	}
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=1001": "limit", "limit=-1": "limit", "limit=x": "limit", "limit=1&limit=2": "limit",
		"cameras=x": "cameras", "camera=": "camera", "offset=-1": "offset", "pinned=yes": "pinned", "tz=Nowhere": "tz",
		"cursor=a&cursor=b": "cursor",
	} {
		s.ask(t, "GET", "/v1/events?"+query, "").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, field)
	}
	s.ask(t, "GET", "/v1/events?cursor=x", "").refused(t, http.StatusBadRequest, doorlog.ErrBadCursor, "")
	s.ask(t, "GET", "/v1/events?camera=garage&cursor="+first.Next, "").refused(t, http.StatusBadRequest, doorlog.ErrBadCursor, "")
}
