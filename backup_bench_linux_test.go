package doorlog_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/doorlog/doorlog"
)

// BenchmarkBackupBesideCopy makes a backup of a store into a file, which is
// synced, and copies the store's files as cp does, and syncs the file system, in
// turn. ratio is how many times as long the backup takes, the median; at most 2 is
// wanted. It works with both processors, so neighbours count twice.
// MB is the size of both.
//
//	go test -run '^$' -bench BackupBesideCopy -benchtime 5x . -args -events 300000
func BenchmarkBackupBesideCopy(b *testing.B) {
	for _, kind := range []struct {
		name   string
		events int
		framed int // one of so many events has a thumbnail
	}{
		{"events", min(*benchEvents, 1_000_000), 0},
		{"thumbnails", 4000, 1},
	} {
		b.Run(kind.name, func(b *testing.B) {
			s := newStore(b)
			fillForBackup(b, s, kind.events, kind.framed)
			out := b.TempDir()
			var copying, backing, ratios []float64
			var bytes int64
			for i := range b.N {
				to := filepath.Join(out, fmt.Sprint(i))
				began := time.Now()
				if err := copyTree(filepath.Dir(s.path), to); err != nil {
					b.Fatal(err)
				}
				copied := time.Now()
				n, err := backupToFile(b, s, to+".tar")
				if err != nil {
					b.Fatal(err)
				}
				copying = append(copying, copied.Sub(began).Seconds())
				backing = append(backing, time.Since(copied).Seconds())
				ratios = append(ratios, backing[i]/copying[i])
				bytes = n
				if err := errors.Join(os.RemoveAll(to), os.Remove(to+".tar")); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(bytes)/1e6, "MB")
			b.ReportMetric(median(ratios), "ratio")
			b.ReportMetric(median(copying), "s/copy")
			b.ReportMetric(median(backing), "s/backup")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func fillForBackup(b *testing.B, s *testStore, events, framed int) {
	b.Helper()
	const batch = 1000
	frame := encodeFrame(640, 360, 1)
	for n := 0; n < events; n += batch {
		list := make([]doorlog.Event, min(batch, events-n))
		for i := range list {
			e := motion(fmt.Sprint("camera", i%4), events-n-i)
			e.Detections = []doorlog.Detection{
				{Label: "person", Confidence: 0.9, Box: &doorlog.Box{X1: 1, Y1: 2, X2: 300, Y2: 400}},
				{Label: "dog", Confidence: 0.5, Box: &doorlog.Box{X1: 10, Y1: 20, X2: 30, Y2: 40}},
			}
			if framed > 0 && i%framed == 0 {
				id, err := s.NewID(e.RecordedAt)
				if err != nil {
					b.Fatal(err)
				}
				e.ID = id
				e.ThumbnailPath = e.RecordedAt.Format("2006/01/02/") + e.ID.String() + ".jpg"
				s.putFile(b, e.ThumbnailPath, string(frame))
			}
			list[i] = e
		}
		if _, err := s.WriteEvents(b.Context(), list); err != nil {
			b.Fatal(err)
		}
	}
}

func backupToFile(b *testing.B, s *testStore, name string) (int64, error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	info, err := s.Backup(b.Context(), f, nil)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	return info.Bytes, nil
}

// copyTree copies the files below a folder as cp does, and then syncs the file
// system.
func copyTree(from, to string) error {
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Mkdir(filepath.Join(to, rel), 0o700)
		}
		in, err := os.Open(name)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(to, rel))
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, out.Close())
	})
	if err != nil {
		return err
	}
	f, err := os.Open(to)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
