package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// WriteEvent stores an event with its detections and returns it as stored: see
// [doorlog.Store.WriteEvent]. The returned event shares nothing with e.
//
// An event without an ID gets one before it is sent. If there is no answer it is sent again under its
// ID, so that it is stored once. If somebody has deleted the event meanwhile it is stored again.
func (c *Client) WriteEvent(ctx context.Context, e doorlog.Event) (doorlog.Event, error) {
	stored, _, err := c.writeOne(ctx, "write event", e, nil, false)
	return stored, err
}

// WriteEventWithFrame is [Client.WriteEvent], and makes the event's thumbnail of a camera frame: see
// [doorlog.Store.WriteEventWithFrame]. Event and frame go in one request.
func (c *Client) WriteEventWithFrame(ctx context.Context, e doorlog.Event, frame []byte) (doorlog.Event, error) {
	stored, _, err := c.writeOne(ctx, "write event with frame", e, frame, false)
	return stored, err
}

// WriteEventOnce stores an event unless its camera already has one with the same RecordingID: see
// [doorlog.Store.WriteEventOnce].
func (c *Client) WriteEventOnce(ctx context.Context, e doorlog.Event, frame []byte) (stored doorlog.Event, existed bool, err error) {
	return c.writeOne(ctx, "write event once", e, frame, true)
}

// WriteEvents stores events in one transaction, all or none, and returns them as stored, in the same
// order. The server takes at most 10,000 at once.
func (c *Client) WriteEvents(ctx context.Context, events []doorlog.Event) ([]doorlog.Event, error) {
	stored, _, err := c.writeMany(ctx, "write events", events, nil, false)
	return stored, err
}

// WriteEventsWithFrames is [Client.WriteEventWithFrame] for many events in one transaction, all or none:
// see [doorlog.Store.WriteEventsWithFrames]. All go in one request, whose size the server bounds (64 MiB
// if it has the defaults).
func (c *Client) WriteEventsWithFrames(ctx context.Context, events []doorlog.Event, frames [][]byte) ([]doorlog.Event, error) {
	stored, _, err := c.writeMany(ctx, "write events with frames", events, frames, false)
	return stored, err
}

// WriteEventsOnce is [Client.WriteEventOnce] for many events in one transaction, all or none.
func (c *Client) WriteEventsOnce(ctx context.Context, events []doorlog.Event, frames [][]byte) (stored []doorlog.Event, existed []bool, err error) {
	return c.writeMany(ctx, "write events once", events, frames, true)
}

func (c *Client) writeOne(ctx context.Context, doing string, e doorlog.Event, frame []byte, once bool) (stored doorlog.Event, existed bool, err error) {
	r := &request{doing: doing, method: http.MethodPost, path: "/v1/events", query: onceParam(once), repeat: ofWrite}
	own := c.identify(&e, once)
	if r.body, err = bodyOf([]doorlog.Event{e}, [][]byte{frame}, false); err != nil {
		return stored, false, r.failed(err)
	}
	err = c.do(ctx, r, func(a *answer) error {
		existed = a.header.Get(wire.HeaderExisted) == "true"
		return c.readJSON(a, &stored)
	})
	if r.lost && own && errors.Is(err, doorlog.ErrExists) { // somebody has changed what the first request stored
		if stored, err = c.again(ctx, e.ID); err != nil {
			err = fmt.Errorf("doorlog: %s: %w: %w", doing, doorlog.ErrUnknownOutcome, err)
		}
	}
	if err != nil {
		return doorlog.Event{}, false, err
	}
	if r.lost && own && stored.ID == e.ID { // the first request stored it
		existed = false
	}
	return stored, existed, nil
}

