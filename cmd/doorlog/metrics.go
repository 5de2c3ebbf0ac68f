package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"github.com/doorlog/doorlog"
)

// metrics are the figures of a server, in the text format of Prometheus. No label holds a person, a
// token or a camera.
type metrics struct {
	st       *doorlog.Store
	log      *slog.Logger
	requests *vm.Set
	known    sync.Map // figures by requestKind, so that a request makes no names
	open     atomic.Int64
}

// A requestKind is what is counted together.
type requestKind struct {
	route, method string
	class         int // of the status: 2 for 200 to 299
}

type requestFigures struct {
	number *vm.Counter
	took   *vm.PrometheusHistogram
}

func newMetrics(st *doorlog.Store, log *slog.Logger) *metrics {
	return &metrics{st: st, log: log, requests: vm.NewSet()}
}

// routes are those that the server has beside the API.
func (m *metrics) routes() map[string]http.Handler { return map[string]http.Handler{"/metrics": m} }

// streams notes how many streams are open.
func (m *metrics) streams(open int) { m.open.Store(int64(open)) }

// seconds are the upper bounds of the durations that are counted together.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}

// observe counts a request. A method that no route has is "other": callers can make up any number.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	kind := requestKind{route, method, status / 100}
	found, ok := m.known.Load(kind)
	if !ok {
		labels := fmt.Sprintf(`route="%s",method="%s"`, labelText(route), method)
		found, _ = m.known.LoadOrStore(kind, requestFigures{
			m.requests.GetOrCreateCounter(fmt.Sprintf(`doorlog_http_requests_total{%s,status="%dxx"}`, labels, kind.class)),
			m.requests.GetOrCreatePrometheusHistogramExt(`doorlog_http_request_duration_seconds{`+labels+`}`, seconds),
		})
	}
	if f, ok := found.(requestFigures); ok {
		f.number.Inc()
		f.took.Update(took.Seconds())
	}
}

// ServeHTTP writes all figures.
func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	m.requests.WritePrometheus(&b)
	vm.WriteGaugeUint64(&b, "doorlog_streams_open", uint64(max(0, m.open.Load())))
	vm.WriteGaugeUint64(&b, fmt.Sprintf(`doorlog_build_info{version="%s"}`, labelText(buildVersion())), 1)
	m.writeStore(r.Context(), &b)
	vm.WriteProcessMetrics(&b)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // the client has gone
}

// writeStore writes the figures of the store.
func (m *metrics) writeStore(ctx context.Context, w io.Writer) {
	st, err := m.st.Stats(ctx)
	vm.WriteGaugeUint64(w, "doorlog_store_readable", oneIf(err == nil && st.Damage == nil))
	if err != nil {
		m.log.Warn("the figures of the store could not be read", "error", err)
		return
	}
	writeStats(w, &st)
}

// writeStats writes the figures of a store. Those of a damaged file cannot be relied on, and are left out.
func writeStats(w io.Writer, st *doorlog.Stats) {
	vm.WriteGaugeUint64(w, "doorlog_store_damaged", oneIf(st.Damage != nil))
	vm.WriteGaugeUint64(w, "doorlog_store_stopped", oneIf(st.Stopped != nil))
	vm.WriteGaugeUint64(w, "doorlog_store_moved", oneIf(st.Moved))
	if st.Damage != nil {
		return
	}
	for _, figure := range []struct {
		name  string
		value int64
	}{
		{"events", int64(st.Events)},
		{"persons", int64(st.Persons)},
		{"changes", int64(st.Changes)},
		{"file_bytes", st.FileSize},
		{"page_bytes", st.PageSize},
		{"pages", int64(st.Pages)},
		{"free_pages", int64(st.FreePages)},
		{"growth_bytes_per_day", st.GrowthPerDay},
		{"snapshots_open", int64(st.Snapshots)},
		{"held_back", int64(len(st.HeldBack))},
		{"consumers", int64(len(st.Consumers))},
	} {
		vm.WriteGaugeUint64(w, "doorlog_store_"+figure.name, uint64(max(0, figure.value)))
	}
	vm.WriteCounterUint64(w, "doorlog_store_changes_total", st.Change)
	for name, at := range map[string]time.Time{
		"last_backup": st.LastBackup, "verified": st.Verified, "newest_event": st.Newest, "oldest_event": st.Oldest,
	} {
		vm.WriteGaugeUint64(w, "doorlog_store_"+name+"_timestamp_seconds", unixSeconds(at))
	}
	for _, c := range st.Consumers { // a store has few: it bounds them
		label := `{consumer="` + labelText(c.Name) + `"}`
		vm.WriteGaugeUint64(w, "doorlog_consumer_behind"+label, uint64(max(0, c.Behind)))
		vm.WriteGaugeUint64(w, "doorlog_consumer_gone"+label, oneIf(c.Gone))
	}
}

// unixSeconds returns a time as Prometheus has it: 0 for never.
func unixSeconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(0, t.Unix()))
}

func oneIf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// labelText returns a text as it stands in a label.
func labelText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}
