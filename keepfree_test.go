package doorlog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A modelDisk has files of thumbnails on it, and something else.
type modelDisk struct {
	total, other int64
	keeps        bool // what is removed, in a snapshot
	kept         int64
}

const pictureBytes = 1000 // bytes

// onDisk returns a store with n events, the oldest first, each with a picture, whose
// disk is the model's.
func onDisk(t *testing.T, disk *modelDisk, n int) (*testStore, []doorlog.Event) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: the free space is not known")
	}
	thumbs := ""
	t.Cleanup(doorlog.SetDisk(func(dir string) (free, total int64, err error) {
		if dir != thumbs {
			t.Errorf("asked for the disk of %s", dir)
		}
		free = disk.total - disk.other
		for _, path := range picturesIn(t, dir) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, 0, err
			}
			free -= info.Size()
		}
		if disk.keeps {
			if disk.kept == 0 {
				disk.kept = free
			}
			free = disk.kept
		}
		return max(0, free), disk.total, nil
	}))
	s := newStore(t)
	thumbs = s.thumbs
	events := make([]doorlog.Event, n)
	for i := range events {
		path := fmt.Sprintf("porch/%d.jpg", i)
		s.putFile(t, path, strings.Repeat("x", pictureBytes))
		events[i] = named(path, 10*(n-i))
	}
	return s, s.write(t, events...)
}

func picturesIn(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "porch", "*.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func keepFree(bytes int64) doorlog.Policy {
	return doorlog.Policy{KeepFree: doorlog.FreeSpace{Bytes: bytes}}
}

// byReason returns what went for a reason.
func byReason(t *testing.T, p *doorlog.Pruned, reason string) doorlog.Removed {
	t.Helper()
	at := slices.IndexFunc(p.By, func(b doorlog.RemovedBy) bool { return b.Reason == reason })
	if at < 0 {
		t.Fatalf("%q is no reason", reason)
	}
	return p.By[at].Removed
}

// The oldest events go with their pictures until the disk has as much free space as
// it is to have, and no more of them.
func TestPruneKeepsSpaceFreeOnTheDisk(t *testing.T) {
	for name, p := range map[string]doorlog.Policy{
		"bytes":              keepFree(7500),
		"percent":            {KeepFree: doorlog.FreeSpace{Percent: 7.5}},
		"the larger of both": {KeepFree: doorlog.FreeSpace{Bytes: 7500, Percent: 1}},
		"the other one":      {KeepFree: doorlog.FreeSpace{Bytes: 75, Percent: 7.5}},
	} {
		t.Run(name, func(t *testing.T) {
			s, events := onDisk(t, &modelDisk{total: 100_000, other: 77_000}, 20) // 3,000 are free
			if err := s.Pin(t.Context(), events[1].ID); err != nil {
				t.Fatal(err)
			}
			said, did := s.wouldPrune(t, p), s.prune(t, p)
			if !reflect.DeepEqual(said, did) {
				t.Errorf("it said %+v and did %+v", said, did)
			}
			free := byReason(t, did, "keep free")
			if free.Events != 5 || free.ThumbnailBytes != 5*pictureBytes || did.Events != 5 || len(did.HeldBack) > 0 {
				t.Errorf("%+v", did)
			}
			if left := s.all(t, doorlog.Query{OldestFirst: true}); len(left) != 15 || left[0].ID != events[1].ID || left[1].ID != events[6].ID {
				t.Errorf("%d events are left, from %v on", len(left), left[0].RecordedAt)
			}
			if again := s.prune(t, p); again.Events > 0 {
				t.Errorf("again: %+v", again)
			}
		})
	}
}

// What goes for other reasons gives room, too.
func TestKeepFreeCountsWhatGoesForOtherReasons(t *testing.T) {
	s, _ := onDisk(t, &modelDisk{total: 100_000, other: 77_000}, 20)
	p := keepFree(6000)
	p.ThumbnailAge = 170 * time.Minute // of the first 3
	if did := s.prune(t, p); did.Events > 0 || did.Thumbnails != 3 {
		t.Errorf("%+v", did)
	}
	p.KeepFree.Bytes, p.MaxEvents = 9000, 18
	did := s.prune(t, p)
	if byReason(t, did, "max events").Events != 2 || byReason(t, did, "keep free").Events != 4 || did.Thumbnails != 3 {
		t.Errorf("%+v", did)
	}
}

