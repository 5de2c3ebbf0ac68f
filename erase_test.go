package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// erased is a name that is nothing else.
const erased = "zebulon_quasimodo_xyzzy"

// visits writes events of the person beside those of others, folded ones and a
// tail, with thumbnails and attributes, and returns those of the others.
func (s *testStore) visits(t testing.TB, n int) (others []doorlog.Event) {
	t.Helper()
	frame := jpegFrame(t, 64, 48)
	var events []doorlog.Event
	for i := range n {
		e := motion([]string{"garage", "front_door"}[i%2], 3*i)
		e.Detections = []doorlog.Detection{{Label: "person", Confidence: 0.5}}
		e.Person = []string{erased, "alice", ""}[i%3]
		if e.Person == erased {
			e.Attributes = map[string]string{"seen": erased, "battery": "87"}
		}
		events = append(events, e)
	}
	ids, err := storedIDs(s.WriteEvents(t.Context(), events))
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if events[i].Person != erased {
			others = append(others, asStored(events[i], ids[i]))
		}
	}
	for i := range 8 { // in the tail
		e := motion("garage", -i)
		e.Person = []string{erased, "alice"}[i%2]
		id, err := idOf(s.WriteEventWithFrame(t.Context(), e, frame))
		if err != nil {
			t.Fatal(err)
		}
		if e.Person != erased {
			others = append(others, s.event(t, id))
		}
	}
	for _, name := range []string{erased, "alice"} {
		if _, err := s.PutPerson(t.Context(), doorlog.PersonInput{Name: name, DisplayName: "Somebody"}); err != nil {
			t.Fatal(err)
		}
	}
	return others
}

// holds counts the name in a file.
func holds(t testing.TB, path string) int {
	t.Helper()
	return bytes.Count(readFile(t, path), []byte(erased))
}