func (c *Client) writeMany(ctx context.Context, doing string, events []doorlog.Event, frames [][]byte, once bool) ([]doorlog.Event, []bool, error) {
	r := &request{
		doing: doing, says: "write events with frames", method: http.MethodPost, path: "/v1/events", query: onceParam(once), repeat: ofWrite,
	}
	if frames != nil && len(frames) != len(events) {
		return nil, nil, r.failed(&doorlog.FieldError{Field: "frames", Problem: fmt.Sprintf("has %d entries for %d events", len(frames), len(events))})
	}
	if len(events) == 0 {
		return nil, nil, nil
	}
	named := make([]doorlog.Event, len(events))
	own := make([]bool, len(events))
	for i, e := range events {
		own[i] = c.identify(&e, once)
		named[i] = e
	}
	var err error
	if r.body, err = bodyOf(named, frames, true); err != nil {
		return nil, nil, r.failed(err)
	}
	var answer struct {
		Events  []doorlog.Event
		Existed []bool
	}
	err = c.json(ctx, r, &answer)
	if r.lost && errors.Is(err, doorlog.ErrExists) {
		return c.manyAgain(ctx, doing, named, own, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(answer.Events) != len(events) || len(answer.Existed) != len(events) {
		return nil, nil, r.failed(fmt.Errorf("%s answers with %d events for %d: %w", c.address, len(answer.Events), len(events), ErrNotServer))
	}
	for i := range answer.Existed {
		if r.lost && own[i] && answer.Events[i].ID == named[i].ID {
			answer.Existed[i] = false
		}
	}
	return answer.Events, answer.Existed, nil
}

// manyAgain returns what a write of many has stored whose answer was lost, when the store has since said that
// it has other content under one of their IDs: somebody has changed what the first request stored. The
// events with IDs of this call are there only if it has stored them. Otherwise the error stays.
func (c *Client) manyAgain(ctx context.Context, doing string, events []doorlog.Event, own []bool, exists error) ([]doorlog.Event, []bool, error) {
	ids := make([]doorlog.ID, len(events))
	var mine []doorlog.ID
	for i := range events {
		if ids[i] = events[i].ID; own[i] {
			mine = append(mine, ids[i])
		}
	}
	if len(mine) == 0 {
		return nil, nil, exists
	}
	known, err := c.Known(ctx, mine[:min(len(mine), wire.MaxKnown)])
	if err == nil && len(known) == 0 {
		return nil, nil, exists
	}
	var found []etagged
	if err == nil {
		found, err = c.readAll(ctx, ids)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("doorlog: %s: %w: %w", doing, doorlog.ErrUnknownOutcome, err)
	}
	stored := make([]doorlog.Event, len(found))
	for i := range found {
		stored[i] = found[i].event
	}
	return stored, make([]bool, len(found)), nil
}

func onceParam(once bool) url.Values {
	if !once {
		return nil
	}
	return url.Values{"once": {"true"}}
}

// identify gives an event an ID if it has none, and reports whether it did. An event that no time or,
// with once, no recording identifies stays as it is: the store refuses it.
func (c *Client) identify(e *doorlog.Event, once bool) bool {
	if !e.ID.IsZero() || once && e.RecordingID == "" {
		return false
	}
	id, err := c.ids.next(e.RecordedAt)
	if err != nil {
		return false
	}
	e.ID = id
	return true
}

// bodyOf returns the body for events with their frames, of which any may be empty. Without many there is one
// event.
func bodyOf(events []doorlog.Event, frames [][]byte, many bool) (body, error) {
	text, err := eventsJSON(events, many)
	if err != nil {
		return body{}, err
	}
	anyFrame := false
	for _, f := range frames {
		anyFrame = anyFrame || len(f) > 0
	}
	if !anyFrame {
		return body{"application/json", text}, nil
	}
	event, frame := "event", func(int) string { return "frame" }
	if many {
		event, frame = "events", func(i int) string { return "frame." + strconv.Itoa(i) }
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	add := func(name, media string, content []byte) {
		header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + name + `"`}, "Content-Type": {media}}
		part, _ := w.CreatePart(header) // writing to a bytes.Buffer never fails
		_, _ = part.Write(content)
	}
	add(event, "application/json", text)
	for i, f := range frames {
		if len(f) > 0 {
			add(frame(i), "application/octet-stream", f[:min(len(f), doorlog.MaxFrameBytes+1)]) // that is too large already
		}
	}
	_ = w.Close()
	return body{w.FormDataContentType(), out.Bytes()}, nil
}

// eventsJSON returns the JSON of an event, or, with many, of a list of them.
func eventsJSON(events []doorlog.Event, many bool) (text []byte, err error) {
	about := func(i int, err error) error {
		if !many {
			return err
		}
		return fmt.Errorf("events[%d]: %w", i, err)
	}
	if many {
		text = append(text, '[')
	}
	for i := range events {
		if err := sendable(&events[i]); err != nil {
			return nil, about(i, err)
		}
		if i > 0 {
			text = append(text, ',')
		}
		one, err := events[i].MarshalJSON()
		if err != nil {
			return nil, about(i, &doorlog.FieldError{Field: "json", Problem: err.Error()})
		}
		text = append(text, one...)
	}
	if many {
		text = append(text, ']')
	}
	return text, nil
}

// sendable returns an error for what JSON cannot say as it is: package json would change it.
func sendable(e *doorlog.Event) error {
	if !e.ID.IsZero() && !possible(e.ID) {
		return &doorlog.FieldError{Field: "id", Problem: e.ID.String() + " is not the ID of an event"}
	}
	for _, f := range [...]struct{ name, text string }{
		{"camera_id", e.Camera},
		{"event_type", string(e.Type)},
		{"recording_id", e.RecordingID},
		{"person_name", e.Person},
		{"method", string(e.Method)},
		{"thumbnail_path", e.ThumbnailPath},
	} {
		if err := isText(f.name, f.text); err != nil {
			return err
		}
	}
	for name, value := range e.Attributes {
		if err := errors.Join(isText("attributes", name), isText("attributes", value)); err != nil {
			return &doorlog.FieldError{Field: "attributes", Problem: fmt.Sprintf("%.40q: %.40q is not UTF-8", name, value)}
		}
	}
	for i := range e.Detections {
		if err := isText(fmt.Sprintf("detections[%d].label", i), e.Detections[i].Label); err != nil {
			return err
		}
	}
	return sendableNumbers(e)
}

func sendableNumbers(e *doorlog.Event) error {
	finite := func(field string, value float64) error {
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return &doorlog.FieldError{Field: field, Problem: fmt.Sprintf("%v is not a finite number", value)}
		}
		return nil
	}
	for _, f := range [...]struct {
		name  string
		value *float64
	}{{"face_confidence", e.FaceConfidence}, {"face_distance", e.FaceDistance}} {
		if f.value != nil {
			if err := finite(f.name, *f.value); err != nil {
				return err
			}
		}
	}
	for i, d := range e.Detections {
		place := fmt.Sprintf("detections[%d].", i)
		err := finite(place+"confidence", d.Confidence)
		if b := d.Box; b != nil {
			err = cmp.Or(err, finite(place+"bbox_x1", b.X1), finite(place+"bbox_y1", b.Y1), finite(place+"bbox_x2", b.X2), finite(place+"bbox_y2", b.Y2))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isText(field, text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	return &doorlog.FieldError{Field: field, Problem: fmt.Sprintf("%.40q is not UTF-8", text)}
}

// AddThumbnail makes the thumbnail of an event that is stored without one, of a camera frame, and
// returns the event. The error is [doorlog.ErrExists] if the event has a thumbnail, and
// [doorlog.ErrInvalid] if the frame cannot be read.
func (c *Client) AddThumbnail(ctx context.Context, id doorlog.ID, frame []byte) (e doorlog.Event, err error) {
	if !possible(id) {
		return e, missing(id)
	}
	r := &request{
		doing: "add thumbnail", method: http.MethodPut, path: eventPath(id) + "/thumbnail", repeat: ofWrite,
		body: body{http.DetectContentType(frame), frame[:min(len(frame), doorlog.MaxFrameBytes+1)]},
	}
	r.body.text = bytes.Clone(r.body.text) // it may still be read when the call has ended
	err = c.json(ctx, r, &e)
	if r.lost && errors.Is(err, doorlog.ErrExists) {
		return c.again(ctx, id)
	}
	return e, err
}

// again reads an event that a write has stored whose answer was lost.
func (c *Client) again(ctx context.Context, id doorlog.ID) (doorlog.Event, error) {
	e, err := c.readWithETag(ctx, id)
	return e.event, err
}
