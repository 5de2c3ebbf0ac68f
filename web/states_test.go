package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

func TestAStoreThatIsOnlyReadRefusesWrites(t *testing.T) {
	s := newSite(t)
	e := s.write(t, motion("garage", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := doorlog.Open(s.path, &doorlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r := serve(t, web.Handler(st, nil))
	at := "/v1/events/" + e.ID.String()
	r.ask(t, "GET", at, "").wants(t, http.StatusOK, nil)
	r.ask(t, "GET", "/v1/backup", "").wants(t, http.StatusOK, nil)
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/v1/events", small + "}"},
		{"PATCH", at, "{}"},
		{"DELETE", at, ""},
		{"PUT", at + "/pin", ""},
		{"PUT", "/v1/persons/a", "{}"},
		{"POST", "/v1/compact", ""},
		{"POST", "/v1/prune", `{"policy":{"max_events":1},"dry_run":false}`},
		{"POST", "/v1/erase", `{"name":"a"}`},
	} {
		r.json(t, c.method, c.path, c.body).refused(t, http.StatusConflict, doorlog.ErrReadOnly, "")
	}
}

func TestAFullStoreSaysSo(t *testing.T) {
	s := newSiteWith(t, doorlog.Options{MaxSize: 2 << 20}, web.Options{})
	big := strings.Replace(small, `"event_type"`, `"attributes":{"a":"`+strings.Repeat("x", 4096)+`"},"event_type"`, 1) + "}"
	batch := "[" + strings.Repeat(big+",", 63) + big + "]"
	status := http.StatusOK
	var a answer
	for range 30 {
		if a = s.json(t, "POST", "/v1/events", batch); a.status != http.StatusOK {
			break
		}
	}
	a.refused(t, http.StatusInsufficientStorage, doorlog.ErrFull, "")
	a = s.ask(t, "POST", "/v1/events", strings.Repeat(big+"\n", 256), "Content-Type", lines).wants(t, http.StatusOK, nil)
	full := 0
	for _, r := range resultsOf(t, a.body) {
		if r.Error != nil && r.Error.Status == http.StatusInsufficientStorage {
			full++
		}
	}
	if full == 0 {
		t.Errorf("%d %.200s", status, a.body)
	}
	// Deletions make room.
	var page doorlog.Page
	s.ask(t, "GET", "/v1/events?limit=1", "").wants(t, http.StatusOK, &page)
	s.ask(t, "DELETE", "/v1/events/"+page.Events[0].ID.String(), "").wants(t, http.StatusNoContent, nil)
}

func TestAStoreThatIsDamagedWhileItIsServedSaysSo(t *testing.T) {
	s := newSite(t)
	s.damaged = true
	for i := range 300 {
		e := motion("garage", i)
		e.Attributes = map[string]string{"mark": fmt.Sprintf("the mark of the event %d", i)}
		s.write(t, e)
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at := 0; ; at++ { // every place, as bolt may have several copies
		next := bytes.Index(data[at:], []byte("the mark of the event 150"))
		if next < 0 {
			break
		}
		at += next
		if _, err := f.WriteAt([]byte("XXX"), int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	p := s.ask(t, "POST", "/v1/verify", "")
	if p.status == http.StatusOK && !strings.Contains(p.body, `"found":0`) {
		p = s.ask(t, "GET", "/v1/events?limit=1000", "")
	}
	p.refused(t, http.StatusInternalServerError, doorlog.ErrCorrupt, "")
	s.ask(t, "GET", "/v1/backup?verify=true", "", "TE", "trailers").refused(t, http.StatusInternalServerError, doorlog.ErrCorrupt, "")
	if a := s.ask(t, "GET", "/readyz", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("%+v", a)
	}
}
