package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// sampleLine is a line of the text format of Prometheus: a name, labels whose values are escaped, and a
// number.
var sampleLine = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\[\\"n])*"(, ?[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\[\\"n])*")*\})? ([0-9.e+-]+|\+Inf|NaN)$`)

// figures returns what a server with these metrics tells.
func figures(t *testing.T, m *metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if !sampleLine.MatchString(line) {
			t.Errorf("this is no sample: %q", line)
		}
		series := line[:strings.LastIndexByte(line, ' ')]
		if seen[series] {
			t.Errorf("%s is there twice", series)
		}
		seen[series] = true
	}
	return text
}

func newTestMetrics(t *testing.T) (*metrics, *doorlog.Store) {
	t.Helper()
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return newMetrics(st, slog.New(slog.DiscardHandler)), st
}

func TestMetricsAreTextWithoutNames(t *testing.T) {
	m, st := newTestMetrics(t)
	for i := range 5 {
		e := doorlog.Event{Camera: "cam-porch", Type: doorlog.Motion, RecordedAt: day.Add(time.Duration(i) * time.Minute), Person: "zebedee"}
		if _, err := st.WriteEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	const odd = `a "quoted" \ name`
	if _, err := st.Consumer(t.Context(), odd, nil); err != nil {
		t.Fatal(err)
	}
	m.observe("/v1/events/{id}", "GET", 200, 2*time.Millisecond)
	m.observe("/v1/events/{id}", "GET", 204, 2*time.Millisecond)
	m.observe("/v1/events/{id}", "GET", 404, 2*time.Millisecond)
	m.observe("", "BREW", 405, time.Microsecond)
	m.streams(7)
	text := figures(t, m)
	for _, want := range []string{
		`doorlog_http_requests_total{route="/v1/events/{id}",method="GET",status="2xx"} 2`,
		`doorlog_http_requests_total{route="/v1/events/{id}",method="GET",status="4xx"} 1`,
		`doorlog_http_requests_total{route="",method="other",status="4xx"} 1`,
		`doorlog_http_request_duration_seconds_count{route="/v1/events/{id}",method="GET"} 3`,
		`doorlog_http_request_duration_seconds_bucket{route="/v1/events/{id}",method="GET",le="0.0025"} 3`,
		`doorlog_streams_open 7`,
		`doorlog_store_events 5`,
		`doorlog_store_changes 5`,
		`doorlog_store_damaged 0`,
		`doorlog_store_stopped 0`,
		`doorlog_store_last_backup_timestamp_seconds 0`,
		fmt.Sprintf(`doorlog_store_newest_event_timestamp_seconds %d`, day.Add(4*time.Minute).Unix()),
		`doorlog_consumer_behind{consumer="a \"quoted\" \\ name"} 5`,
		`doorlog_consumer_gone{consumer="a \"quoted\" \\ name"} 0`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") && !strings.HasPrefix(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if !strings.Contains(text, "\nprocess_") && !strings.Contains(text, "\ngo_") {
		t.Error("the process has no figures")
	}
	for _, secret := range []string{"zebedee", "cam-porch"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in %s", secret, text)
		}
	}
}

// However many names clients make up, there are only so many series.
func TestMetricsStaySmall(t *testing.T) {
	m, _ := newTestMetrics(t)
	for i := range 1000 {
		m.observe("", fmt.Sprint("METHOD", i), 404, 0)
	}
	text := figures(t, m)
	if n := strings.Count(text, "doorlog_http_requests_total{"); n != 1 {
		t.Errorf("%d kinds of requests", n)
	}
}

// Of a damaged store there are no numbers that could be taken for true ones.
func TestMetricsOfADamagedStoreSaySo(t *testing.T) {
	var b strings.Builder
	writeStats(&b, &doorlog.Stats{Damage: errors.New("page 7")})
	if text := b.String(); !strings.Contains(text, "doorlog_store_damaged 1\n") || strings.Contains(text, "doorlog_store_events") {
		t.Error(text)
	}
}
