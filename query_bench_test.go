package doorlog_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

var benchEvents = flag.Int("events", largeStore, "events in the store of the query benchmarks")

// thirtyDays ends with the last event of a store of the size that was asked for.
func thirtyDays() doorlog.Scope {
	end := benchStart.Add(time.Duration(*benchEvents) * 30 * time.Second).Truncate(24 * time.Hour)
	return doorlog.Scope{Since: end.AddDate(0, 0, -30), Until: end}
}

// sideBySide times two functions turn by turn, and reports the ratio of the
// first to the second, and both times.
func sideBySide(b *testing.B, ratio string, ours, floor func() error) {
	b.Helper()
	var o, f time.Duration
	n := 0
	for b.Loop() {
		n++
		begin := time.Now()
		if err := ours(); err != nil {
			b.Fatal(err)
		}
		o += time.Since(begin)
		begin = time.Now()
		if err := floor(); err != nil {
			b.Fatal(err)
		}
		f += time.Since(begin)
	}
	b.ReportMetric(float64(o)/float64(f), ratio)
	b.ReportMetric(float64(o.Nanoseconds())/1000/float64(n), "µs")
	b.ReportMetric(float64(f.Nanoseconds())/1000/float64(n), "µs-other")
}

func (s *benchStore) take(b *testing.B, q doorlog.Query) error {
	n := 0
	for _, err := range s.Events(b.Context(), q) {
		if err != nil {
			return err
		}
		n++
	}
	if n != q.Limit {
		b.Fatalf("%d events of %+v", n, q)
	}
	return nil
}

// Two fields that are rare together, limit 20, beside Recent(20).
func BenchmarkQueryRarePair(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	sideBySide(b, "x-recent",
		func() error {
			return s.take(b, doorlog.Query{Cameras: []string{"garage"}, Persons: []string{"visitor"}, Limit: 20})
		},
		func() error { _, err := s.Recent(b.Context(), 20); return err })
}

// One label, limit 20, beside Recent(20).
func BenchmarkQueryLabel(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	sideBySide(b, "x-recent",
		func() error { return s.take(b, doorlog.Query{Labels: []string{"dog"}, Limit: 20}) },
		func() error { _, err := s.Recent(b.Context(), 20); return err })
}

// One attribute, which every tenth event has, limit 20, beside Recent(20).
func BenchmarkQueryAttribute(b *testing.B) {
	s := attributedBenchStore(b)
	sideBySide(b, "x-recent",
		func() error {
			return s.take(b, doorlog.Query{Attributes: map[string][]string{"zone": {"porch"}}, Limit: 20})
		},
		func() error { _, err := s.Recent(b.Context(), 20); return err })
}

// attributedBenchStore returns a store of its own: attributes would change what the other
// benchmarks measure.
func attributedBenchStore(b *testing.B) *benchStore {
	b.Helper()
	st, err := doorlog.Open(filepath.Join(b.TempDir(), "events.db"), &doorlog.Options{MaxFutureSkew: 100 * 365 * 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := st.Close(); err != nil {
			b.Error(err)
		}
	})
	rng := rand.New(rand.NewPCG(1, 11))
	const batch = 1000
	for at := 0; at < *benchEvents; at += batch {
		events := make([]doorlog.Event, batch)
		for i := range events {
			events[i] = benchEvent(rng, at+i)
			zone := "lawn"
			if i%10 == 0 {
				zone = "porch"
			}
			events[i].Attributes = map[string]string{"zone": zone, "track": strconv.Itoa(at + i)}
		}
		if _, err := st.WriteEvents(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	return &benchStore{Store: st}
}

// The page after 10,000 events by its cursor, beside the first page.
func BenchmarkPageAtDepth(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	q := doorlog.Query{Cameras: []string{"garage", "driveway"}, Limit: 10_000}
	deep, err := s.Page(b.Context(), q, "")
	if err != nil {
		b.Fatal(err)
	}
	q.Limit = 20
	page := func(at string) func() error {
		return func() error {
			p, err := s.Page(b.Context(), q, at)
			if err == nil && len(p.Events) != 20 {
				b.Fatal(len(p.Events))
			}
			return err
		}
	}
	sideBySide(b, "x-first", page(deep.Next), page(""))
}

// Each analysis of 30 days, and of everything, the latter beside reading all events.
func BenchmarkAnalytics(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	ctx := b.Context()
	for _, analysis := range []struct {
		name string
		of   func(doorlog.Scope) error
	}{
		{"heatmap", func(sc doorlog.Scope) error { _, err := s.Heatmap(ctx, sc); return err }},
		{"timeline", func(sc doorlog.Scope) error { _, err := s.Timeline(ctx, sc); return err }},
		{"breakdown", func(sc doorlog.Scope) error { _, err := s.LabelBreakdown(ctx, sc); return err }},
		{"summary", func(sc doorlog.Scope) error { _, err := s.Summary(ctx, sc); return err }},
	} {
		b.Run(analysis.name+"/30days", func(b *testing.B) {
			for b.Loop() {
				if err := analysis.of(thirtyDays()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(analysis.name+"/everything", func(b *testing.B) {
			sideBySide(b, "x-reading", func() error { return analysis.of(doorlog.Scope{}) }, func() error {
				for _, err := range s.Events(ctx, doorlog.Query{OldestFirst: true}) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// The number of events of a camera, over everything.
func BenchmarkCountCamera(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	for b.Loop() {
		if n, err := s.Count(b.Context(), doorlog.Query{Cameras: []string{"garage"}}); err != nil || n < *benchEvents/5 {
			b.Fatal(n, err)
		}
	}
}

// The number of events of two fields together that no rollup decides, beside a
// bare cursor walk over the shorter list.
func BenchmarkCountPair(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	floor := openCopy(b, s)
	defer floor.Close()
	prefix := []byte("alice\x00")
	sideBySide(b, "x-walk", func() error {
		n, err := s.Count(b.Context(), doorlog.Query{Persons: []string{"alice"}, Labels: []string{"dog"}})
		if n == 0 {
			b.Fatal("none")
		}
		return err
	}, func() error {
		return floor.View(func(tx *bolt.Tx) error {
			n := 0
			c := tx.Bucket([]byte("by_person")).Cursor()
			for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
				n++
			}
			if n == 0 {
				b.Fatal("none")
			}
			return nil
		})
	})
}

// The quarter hours of a day and of 30 days.
func BenchmarkQuarters(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	month := thirtyDays()
	for name, days := range map[string]int{"day": 1, "30days": 30} {
		b.Run(name, func(b *testing.B) {
			sc := doorlog.Scope{Since: month.Until.AddDate(0, 0, -days), Until: month.Until}
			for b.Loop() {
				if _, err := s.Quarters(b.Context(), sc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
