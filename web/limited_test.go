package web_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

// A token that is limited to cameras writes the events of these, in any spelling of their names, and
// changes no event of another one, nor into one.
func TestATokenOfCamerasWritesTheirEventsAlone(t *testing.T) {
	s := newSite(t)
	auth := bearer(addToken(t, s.Store, "zoe", web.Grant{Write: true, Cameras: []string{"Zoe\u0308"}}))["Authorization"]
	as := func(method, path, body string, headers ...string) answer {
		return s.json(t, method, path, body, append(headers, "Authorization", auth)...)
	}
	forbidden := func(a answer) {
		t.Helper()
		a.refused(t, http.StatusForbidden, wire.ErrForbidden, "")
	}
	own := strings.Replace(small, "door", "Zo\u00eb", 1) + "}"
	var e doorlog.Event
	as("POST", "/v1/events", own).wants(t, http.StatusCreated, &e)
	theirs := motion("garage", 1)
	theirs.RecordingID = "rec"
	other := s.write(t, theirs)
	mine, others := "/v1/events/"+e.ID.String(), "/v1/events/"+other.ID.String()
	otherText, _ := other.MarshalJSON()

	forbidden(as("POST", "/v1/events", small+"}"))
	forbidden(as("POST", "/v1/events", "["+own+","+small+"}]"))
	forbidden(as("POST", "/v1/events?once=true", string(otherText)))
	forbidden(as("POST", "/v1/events?once=true", `{"id":"`+other.ID.String()+`","camera_id":"Zoë","event_type":"motion"}`))
	forbidden(as("PUT", others, string(otherText)))
	forbidden(as("PUT", others, `{"camera_id":"Zoë","event_type":"motion"}`, "If-Match", "*"))
	forbidden(as("PATCH", others, `{"camera_id":"Zoë"}`))
	forbidden(as("PATCH", mine, `{"camera_id":"garage"}`))
	forbidden(as("PATCH", others, `{"pinned":true}`))
	forbidden(as("PUT", others+"/pin", ""))
	forbidden(as("DELETE", others+"/pin", ""))
	forbidden(as("PUT", others+"/alert", ""))
	forbidden(as("DELETE", mine, ""))
	forbidden(as("GET", mine, ""))
	forbidden(as("POST", "/v1/events/review", jsonOf(t, map[string]any{"ids": []doorlog.ID{e.ID, other.ID}})))
	forbidden(s.ask(t, "PUT", others+"/thumbnail", string(jpegFrame(t)), "Content-Type", "image/jpeg", "Authorization", auth))
	forbidden(s.ask(t, "POST", "/v1/events?camera_id=garage&event_type=motion&recorded_at=1", "x", "Content-Type", "image/jpeg", "Authorization", auth))
	body, kind := form(t, "event", small+"}")
	forbidden(s.ask(t, "POST", "/v1/events", body, "Content-Type", kind, "Authorization", auth))
	a := s.ask(t, "POST", "/v1/events", own+"\n"+small+"}\n"+own, "Content-Type", lines, "Authorization", auth).wants(t, http.StatusOK, nil)
	if r := resultsOf(t, a.body); len(r) != 3 || r[0].Error != nil || r[1].Error == nil || r[1].Error.Status != http.StatusForbidden || r[2].Error != nil {
		t.Errorf("%s", a.body)
	}

	as("PUT", mine+"/pin", "").wants(t, http.StatusNoContent, nil)
	as("PUT", mine+"/alert", "").wants(t, http.StatusNoContent, nil)
	as("POST", "/v1/events/review", `{"ids":["`+e.ID.String()+`"]}`).wants(t, http.StatusNoContent, nil)
	forbidden(as("POST", "/v1/events/review", `{"ids":["`+other.ID.String()+`"],"reviewed":false}`))
	s.ask(t, "PUT", mine+"/thumbnail", string(jpegFrame(t)), "Content-Type", "image/jpeg", "Authorization", auth).wants(t, http.StatusOK, nil)
	as("PATCH", mine, `{"attributes":{"a":"b"}}`).wants(t, http.StatusOK, &e)
	if !e.Pinned || !e.AlertSent || !e.Reviewed || e.ThumbnailPath == "" {
		t.Errorf("%+v", e)
	}
	now, err := s.Event(t.Context(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := now.MarshalJSON()
	sameJSON(t, string(text), other)
}

// If one of several events is refused because its ID is that of an event of another camera, the others are not
// stored, or it does not affect them.
func TestALimitedTokenFindsAnEventOfAnotherCamera(t *testing.T) {
	s := newSite(t)
	auth := bearer(addToken(t, s.Store, "door", web.Grant{Write: true, Cameras: []string{"door"}}))["Authorization"]
	other := s.write(t, motion("garage", 1))
	own := strings.Replace(small, "{", `{"recording_id":"r1",`, 1) + "}"
	theirs := `{"id":"` + other.ID.String() + `","camera_id":"door","event_type":"motion"}`
	s.json(t, "POST", "/v1/events?once=true", "["+own+","+theirs+"]", "Authorization", auth).refused(t, http.StatusForbidden, wire.ErrForbidden, "")
	if n, err := s.Count(t.Context(), doorlog.Query{}); n != 1 || err != nil {
		t.Errorf("%d events %v; nothing was to be stored", n, err)
	}
	a := s.ask(t, "POST", "/v1/events?once=true", own+"\n"+theirs, "Content-Type", lines, "Authorization", auth).wants(t, http.StatusOK, nil)
	if r := resultsOf(t, a.body); len(r) != 2 || r[0].Existed == nil || *r[0].Existed || r[1].Error == nil {
		t.Errorf("%s", a.body)
	}
}

// While somebody else moves an event from camera to camera, a limited token changes it only while it is of
// its own camera.
func TestARaceDoesNotGetAroundTheCameras(t *testing.T) {
	s := newSite(t)
	auth := bearer(addToken(t, s.Store, "door", web.Grant{Write: true, Cameras: []string{"door"}}))["Authorization"]
	e := s.write(t, motion("door", 1))
	at := "/v1/events/" + e.ID.String()
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			_, err := s.UpdateEvents(t.Context(), []doorlog.ID{e.ID}, func(e *doorlog.Event) error {
				if e.Camera == "garage" && e.Attributes["by"] == "limited" && e.Pinned {
					t.Error("an event of the garage was changed")
				}
				e.Camera, e.Pinned = []string{"garage", "door"}[i%2], i%2 == 0 // what is pinned is of the garage
				e.Attributes = nil
				return nil
			})
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	changed := 0
	for range 300 {
		a := s.json(t, "PATCH", at, `{"attributes":{"by":"limited"}}`, "Authorization", auth)
		switch a.status {
		case http.StatusOK:
			changed++
		case http.StatusForbidden:
		default:
			t.Fatalf("%+v", a)
		}
	}
	close(stop)
	moving.Wait()
	if changed == 0 {
		t.Log("it was never of the door")
	}
}
