package apitest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Handler returns a handler that checks what passes to and from next.
func (r *Recorder) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var sent kept
		method, address, header := request.Method, *request.URL, request.Header.Clone()
		seen := *request // net/http looks at the body of its own request at the end
		seen.Body = readCloser{io.TeeReader(request.Body, &sent), request.Body}
		out := &checkedWriter{ResponseWriter: w, returned: make(chan struct{})}
		whole := false
		r.open.Add(1)
		out.done = sync.OnceFunc(func() {
			defer r.open.Done()
			asked, askedCut := sent.all()
			body, bodyCut := out.plain()
			r.check(&Exchange{
				Method: method, URL: &address, Header: header, RequestBody: asked,
				Status: out.status, Answer: out.header, Body: body, Cut: !whole || bodyCut || askedCut,
			})
		})
		defer func() {
			close(out.returned)
			if !out.hijacked { // else it is done when the connection is closed
				out.done()
			}
		}()
		next.ServeHTTP(out, &seen)
		if out.status == 0 && !out.hijacked {
			out.WriteHeader(http.StatusOK)
		}
		whole = !out.hijacked
	})
}

// A checkedWriter keeps what is written.
type checkedWriter struct {
	http.ResponseWriter
	status int
	header http.Header // as it was when it was written
	got    kept

	hijacked bool
	returned chan struct{} // closed when the handler has returned
	done     func()
}

func (w *checkedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status, w.header = status, w.Header().Clone()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *checkedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	_, _ = w.got.Write(p[:n]) // a kept takes everything
	return n, err
}

// Hijack gives the connection to the handler. What it writes there is an answer, too.
func (w *checkedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	return &checkedConn{Conn: conn, w: w}, buffer, nil
}

// A checkedConn is a connection that a handler has taken over.
type checkedConn struct {
	net.Conn
	w    *checkedWriter
	got  kept
	once sync.Once
}

func (c *checkedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	_, _ = c.got.Write(p[:n]) // a kept takes everything
	return n, err
}

func (c *checkedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { go c.finish() }) // the handler may be who closes it
	return err
}

// finish reads the answer in what was written, when the handler has returned.
func (c *checkedConn) finish() {
	<-c.w.returned
	defer c.w.done()
	text, _ := c.got.all()
	answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
	if err != nil {
		return // the status 0 is not documented
	}
	_, _ = io.Copy(&c.w.got, answer.Body) // it may be cut off
	_ = answer.Body.Close()
	c.w.status, c.w.header = answer.StatusCode, answer.Header
}

// Unwrap is for http.ResponseController.
func (w *checkedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// plain returns the body without compression, and whether something is missing.
func (w *checkedWriter) plain() (body []byte, cut bool) {
	body, cut = w.got.all()
	if !strings.EqualFold(w.header.Get("Content-Encoding"), "gzip") {
		return body, cut
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, true
	}
	body, err = io.ReadAll(z)
	return body, cut || err != nil
}
