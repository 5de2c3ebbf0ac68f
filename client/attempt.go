package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A request is one call of the API.
type request struct {
	doing  string // what is being done, for errors
	says   string // what the server says of it, if it has other words
	method string
	path   string // such as /v1/events, escaped
	query  url.Values
	header http.Header
	body   body
	repeat repeat
	silent bool // the server may say nothing for any time before its answer

	// lost is set when an answer has been lost: the server may have done what was asked for.
	lost bool
}

// A body is the body of a request, and its media type.
type body struct {
	media string
	text  []byte
}

// set puts the body into a request of HTTP. heard is called for each piece that goes out.
func (b *body) set(r *http.Request, heard func()) {
	if b.media == "" {
		return
	}
	r.Header.Set("Content-Type", b.media)
	r.ContentLength = int64(len(b.text))
	r.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(&hearing{bytes.NewReader(b.text), heard}), nil
	}
	r.Body, _ = r.GetBody()
}

// A hearing calls heard after each Read.
type hearing struct {
	io.Reader
	heard func()
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	h.heard()
	return n, err
}

// A silence says that there is no answer, or only a part of one.
type silence struct {
	address string
	sent    bool // the server may have got the request
	reused  bool // the connection had been idle
	ended   bool // because the context of the call, or the client, has ended
	err     error
}

func (s *silence) Error() string {
	if s.ended {
		return s.err.Error()
	}
	return fmt.Sprintf("%v at %s: %v", ErrUnreachable, s.address, s.err)
}

func (s *silence) Is(target error) bool { return target == ErrUnreachable && !s.ended }

func (s *silence) Unwrap() error { return s.err }

var errIdle = errors.New("it has said nothing for too long")

// attempt sends a request once. read gets the response if its status is one of success; what it returns
// of the response's body, such as an unexpected end, is a silence.
func (c *Client) attempt(ctx context.Context, r *request, read func(*answer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(doorlog.ErrClosed) })()
	var sent, reused atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { sent.Store(false) }, // net/http tries again if it has written nothing
		GotConn:      func(info httptrace.GotConnInfo) { reused.Store(info.Reused) },
		WroteHeaders: func() { sent.Store(true) },
	})
	silent := func(err error) error {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		ended := false
		if ctx.Err() != nil {
			if err = context.Cause(ctx); err != errIdle && err != doorlog.ErrClosed { //nolint:errorlint // these two are given to cancel
				err = ctx.Err()
			}
			ended = err != errIdle //nolint:errorlint // as above
		}
		return &silence{c.address, sent.Load(), reused.Load(), ended, err}
	}
	req, err := http.NewRequestWithContext(traced, r.method, c.urlOf(r), nil)
	if err != nil {
		return err
	}
	heard, stop := watch(c.opt.IdleTimeout, cancel)
	defer stop()
	r.body.set(req, heard)
	maps.Copy(req.Header, r.header)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	if c.opt.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.opt.Token)
	}
	if r.silent {
		stop()
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return silent(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	heard()
	return c.hear(ctx, resp, &hearing{resp.Body, heard}, silent, read)
}

func (c *Client) urlOf(r *request) string {
	if len(r.query) == 0 {
		return c.base + r.path
	}
	return c.base + r.path + "?" + r.query.Encode()
}

// watch cancels a call when heard has not been called for so long.
func watch(idle time.Duration, cancel context.CancelCauseFunc) (heard, stop func()) {
	if idle < 0 {
		return func() {}, func() {}
	}
	timer := time.AfterFunc(idle, func() { cancel(errIdle) })
	return func() { timer.Reset(idle) }, func() { timer.Stop() }
}

// An answer is a response. Errors of its Read are remembered.
type answer struct {
	status  int
	header  http.Header
	trailer http.Header // complete after the body has been read
	body    io.Reader
	err     error
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if err != nil && err != io.EOF {
		a.err = err
	}
	return n, err
}

// hear reads a response.
func (c *Client) hear(ctx context.Context, resp *http.Response, r io.Reader, silent func(error) error, read func(*answer) error) error {
	a := &answer{status: resp.StatusCode, header: resp.Header, body: r}
	var err error
	if resp.StatusCode >= http.StatusMultipleChoices {
		err = c.refusal(a, resp.Status, silent)
	} else {
		a.trailer = resp.Trailer
		err = read(a)
	}
	tellWarnings(ctx, resp.Header)
	tellWarnings(ctx, resp.Trailer)
	if a.err != nil {
		return silent(a.err)
	}
	return err
}

// refusal returns the error in an answer.
func (c *Client) refusal(a *answer, status string, silent func(error) error) error {
	if media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); media == wire.ContentTypeProblem {
		p := new(wire.Problem)
		if err := c.readJSON(a, p); err != nil {
			return err
		}
		return p
	}
	switch a.status {
	case http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge: // of net/http, or of a proxy
		return &doorlog.FieldError{Field: "request", Problem: fmt.Sprintf("%s answers %s", c.address, status), TooLarge: true}
	}
	err := fmt.Errorf("%s answers %s: %w", c.address, status, ErrNotServer)
	if a.status >= http.StatusInternalServerError { // something between here and the server
		return silent(err)
	}
	return err
}

// mostJSON is the size of the largest answer that is read: a page of the largest events fits into it.
const mostJSON = 512 << 20

var errLarge = errors.New("the answer is larger than 512 MiB")

// readJSON reads the body, which is one JSON document.
func (c *Client) readJSON(a *answer, into any) error {
	text, err := io.ReadAll(io.LimitReader(a, mostJSON+1))
	if err != nil {
		return err
	}
	if len(text) > mostJSON {
		return fmt.Errorf("%s: %w", c.address, errLarge)
	}
	if media, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); media != "application/json" && media != wire.ContentTypeProblem {
		return fmt.Errorf("%s answers with %q: %w", c.address, media, ErrNotServer)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the answer of %s cannot be read: %w: %w", c.address, ErrNotServer, err)
	}
	return nil
}
