package web

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A sink is where a stream writes.
type sink interface {
	// write writes all of text, or returns an error if the client does not take it in time.
	write(text []byte) error

	// close ends the write that is under way. There is none after it.
	close()
}

// A client has takeTime for each piece of pieceBytes.
const (
	takeTime   = 10 * time.Second
	pieceBytes = 64 << 10
)

// writePieces writes text, and gives the client this time for each piece.
func writePieces(text []byte, takeTime time.Duration, limit func(time.Time) error, write func([]byte) error) error {
	for len(text) > 0 {
		if err := limit(time.Now().Add(takeTime)); err != nil {
			return err
		}
		n := min(len(text), pieceBytes)
		if err := write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// A connSink is a connection that was taken over from the server.
type connSink struct {
	conn     net.Conn
	takeTime time.Duration
}

func (s *connSink) write(text []byte) error {
	return writePieces(text, s.takeTime, s.conn.SetWriteDeadline, func(piece []byte) error {
		_, err := s.conn.Write(piece)
		return err
	})
}

func (s *connSink) close() { _ = s.conn.Close() } // nothing is lost: the client goes on from its place

// takeOver returns the connection of a request, if the server gives it away: not with HTTP/2.
func takeOver(w *response) (net.Conn, error) {
	conn, _, err := w.control().Hijack()
	if err != nil {
		return nil, err
	}
	w.status, w.taken = http.StatusOK, true
	if err := conn.SetDeadline(time.Time{}); err != nil { // those of the server
		_ = conn.Close() // the stream finds that out
	}
	return conn, nil
}

// appendHeader appends the head of a response that ends when the connection does.
func appendHeader(b []byte, h http.Header) []byte {
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	buf := &headerText{append(b, "HTTP/1.1 200 OK\r\n"...)}
	_ = h.Write(buf) // which takes everything
	return append(buf.text, "\r\n"...)
}

type headerText struct{ text []byte }

func (t *headerText) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	return len(p), nil
}

// A responseSink is the response of a request whose handler waits.
type responseSink struct {
	w        *response
	takeTime time.Duration

	mu     sync.Mutex // a write has it
	closed atomic.Bool
}

func newResponseSink(w *response, takeTime time.Duration) *responseSink {
	w.own = true
	return &responseSink{w: w, takeTime: takeTime}
}

func (s *responseSink) write(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() { // the handler may have returned
		return net.ErrClosed
	}
	err := writePieces(text, s.takeTime, s.limit, func(piece []byte) error {
		if _, err := s.w.Write(piece); err != nil {
			return err
		}
		return s.w.FlushError()
	})
	if err == nil { // HTTP/2 resets a stream whose deadline passes, also when nothing is being written
		err = s.limit(time.Time{})
	}
	return err
}

// limit sets the deadline of a write, unless close has set it, or is about to.
func (s *responseSink) limit(at time.Time) error {
	err := s.w.control().SetWriteDeadline(at)
	if errors.Is(err, http.ErrNotSupported) {
		err = nil
	}
	if s.closed.Load() {
		return net.ErrClosed
	}
	return err
}

func (s *responseSink) close() {
	s.closed.Store(true)
	if !s.mu.TryLock() {
		_ = s.w.control().SetWriteDeadline(time.Now()) // the write ends
		s.mu.Lock()
	}
	s.mu.Unlock()
}
