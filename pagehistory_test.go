package doorlog_test

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A history is every state of a file that commits have left, in their order.
type history struct {
	images []*fileState
	thumbs map[string][]byte // every thumbnail that there ever was
}

// A fileState is a file as it is after a commit. It shares the pages that the commit
// did not write with the state before.
type fileState struct {
	name   string // of the call
	number int
	closed bool // by Close, whose commit was the last
	fresh  bool // it is another file than that of the state before, which a compaction has replaced
	size   int
	pages  [][]byte
}

func (s *fileState) String() string { return fmt.Sprintf("%d %s", s.number, s.name) }

// page returns what the state has at page id; zeros beyond the end.
func (s *fileState) page(id uint64) []byte {
	if id < uint64(len(s.pages)) {
		return s.pages[id]
	}
	return zeroPage
}

var zeroPage = make([]byte, pageLen)

// bytes returns the whole file.
func (s *fileState) bytes() []byte {
	b := make([]byte, 0, len(s.pages)*pageLen)
	for _, p := range s.pages {
		b = append(b, p...)
	}
	return b[:s.size]
}

// before returns the state before a state of the same file; nil: there is none.
func (h *history) before(s *fileState) *fileState {
	if s == nil || s.number == 0 || s.fresh {
		return nil
	}
	return h.images[s.number-1]
}

// written returns the pages that the commit of a state wrote.
func (h *history) written(s *fileState) (pages []uint64) {
	before := h.before(s)
	for id := range uint64(len(s.pages)) {
		if before != nil && !sameBytes(s.pages[id], before.page(id)) || before == nil && !sameBytes(s.pages[id], zeroPage) {
			pages = append(pages, id)
		}
	}
	return pages
}

func sameBytes(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] || bytes.Equal(a, b)
}

// take appends the file as it is, unless it is as it was.
func (h *history) take(name string, file []byte, closed, fresh bool) {
	s := &fileState{name: name, number: len(h.images), closed: closed, size: len(file), fresh: fresh || len(h.images) == 0}
	var last *fileState
	if len(h.images) > 0 {
		last = h.images[len(h.images)-1]
	}
	changed := last == nil || last.size != s.size || fresh
	for at := 0; at < len(file); at += pageLen {
		p := file[at:min(at+pageLen, len(file))]
		switch id := uint64(at / pageLen); {
		case last != nil && len(p) == pageLen && bytes.Equal(p, last.page(id)):
			p = last.page(id)
		case len(p) == pageLen && bytes.Equal(p, zeroPage):
			p, changed = zeroPage, true
		default:
			p, changed = append(bytes.Clone(p), zeroPage[len(p):]...), true
		}
		s.pages = append(s.pages, p)
	}
	if changed {
		h.images = append(h.images, s)
	}
}

// A recorder takes a state of the file of a store after each of its commits.
type recorder struct {
	*testStore
	history
	kept model
	rng  *rand.Rand
	name string // of the call that is under way
	info os.FileInfo
}

// newHistory records what becomes of a store of so many events when commits of each
// kind are made. An event has twice
// so many bytes of attributes at most.
func newHistory(t *testing.T, seed uint64, events, ballast int) *history {
	t.Helper()
	r := &recorder{rng: rand.New(rand.NewPCG(seed, 4))}
	r.testStore = newStoreIn(t, fastFolder(t), doorlog.Options{
		Entropy: rand.NewChaCha8([32]byte{byte(seed)}), MinFree: -1, Scrub: -1,
	})
	for _, name := range []string{"alice", "bob", "carol"} {
		r.putPerson(t, doorlog.PersonInput{Name: name, AutoUnlock: new(name < "b")})
	}
	for len(r.kept.events) < events {
		batch := make([]doorlog.Event, min(events-len(r.kept.events), max(10, events/20)))
		for i := range batch {
			batch[i] = r.random(ballast)
		}
		r.batch(t, batch)
	}
	r.reopen(t)
	r.take("begin", readFile(t, r.path), false, false)
	sessions := []func(testing.TB){r.writes, r.changes, r.removals, r.loneWrite, r.folds}
	if ballast == 0 { // of a large store these take long, and write all of it
		sessions = append(sessions, r.compacts, r.erases)
	}
	for _, session := range sessions {
		r.attend(t)
		session(t)
		r.end(t)
	}
	return &r.history
}

// attend begins to take the states after the commits of an open store.
func (r *recorder) attend(t testing.TB) {
	r.name = "open"
	r.settled(t, false)
	r.AfterCommits(func() { r.takeFile(t, false) })
}

