package doorlog_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

// The benchmarks work on stores of these sizes, which are made once a run: in
// batches, which leave free pages all over the file, and then by many writers
// until these are used up, as in a store that has been in use for a while.
// Ratios are measured inside of one benchmark, turn by turn, so that whatever
// else the machine does falls on both sides alike.
const (
	smallStore = 100_000
	largeStore = 300_000
)

var benchStart = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)

// benchEvent returns the i-th event of a household, one every half minute. One
// in 2,000 is of a visitor.
func benchEvent(rng *rand.Rand, i int) doorlog.Event {
	e := doorlog.Event{
		Camera:      []string{"front_door", "driveway", "garage", "backyard"}[rng.IntN(4)],
		RecordedAt:  benchStart.Add(time.Duration(i)*30*time.Second + time.Duration(rng.IntN(1e9))),
		Type:        doorlog.Motion,
		RecordingID: "rec-" + strconv.Itoa(i),
		FrameWidth:  1920, FrameHeight: 1080,
	}
	if rng.IntN(4) == 0 {
		e.Type = doorlog.Ding
	}
	if rng.IntN(3) == 0 {
		e.Person = []string{"alice", "bob", "mary_ann"}[rng.IntN(3)]
		e.FaceConfidence, e.FaceDistance = new(rng.Float64()), new(rng.Float64())
		e.UnlockGranted, e.Door = true, doorlog.Unlocked
	}
	if rng.IntN(2000) == 0 {
		e.Person = "visitor"
	}
	for range 1 + rng.IntN(3) {
		x, y := float64(rng.IntN(1600)), float64(rng.IntN(900))
		e.Detections = append(e.Detections, doorlog.Detection{
			Label:      []string{"person", "car", "dog", "cat", "package"}[rng.IntN(5)],
			Confidence: rng.Float64(),
			Box:        &doorlog.Box{X1: x, Y1: y, X2: x + 120, Y2: y + 160},
		})
	}
	return e
}

// A benchStore is a store of n events that several benchmarks share.
type benchStore struct {
	*doorlog.Store
	dir  string
	ids  []doorlog.ID
	next atomic.Int64 // number of the next event
}

var benchStores struct {
	sync.Mutex
	bySize map[int]*benchStore
}

// closeBenchStores is called by TestMain.
func closeBenchStores() (err error) {
	for _, s := range benchStores.bySize {
		err = s.Close()
		_ = os.RemoveAll(s.dir)
	}
	return err
}

func benchStoreOf(b *testing.B, n int) *benchStore {
	b.Helper()
	benchStores.Lock()
	defer benchStores.Unlock()
	if s := benchStores.bySize[n]; s != nil {
		return s
	}
	dir, err := os.MkdirTemp("", "doorlog-bench-")
	if err != nil {
		b.Fatal(err)
	}
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{MaxFutureSkew: 100 * 365 * 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	s := &benchStore{Store: st, dir: dir}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	const batch = 1000
	for len(s.ids) < n {
		events := make([]doorlog.Event, batch)
		for i := range events {
			events[i] = benchEvent(rng, len(s.ids)+i)
		}
		ids, err := storedIDs(st.WriteEvents(b.Context(), events))
		if err != nil {
			b.Fatal(err)
		}
		s.ids = append(s.ids, ids...)
	}
	s.next.Store(int64(n))
	s.writeFrom(b, 64, n/10)
	if benchStores.bySize == nil {
		benchStores.bySize = make(map[int]*benchStore)
	}
	benchStores.bySize[n] = s
	return s
}

// One durable event a call, by 1, 16 and 64 writers, on 100,000 events.
func BenchmarkWriteEvent(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := benchStoreOf(b, smallStore)
			commits, pages, err := s.Commits()
			if err != nil {
				b.Fatal(err)
			}
			written := bytesWritten(b)
			b.ResetTimer()
			s.writeFrom(b, writers, b.N)
			b.StopTimer()
			commits2, pages2, err := s.Commits()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(bytesWritten(b)-written)/float64(b.N), "disk-B/event")
			b.ReportMetric(float64(b.N)/float64(commits2-commits), "events/commit")
			b.ReportMetric(float64(pages2-pages)/float64(commits2-commits), "pages/commit")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// writeFrom writes n events from several goroutines.
func (s *benchStore) writeFrom(b *testing.B, writers, n int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 7))
			for left.Add(-1) >= 0 {
				if _, err := s.WriteEvent(b.Context(), benchEvent(rng, int(s.next.Add(1)))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// bytesWritten is what the operating system counts as written by this process.
func bytesWritten(b *testing.B) (n int64) {
	b.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0 // not Linux
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "write_bytes: "); ok {
			if n, err = strconv.ParseInt(value, 10, 64); err != nil {
				b.Fatal(err)
			}
		}
	}
	return n
}

