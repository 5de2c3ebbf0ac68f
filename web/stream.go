package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A stream sends changes as server-sent events until the client goes, or does not take them.
type stream struct {
	reader
	*access
	options *doorlog.ChangeOptions // nil: all changes
	at      doorlog.Cursor         // the place after the last change that it has looked at
	told    doorlog.Cursor         // the id of the last event that it has sent
	wrote   time.Time              // when it last wrote
	asked   time.Time              // when it last asked what the caller may do
	first   []byte                 // what goes before the first change
	sink    sink
	once    sync.Once
	ended   chan struct{}
}

const (
	// A turn sends about so much. One that reads the store by itself sends so many changes, and ends early
	// after pieceBytes.
	turnBytes   = 16 << 10
	turnChanges = 32

	// A query that selects little moves the place of the client after so many changes.
	silentChanges = 1000
)

// serveStream answers with a stream. It returns at once if it can take the connection over from the
// server: so an idle stream has one small goroutine and no buffers, a fifth of the memory.
func (c *call) serveStream(asked *changesAsked) error {
	s, err := c.newStream(asked)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would keep what it gets
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	if err := c.joinFeed(&s.reader); err != nil {
		return err
	}
	conn, err := takeOver(c.w)
	if err == nil {
		s.sink = &connSink{conn, s.feed.takeTime}
		go s.watch(conn)
		s.start(appendHeader(nil, h))
		return nil
	}
	s.sink = newResponseSink(c.w, s.feed.takeTime)
	s.start(nil)
	select {
	case <-s.ended:
	case <-c.r.Context().Done():
	}
	s.end()
	return nil
}

func (c *call) newStream(asked *changesAsked) (*stream, error) {
	s := &stream{access: c.access, options: asked.options, at: asked.after, asked: time.Now(), ended: make(chan struct{})}
	s.reader = reader{feed: c.server.feed, turn: s.send, stop: s.end}
	if asked.now {
		at, err := c.Cursor(c.ctx())
		if err != nil {
			return nil, err
		}
		s.at = at
	}
	s.told = s.at
	s.first = fmt.Appendf(nil, ": changes\nretry: %d\n\n", 1000+rand.IntN(2000)) // not all at once, after a restart
	if asked.now {
		s.first = s.appendPlace(s.first) // so that a client which has seen no change can go on from here
	}
	// A request that cannot be served gets a status that says so, except for a place that is gone.
	_, err := c.ChangePage(c.ctx(), s.at, 1, s.options)
	if errors.Is(err, doorlog.ErrGone) {
		err = nil
	}
	return s, err
}

// start lets the hub give turns to the stream. header goes before everything.
func (s *stream) start(header []byte) {
	s.first = append(header, s.first...)
	if err := s.feed.start(&s.reader); err != nil {
		s.end()
	}
}

// watch ends the stream when the client has closed the connection.
func (s *stream) watch(conn net.Conn) {
	var ignored [64]byte
	for {
		if _, err := conn.Read(ignored[:]); err != nil {
			s.end()
			return
		}
	}
}

// end ends the stream. A write that is under way ends, too.
func (s *stream) end() {
	s.once.Do(func() {
		s.sink.close()
		close(s.ended)
		s.feed.leave(&s.reader)
	})
}

// send is the turn of a stream.
func (s *stream) send() outcome {
	now := time.Now()
	text := append(textPool.get(), s.first...)
	defer func() { textPool.put(text) }()
	s.first = nil
	o, err := goesOn, error(nil)
	if now.Sub(s.asked) >= s.feed.heartbeat/2 {
		s.asked, err = now, s.askAgain()
	}
	if err == nil {
		text, o, err = s.appendNext(text)
	}
	if errors.Is(err, doorlog.ErrGone) {
		text, err = appendReset(text, err)
		o = leaves
	}
	if len(text) == 0 && err == nil {
		text = s.appendIdle(text, now)
	}
	if err == nil && len(text) > 0 {
		s.wrote = now
		err = s.sink.write(text)
	}
	if err != nil || o == leaves {
		s.end()
		return leaves
	}
	return o
}

// appendNext appends the next changes, and says whether there are more.
func (s *stream) appendNext(text []byte) ([]byte, outcome, error) {
	before := len(text)
	if s.options == nil || s.options.Query == nil {
		text, at, has, err := s.recentChanges(s.hub, text, s.at, s.options != nil)
		if err != nil || has {
			s.at, s.told = at, at
			if len(text)-before >= turnBytes {
				return text, goesOn, err
			}
			return text, idles, err
		}
	}
	page, err := s.ChangePage(s.hub.ctx, s.at, turnChanges, s.options)
	for i := range page.Changes {
		if err == nil {
			text, err = appendChange(text, &page.Changes[i])
		}
		s.told = page.Changes[i].Cursor
		if len(text)-before >= pieceBytes { // events are large: the rest is read again, and not kept for a slow client
			s.at = s.told
			return text, goesOn, err
		}
	}
	s.at = page.Next
	if len(page.Changes) == 0 && s.at.Seq()-s.told.Seq() >= silentChanges {
		text = s.appendPlace(text)
	}
	if page.More {
		return text, goesOn, err
	}
	return text, idles, err
}

// appendPlace moves the place of the client to that of the stream.
func (s *stream) appendPlace(text []byte) []byte {
	s.told = s.at
	return fmt.Appendf(text, "id: %s\nevent: at\ndata: {\"cursor\":\"%[1]s\"}\n\n", s.at)
}

// appendIdle appends a heartbeat if it is time for one.
func (s *stream) appendIdle(text []byte, now time.Time) []byte {
	if now.Sub(s.wrote) < s.feed.heartbeat/2 { // the next chance may be a whole heartbeat from now
		return text
	}
	if s.at != s.told {
		return s.appendPlace(text)
	}
	return append(text, ":\n\n"...)
}

// appendReset tells the client that it cannot go on from its place. There is no id, so it keeps that.
func appendReset(text []byte, err error) ([]byte, error) {
	problem, err := json.Marshal(wire.ProblemOf(err))
	return append(append(append(text, "event: reset\ndata: "...), problem...), "\n\n"...), err
}