func (r *recorder) takeFile(t testing.TB, closed bool) {
	info, err := os.Stat(r.path)
	if err != nil {
		t.Error(err)
		return
	}
	fresh := r.info != nil && !os.SameFile(r.info, info)
	r.info = info
	r.take(r.name, readFile(t, r.path), closed, fresh)
}

// settled takes the file as it is when a call has ended.
func (r *recorder) settled(t testing.TB, closed bool) {
	t.Helper()
	r.takeFile(t, closed)
	if t.Failed() {
		t.FailNow()
	}
}

// does is a call, and takes the states of its commits.
func (r *recorder) does(t testing.TB, name string, call func() error) {
	t.Helper()
	r.name = name
	if err := call(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r.settled(t, false)
}

// end closes the store and opens it again. What is in its file is what it
// answered.
func (r *recorder) end(t testing.TB) {
	t.Helper()
	before := r.answers(t)
	name := r.name + ", close"
	last := len(r.images)
	r.AfterCommits(func() {}) // what Close writes after it belongs to it
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.name = name
	r.settled(t, true)
	if len(r.images) != last+1 {
		t.Fatalf("%s: %d states", name, len(r.images)-last)
	}
	r.open(t)
	if d := r.answers(t).differs(before); d != "" {
		t.Fatalf("%s: it differs in %s", name, d)
	}
}

// answers are all that the store answers, or the events if they are very many.
func (r *recorder) answers(t testing.TB) *answers {
	t.Helper()
	if len(r.kept.events) < 10_000 {
		return ask(t, r.Store)
	}
	return &answers{events: r.all(t, doorlog.Query{})}
}

// random returns a random event, and twice so many bytes at most of attributes.
func (r *recorder) random(ballast int) doorlog.Event {
	e := randomEvent(r.rng)
	e.EndedAt = time.Time{} // its beginning is changed
	if r.rng.IntN(30) == 0 {
		e.Person = "carol"
	}
	if ballast > 0 {
		text := strings.Repeat(string(rune('a'+r.rng.IntN(26))), 1+r.rng.IntN(ballast))
		e.Attributes = map[string]string{"ballast": text, "as much": text}
	}
	return e
}

func (r *recorder) batch(t testing.TB, batch []doorlog.Event) {
	t.Helper()
	ids, err := storedIDs(r.WriteEvents(t.Context(), batch))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		r.kept.put(asStored(batch[i], id))
	}
}

// recent returns an event that is folded by none of the writes before it.
func (r *recorder) recentEvent() doorlog.Event {
	e := r.random(0)
	e.RecordedAt = now.Add(time.Duration(len(r.images)) * time.Second)
	return e
}

func (r *recorder) lone(t testing.TB, name string, e doorlog.Event) {
	t.Helper()
	r.does(t, name, func() error { r.batch(t, []doorlog.Event{e}); return nil })
}

func (r *recorder) loneWrite(t testing.TB) { r.lone(t, "lone write, the only one", r.recentEvent()) }

func (r *recorder) writes(t testing.TB) {
	for range 3 {
		r.lone(t, "lone write", r.recentEvent())
	}
	r.does(t, "batch", func() error {
		r.batch(t, []doorlog.Event{r.recentEvent(), r.recentEvent(), r.recentEvent(), r.recentEvent()})
		return nil
	})
	late := r.random(0)
	late.RecordedAt = now.AddDate(0, 0, -60)
	r.lone(t, "late arrival", late)
	r.lone(t, "lone write", r.recentEvent())
}

// folds makes the tail so long that it is folded.
func (r *recorder) folds(t testing.TB) {
	for i := 0; i < doorlog.FoldAt; i += 8 {
		r.does(t, "batch, or fold", func() error {
			batch := make([]doorlog.Event, 8)
			for j := range batch {
				batch[j] = r.recentEvent()
				batch[j].RecordedAt = batch[j].RecordedAt.Add(time.Duration(j) * time.Millisecond)
			}
			r.batch(t, batch)
			return nil
		})
	}
}

