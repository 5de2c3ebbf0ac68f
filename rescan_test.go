package doorlog_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// roomy returns events that take some room.
func roomy(n, from, bytes int) []doorlog.Event {
	events := make([]doorlog.Event, n)
	for i := range events {
		events[i] = motion("garage", 0)
		events[i].RecordedAt = now.Add(time.Duration(from+i-1_000_000) * time.Second)
		events[i].Attributes = map[string]string{"note": strings.Repeat("x", bytes)}
	}
	return events
}

// After a commit that fails bolt looks for its free pages in the whole file, where a
// damaged page must neither end the process nor have others taken for free.
func TestCommitThatFailsOnADamagedFileEndsNothing(t *testing.T) {
	defer doorlog.SetWholeBelow(0)()
	for name, damage := range map[string]func(page, other []byte){
		"zeros":          func(page, _ []byte) { clear(page) },
		"another page":   func(page, other []byte) { copy(page, other) },
		"a single bit":   func(page, _ []byte) { page[len(page)/2] ^= 1 },
		"the page's end": func(page, _ []byte) { clear(page[len(page)/2:]) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStoreWith(t, doorlog.Options{Scrub: -1, MaxSize: 4 << 20})
			for i := range 10 {
				s.write(t, roomy(200, 200*i, 100)...)
			}
			at, size := s.FirstPage(t, "events")
			s.close(t)
			whole := readFile(t, s.path)
			damaged := readFile(t, s.path)
			damage(damaged[at:at+size], damaged[2*size:3*size])
			writeFile(t, s.path, damaged)
			s.open(t)
			s.write(t, motion("garage", 1)) // nobody has come to the page
			_, err := s.WriteEvents(t.Context(), roomy(900, 1_000_000, 4000))
			if err == nil {
				t.Fatal("there was room for it")
			}
			wantError(t, err, doorlog.ErrCorrupt, "is not what was written last")
			_, err = s.Recent(t.Context(), 1)
			wantError(t, err, doorlog.ErrCorrupt, "is not what was written last")
			if err := s.Close(); err != nil && !errors.Is(err, doorlog.ErrCorrupt) {
				t.Error(err)
			}
			writeFile(t, s.path, whole)
			s.open(t)
		})
	}
}

// Pages that a snapshot keeps from use count as free, but cannot be used. When it ends
// they can, and what was refused meanwhile is tried again.
func TestWriteThatASnapshotHadRefusedIsTriedAgain(t *testing.T) {
	if !doorlog.Reserves {
		t.Skip("there is no reserve")
	}
	s := newStoreWith(t, doorlog.Options{MaxSize: 8 << 20})
	var ids []doorlog.ID
	full := false
	for n := 0; !full; n += 100 {
		some, err := storedIDs(s.WriteEvents(t.Context(), roomy(100, n, 500)))
		if full = err != nil; full {
			wantError(t, err, doorlog.ErrFull, "")
		}
		ids = append(ids, some...)
	}
	begun, end, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- s.View(t.Context(), func(*doorlog.Snapshot) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun
	for _, id := range ids[:len(ids)/2] {
		if err := s.DeleteEvent(t.Context(), id); err != nil {
			break // nor can this go on for ever
		}
	}
	var err error
	for n := 0; err == nil; n += 100 {
		_, err = s.WriteEvents(t.Context(), roomy(100, 500_000+n, 500))
	}
	wantError(t, err, doorlog.ErrFull, "")
	close(end)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteEvents(t.Context(), roomy(100, 900_000, 500)); err != nil {
		t.Error(err)
	}
}

// A page of before is whole in itself: what is salvaged from it may have been deleted, or
// changed, since.
func TestWhatIsSalvagedFromAPageOfBeforeIsUnsure(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{Scrub: -1})
	ids := s.write(t, roomy(500, 0, 100)...)
	was, size := s.FirstPage(t, "events")
	s.close(t)
	before := readFile(t, s.path)
	s.open(t)
	if err := s.DeleteEvent(t.Context(), ids[1].ID); err != nil {
		t.Fatal(err)
	}
	is, _ := s.FirstPage(t, "events")
	s.close(t)
	whole := readFile(t, s.path)
	after := readFile(t, s.path)
	copy(after[is+8:is+size], before[was+8:was+size]) // all but its number
	writeFile(t, s.path, after)
	got, err := doorlog.Salvage(t.Context(), s.path, s.path+".fresh", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Unsure == 0 || got.Complete {
		t.Errorf("%+v", got)
	}
	writeFile(t, s.path, whole)
	s.open(t)
}
