package doorlog_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/doorlog/doorlog"
)

// Opening a store that was closed, which reads the sums of its pages, and
// has the rest verified in the background: from memory, and from the disk.
func BenchmarkOpenClosed(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	name := copyOf(b, s)
	open(b, name) // closes it too
	for _, from := range []string{"memory", "disk"} {
		b.Run(from, func(b *testing.B) {
			var took time.Duration
			for b.Loop() {
				if from == "disk" {
					forget(b, name)
				}
				took += open(b, name)
			}
			b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms")
		})
	}
}

// Opening a store that was not closed, which reads all of it, in turn with
// reading the file from end to end: from the disk, and then from memory.
func BenchmarkOpenUnclosed(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	name := copyOf(b, s)
	for _, from := range []string{"disk", "memory"} {
		b.Run(from, func(b *testing.B) {
			ready := func() {
				if from == "disk" {
					forget(b, name)
				}
			}
			var ours, cats time.Duration
			for b.Loop() {
				ready()
				begin := time.Now()
				read(b, name)
				cats += time.Since(begin)
				ready()
				ours += open(b, name)
				mustCopy(b, s, name) // it was closed
			}
			b.ReportMetric(float64(ours)/float64(cats), "x-cat")
			b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms")
		})
	}
}

// open opens and closes a store, and returns how long the first took.
func open(b *testing.B, name string) time.Duration {
	b.Helper()
	begin := time.Now()
	st, err := doorlog.Open(name, &doorlog.Options{Scrub: -1})
	took := time.Since(begin)
	if err == nil {
		err = st.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func copyOf(b *testing.B, s *benchStore) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "events.db")
	mustCopy(b, s, name)
	return name
}

// mustCopy copies the file of a store that is open, and so not marked as closed.
func mustCopy(b *testing.B, s *benchStore, name string) {
	b.Helper()
	if err := copyFile(filepath.Join(s.dir, "events.db"), name); err != nil {
		b.Fatal(err)
	}
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}

// read reads a file as cat does.
func read(b *testing.B, name string) {
	b.Helper()
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 128<<10)
	for {
		if _, err := f.Read(buf); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// forget has the system forget what it has of a file in memory.
func forget(b *testing.B, name string) {
	b.Helper()
	f, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)); err != nil {
		b.Fatal(err)
	}
}

// What the checks cost Recent(20): the checksums of the records and of the
// state, and the guard, in turn with all of it.
func BenchmarkChecksOfRecent20(b *testing.B) {
	s := benchStoreOf(b, *benchEvents)
	var all, checks time.Duration
	for b.Loop() {
		begin := time.Now()
		if _, err := s.Recent(b.Context(), 20); err != nil {
			b.Fatal(err)
		}
		all += time.Since(begin)
		took, err := s.ChecksOfRecent(20)
		if err != nil {
			b.Fatal(err)
		}
		checks += took
	}
	b.ReportMetric(100*float64(checks)/float64(all-checks), "%-more")
}

// What the sums cost a durable write: bolt commits of an event with its
// detections, with and without them, in turn.
func BenchmarkSumsOfACommit(b *testing.B) {
	defer doorlog.SetTrust(true, false, false)() // without the sums there is no state, which has the txid
	s := benchStoreOf(b, *benchEvents)
	name := copyOf(b, s)
	file := doorlog.OpenBare(b, name)
	e := fullEvent()
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		for i, with := range []bool{true, false} {
			e.RecordedAt = e.RecordedAt.Add(time.Hour)
			n++
			begin := time.Now()
			if err := file.Commit(e, uint64(n), with); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(begin)
		}
	}
	b.ReportMetric(100*(float64(took[0])/float64(took[1])-1), "%-more")
}
