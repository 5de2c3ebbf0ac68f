package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// eventPath is the path of an event.
func eventPath(id doorlog.ID) string { return "/v1/events/" + id.String() }

// possible reports whether an event can have this ID. The server takes no other in a path, but a store
// only says that there is no such event.
func possible(id doorlog.ID) bool {
	_, err := doorlog.ParseID(id.String())
	return err == nil
}

func missing(id doorlog.ID) error {
	return fmt.Errorf("doorlog: event %s: %w", id, doorlog.ErrNotFound)
}

// Event returns an event with its detections, or [doorlog.ErrNotFound].
func (c *Client) Event(ctx context.Context, id doorlog.ID) (doorlog.Event, error) {
	if !possible(id) {
		return doorlog.Event{}, missing(id)
	}
	return get[doorlog.Event](ctx, c, "event", eventPath(id), nil)
}

// EventByRecording returns the event of a camera with the given recording ID, or
// [doorlog.ErrNotFound]. If there are several, it returns the newest.
func (c *Client) EventByRecording(ctx context.Context, camera, recording string) (doorlog.Event, error) {
	return get[doorlog.Event](ctx, c, "event by recording", "/v1/recording", url.Values{"camera": {camera}, "recording_id": {recording}})
}

// pageSize is how many events a loop over Events asks for at once.
const pageSize = 256

// Events iterates over the events that q asks for. If there is an error, it yields the error last, with a
// zero Event.
//
// It reads pages of at most 256 events, like [doorlog.Store.Events], and what is said there of events
// that are written meanwhile holds. The body of the loop may take its time and use the client.
func (c *Client) Events(ctx context.Context, q doorlog.Query) iter.Seq2[doorlog.Event, error] {
	return func(yield func(doorlog.Event, error) bool) {
		left, size := q.Limit, pageSize
		for cursor, more := "", true; more; {
			if q.Limit = size; left > 0 {
				q.Limit = min(size, left)
			} else if left < 0 {
				q.Limit = left // which is refused
			}
			page, err := c.page(ctx, "events", q, cursor)
			if errors.Is(err, errLarge) && size > 1 {
				size /= 2
				continue
			}
			if err != nil {
				yield(doorlog.Event{}, err)
				return
			}
			for _, e := range page.Events {
				if !yield(e, nil) {
					return
				}
			}
			cursor, more = page.Next, page.Next != ""
			if left > 0 {
				left -= len(page.Events)
				more = more && left > 0
			}
		}
	}
}

// Recent returns the newest n events, newest first. It returns fewer if there are fewer.
func (c *Client) Recent(ctx context.Context, n int) ([]doorlog.Event, error) {
	if n < 0 {
		return nil, fmt.Errorf("doorlog: recent: %w", &doorlog.FieldError{Field: "n", Problem: strconv.Itoa(n) + " is negative"})
	}
	if n == 0 {
		return []doorlog.Event{}, nil
	}
	events := make([]doorlog.Event, 0, max(0, min(n, pageSize)))
	for e, err := range c.Events(ctx, doorlog.Query{Limit: n}) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// Page returns a part of the answer to q, as [doorlog.Store.Page] does, but at most 1,000 events.
func (c *Client) Page(ctx context.Context, q doorlog.Query, at string) (doorlog.Page, error) {
	q.Limit = min(q.Limit, wire.MaxPage)
	return c.page(ctx, "page", q, at)
}

func (c *Client) page(ctx context.Context, doing string, q doorlog.Query, at string) (doorlog.Page, error) {
	var also url.Values
	if at != "" {
		also = url.Values{"cursor": {at}}
	}
	return ask[doorlog.Page](ctx, c, doing, "/v1/events", q, also)
}

// ask is get for a query, with further parameters.
func ask[T any](ctx context.Context, c *Client, doing, path string, q doorlog.Query, also url.Values) (v T, err error) {
	values, err := wire.QueryValues(q)
	r := &request{doing: doing, says: "page", method: http.MethodGet, path: path, query: values}
	if err == nil && q.Limit < 0 {
		err = &doorlog.FieldError{Field: "Query.Limit", Problem: strconv.Itoa(q.Limit) + " is negative"}
	}
	if err != nil {
		return v, r.failed(err)
	}
	for name := range also {
		values[name] = also[name]
	}
	err = c.json(ctx, r, &v)
	return v, err
}

// Count returns the number of events that q asks for. Limit and Offset do not count.
func (c *Client) Count(ctx context.Context, q doorlog.Query) (int, error) {
	answer, err := ask[struct{ Count int }](ctx, c, "count", "/v1/count", q, nil)
	return answer.Count, err
}

// Explain runs q and returns, instead of the events, how it was answered.
func (c *Client) Explain(ctx context.Context, q doorlog.Query) (doorlog.Plan, error) {
	return ask[doorlog.Plan](ctx, c, "explain", "/v1/explain", q, nil)
}

// Known returns those of the IDs for which the store has an event, all of one state, in their order. There
// may be 10,000.
func (c *Client) Known(ctx context.Context, ids []doorlog.ID) ([]doorlog.ID, error) {
	r, err := post("known", "/v1/events/known", struct {
		IDs doorlog.List[doorlog.ID] `json:"ids"`
	}{ids})
	if err != nil {
		return nil, err
	}
	r.repeat = ofRead
	var answer struct{ Known []doorlog.ID }
	err = c.json(ctx, r, &answer)
	return answer.Known, err
}

// post returns a request with a body of JSON, or without one if v is nil. It is a write that may be
// repeated.
func post(doing, path string, v any) (*request, error) {
	r := &request{doing: doing, method: http.MethodPost, path: path, repeat: ofWrite}
	if v == nil {
		return r, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, r.failed(&doorlog.FieldError{Field: "json", Problem: err.Error()})
	}
	r.body = body{"application/json", text}
	return r, nil
}

// mostThumbnail is the size of the largest thumbnail that is read: it may be the file of a producer.
const mostThumbnail = 64 << 20

// Thumbnail returns the JPEG file of an event's thumbnail. The errors are those of
// [doorlog.Store.Thumbnail].
func (c *Client) Thumbnail(ctx context.Context, id doorlog.ID) (picture []byte, err error) {
	if !possible(id) {
		return nil, fmt.Errorf("doorlog: thumbnail of event %s: %w", id, doorlog.ErrNotFound)
	}
	r := &request{
		doing: "thumbnail of event " + id.String(), method: http.MethodGet, path: eventPath(id) + "/thumbnail",
		header: http.Header{"Accept": {"image/jpeg"}},
	}
	err = c.do(ctx, r, func(a *answer) error {
		if picture, err = io.ReadAll(io.LimitReader(a, mostThumbnail+1)); err == nil && len(picture) > mostThumbnail {
			err = &doorlog.FieldError{Field: "thumbnail", Problem: "has more than " + strconv.Itoa(mostThumbnail) + " bytes", TooLarge: true}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return picture, nil
}
