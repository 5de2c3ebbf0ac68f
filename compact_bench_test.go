package doorlog_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// BenchmarkCompactBesideAWriter compacts a store of which every second event has
// been deleted, while a writer writes 50 events a second. It reports the longest
// time that the writer waited during the compaction and in as long before it, how
// long the writers were held, the file beside one into which the same events were
// loaded, and the most that the new file took on the disk beside what is in use.
//
//	go test -run '^$' -bench CompactBesideAWriter -benchtime 1x -timeout 30m . -args -events 1000000
func BenchmarkCompactBesideAWriter(b *testing.B) {
	for range b.N {
		b.StopTimer()
		dir := b.TempDir()
		path := filepath.Join(dir, "events.db")
		st := openBench(b, path)
		ids := load(b, st, func(int) bool { return true })
		deleteHalf(b, st, ids)
		before, err := st.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		w := startWriter(b, st)
		time.Sleep(3 * time.Second) // the writer alone
		alone := w.take()
		watch := watchSize(filepath.Join(dir, ".events.db.new-*"))
		b.StartTimer()
		result, err := st.Compact(b.Context())
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		peak := watch()
		beside := w.take()
		w.stop()
		freshPath := filepath.Join(dir, "fresh.db")
		fresh := openBench(b, freshPath)
		load(b, fresh, func(i int) bool { return i%2 == 0 })
		loaded, err := fresh.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := fresh.Close(); err != nil {
			b.Fatal(err)
		}
		if err := st.Close(); err != nil {
			b.Fatal(err)
		}
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(slices.Max(alone)), "alone-max-ms")
		b.ReportMetric(ms(slices.Max(beside)), "beside-max-ms")
		b.ReportMetric(ms(result.WritersWaited), "writers-waited-ms")
		b.ReportMetric(float64(result.After)/float64(result.Before), "after/before")
		b.ReportMetric(float64(result.After)/float64(loaded.FileSize), "after/loaded")
		b.ReportMetric(float64(peak)/float64(before.LiveSize()), "disk/live")
		b.Logf("%d events written beside it; %d bytes before, %d after, %d live before, %d loaded, %d at most on the disk",
			len(beside), result.Before, result.After, before.LiveSize(), loaded.FileSize, peak)
	}
}

func openBench(b *testing.B, path string) *doorlog.Store {
	b.Helper()
	st, err := doorlog.Open(path, &doorlog.Options{MaxFutureSkew: 100 * 365 * 24 * time.Hour, Scrub: -1})
	if err != nil {
		b.Fatal(err)
	}
	return st
}

// load writes those of -events events that are wanted, in batches.
func load(b *testing.B, st *doorlog.Store, want func(i int) bool) (ids []doorlog.ID) {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	var events []doorlog.Event
	for i := range *benchEvents {
		if e := benchEvent(rng, i); want(i) {
			events = append(events, e)
		}
		if len(events) == 1000 || i == *benchEvents-1 {
			some, err := storedIDs(st.WriteEvents(b.Context(), events))
			if err != nil {
				b.Fatal(err)
			}
			ids, events = append(ids, some...), events[:0]
		}
	}
	return ids
}

func deleteHalf(b *testing.B, st *doorlog.Store, ids []doorlog.ID) {
	b.Helper()
	const lanes = 256
	var writers sync.WaitGroup
	for lane := range lanes {
		writers.Go(func() {
			for i := 2*lane + 1; i < len(ids); i += 2 * lanes {
				if err := st.DeleteEvent(b.Context(), ids[i]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}

// A steadyWriter writes 50 events a second and notes how long each takes.
type steadyWriter struct {
	mu    sync.Mutex
	took  []time.Duration
	ended atomic.Bool
	done  chan struct{}
}

func startWriter(b *testing.B, st *doorlog.Store) *steadyWriter {
	w := &steadyWriter{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		rng := rand.New(rand.NewPCG(2, 2))
		next := time.NewTicker(20 * time.Millisecond)
		defer next.Stop()
		for i := *benchEvents; !w.ended.Load(); i++ {
			<-next.C
			begun := time.Now()
			if _, err := st.WriteEvent(context.Background(), benchEvent(rng, i)); err != nil {
				b.Error(err)
				return
			}
			w.mu.Lock()
			w.took = append(w.took, time.Since(begun))
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *steadyWriter) take() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	took := w.took
	w.took = nil
	return took
}

func (w *steadyWriter) stop() { w.ended.Store(true); <-w.done }

// watchSize looks how large a file becomes, until the result is called.
func watchSize(pattern string) (most func() int64) {
	var size atomic.Int64
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			case <-time.After(5 * time.Millisecond):
			}
			names, err := filepath.Glob(pattern)
			if err != nil || len(names) == 0 {
				continue
			}
			if info, err := os.Stat(names[0]); err == nil {
				size.Store(max(size.Load(), info.Size()))
			}
		}
	}()
	return func() int64 { close(end); <-done; return size.Load() }
}
