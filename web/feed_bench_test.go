package web_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// From the moment when a write has returned until the client of a stream has its change. The client may
// be earlier, which counts as 0.
func BenchmarkCommitToStream(b *testing.B) {
	st, err := doorlog.Open(filepath.Join(b.TempDir(), "events.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	s := start(b, st, nil)
	stream := mustStream(b, overSocket(s.socket()), "http://doorlog", "after=now", "")
	if _, err := stream.next(); err != nil {
		b.Fatal(err)
	}
	told := make(chan time.Time, 1)
	go func() {
		for {
			if _, err := stream.next(); err != nil {
				return
			}
			told <- time.Now()
		}
	}()
	var took []time.Duration
	for b.Loop() {
		if _, err := st.WriteEvent(context.Background(), feedEvent(time.Now())); err != nil {
			b.Fatal(err)
		}
		written := time.Now()
		took = append(took, max(0, (<-told).Sub(written)))
	}
	b.ReportMetric(float64(median(took).Nanoseconds()), "median-ns")
	b.ReportMetric(float64(percentile(took, 99).Nanoseconds()), "p99-ns")
}
