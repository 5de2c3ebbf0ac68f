package web

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

var eventRoutes = []route{
	{http.MethodGet, "/v1/events", needsRead, noBody, (*call).getEvents},
	{http.MethodGet, "/v1/events/{id}", needsRead, noBody, (*call).getEvent},
	{http.MethodPut, "/v1/events/{id}", needsWrite, largeBody, (*call).putEvent},
	{http.MethodPatch, "/v1/events/{id}", needsWrite, largeBody, (*call).patchEvent},
	{http.MethodDelete, "/v1/events/{id}", needsAdmin, noBody, (*call).deleteEvent},
	{http.MethodGet, "/v1/events/{id}/thumbnail", needsRead, noBody, (*call).getThumbnail},
	{http.MethodPut, "/v1/events/{id}/thumbnail", needsWrite, largeBody, (*call).putThumbnail},
	{http.MethodPut, "/v1/events/{id}/pin", needsWrite, noBody, (*call).pin},
	{http.MethodDelete, "/v1/events/{id}/pin", needsWrite, noBody, (*call).unpin},
	{http.MethodPut, "/v1/events/{id}/alert", needsWrite, noBody, (*call).alert},
	{http.MethodPost, "/v1/events/review", needsWrite, smallBody, (*call).review},
	{http.MethodPost, "/v1/events/update", needsWrite, largeBody, (*call).updateEvents},
	{http.MethodPost, "/v1/events/known", needsRead, smallBody, (*call).knownEvents},
	{http.MethodGet, "/v1/recording", needsRead, noBody, (*call).getRecording},
	{http.MethodGet, "/v1/new-id", needsWrite, noBody, (*call).newID},
}

func (c *call) getEvents() error {
	values, err := c.anyValues()
	if err != nil {
		return err
	}
	q, err := wire.ParseQuery(values, "cursor")
	if err != nil {
		return err
	}
	if values.Has("limit") && (q.Limit < 1 || q.Limit > wire.MaxPage) {
		return invalid("limit", "%d is not in 1..%d", q.Limit, wire.MaxPage)
	}
	page, err := c.Page(c.ctx(), q, values.Get("cursor"))
	if err != nil {
		return err
	}
	text := append(textPool.get(), `{"events":`...)
	if text, err = appendEvents(text, page.Events); err != nil {
		return err
	}
	text = append(append(text, `,"next":"`...), page.Next...) // cursors are base64
	text = append(append(text, `","prev":"`...), page.Prev...)
	return c.sendPooled(http.StatusOK, append(text, `"}`+"\n"...))
}

func appendEvents(b []byte, events []doorlog.Event) (_ []byte, err error) {
	b = append(b, '[')
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = events[i].AppendJSON(b); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// respondEvents writes {"events":[…]} or, with existed, {"events":[…],"existed":[…]}.
func (c *call) respondEvents(events []doorlog.Event, existed []bool) error {
	text, err := appendEvents([]byte(`{"events":`), events)
	if err != nil {
		return err
	}
	if existed != nil {
		text = append(text, `,"existed":[`...)
		for i, e := range existed {
			if i > 0 {
				text = append(text, ',')
			}
			text = strconv.AppendBool(text, e)
		}
		text = append(text, ']')
	}
	return c.sendJSON(http.StatusOK, append(text, "}\n"...))
}

// respondEvent writes an event with its ETag. If the client knows that one, it gets no more than that.
func (c *call) respondEvent(status int, e *doorlog.Event, known *tags) error {
	text, err := e.AppendJSON(textPool.get())
	if err != nil {
		return err
	}
	tag := tagOf(text)
	c.w.Header().Set("ETag", tag)
	if known != nil && known.has(tag, true) {
		textPool.put(text)
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.sendPooled(status, append(text, '\n'))
}

// readEvent answers a read of one event.
func (c *call) readEvent(e doorlog.Event, err error) error {
	if err != nil {
		return err
	}
	known, err := c.parseTags("If-None-Match")
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-cache") // ask whether it has changed
	return c.respondEvent(http.StatusOK, &e, known)
}

func (c *call) getEvent() error {
	id, err := c.plainID()
	if err != nil {
		return err
	}
	return c.readEvent(c.Event(c.ctx(), id))
}

func (c *call) getRecording() error {
	values, err := c.only("camera", "recording_id")
	if err != nil {
		return err
	}
	return c.readEvent(c.EventByRecording(c.ctx(), values.Get("camera"), values.Get("recording_id")))
}

func (c *call) knownEvents() error {
	var in struct {
		IDs []doorlog.ID `json:"ids"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	if len(in.IDs) > wire.MaxKnown {
		return &doorlog.FieldError{Field: "ids", Problem: fmt.Sprintf("has %d entries, more than %d", len(in.IDs), wire.MaxKnown), TooLarge: true}
	}
	known, err := c.Known(c.ctx(), in.IDs)
	return answer(c, struct {
		Known doorlog.List[doorlog.ID] `json:"known"`
	}{known}, err)
}

func (c *call) newID() error {
	values, err := c.only("recorded_at")
	if err != nil {
		return err
	}
	if !values.Has("recorded_at") {
		return invalid("recorded_at", "is missing")
	}
	at, err := doorlog.ParseTime(values.Get("recorded_at"), nil)
	if err != nil {
		return invalid("recorded_at", "%s", wire.ProblemOf(err).Reason)
	}
	id, err := c.NewID(at)
	return answer(c, struct {
		ID doorlog.ID `json:"id"`
	}{id}, err)
}