func files(t testing.TB, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// writeShared writes two events, one of which is of the erased person, that name the same
// file and have an attribute with the name.
func (s *testStore) writeShared(t *testing.T) {
	t.Helper()
	both := filepath.Join(s.thumbs, "both.jpg")
	if err := os.WriteFile(both, jpegFrame(t, 32, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, person := range []string{"alice", erased} {
		e := motion("porch", 5000+i)
		e.Person, e.ThumbnailPath = person, "both.jpg"
		e.Attributes = map[string]string{erased: "1"}
		s.write(t, e)
	}
}

func TestErasePersonLeavesNoByteOfTheName(t *testing.T) {
	needCompact(t)
	for _, how := range []doorlog.Erasure{doorlog.EraseName, doorlog.EraseEvents} {
		t.Run(how.String(), func(t *testing.T) {
			s := newStore(t)
			others := s.visits(t, 300)
			if err := os.WriteFile(s.path+".damaged-20260101T000000Z", []byte(erased), 0o600); err != nil {
				t.Fatal(err)
			}
			s.writeShared(t)
			if holds(t, s.path) < 200 {
				t.Fatalf("the name is in the file %d times", holds(t, s.path))
			}
			if _, err := s.Backup(t.Context(), io.Discard, nil); err != nil {
				t.Fatal(err)
			}
			before := s.stats(t)
			r, err := s.ErasePerson(t.Context(), erased, how)
			if err != nil {
				t.Fatal(err)
			}
			if n := holds(t, s.path); n > 0 {
				t.Errorf("the name is in the file %d times", n)
			}
			attributes := map[doorlog.Erasure]int{doorlog.EraseName: 102, doorlog.EraseEvents: 1}[how] // else they go with the events
			if r.Name != erased || r.How != how || r.StoreID != before.StoreID || !r.At.Equal(now) || r.Events != 105 ||
				r.Attributes != attributes || !r.Known || r.Thumbnails != 4 || r.Occurrences != 0 || r.Since != 0 || r.Compacted == nil {
				t.Errorf("%+v", r)
			}
			if len(r.Kept) != 1 || r.Kept[0] != "both.jpg" {
				t.Errorf("kept %q", r.Kept)
			}
			if len(r.OutOfReach) != 2 || !strings.Contains(r.OutOfReach[0], "last known backup of which is of "+now.Format(time.RFC3339)) || !strings.Contains(r.OutOfReach[1], ".damaged-") {
				t.Errorf("out of reach: %q", r.OutOfReach)
			}
			if n := files(t, s.thumbs); n != 4+1 {
				t.Errorf("%d files of thumbnails are left", n)
			}
			for _, want := range others {
				wantEvent(t, s.event(t, want.ID), want)
			}
			after := s.stats(t)
			switch gone := before.Events - after.Events; {
			case how == doorlog.EraseName && gone != 0, how == doorlog.EraseEvents && gone != 105, after.Persons != 1:
				t.Errorf("%d events fewer, %d persons", gone, after.Persons)
			}
			if how == doorlog.EraseName {
				stranger := true
				for _, e := range s.all(t, doorlog.Query{Stranger: &stranger}) {
					if e.Attributes["battery"] == "" && e.Attributes != nil {
						t.Errorf("attributes %v", e.Attributes)
					}
				}
			}
			s.reopen(t)
			if n := holds(t, s.path); n > 0 {
				t.Errorf("the name is in the file %d times", n)
			}
		})
	}
}

// How many events there are to erase is known before it begins.
func TestErasePersonSaysHowFarItIs(t *testing.T) {
	needCompact(t)
	type step struct{ done, total int64 }
	told := make(map[string][]step)
	s := newStoreWith(t, doorlog.Options{Progress: func(p doorlog.Progress) {
		doing, done, total := p.Doing, p.Done, p.Total
		if doing == "verifying" { // before it, or what it has compacted
			return
		}
		if doing == "erasing" && len(told["compacting"]) > 0 {
			t.Error("it erases what it has compacted")
		}
		told[doing] = append(told[doing], step{done, total})
	}})
	s.visits(t, 300)
	if _, err := s.ErasePerson(t.Context(), erased, doorlog.EraseName); err != nil {
		t.Fatal(err)
	}
	for doing, steps := range told {
		total := steps[0].total
		for i, at := range steps {
			if at.total != total || at.done > total || i > 0 && at.done < steps[i-1].done {
				t.Errorf("%s: %v", doing, steps)
			}
		}
		if first, last := steps[0], steps[len(steps)-1]; first.done != 0 || last.done != total {
			t.Errorf("%s: %v", doing, steps)
		}
	}
	if steps := told["erasing"]; len(told) != 3 || steps[0].total != 104 {
		t.Errorf("%v; there are 104 events of the person", told)
	}
}

// The bytes of a short name are those of many a word; the receipt says so.
func TestErasePersonCountsWhatIsNotTheName(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	s.visits(t, 30)
	e := motion("garage", 1)
	e.Person = "xyzzy" // the end of another name
	s.write(t, e)
	r, err := s.ErasePerson(t.Context(), "xyzzy", doorlog.EraseEvents)
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Count(readFile(t, s.path), []byte("xyzzy")); r.Occurrences != want || want == 0 || r.Since != 0 || r.Events != 1 {
		t.Errorf("%+v, want %d occurrences", r, want)
	}
	none, err := s.ErasePerson(t.Context(), "nobody_has_this_name", doorlog.EraseName)
	if err != nil || none.Events != 0 || none.Known || none.Occurrences != 0 {
		t.Errorf("%+v, %v", none, err)
	}
	_, err = s.ErasePerson(t.Context(), "", doorlog.EraseName)
	wantError(t, err, doorlog.ErrInvalid, "name")
	_, err = s.ErasePerson(t.Context(), "alice", doorlog.Erasure(7))
	wantError(t, err, doorlog.ErrInvalid, "Erasure(7)")
}

// Ended anywhere, an erasure goes on when it is called again, and leaves nothing.
func TestErasePersonGoesOnWhereItWasEnded(t *testing.T) {
	needCompact(t)
	for _, how := range []doorlog.Erasure{doorlog.EraseName, doorlog.EraseEvents} {
		s := newStore(t)
		others := s.visits(t, 900)
		ended := 0
		for wait := time.Millisecond; ; wait *= 2 {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			_, err := s.ErasePerson(ctx, erased, how)
			cancel()
			if err == nil {
				break
			}
			if ended++; !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := holds(t, s.path); n > 0 || ended == 0 {
			t.Errorf("%v: ended %d times, and the name is in the file %d times", how, ended, n)
		}
		if n := files(t, s.thumbs); n != 4 {
			t.Errorf("%d files of thumbnails are left", n)
		}
		for _, want := range others {
			wantEvent(t, s.event(t, want.ID), want)
		}
	}
}

// Others write meanwhile, events of the person too: the receipt says if some are left.
func TestErasePersonWhileOthersWrite(t *testing.T) {
	needCompact(t)
	s := newStore(t)
	others := s.visits(t, 300)
	var stop atomic.Bool
	done := make(chan []doorlog.Event)
	go func() {
		var written []doorlog.Event
		for i := 0; !stop.Load(); i++ {
			e := motion("yard", i%700)
			e.Person = "alice"
			if i < 5 {
				e.Person = erased
			}
			id, err := idOf(s.WriteEvent(context.Background(), e))
			if err != nil {
				t.Error(err)
			} else if e.Person != erased {
				written = append(written, asStored(e, id))
			}
		}
		done <- written
	}()
	r, err := s.ErasePerson(t.Context(), erased, doorlog.EraseEvents)
	stop.Store(true)
	written := <-done
	if err != nil {
		t.Fatal(err)
	}
	if r.Since != 0 || r.Occurrences != 0 || holds(t, s.path) != 0 || len(written) == 0 {
		t.Errorf("%+v; %d events were written", r, len(written))
	}
	for _, want := range append(others, written...) {
		wantEvent(t, s.event(t, want.ID), want)
	}
}

// What an erasure was about to remove when it was cut short, Open removes, but no
// file that an event names.
func TestOpenRemovesWhatAnErasureHasLeft(t *testing.T) {
	s := newStore(t)
	e := motion("garage", 1)
	kept, err := idOf(s.WriteEventWithFrame(t.Context(), e, jpegFrame(t, 32, 32)))
	if err != nil {
		t.Fatal(err)
	}
	gone := motion("garage", 2)
	if err := s.SaveThumbnail(t.Context(), &gone, jpegFrame(t, 32, 32)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.thumbs, "own.jpg"), []byte("a picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.NoteRemoving(t, s.event(t, kept).ThumbnailPath, gone.ThumbnailPath, "own.jpg", "not/there.jpg")
	s.reopen(t)
	if n := files(t, s.thumbs); n != 1 {
		t.Errorf("%d files are left", n)
	}
	if _, err := s.Thumbnail(t.Context(), kept); err != nil {
		t.Error(err)
	}
	// What was not there may be in the folder with which the store is opened next.
	s.putFile(t, "not/there.jpg", "a picture")
	s.reopen(t)
	if n := files(t, s.thumbs); n != 1 {
		t.Errorf("%d files are left", n)
	}
	if _, noted := s.Contents(t)["meta"]["removing"]; noted {
		t.Error("they are still noted")
	}
}
