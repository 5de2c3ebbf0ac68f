package web_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

func TestCountsAreThoseOfTheStore(t *testing.T) {
	s := newSite(t)
	for i := range 30 {
		e := fullEvent()
		e.Camera, e.RecordedAt, e.RecordingID = []string{"door", "garage"}[i%2], now.Add(-time.Duration(i)*time.Hour), ""
		if i%3 == 0 {
			e.Person = ""
		}
		s.write(t, e)
	}
	ctx := t.Context()
	sc := doorlog.Scope{Camera: "door", Since: now.Add(-20 * time.Hour), Location: time.FixedZone("", 3600)}
	const scope = "?camera=door&since=2026-02-24T22:30:00Z&tz=%3C%2B01%3E-1"
	day := doorlog.Scope{Camera: "door", Since: now.Add(-20 * time.Hour), Until: now.Add(4 * time.Hour)}
	must := func(v any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for address, want := range map[string]any{
		"/v1/summary":           must(s.Summary(ctx, doorlog.Scope{})),
		"/v1/summary" + scope:   must(s.Summary(ctx, sc)),
		"/v1/heatmap" + scope:   must(s.Heatmap(ctx, sc)),
		"/v1/breakdown" + scope: must(s.LabelBreakdown(ctx, sc)),
		"/v1/timeline" + scope:  must(s.Timeline(ctx, sc)),
		"/v1/hours" + scope:     must(s.PeakHours(ctx, sc)),
		"/v1/activity" + scope:  must(s.PersonActivity(ctx, sc)),
		"/v1/analytics" + scope: must(s.Analytics(ctx, sc)),
		"/v1/quarters?camera=door&since=2026-02-24T22:30:00Z&until=2026-02-25T22:30:00Z": must(s.Quarters(ctx, day)),
		"/v1/cameras":           must(s.Cameras(ctx)),
		"/v1/types":             must(s.Types(ctx)),
		"/v1/count?label=dog":   map[string]int{"count": 30},
		"/v1/explain?label=dog": must(s.Explain(ctx, doorlog.Query{Labels: []string{"dog"}})),
		"/v1/persons":           []any{},
		"/v1/auto-unlock":       []any{},
	} {
		sameJSON(t, s.ask(t, "GET", address, "").wants(t, http.StatusOK, nil).body, want)
	}
	var st doorlog.Stats
	if s.ask(t, "GET", "/v1/info", "").wants(t, http.StatusOK, &st); st.Events != 30 {
		t.Errorf("%+v", st)
	}
	for address, field := range map[string]string{
		"/v1/count?cursor=x": "cursor", "/v1/summary?label=x": "label", "/v1/cameras?x=1": "x", "/v1/info?x": "x", "/v1/summary?camera=a&camera=b": "camera",
		"/v1/explain?hours=25-26": "hours", "/v1/timeline?since=never": "since", "/v1/quarters": "since",
	} {
		s.ask(t, "GET", address, "").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, field)
	}
}