// Where something else fills the disk, all pictures would not be enough: none goes,
// and it is said why.
func TestKeepFreeRemovesNothingInVain(t *testing.T) {
	for name, c := range map[string]struct {
		keep   int64
		change func(*testing.T, *testStore, []doorlog.Event)
	}{
		"something else fills the disk": {keep: 20_001},
		"pictures are gone already": {20_001, func(t *testing.T, s *testStore, _ []doorlog.Event) {
			for _, path := range picturesIn(t, s.thumbs)[:11] {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}},
		"pictures have a second name": {10_000, func(t *testing.T, s *testStore, _ []doorlog.Event) {
			copies := t.TempDir()
			for _, path := range picturesIn(t, s.thumbs)[:11] {
				if err := os.Link(path, filepath.Join(copies, filepath.Base(path))); err != nil {
					t.Skip("SKIP: ", err)
				}
			}
		}},
		"events are pinned": {10_000, func(t *testing.T, s *testStore, events []doorlog.Event) {
			for _, e := range events[:11] {
				if err := s.Pin(t.Context(), e.ID); err != nil {
					t.Fatal(err)
				}
			}
		}},
		"a pinned event has the same picture": {10_000, func(t *testing.T, s *testStore, events []doorlog.Event) {
			for i, e := range events[:11] {
				pinned := named(e.ThumbnailPath, 1000+i)
				pinned.Pinned = true
				s.write(t, pinned)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			disk := &modelDisk{total: 100_000, other: 80_000} // nothing is free
			s, events := onDisk(t, disk, 20)
			if c.change != nil {
				c.change(t, s, events)
			}
			n := len(s.all(t, doorlog.Query{}))
			p := keepFree(c.keep)
			did := s.prune(t, p)
			if len(did.HeldBack) != 1 || !strings.HasPrefix(did.HeldBack[0], "keep free: ") || did.Events > 0 || did.Kept != n {
				t.Errorf("%+v", did)
			}
			if !reflect.DeepEqual(did, s.wouldPrune(t, p)) {
				t.Error("the dry run says something else")
			}
			disk.other = 10_000
			if again := s.prune(t, p); len(again.HeldBack) > 0 {
				t.Errorf("%+v", again)
			}
			for i := range events { // for the checker
				s.putFile(t, events[i].ThumbnailPath, strings.Repeat("x", pictureBytes))
			}
		})
	}
}

// A backup keeps the thumbnails that are removed, so nothing would come free.
func TestKeepFreeWaitsForABackup(t *testing.T) {
	s, _ := onDisk(t, &modelDisk{total: 100_000, other: 77_000}, 20)
	g := newGate(0)
	done := make(chan error)
	go func() {
		_, err := s.Backup(t.Context(), g, nil)
		done <- err
	}()
	<-g.reached
	did := s.prune(t, keepFree(7500))
	if did.Events > 0 || len(did.HeldBack) != 1 || !strings.Contains(did.HeldBack[0], "backup") {
		t.Errorf("%+v", did)
	}
	close(g.opens)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if did := s.prune(t, keepFree(7500)); did.Events != 5 || len(did.HeldBack) > 0 {
		t.Errorf("%+v", did)
	}
}

// A disk that keeps what is removed, in a snapshot, does not cost one picture after the
// other: nothing more goes until it has room again.
func TestKeepFreeStopsWhereRemovingGivesNoRoom(t *testing.T) {
	disk := &modelDisk{total: 100_000, other: 77_000, keeps: true}
	s, _ := onDisk(t, disk, 20)
	p := keepFree(6000)
	if did := s.prune(t, p); byReason(t, did, "keep free").Events != 3 {
		t.Errorf("%+v", did)
	}
	for range 3 {
		s.reopen(t)
		did := s.prune(t, p)
		if did.Events > 0 || len(did.HeldBack) != 1 || !strings.Contains(did.HeldBack[0], "it keeps what is removed") {
			t.Errorf("%+v", did)
		}
	}
	disk.keeps = false // the snapshot has gone, and something else has come
	disk.other += 1000
	if did := s.prune(t, p); byReason(t, did, "keep free").Events != 1 || len(did.HeldBack) > 0 {
		t.Errorf("%+v", did)
	}
	disk.other += 1000
	if did := s.prune(t, p); byReason(t, did, "keep free").Events != 1 || len(did.HeldBack) > 0 {
		t.Errorf("%+v", did)
	}
}

// Retention in the background logs what it holds back.
func TestRetentionLogsWhatItHoldsBack(t *testing.T) {
	s, _ := onDisk(t, &modelDisk{total: 100_000, other: 80_000}, 20)
	s.close(t)
	p := keepFree(30_000)
	s.options.Retention = &p
	for s.open(t); !strings.Contains(s.log.String(), "retention is held back"); {
		runtime.Gosched()
	}
	if log := s.log.String(); !strings.Contains(log, "something else fills the disk") {
		t.Error(log)
	}
}

// A disk that does not say how much is free is an error, and nothing goes.
func TestKeepFreeOfADiskThatDoesNotSay(t *testing.T) {
	defer doorlog.SetDisk(func(string) (int64, int64, error) { return 0, 0, errors.ErrUnsupported })()
	s := newStore(t)
	s.write(t, motion("garage", 1))
	_, err := s.Prune(t.Context(), keepFree(1))
	wantError(t, err, errors.ErrUnsupported, "prune: ")
	if n := len(s.all(t, doorlog.Query{})); n != 1 {
		t.Errorf("%d events", n)
	}
}

// The disk is that of the thumbnails, or of the nearest folder that is there.
func TestKeepFreeAsksTheRealDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIP: the free space is not known")
	}
	s := newStoreWith(t, doorlog.Options{ThumbnailDir: filepath.Join(t.TempDir(), "not", "there", "yet")})
	s.write(t, motion("garage", 1))
	if did := s.prune(t, keepFree(1)); did.Events > 0 || len(did.HeldBack) > 0 {
		t.Errorf("%+v", did)
	}
	if did := s.prune(t, doorlog.Policy{KeepFree: doorlog.FreeSpace{Percent: 99.9999}}); did.Events > 0 || len(did.HeldBack) != 1 {
		t.Errorf("%+v", did)
	}
}

