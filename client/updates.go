package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// UpdateEvent replaces all fields of the event with e's ID except ID, RecordedAt and CreatedAt: see
// [doorlog.Store.UpdateEvent].
func (c *Client) UpdateEvent(ctx context.Context, e doorlog.Event) error {
	doing := "update event " + e.ID.String()
	if e.ID.IsZero() {
		return fmt.Errorf("doorlog: %s: %w", doing, &doorlog.FieldError{Field: "id", Problem: "is missing"})
	}
	r := &request{
		doing: doing, says: "update events: events[0]: event " + e.ID.String(),
		method: http.MethodPut, path: eventPath(e.ID), header: http.Header{"If-Match": {"*"}}, repeat: ofWrite,
	}
	var err error
	if r.body, err = bodyOf([]doorlog.Event{e}, nil, false); err != nil {
		return r.failed(err)
	}
	var stored doorlog.Event
	return c.json(ctx, r, &stored)
}

// An etagged is an event and the ETag that it had when it was read.
type etagged struct {
	event doorlog.Event
	etag  string
}

// UpdateEvents reads the events with these IDs, calls change with each of them in turn, and stores what
// change has made of them: see [doorlog.Store.UpdateEvents]. It reads the events one by one, so between
// two of them others may change; but it stores them only if all are still what was read. Else it reads
// them again, and calls change again. If an answer is lost, and the events are neither what they were nor
// what they were to be, the error is [doorlog.ErrUnknownOutcome].
func (c *Client) UpdateEvents(ctx context.Context, ids []doorlog.ID, change func(*doorlog.Event) error) ([]doorlog.Event, error) {
	stored, err := c.updateEvents(ctx, ids, change)
	if err != nil && !strings.HasPrefix(err.Error(), "doorlog: ") {
		err = fmt.Errorf("doorlog: update events: %w", err)
	}
	return stored, err
}

func (c *Client) updateEvents(ctx context.Context, ids []doorlog.ID, change func(*doorlog.Event) error) ([]doorlog.Event, error) {
	switch {
	case len(ids) > doorlog.MaxUpdates:
		return nil, &doorlog.FieldError{
			Field: "ids", Problem: fmt.Sprintf("has %d entries, more than %d", len(ids), doorlog.MaxUpdates), TooLarge: true,
		}
	case change == nil:
		return nil, &doorlog.FieldError{Field: "change", Problem: "is nil"}
	case len(ids) == 0:
		return nil, nil
	}
	for {
		was, err := c.readAll(ctx, ids)
		if err != nil {
			return nil, err
		}
		now, err := changed(ids, was, change)
		if err != nil {
			return nil, err
		}
		stored, err := c.storeUpdates(ctx, now)
		if errors.Is(err, wire.ErrChanged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return inOrder(ids, stored), nil
	}
}

// inOrder returns the events of ids, of which some may be the same.
func inOrder(ids []doorlog.ID, events []doorlog.Event) (all []doorlog.Event) {
	of := make(map[doorlog.ID]doorlog.Event, len(events))
	for _, e := range events {
		of[e.ID] = e
	}
	for _, id := range ids {
		all = append(all, of[id])
	}
	return all
}

// readers is how many events are read at once.
const readers = 8

// readAll reads events with their ETags. The error is about the first that cannot be read.
func (c *Client) readAll(ctx context.Context, ids []doorlog.ID) ([]etagged, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, errs := make([]etagged, len(ids)), make([]error, len(ids))
	next := make(chan int)
	var all sync.WaitGroup
	for range min(readers, len(ids)) {
		all.Go(func() {
			for i := range next {
				if events[i], errs[i] = c.readWithETag(ctx, ids[i]); errs[i] != nil {
					cancel()
				}
			}
		})
	}
	for i := range ids {
		next <- i
	}
	close(next)
	all.Wait()
	first, place := error(nil), 0
	for i, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first, place = err, i
		}
	}
	if errors.Is(first, doorlog.ErrNotFound) {
		first = fmt.Errorf("events[%d]: event %s: %w", place, ids[place], doorlog.ErrNotFound)
	}
	return events, first
}

func (c *Client) readWithETag(ctx context.Context, id doorlog.ID) (e etagged, err error) {
	if !possible(id) {
		return e, missing(id)
	}
	r := &request{doing: "event", method: http.MethodGet, path: eventPath(id), repeat: ofPatient}
	err = c.do(ctx, r, func(a *answer) error {
		e.etag = strings.TrimPrefix(a.header.Get("ETag"), "W/") // which a proxy adds that compresses the answer
		return c.readJSON(a, &e.event)
	})
	return e, err
}