func TestPersonsAreKept(t *testing.T) {
	s := newSite(t)
	var p doorlog.Person
	s.json(t, "PUT", "/v1/persons/mary%2Fann%20%C3%AB", `{"auto_unlock":false}`).wants(t, http.StatusOK, &p)
	if p.Name != "mary/ann ë" || p.AutoUnlock || p.DisplayName == "" {
		t.Errorf("%+v", p)
	}
	s.json(t, "PUT", "/v1/persons/mary%2Fann%20e%CC%88", `{"name":"mary/ann ë","display_name":"M"}`).wants(t, http.StatusOK, &p)
	if p.DisplayName != "M" || p.AutoUnlock {
		t.Errorf("%+v", p)
	}
	at := "/v1/persons/mary%2Fann%20%C3%AB"
	s.json(t, "PUT", at, `{"name":"bob"}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "name")
	s.json(t, "PUT", at, `{"nick":"bob"}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "nick")
	s.json(t, "PUT", at+"/auto-unlock", `{"on":true}`).wants(t, http.StatusNoContent, nil)
	s.json(t, "PUT", at+"/auto-unlock", `{}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "on")
	if a := s.ask(t, "GET", "/v1/auto-unlock", ""); a.body != `["mary/ann ë"]`+"\n" {
		t.Errorf("%s", a.body)
	}
	if s.ask(t, "GET", at, "").wants(t, http.StatusOK, &p); !p.AutoUnlock {
		t.Errorf("%+v", p)
	}
	var sync doorlog.PersonSync
	s.json(t, "POST", "/v1/persons/sync", `{"files":["bob_1.jpg","sub/","x.txt"]}`).wants(t, http.StatusOK, &sync)
	if len(sync.Added) != 1 || sync.Added[0] != "bob" || len(sync.Skipped) != 2 {
		t.Errorf("%+v", sync)
	}
	var renamed doorlog.Renamed
	s.json(t, "POST", "/v1/persons/rename", `{"from":"bob","to":"rob"}`).wants(t, http.StatusOK, &renamed)
	if !renamed.Known || renamed.To != "rob" {
		t.Errorf("%+v", renamed)
	}
	s.json(t, "POST", "/v1/persons/rename", `{"from":"bob","to":"rob"}`).refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.json(t, "POST", "/v1/erase", `{"name":"rob","how":"everything"}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "how")
	var erased doorlog.Erased
	s.json(t, "POST", "/v1/erase", `{"name":"rob","how":"events"}`).wants(t, http.StatusOK, &erased)
	s.ask(t, "DELETE", at, "").wants(t, http.StatusNoContent, nil)
	s.ask(t, "DELETE", at, "").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.ask(t, "GET", at, "").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
}