// Whatever the policy, a dry run says in the same figures what the run then does,
// with orphans and with files that several events name.
func TestDryRunAndRunAgree(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	removed := 0
	for i := range uint64(extent(6, 20, 60)) {
		t.Run(fmt.Sprint("seed=", seed+i), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed+i, 4))
			disk := &modelDisk{total: 1_000_000, other: 950_000}
			s, events := onDisk(t, disk, 30)
			m := &model{}
			for len(m.events) < 200 {
				m.writeMany(t, s, rng)
				m.writeWithFrame(t, s, rng)
			}
			for j := range 20 { // more events of the same files
				s.write(t, named(events[rng.IntN(len(events))].ThumbnailPath, 5000+j))
			}
			for range 3 {
				for j := range 3 {
					s.putOrphan(t, rng, j)
				}
				p := randomPolicy(rng, 250)
				if rng.IntN(2) == 0 {
					p.MaxBytes = rng.Int64N(200_000) + 1
				}
				if rng.IntN(2) == 0 {
					p.KeepFree.Bytes = rng.Int64N(60_000)
				}
				said, did := s.wouldPrune(t, p), s.prune(t, p)
				if !reflect.DeepEqual(said, did) {
					t.Errorf("%+v:\nit said %+v\n and did %+v", p, said, did)
				}
				removed += did.Events
			}
		})
	}
	if removed == 0 {
		t.Error("nothing was ever removed")
	}
}

// putOrphan puts an old thumbnail there that belongs to no event.
func (s *testStore) putOrphan(t testing.TB, rng *rand.Rand, n int) {
	t.Helper()
	at := now.Add(-time.Duration(rng.IntN(1000)) * time.Hour)
	id, err := s.NewID(at)
	if err != nil {
		t.Fatal(err)
	}
	name := at.UTC().Format("2006/01/02/") + id.String() + ".jpg"
	s.putFile(t, name, strings.Repeat("o", n+1))
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(s.thumbs, name), old, old); err != nil {
		t.Fatal(err)
	}
}
