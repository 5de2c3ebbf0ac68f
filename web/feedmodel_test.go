package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A feedModel is a store with its server, and all its changes in order, as the library tells them.
type feedModel struct {
	st      *doorlog.Store
	path    string
	server  *running // its socket is always the same
	at      doorlog.Cursor
	changes []doorlog.Change // by number; that of the first is 1
	events  []doorlog.ID

	mu   sync.Mutex
	tick chan struct{} // closed now and then
}

func (m *feedModel) open(t *testing.T) {
	t.Helper()
	st, err := doorlog.Open(m.path, &doorlog.Options{KeepChanges: 300})
	if err != nil {
		t.Fatal(err)
	}
	m.st = st
	m.server = start(t, st, &web.ServeOptions{Options: web.Options{Heartbeat: 5 * time.Millisecond}})
}

func (m *feedModel) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(m.server.stop(), m.st.Close()); err != nil {
		t.Fatal(err)
	}
}

// step changes something, and learns what that did.
func (m *feedModel) step(t *testing.T, rng *rand.Rand) {
	t.Helper()
	ctx := t.Context()
	var err error
	switch n := rng.IntN(20); {
	case n < 12 || len(m.events) == 0:
		var e doorlog.Event
		e, err = m.st.WriteEvent(ctx, doorlog.Event{Camera: fmt.Sprint("camera", rng.IntN(3)), RecordedAt: feedNow, Type: doorlog.Motion})
		m.events = append(m.events, e.ID)
	case n < 15:
		err = []func(context.Context, doorlog.ID) error{m.st.Pin, m.st.Unpin}[rng.IntN(2)](ctx, m.events[rng.IntN(len(m.events))])
	case n < 17:
		i := rng.IntN(len(m.events))
		err = m.st.DeleteEvent(ctx, m.events[i])
		m.events = append(m.events[:i], m.events[i+1:]...)
	case n < 19:
		_, err = m.st.PutPerson(ctx, doorlog.PersonInput{Name: fmt.Sprint("person", rng.IntN(5))})
	default:
		if err = m.st.DeletePerson(ctx, fmt.Sprint("person", rng.IntN(5))); errors.Is(err, doorlog.ErrNotFound) {
			err = nil
		}
	}
	if err == nil {
		var page doorlog.ChangePage
		page, err = m.st.ChangePage(ctx, m.at, 0, &doorlog.ChangeOptions{IDsOnly: true})
		m.changes, m.at = append(m.changes, page.Changes...), page.Next
	}
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.changes)%50 == 0 {
		close(m.tick)
		m.tick = make(chan struct{})
	}
}

// pause waits until the store has gone on for a while.
func (m *feedModel) pause() {
	m.mu.Lock()
	tick := m.tick
	m.mu.Unlock()
	select {
	case <-tick:
	case <-time.After(100 * time.Millisecond): // or has come to its end
	}
}

// A feedReader follows a feedModel over a socket, and goes on after every cut where it was.
type feedReader struct {
	*feedModel
	socket string
	t      *testing.T
	rng    *rand.Rand
	at     doorlog.Cursor
	query  string
	got    []doorlog.Change
	cuts   int
	reset  int
}

// follow reads until it has the last change. done has that when the store goes on no more.
func (r *feedReader) follow(done <-chan doorlog.Cursor) {
	c := overSocket(r.socket)
	var end *doorlog.Cursor
	for end == nil || r.at != *end {
		if end == nil {
			select {
			case at := <-done:
				end = &at
				continue
			default:
			}
		}
		if r.rng.IntN(20) == 0 && end == nil {
			r.pause()
		}
		s, err := openStream(r.t, c, "http://doorlog", r.query, r.at.String())
		if err != nil || s.resp.StatusCode != http.StatusOK { // it is being started again
			if s != nil {
				s.close()
			}
			time.Sleep(time.Millisecond)
			continue
		}
		s.tellsBeats = true // so that it hears of the end
		r.read(s, 1+r.rng.IntN(120), end)
		s.close()
		r.cuts++
	}
}

func (r *feedReader) read(s *feedStream, n int, end *doorlog.Cursor) {
	for range n {
		if end != nil && r.at == *end {
			return
		}
		m, err := s.next()
		switch {
		case err != nil:
			return
		case m.event == "at", m.event == "beat":
			continue
		case m.event == "reset":
			r.takeAnew()
			return
		}
		c := m.change(r.t)
		if c.Cursor.Seq() != r.at.Seq()+1 {
			r.t.Errorf("change %d comes after %d", c.Cursor.Seq(), r.at.Seq())
			return
		}
		r.got, r.at = append(r.got, c), c.Cursor
		if r.rng.IntN(300) == 0 && end == nil {
			r.pause() // it does not read meanwhile
		}
	}
}

// takeAnew goes on from what is there now.
func (r *feedReader) takeAnew() {
	for {
		resp, err := overSocket(r.socket).Get("http://doorlog/v1/info")
		if err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		var st struct {
			Change  uint64
			Changes int
		}
		err = json.NewDecoder(resp.Body).Decode(&st)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			continue
		}
		if trimmed := st.Change - uint64(st.Changes); r.at.Seq() > trimmed {
			r.t.Errorf("it was reset at %d, and the changes after %d are kept", r.at.Seq(), trimmed)
		}
		break
	}
	for {
		resp, err := overSocket(r.socket).Get("http://doorlog/v1/cursor")
		if err == nil {
			var at struct{ Cursor doorlog.Cursor }
			err = json.NewDecoder(resp.Body).Decode(&at)
			_ = resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				r.at = at.Cursor
				r.reset++
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// Whatever happens to the connections, the server and the reader: whoever goes on from the last id gets
// every change once, in order, or is told that its place is gone.
func TestReadersWhoseConnectionsAreCutMissNothing(t *testing.T) {
	steps := 1000
	if *long {
		steps = 25_000
	}
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	m := &feedModel{path: filepath.Join(shortFolder(t), "events.db"), tick: make(chan struct{})}
	m.open(t)
	defer func() { m.close(t) }()
	var reading sync.WaitGroup
	done := make(chan doorlog.Cursor, 8)
	var readers []*feedReader
	for i := range 8 {
		r := &feedReader{feedModel: m, socket: m.server.socket(), t: t, rng: rand.New(rand.NewPCG(seed, uint64(i)+2)), query: fmt.Sprint("ids_only=", i%2 == 0)}
		readers = append(readers, r)
		reading.Go(func() { r.follow(done) })
	}
	restarts := 0
	for range steps {
		m.step(t, rng)
		if rng.IntN(250) == 0 {
			m.close(t)
			m.open(t)
			restarts++
		}
	}
	for range readers {
		done <- m.at
	}
	reading.Wait()
	cuts, resets, got := 0, 0, 0
	for _, r := range readers {
		cuts, resets, got = cuts+r.cuts, resets+r.reset, got+len(r.got)
		for _, c := range r.got {
			if want := m.changes[c.Cursor.Seq()-1]; c.Op != want.Op || c.ID != want.ID || c.Cursor != want.Cursor {
				t.Errorf("seed %d: the reader has %+v, and the change is %+v", seed, c, want)
			}
		}
	}
	t.Logf("%d changes, %d restarts: %d were read over %d connections, with %d resets", len(m.changes), restarts, got, cuts, resets)
}
