package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A repeat says what is done about a request that gets no answer.
type repeat int

const (
	ofRead    repeat = iota // it is sent once more if the connection had been idle
	ofStream                // it is a read that is not sent again, because a part of the answer has been used
	ofPatient               // it is a read that is sent again and again, because a write needs it
	ofWrite                 // it is sent again and again: doing it twice is the same as doing it once
	never                   // it is not sent again, and it may have been done
)

// do sends a request until there is an answer, or no more hope of one. read is as in attempt; it is
// called for each answer that has begun.
func (c *Client) do(ctx context.Context, r *request, read func(*answer) error) error {
	if c.closed.Load() {
		return fmt.Errorf("doorlog: %s: %w", r.doing, doorlog.ErrClosed)
	}
	began := time.Now()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := c.attempt(ctx, r, read)
		if err == nil {
			return nil
		}
		again := c.mayRepeat(r, err, time.Since(began)+pause)
		if again && r.repeat != ofRead && !wait(ctx, c.life, pause) {
			return r.failed(fmt.Errorf("%w; before that: %w", c.over(ctx), err))
		}
		if !again {
			return r.failed(err)
		}
	}
}

// over returns why a call ends whose context, or client, has ended.
func (c *Client) over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return doorlog.ErrClosed
}

// The pauses between two attempts of a write double. Each is shortened by chance, so that clients that
// lost their server together do not return together.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// wait returns false if one of two contexts ends first.
func wait(ctx, life context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause/2 + rand.N(pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-life.Done():
	}
	return false
}

// mayRepeat reports whether a request is to be sent again after an error. spent is how long the call
// will have taken by then.
func (c *Client) mayRepeat(r *request, err error, spent time.Duration) bool {
	s, silent := errors.AsType[*silence](err)
	before := r.lost
	if silent {
		r.lost = before || s.sent
	}
	if silent && s.ended {
		return false
	}
	switch r.repeat {
	case ofRead:
		return silent && s.sent && s.reused && !before
	case ofPatient, ofWrite:
		return spent < c.opt.Retry && !neverWorks(err) && (silent || before && !settles(err))
	}
	return false
}

// settles reports whether an answer says what became of a write that was sent before, and whose answer
// was lost: the store would have given the same answer then.
func settles(err error) bool {
	p, ok := errors.AsType[*wire.Problem](err)
	if !ok {
		return false
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return p.Status < http.StatusInternalServerError
}

// neverWorks reports whether the next attempt would fail like this one.
func neverWorks(err error) bool {
	_, wrong := errors.AsType[*tls.CertificateVerificationError](err)
	return wrong
}

// failed adds to err what was being done, if the server has not done so.
func (r *request) failed(err error) error {
	if r.lost && (r.repeat == ofWrite || r.repeat == never) && !settles(err) {
		return fmt.Errorf("doorlog: %s: %w: %w", r.doing, doorlog.ErrUnknownOutcome, err)
	}
	if p, ok := errors.AsType[*wire.Problem](err); ok && strings.HasPrefix(p.Detail, "doorlog: ") {
		if reason, other := strings.CutPrefix(p.Detail, "doorlog: "+r.says+": "); other && r.says != "" {
			p.Detail = "doorlog: " + r.doing + ": " + reason
		}
		return err
	}
	return fmt.Errorf("doorlog: %s: %w", r.doing, err)
}

// get sends a read and returns the JSON of the answer.
func get[T any](ctx context.Context, c *Client, doing, path string, query url.Values) (v T, err error) {
	err = c.json(ctx, &request{doing: doing, method: http.MethodGet, path: path, query: query}, &v)
	return v, err
}

// json sends a request and reads the JSON of the answer into v.
func (c *Client) json(ctx context.Context, r *request, into any) error {
	return c.do(ctx, r, func(a *answer) error { return c.readJSON(a, into) })
}

// done sends a request whose answer has no content.
func (c *Client) done(ctx context.Context, r *request) error {
	return c.do(ctx, r, func(a *answer) error {
		if a.status != http.StatusNoContent {
			return fmt.Errorf("%s answers %d: %w", c.address, a.status, ErrNotServer)
		}
		return nil
	})
}

// gone is done for a removal. If an answer was lost, what is not there any more has been removed by
// this call.
func (c *Client) gone(ctx context.Context, r *request) error {
	err := c.done(ctx, r)
	if r.lost && errors.Is(err, doorlog.ErrNotFound) {
		return nil
	}
	return err
}
