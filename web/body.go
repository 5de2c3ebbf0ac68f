package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/doorlog/doorlog/internal/wire"
)

// timeBody gives the body of a request a time limit, which also holds if nobody reads it: net/http reads
// the rest of a body before the next request.
//
// It returns a copy of the request. net/http looks at the body of its own one at the end: if much of it has
// not been read, it gives the client time to read the answer before it closes the connection.
func (w *response) timeBody(r *http.Request) *http.Request {
	if r.ContentLength == 0 {
		return r
	}
	timed := *r
	b := &body{ReadCloser: r.Body, w: w}
	b.extend(time.Now())
	timed.Body, w.body = b, b
	return &timed
}

// limitBody limits the body of a request in size, as its route says.
func (s *server) limitBody(w *response, r *http.Request, kind bodyKind) error {
	b, ok := r.Body.(*body)
	if !ok {
		return nil // there is none
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return wire.BadRequest(http.StatusUnsupportedMediaType, fmt.Sprintf("the body has the Content-Encoding %.40q: send it as it is", coding))
	}
	b.share = &s.bodies
	if kind == lineBody && !hasLines(r) { // the route takes events in other forms, too
		kind = largeBody
	}
	limit := int64(0)
	switch kind {
	case noBody:
		return b.refuse(r)
	case tinyBody:
		limit = tinyBytes
	case smallBody:
		limit = smallBytes
	case largeBody:
		limit = s.opt.MaxBody
	case lineBody:
		b.lines, b.share, b.extended = true, nil, time.Time{}
		return nil
	}
	if r.ContentLength > limit {
		return tooLargeBody(limit)
	}
	b.ReadCloser = http.MaxBytesReader(w.ResponseWriter, b.ReadCloser, limit)
	return nil
}

// hasLines reports whether the body of a request is JSON lines.
func hasLines(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == typeLines
}

func tooLargeBody(limit int64) error {
	return wire.BadRequest(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", limit))
}

// A body is that of a request. Its errors are problems.
type body struct {
	io.ReadCloser
	w     *response
	lines bool
	read  int64
	share *share        // nil: what is read is not kept
	held  int64         // of share
	spent time.Duration // waiting for the client

	extended time.Time // when its time limit was set; zero: there is none, or that of another kind
}

// extend sets the time by which the client must have sent something, unless that was done just now.
func (b *body) extend(now time.Time) {
	limits := b.w.limits
	wait := min(limits.body, limits.body+time.Duration(b.read/limits.slowest)*time.Second-b.spent)
	if b.lines {
		wait = limits.line
	}
	if now.Sub(b.extended) < wait/20 {
		return
	}
	b.extended = now
	_ = b.w.control().SetReadDeadline(now.Add(wait)) // a connection without deadlines is none of ours
}

// Read reads from the body. The client has a time limit for each read, and for all of them.
func (b *body) Read(p []byte) (int, error) {
	began := time.Now()
	b.extend(began)
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.spent += time.Since(began)
	if err == nil {
		return n, b.take()
	}
	if err == io.EOF {
		b.extended = time.Time{}
		_ = b.w.control().SetReadDeadline(b.extended)
		return n, err
	}
	return n, bodyError(err)
}

// A share bounds what all bodies that have been read, and not yet answered, have together.
type share struct {
	most  int64
	taken atomic.Int64
}

// take counts what has been read. It returns ErrTooMany if all bodies have too much. The first part of each
// one is free, so that events without frames are taken even then.
func (b *body) take() error {
	if b.share == nil || b.read <= freeBytes {
		return nil
	}
	more := b.read - freeBytes - b.held
	b.held += more
	if b.share.taken.Add(more) > b.share.most {
		return &retryError{bodyRetry, fmt.Errorf("%w with large bodies at once", wire.ErrTooMany)}
	}
	return nil
}

// release gives back what take has taken.
func (b *body) release() {
	if b != nil && b.share != nil {
		b.share.taken.Add(-b.held)
		b.held = 0
	}
}

func bodyError(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLargeBody(tooLarge.Limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return wire.BadRequest(http.StatusRequestTimeout, "the body comes too slowly")
	}
	return wire.BadRequest(http.StatusBadRequest, "the body was cut off: "+err.Error())
}

// refuse returns an error unless the body is empty.
func (b *body) refuse(r *http.Request) error {
	if r.ContentLength < 0 {
		n, err := b.Read(make([]byte, 1))
		if n == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if n == 0 && err != nil {
			return err
		}
	}
	return wire.BadRequest(http.StatusBadRequest, "a request of this kind has no body")
}
