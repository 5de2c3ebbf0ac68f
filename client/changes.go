package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// mostChanges is how many changes a page of a store has at most.
const mostChanges = 256

// Cursor returns the place after the last change.
func (c *Client) Cursor(ctx context.Context) (doorlog.Cursor, error) {
	answer, err := get[struct{ Cursor doorlog.Cursor }](ctx, c, "cursor", "/v1/cursor", nil)
	return answer.Cursor, err
}

// ChangePage returns the next changes after a cursor, at most limit and at most 256: see
// [doorlog.Store.ChangePage].
func (c *Client) ChangePage(ctx context.Context, after doorlog.Cursor, limit int, options *doorlog.ChangeOptions) (doorlog.ChangePage, error) {
	if limit < 0 {
		return doorlog.ChangePage{}, fmt.Errorf("doorlog: changes: %w", &doorlog.FieldError{Field: "limit", Problem: strconv.Itoa(limit) + " is negative"})
	}
	if limit == 0 || limit > mostChanges {
		limit = mostChanges
	}
	return c.changePage(ctx, after, limit, 0, options)
}

// changePage waits for as long if there is no change.
func (c *Client) changePage(ctx context.Context, after doorlog.Cursor, limit int, patience time.Duration, options *doorlog.ChangeOptions) (page doorlog.ChangePage, err error) {
	r := &request{doing: "changes", method: http.MethodGet, path: "/v1/changes", query: url.Values{}}
	if options != nil && options.Query != nil {
		q := options.Query
		if q.Limit != 0 || q.Offset != 0 || q.OldestFirst { // limit means something else here
			return page, r.failed(&doorlog.FieldError{Field: "ChangeOptions.Query", Problem: "has a limit, an offset or an order"})
		}
		if r.query, err = wire.QueryValues(*q); err != nil {
			return page, r.failed(err)
		}
		if len(r.query) == 0 { // without any parameter of a query the changes of persons are told, too
			r.query.Set("tz", "UTC")
		}
	}
	if options != nil && options.IDsOnly {
		r.query.Set("ids_only", "true")
	}
	r.query.Set("limit", strconv.Itoa(limit))
	if !after.IsZero() {
		r.query.Set("after", after.String())
	}
	if patience > 0 {
		r.query.Set("wait", patience.String())
	}
	err = c.json(ctx, r, &page)
	return page, err
}

// Changes iterates over the changes after a cursor, in the order in which they were committed, and then
// waits for more: see [doorlog.Store.Changes]. If the connection breaks, or the server stops, it
// connects again, for as long as ctx lasts, and goes on where it was: it misses nothing, and tells
// nothing twice. It ends when ctx does, when the client is closed, with [doorlog.ErrGone], and if the
// server refuses it; it yields that error last, with a zero Change.
func (c *Client) Changes(ctx context.Context, after doorlog.Cursor) iter.Seq2[doorlog.Change, error] {
	return c.ChangesWith(ctx, after, nil)
}

// ChangesWith is [Client.Changes] with options.
func (c *Client) ChangesWith(ctx context.Context, after doorlog.Cursor, options *doorlog.ChangeOptions) iter.Seq2[doorlog.Change, error] {
	return func(yield func(doorlog.Change, error) bool) {
		for at := after; ; {
			page, err := c.awaitPage(ctx, at, mostChanges, options)
			if err != nil {
				yield(doorlog.Change{}, err)
				return
			}
			for _, change := range page.Changes {
				if !yield(change, nil) {
					return
				}
			}
			at = page.Next
		}
	}
}

// AwaitChange waits until there is a change after a cursor, and returns nil. The error is that of ctx
// when ctx ends first, and [doorlog.ErrGone] if the cursor cannot be continued. It waits also while there
// is no connection.
func (c *Client) AwaitChange(ctx context.Context, after doorlog.Cursor) error {
	for {
		page, err := c.awaitPage(ctx, after, 1, &doorlog.ChangeOptions{IDsOnly: true})
		if err != nil || len(page.Changes) > 0 {
			return err
		}
	}
}

// poll is how long a request waits for changes. Not longer, because what is between here and the server
// may cut a connection that is silent for a minute.
const poll = 25 * time.Second

// awaitPage returns the next changes, or none if there were none for a while. It connects again and again
// until the server answers.
func (c *Client) awaitPage(ctx context.Context, after doorlog.Cursor, limit int, options *doorlog.ChangeOptions) (doorlog.ChangePage, error) {
	patience := poll
	if c.opt.IdleTimeout > 0 {
		patience = min(poll, c.opt.IdleTimeout/2)
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		page, err := c.changePage(ctx, after, limit, patience, options)
		if err == nil || !passes(err) || !wait(ctx, c.life, pause) {
			return page, c.ended(ctx, err)
		}
	}
}

// passes reports whether an error goes away by itself: there is no answer, or the server is about to stop,
// or has too much to do.
func passes(err error) bool {
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		return p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
	}
	return errors.Is(err, ErrUnreachable)
}

// ended returns why a loop ends after an error.
func (c *Client) ended(ctx context.Context, err error) error {
	if err == nil || !passes(err) {
		return err
	}
	return fmt.Errorf("doorlog: changes: %w", c.over(ctx))
}
