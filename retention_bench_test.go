package doorlog_test

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

var pruneEvents = flag.Int("prune-events", 50_000, "events in the store of the prune benchmark")

// paced is how the writer of the prune benchmark fares.
type paced struct {
	latencies []time.Duration
	longest   uint64 // transactions for which a write waited
}

func (p *paced) percentile(share float64) time.Duration {
	slices.Sort(p.latencies)
	return p.latencies[min(len(p.latencies)-1, int(share*float64(len(p.latencies))))]
}

// writePaced writes 50 events a second until stop is closed, at least so many.
func writePaced(b *testing.B, st *doorlog.Store, rng *rand.Rand, next *int, least int, stop <-chan struct{}) (p paced) {
	b.Helper()
	const every = time.Second / 50
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			if len(p.latencies) >= least {
				return p
			}
		default:
		}
		<-tick.C
		*next++
		e := benchEvent(rng, *next)
		before, begun := st.Transactions(), time.Now()
		if _, err := st.WriteEvent(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		p.latencies = append(p.latencies, time.Since(begun))
		p.longest = max(p.longest, st.Transactions()-before)
	}
}

// A store of -prune-events events is pruned to half, while a writer writes 50
// events a second. "x-p99" is the writer's 99th percentile beside the prune,
// over that of 500 writes before it and 500 after it; "wait-commits" the number
// of transactions for which a write waited at the most, its own among them, and
// "longest-x" the longest write over the median of the undisturbed ones.
func BenchmarkPruneBesideAWriter(b *testing.B) {
	b.StopTimer()
	for range b.N {
		n := *pruneEvents
		st, err := doorlog.Open(filepath.Join(b.TempDir(), "events.db"), &doorlog.Options{MaxFutureSkew: 100 * 365 * day})
		if err != nil {
			b.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(9, uint64(n)))
		events := make([]doorlog.Event, 1000)
		for at := 0; at < n; at += len(events) {
			for i := range events {
				events[i] = benchEvent(rng, at+i)
			}
			if _, err := st.WriteEvents(b.Context(), events); err != nil {
				b.Fatal(err)
			}
		}
		ended := make(chan struct{})
		close(ended)
		next := n
		alone := writePaced(b, st, rng, &next, 500, ended)
		pruned := make(chan struct{})
		b.StartTimer()
		var gone *doorlog.Pruned
		begun := time.Now()
		var took time.Duration
		go func() {
			defer close(pruned)
			var err error
			if gone, err = st.Prune(b.Context(), doorlog.Policy{MaxEvents: n / 2}); err != nil {
				b.Error(err)
			}
			took = time.Since(begun)
		}()
		beside := writePaced(b, st, rng, &next, 1, pruned)
		b.StopTimer()
		after := writePaced(b, st, rng, &next, 500, ended)
		undisturbed := paced{latencies: slices.Concat(alone.latencies, after.latencies)}
		b.ReportMetric(float64(undisturbed.percentile(0.99).Microseconds()), "alone-p99-µs")
		b.ReportMetric(float64(alone.percentile(0.99).Microseconds()), "before-p99-µs")
		b.ReportMetric(float64(after.percentile(0.99).Microseconds()), "after-p99-µs")
		b.ReportMetric(float64(beside.percentile(0.99).Microseconds()), "beside-p99-µs")
		b.ReportMetric(float64(beside.percentile(0.99))/float64(undisturbed.percentile(0.99)), "x-p99")
		b.ReportMetric(float64(beside.percentile(1))/float64(undisturbed.percentile(0.5)), "longest-x")
		b.ReportMetric(float64(beside.longest), "wait-commits")
		b.ReportMetric(float64(len(beside.latencies)), "writes")
		b.ReportMetric(float64(gone.Events)/took.Seconds(), "events/s")
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