// changed calls change with each event once.
func changed(ids []doorlog.ID, was []etagged, change func(*doorlog.Event) error) (now []etagged, err error) {
	seen := make(map[doorlog.ID]bool, len(ids))
	for i, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		e := was[i]
		err := change(&e.event)
		if err == nil && e.event.ID != id {
			err = &doorlog.FieldError{Field: "id", Problem: "cannot be changed"}
		}
		if err == nil {
			err = sendable(&e.event)
		}
		if err != nil {
			return nil, fmt.Errorf("events[%d]: event %s: %w", i, id, err)
		}
		now = append(now, e)
	}
	return now, nil
}

// storeUpdates stores events that are still what they were. The error is wire.ErrChanged if one is not.
func (c *Client) storeUpdates(ctx context.Context, now []etagged) ([]doorlog.Event, error) {
	type update struct {
		Event doorlog.Event `json:"event"`
		ETag  string        `json:"etag"`
	}
	updates := make([]update, len(now))
	ids := make([]doorlog.ID, len(now))
	for i, e := range now {
		updates[i], ids[i] = update{e.event, e.etag}, e.event.ID
	}
	r, err := post("update events", "/v1/events/update", struct {
		Events []update `json:"events"`
	}{updates})
	if err != nil {
		return nil, err
	}
	var answer struct{ Events []doorlog.Event }
	err = c.json(ctx, r, &answer)
	if !r.lost || !errors.Is(err, wire.ErrChanged) {
		return answer.Events, err
	}
	return c.lookAfter(ctx, ids, now)
}

// lookAfter finds out whether an update whose answer was lost has been stored, as one that was sent after
// it was not: an event had changed by then.
func (c *Client) lookAfter(ctx context.Context, ids []doorlog.ID, now []etagged) ([]doorlog.Event, error) {
	found, err := c.readAll(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("doorlog: update events: %w: %w", doorlog.ErrUnknownOutcome, err)
	}
	stored, untouched := 0, true
	var events []doorlog.Event
	for i := range found {
		wanted, _ := now[i].event.MarshalJSON() // it has been marshalled before
		is, _ := found[i].event.MarshalJSON()
		if bytes.Equal(is, wanted) {
			stored++
		}
		untouched = untouched && found[i].etag == now[i].etag
		events = append(events, found[i].event)
	}
	switch {
	case untouched: // and changed back since
		return nil, wire.ErrChanged
	case stored == len(found):
		return events, nil
	}
	return nil, fmt.Errorf("doorlog: update events: %w: others have changed an event since", doorlog.ErrUnknownOutcome)
}

// DeleteEvent deletes an event with its detections and its thumbnail: see [doorlog.Store.DeleteEvent].
func (c *Client) DeleteEvent(ctx context.Context, id doorlog.ID) error {
	doing := "delete event " + id.String()
	if !possible(id) {
		return fmt.Errorf("doorlog: %s: %w", doing, doorlog.ErrNotFound)
	}
	return c.gone(ctx, &request{doing: doing, method: http.MethodDelete, path: eventPath(id), repeat: ofWrite})
}

// Pin sets Pinned of an event, and [Client.Unpin] clears it. It changes nothing if it is set already.
// The error is [doorlog.ErrNotFound] if there is no such event.
func (c *Client) Pin(ctx context.Context, id doorlog.ID) error {
	return c.mark(ctx, "pin event", http.MethodPut, id, "/pin")
}

// Unpin clears what [Client.Pin] sets.
func (c *Client) Unpin(ctx context.Context, id doorlog.ID) error {
	return c.mark(ctx, "unpin event", http.MethodDelete, id, "/pin")
}

// MarkAlertSent sets AlertSent of an event. It changes nothing if it is set already. The error is
// [doorlog.ErrNotFound] if there is no such event.
func (c *Client) MarkAlertSent(ctx context.Context, id doorlog.ID) error {
	return c.mark(ctx, "mark alert sent of event", http.MethodPut, id, "/alert")
}

func (c *Client) mark(ctx context.Context, doing, method string, id doorlog.ID, what string) error {
	doing += " " + id.String()
	if !possible(id) {
		return fmt.Errorf("doorlog: %s: %w", doing, doorlog.ErrNotFound)
	}
	return c.done(ctx, &request{doing: doing, method: method, path: eventPath(id) + what, repeat: ofWrite})
}

// MarkReviewed sets Reviewed of events, all or none: see [doorlog.Store.MarkReviewed].
func (c *Client) MarkReviewed(ctx context.Context, ids ...doorlog.ID) error {
	r, err := post("mark reviewed", "/v1/events/review", struct {
		IDs doorlog.List[doorlog.ID] `json:"ids"`
	}{ids})
	if err != nil {
		return err
	}
	return c.done(ctx, r)
}