func TestEventsAreMarked(t *testing.T) {
	s := newSite(t)
	e := s.write(t, fullEvent())
	at := "/v1/events/" + e.ID.String()
	s.ask(t, "PUT", at+"/pin", "").wants(t, http.StatusNoContent, nil)
	s.ask(t, "PUT", at+"/alert", "").wants(t, http.StatusNoContent, nil)
	s.json(t, "POST", "/v1/events/review", `{"ids":["`+e.ID.String()+`"]}`).wants(t, http.StatusNoContent, nil)
	var now doorlog.Event
	if s.ask(t, "GET", at, "").wants(t, http.StatusOK, &now); !now.Pinned || !now.AlertSent || !now.Reviewed {
		t.Errorf("%+v", now)
	}
	s.json(t, "POST", "/v1/events/review", `{"ids":["`+e.ID.String()+`"],"reviewed":false}`).wants(t, http.StatusNoContent, nil)
	if s.ask(t, "GET", at, "").wants(t, http.StatusOK, &now); now.Reviewed || !now.Pinned {
		t.Errorf("%+v", now)
	}
	s.json(t, "POST", "/v1/events/review", `{"ids":["`+e.ID.String()+`"],"reviewed":true}`).wants(t, http.StatusNoContent, nil)
	s.ask(t, "DELETE", at+"/pin", "").wants(t, http.StatusNoContent, nil)
	a := s.ask(t, "GET", "/v1/recording?camera=front_door&recording_id=rec-1", "").wants(t, http.StatusOK, &now)
	if now.Pinned || now.ID != e.ID {
		t.Errorf("%+v", now)
	}
	s.ask(t, "GET", "/v1/recording?camera=front_door&recording_id=x", "").refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.ask(t, "GET", "/v1/recording?camera=front_door", "").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "recording_id")

	update := func(tag string) answer {
		return s.json(t, "POST", "/v1/events/update", jsonOf(t, map[string]any{"events": []any{map[string]any{"event": e, "etag": tag}}}))
	}
	update(`"stale"`).refused(t, http.StatusPreconditionFailed, wire.ErrChanged, "")
	update("").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "events[0].etag")
	e.Camera = "garage"
	var list written
	if update(a.header.Get("ETag")).wants(t, http.StatusOK, &list); len(list.Events) != 1 || list.Events[0].Camera != "garage" || list.Events[0].Reviewed {
		t.Errorf("%+v", list)
	}
	s.json(t, "POST", "/v1/events/update", `{"events":[{"event":{"id":"`+e.ID.String()+`","camera":1}}]}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "camera")
	s.json(t, "POST", "/v1/events/update", `{"events":[{"event":{},"etag":"x","y":1}]}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "events[0].y")
	s.json(t, "POST", "/v1/events/review", `{"ids":["x"]}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "id")
	s.ask(t, "PUT", "/v1/events/x/pin", "").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "id")
	var id struct{ ID doorlog.ID }
	if s.ask(t, "GET", "/v1/new-id?recorded_at=2026-02-25T18:00:00.5Z", "").wants(t, http.StatusOK, &id); id.ID.Time().Nanosecond() != 5e8 {
		t.Errorf("%v", id)
	}
	for _, query := range []string{"", "?recorded_at=x", "?recorded_at=2126-01-01"} {
		s.ask(t, "GET", "/v1/new-id"+query, "").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "recorded_at")
	}
}

func TestAPruneDeletesOnlyWhenItIsToldTo(t *testing.T) {
	s := newSite(t)
	for i := range 10 {
		s.write(t, motion("garage", i*60))
	}
	s.json(t, "POST", "/v1/prune", `{}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "policy")
	s.json(t, "POST", "/v1/prune", `{"policy":{"max_event":5}}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "max_event")
	s.json(t, "POST", "/v1/prune", `{"policy":{"max_events":5},"dryrun":true}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "dryrun")
	for i, body := range []string{`{"policy":{"max_events":5}}`, `{"policy":{"max_events":5},"dry_run":true}`, `{"policy":{"max_events":5},"dry_run":false}`} {
		var p doorlog.Pruned
		s.json(t, "POST", "/v1/prune", body).wants(t, http.StatusOK, &p)
		n, err := s.Count(t.Context(), doorlog.Query{})
		if want := []int{10, 10, 5}[i]; p.Events != 5 || n != want || err != nil {
			t.Errorf("%s: %d removed, %d left, %v", body, p.Events, n, err)
		}
	}
	var f doorlog.Forgotten
	s.json(t, "POST", "/v1/forget-missing", `{"folders":true}`).wants(t, http.StatusOK, &f)
	s.json(t, "POST", "/v1/forget-missing", `{"dry_run":false}`).wants(t, http.StatusOK, &f)
	s.json(t, "POST", "/v1/forget-missing", `{"dry":false}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "dry")
}

// A long call tells how far it has got, and what it has done.
func TestALongCallReports(t *testing.T) {
	s := newSite(t)
	for i := range 10 {
		s.write(t, motion("garage", i))
	}
	type line struct {
		Progress *doorlog.Progress     `json:"progress"`
		Result   *doorlog.Verification `json:"result"`
	}
	a := s.ask(t, "POST", "/v1/verify", "", "Accept", lines).wants(t, http.StatusOK, nil)
	if a.header.Get("Content-Type") != lines {
		t.Errorf("%v", a.header)
	}
	var all []line
	for text := range strings.Lines(a.body) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, l)
	}
	if last := all[len(all)-1].Result; len(all) < 2 || last == nil || last.Events != 10 || all[0].Progress == nil {
		t.Errorf("%s", a.body)
	}
	var v doorlog.Verification
	if s.ask(t, "POST", "/v1/verify", "").wants(t, http.StatusOK, &v); v.Events != 10 {
		t.Errorf("%+v", v)
	}
	var c doorlog.Compacted
	s.ask(t, "POST", "/v1/compact", "").wants(t, http.StatusOK, &c)
	var r doorlog.Renamed
	if s.json(t, "POST", "/v1/cameras/rename", `{"from":"garage","to":"porch"}`).wants(t, http.StatusOK, &r); r.Events != 10 {
		t.Errorf("%+v", r)
	}
	s.json(t, "POST", "/v1/cameras/rename", `{"from":"garage","to":"porch"}`, "Accept", lines).refused(t, http.StatusNotFound, doorlog.ErrNotFound, "")
	s.json(t, "POST", "/v1/cameras/rename", `{"from":"","to":"porch"}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "from")
}

