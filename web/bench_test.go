package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// benchAddresses serves a store, and returns the addresses of the server by what they are called.
func benchAddresses(b *testing.B, st *doorlog.Store) map[string]net.Addr {
	b.Helper()
	spare := make([]byte, 8<<20) // as doorlog serve has it; the library has it, too
	b.Cleanup(func() { runtime.KeepAlive(spare) })
	named := map[string]net.Addr{}
	for _, at := range start(b, st, &web.ServeOptions{Options: web.Options{Logger: slog.New(slog.DiscardHandler)}}).addresses {
		if at.Network() == "unix" {
			named["socket"] = at
		} else {
			named["loopback"] = at
		}
	}
	return named
}

// medianOf runs fn n times and returns the median of how long it took.
func medianOf(n int, fn func()) time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		fn()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2]
}

// BenchmarkGetEvents20 lists the newest 20 of 10,000 events with keep-alive: how many a second for 8
// clients, and the median for one, beside that of the library with JSON in the same run.
func BenchmarkGetEvents20(b *testing.B) {
	st, err := doorlog.Open(filepath.Join(b.TempDir(), "events.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	events := make([]doorlog.Event, 10_000)
	for i := range events {
		events[i] = fullEvent()
		events[i].RecordingID, events[i].RecordedAt = fmt.Sprint("rec-", i), time.Now().Add(-time.Duration(i)*time.Minute)
	}
	if _, err := st.WriteEvents(b.Context(), events); err != nil {
		b.Fatal(err)
	}
	library := func() {
		list, err := st.Recent(context.Background(), 20)
		if err == nil {
			_, err = json.Marshal(list)
		}
		if err != nil {
			b.Error(err)
		}
	}
	for name, at := range benchAddresses(b, st) {
		b.Run(name, func(b *testing.B) {
			clients := startLoad(b, at, http.MethodGet, 8)
			clients.run(b, 100*time.Millisecond)
			n, took, used := 0, time.Duration(0), cpuTime()
			for b.Loop() {
				answered, in := clients.run(b, 250*time.Millisecond)
				n, took = n+answered, took+in
			}
			b.ReportMetric(float64(n)/took.Seconds(), "requests/s")
			b.ReportMetric(float64((cpuTime()-used).Microseconds())/float64(n), "server-cpu-µs")
			client, err := dialRaw(at.Network(), at.String())
			if err != nil {
				b.Fatal(err)
			}
			defer client.conn.Close()
			request := rawRequest(http.MethodGet, "/v1/events?limit=20", nil)
			get := func() {
				if err := client.do(request, answeredOK); err != nil {
					b.Error(err)
				}
			}
			const rounds = 500
			alone, own := medianOf(rounds, get), medianOf(rounds, library)
			b.ReportMetric(float64(own.Microseconds()), "library-µs")
			b.ReportMetric(float64(alone.Microseconds()), "request-µs")
			b.ReportMetric(float64(alone)/float64(own), "ratio")
		})
	}
}

// writeFor lets 64 writers use the library for a while, and returns how many events they have written in
// which time.
func writeFor(b *testing.B, st *doorlog.Store, d time.Duration) (n int, took time.Duration) {
	var count atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for time.Since(began) < d {
				e := doorlog.Event{Camera: fmt.Sprint("camera-", i), RecordedAt: time.Now(), Type: doorlog.Motion}
				if _, err := st.WriteEvent(b.Context(), e); err != nil {
					b.Error(err)
				}
				count.Add(1)
			}
		})
	}
	all.Wait()
	return int(count.Load()), time.Since(began)
}

// BenchmarkPost64 has 64 clients write durable events one by one, beside 64 writers of the library, in
// turns of a quarter second on the same disk.
func BenchmarkPost64(b *testing.B) {
	dir, err := os.MkdirTemp(".", "bench-") // a folder on the disk: that for temporary files may be in memory
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	for name, at := range benchAddresses(b, st) {
		b.Run(name, func(b *testing.B) {
			const turn = 250 * time.Millisecond
			clients := startLoad(b, at, http.MethodPost, 64)
			var counts [2]int
			var times, used [2]time.Duration
			for b.Loop() {
				for i, run := range []func() (int, time.Duration){
					func() (int, time.Duration) { return writeFor(b, st, turn) },
					func() (int, time.Duration) { return clients.run(b, turn) },
				} {
					before := cpuTime()
					n, took := run()
					counts[i], times[i], used[i] = counts[i]+n, times[i]+took, used[i]+cpuTime()-before
				}
			}
			rate := func(i int) float64 { return float64(counts[i]) / times[i].Seconds() }
			b.ReportMetric(float64(used[0].Microseconds())/float64(counts[0]), "library-cpu-µs")
			b.ReportMetric(float64(used[1].Microseconds())/float64(counts[1]), "server-cpu-µs")
			b.ReportMetric(rate(0), "library/s")
			b.ReportMetric(rate(1), "posts/s")
			b.ReportMetric(rate(1)/rate(0), "ratio")
		})
	}
}
