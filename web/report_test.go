package web_test

import (
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

func TestAReportIsAFile(t *testing.T) {
	home := newHousehold(t)
	h := web.Handler(home.st, nil)
	report := func(query string) *http.Response {
		t.Helper()
		return ask(t, h, onLoopback(sentRequest{method: http.MethodGet, path: "/v1/report" + query}))
	}
	resp := report("?since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z&tz=Europe/Berlin&lang=de")
	if got := resp.Header.Get("Content-Disposition"); got != `attachment; filename="doorlog-2026-01-01-to-2026-02-01.html"` {
		t.Errorf("its name is %s", got)
	}
	if got := resp.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("its type is %s", got)
	}
	if text := textOf(t, resp); !strings.Contains(text, `<html lang="de">`) || !strings.Contains(text, "Ende des Berichts: 0 Ereignisse.") {
		t.Error(text)
	}

	text := textOf(t, report(""))
	if !strings.Contains(text, "End of the report: 2 events.") || !strings.Contains(text, "src=\"data:image/jpeg;base64,") {
		t.Error(text)
	}
	if text := textOf(t, report("?pictures=false")); strings.Contains(text, "<img") {
		t.Error("it has a picture")
	}
	text = textOf(t, report("?id="+home.pictured.ID.String()+"&id="+home.pictured.ID.String()+"&id=01KJAAQ6G000005CRZMFMBV6RM"))
	if !strings.Contains(text, "End of the report: 1 event.") || !strings.Contains(text, "picked one by one") {
		t.Error(text)
	}

	resp = report("?format=csv&bom=false&oldest_first=true")
	if got := resp.Header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("its type is %s", got)
	}
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil || len(rows) != 3 || rows[0][0] != "id" || rows[1][0] != home.event.ID.String() {
		t.Errorf("%q, %v", rows, err)
	}
	if text := textOf(t, report("?format=csv")); !strings.HasPrefix(text, "\uFEFFid,") {
		t.Errorf("it begins with %.20q", text)
	}

	for query, problem := range map[string]string{
		"?format=pdf": "not csv or html", "?lang=fr": "de, en", "?bom=1": "not true or false", "?limit=3": "no parameter", "?offset=0": "no parameter", "?id=x": "",
		"?min_confidence=2": "not in 0..1", "?id=" + home.event.ID.String() + "&camera=c": "excludes", "?" + strings.Repeat("id=x&", 501): "more than 500",
	} {
		wantProblem(t, report(query), http.StatusBadRequest, problem)
	}
}

func TestAReportIsAnnounced(t *testing.T) {
	h := web.Handler(newHousehold(t).st, nil)
	head := func(query string) *http.Response {
		return ask(t, h, onLoopback(sentRequest{method: http.MethodHead, path: "/v1/report" + query}))
	}
	resp := head("?format=csv&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z")
	if got := resp.Header.Get("Content-Disposition"); got != `attachment; filename="doorlog-2026-01-01.csv"` || textOf(t, resp) != "" || resp.StatusCode != http.StatusOK {
		t.Errorf("its name is %s", got)
	}
	wantStatus(t, head("?min_confidence=2"), http.StatusBadRequest)
}

// A report that fails on its way is cut off, and does not end as a whole one does.
func TestAReportThatFailsIsCutOff(t *testing.T) {
	st := openStore(t)
	many := make([]doorlog.Event, 3000)
	for i := range many {
		many[i] = doorlog.Event{Camera: strings.Repeat("c", 200), Type: doorlog.Motion, RecordedAt: time.Unix(int64(1e9+i), 0)}
	}
	if _, err := st.WriteEvents(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	s := start(t, st, nil)
	resp := get(t, http.DefaultClient, s.url("/v1/report?format=csv"))
	defer resp.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil { // it ends all reads
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the end of the report is %v", err)
	}
}

// A picture that is not there any more does not end a report.
func TestAReportWithoutAPictureGoesOn(t *testing.T) {
	home := newHousehold(t)
	if err := os.Remove(filepath.Join(home.st.ThumbnailDir(), filepath.FromSlash(home.pictured.ThumbnailPath))); err != nil {
		t.Fatal(err)
	}
	text := textOf(t, ask(t, web.Handler(home.st, nil), onLoopback(sentRequest{method: http.MethodGet, path: "/v1/report"})))
	if !strings.Contains(text, "The picture is not there any more.") || !strings.Contains(text, "End of the report: 2 events.") {
		t.Error(text)
	}
}
