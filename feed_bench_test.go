package doorlog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// All changes of 100,000 events, without and with the events.
func BenchmarkChanges(b *testing.B) {
	for _, idsOnly := range []bool{true, false} {
		b.Run(fmt.Sprint("ids-only=", idsOnly), func(b *testing.B) {
			s := benchStoreOf(b, smallStore)
			options := &doorlog.ChangeOptions{IDsOnly: idsOnly}
			n := 0
			for b.Loop() {
				for at, more := (doorlog.Cursor{}), true; more; {
					page, err := s.ChangePage(b.Context(), at, 0, options)
					if err != nil {
						b.Fatal(err)
					}
					n += len(page.Changes)
					at, more = page.Next, page.More
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "changes/s")
		})
	}
}

// From the moment when a write has returned until a reader that waits has its change. The reader
// may be earlier, which counts as 0.
func BenchmarkCommitToReader(b *testing.B) {
	s := benchStoreOf(b, smallStore)
	at, err := s.Cursor(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	told := make(chan time.Time)
	go func() {
		defer close(told)
		for _, err := range s.Changes(b.Context(), at) {
			if err != nil {
				return // the benchmark has ended
			}
			told <- time.Now()
		}
	}()
	rng := rand.New(rand.NewPCG(9, 9))
	var took []time.Duration
	for b.Loop() {
		if _, err := s.WriteEvent(b.Context(), benchEvent(rng, int(s.next.Add(1)))); err != nil {
			b.Fatal(err)
		}
		written := time.Now()
		took = append(took, max(0, (<-told).Sub(written)))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "median-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}