// One durable event by one writer on 300,000 events, in turn with a bolt
// commit of one small key into a file of its own, which is two fdatasyncs and
// little else. "x-bolt" is the ratio of the two times.
func BenchmarkWriteEventBesideBolt(b *testing.B) {
	s := benchStoreOf(b, largeStore)
	floor, err := bolt.Open(filepath.Join(b.TempDir(), "floor.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer floor.Close()
	rng := rand.New(rand.NewPCG(3, 3))
	put := func(i int) {
		err := floor.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			return bucket.Put(binary.BigEndian.AppendUint64(nil, uint64(i%100)), []byte("v"))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	put(0)
	commits, pages, err := s.Commits()
	if err != nil {
		b.Fatal(err)
	}
	var ours, bolts time.Duration
	i := 0
	for b.Loop() {
		i++
		e := benchEvent(rng, int(s.next.Add(1)))
		begin := time.Now()
		put(i)
		bolts += time.Since(begin)
		begin = time.Now()
		if _, err := s.WriteEvent(b.Context(), e); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begin)
	}
	commits2, pages2, err := s.Commits()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(ours)/float64(bolts), "x-bolt")
	b.ReportMetric(float64(ours.Microseconds())/float64(i), "µs/event")
	b.ReportMetric(float64(pages2-pages)/float64(commits2-commits), "pages/commit")
}

// 64 writers and one writer in turn, a second's worth of each; "x-one" is the
// ratio of their events per second.
func BenchmarkWriteEvent64BesideOne(b *testing.B) {
	s := benchStoreOf(b, smallStore)
	var one, many time.Duration
	for b.Loop() {
		begin := time.Now()
		s.writeFrom(b, 1, 100)
		one += time.Since(begin)
		begin = time.Now()
		s.writeFrom(b, 64, 100*64)
		many += time.Since(begin)
	}
	b.ReportMetric(64*float64(one)/float64(many), "x-one")
}

// Batches of 1,000 events in one transaction.
func BenchmarkWriteEvents(b *testing.B) {
	s := benchStoreOf(b, smallStore)
	rng := rand.New(rand.NewPCG(5, 5))
	const batch = 1000
	events := make([]doorlog.Event, batch)
	for b.Loop() {
		for i := range events {
			events[i] = benchEvent(rng, int(s.next.Add(1)))
		}
		if _, err := s.WriteEvents(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "events/s")
}

// An event with its detections by its ID, out of 300,000.
func BenchmarkEvent(b *testing.B) {
	s := benchStoreOf(b, largeStore)
	rng := rand.New(rand.NewPCG(4, 4))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Event(b.Context(), s.ids[rng.IntN(len(s.ids))]); err != nil {
			b.Fatal(err)
		}
	}
}

// The newest 20 events with their detections out of 300,000, in turn with a
// bare walk of bolt cursors over the same records. "x-walk" is the ratio.
func BenchmarkRecent20(b *testing.B) {
	s := benchStoreOf(b, largeStore)
	floor := openCopy(b, s)
	defer floor.Close()
	var ours, walks time.Duration
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		begin := time.Now()
		events, err := s.Recent(b.Context(), 20)
		ours += time.Since(begin)
		if err != nil || len(events) != 20 {
			b.Fatal(len(events), err)
		}
		begin = time.Now()
		if n := walkNewest(b, floor, 20); n != 20 {
			b.Fatal(n)
		}
		walks += time.Since(begin)
	}
	b.ReportMetric(float64(ours)/float64(walks), "x-walk")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(i), "ns/recent")
}

// openCopy opens a copy of a store's file with bolt.
func openCopy(b *testing.B, s *benchStore) *bolt.DB {
	b.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "events.db"))
	if err != nil {
		b.Fatal(err)
	}
	name := filepath.Join(b.TempDir(), "copy.db")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		b.Fatal(err)
	}
	db, err := bolt.Open(name, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

var walked []byte

// walkNewest steps over the newest n events and their detections, and copies
// their bytes, as they must not be used after the transaction.
func walkNewest(b *testing.B, db *bolt.DB, n int) (seen int) {
	err := db.View(func(tx *bolt.Tx) error {
		events := tx.Bucket([]byte("events")).Cursor()
		detections := tx.Bucket([]byte("detections")).Cursor()
		dk, dv := detections.Last()
		for k, v := events.Last(); k != nil && seen < n; k, v = events.Prev() {
			seen++
			walked = append(walked[:0], v...)
			if bytes.Equal(k, dk) {
				walked = append(walked, dv...)
				dk, dv = detections.Prev()
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return seen
}

// Reading everything, oldest first.
func BenchmarkEventsAll(b *testing.B) {
	s := benchStoreOf(b, smallStore)
	n := 0
	for b.Loop() {
		n = 0
		for _, err := range s.Events(context.Background(), doorlog.Query{OldestFirst: true}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(n), "ns/event")
}

// One durable event a call with a small frame, of which the thumbnail is synced too:
// what a frame costs beside its pixels.
func BenchmarkWriteEventWithFrame(b *testing.B) {
	s := benchStoreOf(b, smallStore)
	rng := rand.New(rand.NewPCG(11, 11))
	frame := encodeFrame(64, 48, 1)
	for b.Loop() {
		if _, err := s.WriteEventWithFrame(b.Context(), benchEvent(rng, int(s.next.Add(1))), frame); err != nil {
			b.Fatal(err)
		}
	}
}

// The same with a frame of 1920x1080.
func BenchmarkWriteEventWithFrame1080p(b *testing.B) {
	s := benchStoreOf(b, smallStore)
	rng := rand.New(rand.NewPCG(12, 12))
	frame := encodeFrame(1920, 1080, 1)
	for b.Loop() {
		if _, err := s.WriteEventWithFrame(b.Context(), benchEvent(rng, int(s.next.Add(1))), frame); err != nil {
			b.Fatal(err)
		}
	}
}