func TestABackupIsStreamed(t *testing.T) {
	s := newSite(t)
	e := motion("garage", 1)
	if _, err := s.WriteEventWithFrame(t.Context(), e, jpegFrame(t)); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/v1/backup?verify=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("TE", "trailers")
	res, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var info doorlog.BackupInfo
	if err := json.Unmarshal([]byte(res.Trailer.Get("Doorlog-Backup-Info")), &info); err != nil || info.Events != 1 || info.Bytes != int64(len(data)) || info.Thumbnails != 1 {
		t.Fatalf("%v: %v", err, res.Trailer)
	}
	if st, err := s.Stats(t.Context()); err != nil || !st.LastBackup.IsZero() {
		t.Errorf("it is recorded before it is kept: %v, %v", st.LastBackup, err)
	}
	if _, err := doorlog.Restore(t.Context(), filepath.Join(t.TempDir(), "restored"), bytes.NewReader(data), nil); err != nil {
		t.Error(err)
	}
	s.json(t, "POST", "/v1/backup/kept", jsonOf(t, info)).wants(t, http.StatusNoContent, nil)
	if st, err := s.Stats(t.Context()); err != nil || !st.LastBackup.Equal(info.Time) {
		t.Errorf("%v, %v", st.LastBackup, err)
	}
	s.json(t, "POST", "/v1/backup/kept", `{"events":1}`).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "store_id")
	if a := s.ask(t, "GET", "/v1/backup", ""); a.status != http.StatusOK {
		t.Errorf("%+v", a)
	} else if _, err := tar.NewReader(strings.NewReader(a.body)).Next(); err != nil {
		t.Error(err)
	}
	s.ask(t, "GET", "/v1/backup?verify=yes", "").refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "verify")
	if a := s.ask(t, "HEAD", "/v1/backup", ""); a.status != http.StatusOK || a.body != "" {
		t.Errorf("%+v", a)
	}
}

// A store that ends while it is served says why.
func TestTheErrorsOfTheStorePassThrough(t *testing.T) {
	s := newSite(t)
	e := s.write(t, motion("garage", 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.ask(t, "GET", "/v1/events", "").refused(t, http.StatusServiceUnavailable, doorlog.ErrClosed, "")
	s.json(t, "POST", "/v1/events", small+"}").refused(t, http.StatusServiceUnavailable, doorlog.ErrClosed, "")
	s.ask(t, "GET", "/v1/backup", "", "TE", "trailers").refused(t, http.StatusServiceUnavailable, doorlog.ErrClosed, "")
	s.ask(t, "POST", "/v1/verify", "").refused(t, http.StatusServiceUnavailable, doorlog.ErrClosed, "")
	a := s.ask(t, "POST", "/v1/events", small+"}\n"+small+"}\n", "Content-Type", lines).wants(t, http.StatusOK, nil)
	if r := resultsOf(t, a.body); len(r) != 2 || !errors.Is(r[1].Error, doorlog.ErrClosed) {
		t.Errorf("%s", a.body)
	}
	_, want := s.Event(t.Context(), e.ID)
	if p := s.ask(t, "GET", "/v1/events/"+e.ID.String(), "").refused(t, http.StatusServiceUnavailable, doorlog.ErrClosed, ""); p.Detail != want.Error() {
		t.Errorf("%q, and the library says %q", p.Detail, want)
	}
}
