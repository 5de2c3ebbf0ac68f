package web

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A client that does not take what it is sent is dropped, and the others do not wait for it.
func TestAStreamThatIsNotReadIsDropped(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := newServer(st, nil)
	defer s.feed.drain()
	s.feed.takeTime = 300 * time.Millisecond
	join := func() (client net.Conn, its *stream) {
		t.Helper()
		c := &call{access: &access{st: st, grant: everything}, server: s, lasting: t.Context()}
		its, err := c.newStream(&changesAsked{})
		if err == nil {
			err = c.joinFeed(&its.reader)
		}
		if err != nil {
			t.Fatal(err)
		}
		client, conn := net.Pipe() // which has no buffer
		its.sink = &connSink{conn, s.feed.takeTime}
		go its.watch(conn)
		its.start(nil)
		return client, its
	}
	_, slow := join()
	quick, _ := join()
	began := time.Now()
	for range 3 {
		if _, err := st.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice", DisplayName: time.Now().String()}); err != nil {
			t.Fatal(err)
		}
		if _, err := quick.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-slow.ended:
		t.Error("it was dropped at once")
	default:
		if time.Since(began) > s.feed.takeTime {
			t.Skip("SKIP: the machine is too slow for this")
		}
	}
	<-slow.ended
}

// The window has a bound, and tells what the store does from wherever it begins.
func TestTheWindowIsBounded(t *testing.T) {
	w := newWindow(doorlog.Cursor{})
	page := doorlog.Change{Op: doorlog.EventUpdated, ID: doorlog.ID{1}, Event: &doorlog.Event{ID: doorlog.ID{1}, Camera: "front"}}
	for range windowEntries + 10 {
		told, err := tell(&page)
		if err != nil {
			t.Fatal(err)
		}
		w.add(told)
	}
	if len(w.list) != windowEntries || len(w.things) != 1 || w.things[page.ID].entries != windowEntries || w.bytes > windowBytes {
		t.Errorf("%d entries, %d things, %d bytes", len(w.list), len(w.things), w.bytes)
	}
	for len(w.list) > 0 {
		w.dropFirst()
	}
	if w.bytes != 0 || len(w.things) != 0 {
		t.Errorf("%d bytes and %d things are left", w.bytes, len(w.things))
	}
}

// A largeSink remembers how much was written at once.
type largeSink struct {
	largest int
	all     int
}

func (s *largeSink) write(text []byte) error {
	s.largest, s.all = max(s.largest, len(text)), s.all+len(text)
	return nil
}

func (s *largeSink) close() {}

// A turn holds no more than a piece and an event, also if the stream reads large events by itself: all that is
// held waits for a client that may take it slowly.
func TestATurnOfLargeEventsIsSmall(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	large := doorlog.Event{Camera: "front", RecordedAt: time.Now(), Type: doorlog.Motion, Detections: make([]doorlog.Detection, doorlog.MaxDetections)}
	for i := range large.Detections {
		large.Detections[i] = doorlog.Detection{Label: "person", Confidence: 0.5, Box: &doorlog.Box{X1: 1.25, Y1: 2.5, X2: 30.5, Y2: 40.75}}
	}
	const events = 40
	for range events {
		if large, err = st.WriteEvent(t.Context(), large); err != nil {
			t.Fatal(err)
		}
		large.ID = doorlog.ID{}
	}
	one, err := large.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string]*doorlog.ChangeOptions{"all": nil, "query": {Query: &doorlog.Query{Cameras: []string{"front"}}}} {
		s := newServer(st, nil)
		c := &call{access: &access{st: st, grant: everything}, server: s, lasting: t.Context()}
		its, err := c.newStream(&changesAsked{options: options})
		if err == nil {
			err = c.joinFeed(&its.reader)
		}
		if err != nil {
			t.Fatal(err)
		}
		sink := &largeSink{}
		its.sink = sink
		for its.send() == goesOn {
		}
		if sink.largest > pieceBytes+2*len(one) || sink.all < events*len(one) {
			t.Errorf("%s: %d bytes at once, %d in all, of events of %d", name, sink.largest, sink.all, len(one))
		}
		its.end()
		s.feed.drain()
	}
}