func (r *recorder) changes(t testing.TB) {
	ctx := t.Context()
	frame := jpegFrame(t, 64, 48)
	r.does(t, "write with a frame", func() error {
		e := r.recentEvent()
		e.ThumbnailPath = ""
		id, err := idOf(r.WriteEventWithFrame(ctx, e, frame))
		if err != nil {
			return err
		}
		e = r.event(t, id)
		r.kept.put(e)
		r.history.thumbs = map[string][]byte{e.ThumbnailPath: readFile(t, filepath.Join(r.testStore.thumbs, e.ThumbnailPath))}
		return nil
	})
	for _, at := range []int{1, len(r.kept.events) / 2} {
		r.does(t, "update", func() error {
			e := r.random(0)
			old := r.kept.events[at]
			e.ID, e.RecordedAt, e.CreatedAt = old.ID, old.RecordedAt, old.CreatedAt
			r.kept.events[at] = e
			return r.UpdateEvent(ctx, e)
		})
	}
	r.does(t, "alert", func() error { return r.MarkAlertSent(ctx, r.kept.events[len(r.kept.events)/3].ID) })
	r.does(t, "pin", func() error { return r.Pin(ctx, r.kept.events[len(r.kept.events)/4].ID) })
	r.does(t, "unpin", func() error { return r.Unpin(ctx, r.kept.events[len(r.kept.events)/4].ID) })
	r.does(t, "put person", func() error {
		_, err := r.PutPerson(ctx, doorlog.PersonInput{Name: "dave", AutoUnlock: new(true)})
		return err
	})
	r.does(t, "auto unlock", func() error { return r.SetAutoUnlock(ctx, "dave", false) })
}

func (r *recorder) removals(t testing.TB) {
	ctx := t.Context()
	for _, at := range []int{0, len(r.kept.events) / 2, len(r.kept.events) - 3} {
		r.does(t, "delete", func() error {
			err := r.DeleteEvent(ctx, r.kept.events[at].ID)
			r.kept.events = append(r.kept.events[:at], r.kept.events[at+1:]...)
			return err
		})
	}
	r.does(t, "delete person", func() error { return r.DeletePerson(ctx, "dave") })
	r.does(t, "prune", func() error {
		pruned, err := r.Prune(ctx, doorlog.Policy{MaxEvents: len(r.kept.events) - min(len(r.kept.events)/20+3, 40)})
		if err == nil && pruned.Events == 0 {
			err = errors.New("nothing goes")
		}
		return err
	})
	r.does(t, "backup", func() error {
		_, err := r.Backup(ctx, new(bytes.Buffer), nil)
		return err
	})
}

func (r *recorder) compacts(t testing.TB) {
	r.does(t, "compact", func() error {
		_, err := r.Compact(t.Context())
		r.AfterCommits(func() { r.takeFile(t, false) })
		return err
	})
	for range 2 {
		r.lone(t, "lone write after a compaction", r.recentEvent())
	}
}

func (r *recorder) erases(t testing.TB) {
	r.does(t, "erase", func() error {
		_, err := r.ErasePerson(t.Context(), "bob", doorlog.EraseName)
		return err
	})
	r.lone(t, "lone write after an erasure", r.recentEvent())
}

// A savedState is how a history lies in a file: what has changed of a page.
type savedState struct {
	Name          string
	Closed, Fresh bool
	Size          int
	Pages         map[uint64][]byte
}

// save writes a history, and the thumbnails that its stores have, into a folder.
func (h *history) save(t testing.TB, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "history"))
	if err != nil {
		t.Fatal(err)
	}
	enc := gob.NewEncoder(f)
	err = enc.Encode(h.thumbs)
	var last *fileState
	for _, s := range h.images {
		saved := savedState{Name: s.name, Closed: s.closed, Fresh: s.fresh, Size: s.size, Pages: make(map[uint64][]byte)}
		for id, p := range s.pages {
			if last == nil || id >= len(last.pages) || &last.pages[id][0] != &p[0] {
				saved.Pages[uint64(id)] = p
			}
		}
		err = errors.Join(err, enc.Encode(saved))
		last = s
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func loadHistory(t testing.TB, dir string) *history {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "history"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := new(history)
	dec := gob.NewDecoder(f)
	err = dec.Decode(&h.thumbs)
	var pages [][]byte
	for err == nil {
		var saved savedState
		if err = dec.Decode(&saved); err != nil {
			break
		}
		pages = append([][]byte(nil), pages...)
		for len(pages) > (saved.Size+pageLen-1)/pageLen {
			pages = pages[:len(pages)-1]
		}
		for len(pages) < (saved.Size+pageLen-1)/pageLen {
			pages = append(pages, zeroPage)
		}
		for id, p := range saved.Pages {
			if bytes.Equal(p, zeroPage) {
				p = zeroPage
			}
			pages[id] = p
		}
		h.images = append(h.images, &fileState{
			name: saved.Name, number: len(h.images), closed: saved.Closed, fresh: saved.Fresh, size: saved.Size, pages: pages,
		})
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return h
}
