//go:build unix

package main

import (
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// BenchmarkRecent measures the process "doorlog recent --limit 5" as a whole, of the file and through a
// socket. To get the figures: go test -run '^$' -bench Recent ./cmd/doorlog
func BenchmarkRecent(b *testing.B) {
	c := newCLI(b)
	fillForFigures(b, c)
	program, err := exec.LookPath("doorlog") // this binary, as testscript.Main has copied it
	if err != nil {
		b.Fatal(err)
	}
	for _, served := range []bool{false, true} {
		name, end := "file", func() error { return nil }
		if served {
			name = "socket"
			var st *doorlog.Store
			if st, end = serve(c.db, "", new(atomic.Int64)); st == nil {
				b.Fatal("the server cannot open the database")
			}
		}
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				out, err := exec.Command(program, "recent", "--limit", "5").Output()
				if err != nil || strings.Count(string(out), "\n") != 6 {
					b.Fatalf("%v: %s", err, out)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "median-ms")
		})
		if err := end(); err != nil {
			b.Fatal(err)
		}
	}
}

// fillForFigures writes 20,000 events.
func fillForFigures(b *testing.B, c *cli) {
	b.Helper()
	st, err := doorlog.Open(c.db, nil)
	if err != nil {
		b.Fatal(err)
	}
	events := make([]doorlog.Event, 2000)
	for n := range 10 {
		for i := range events {
			at := day.Add(time.Duration(n*len(events)+i) * time.Minute)
			events[i] = doorlog.Event{Camera: "porch", Type: doorlog.Motion, RecordedAt: at, Detections: []doorlog.Detection{{Label: "person", Confidence: 0.9}}}
		}
		if _, err := st.WriteEvents(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		b.Fatal(err)
	}
}
