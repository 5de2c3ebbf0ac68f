package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/doorlog/doorlog"
)

// matchedID returns the ID in the path, and what If-Match asks of the event; nil if there is none.
func (c *call) matchedID() (doorlog.ID, *tags, error) {
	id, err := c.plainID()
	if err != nil {
		return id, nil, err
	}
	match, err := c.parseTags("If-Match")
	return id, match, err
}

// putEvent writes an event under an ID or, with If-Match, replaces it.
func (c *call) putEvent() error {
	id, match, err := c.matchedID()
	if err != nil {
		return err
	}
	var e doorlog.Event
	if err := c.decode(&e); err != nil {
		return err
	}
	if !e.ID.IsZero() && e.ID != id {
		return invalid("id", "%s is not that of the address", e.ID)
	}
	e.ID = id
	if match == nil {
		stored, existed, err := c.WriteEvent(c.ctx(), e, nil, false)
		if err != nil {
			return err
		}
		return c.respondWritten(&stored, existed)
	}
	return c.updateEvent(id, match, func(now *doorlog.Event) error {
		*now = e
		return nil
	})
}

// updateEvent changes one event if it is as match asks.
func (c *call) updateEvent(id doorlog.ID, match *tags, change func(*doorlog.Event) error) error {
	stored, err := c.UpdateEvents(c.ctx(), []doorlog.ID{id}, func(now *doorlog.Event) error {
		if err := match.check(now); err != nil {
			return err
		}
		return change(now)
	})
	if err != nil {
		return err
	}
	return c.respondEvent(http.StatusOK, &stored[0], nil)
}

// patchEvent changes some fields of an event: RFC 7396.
func (c *call) patchEvent() error {
	id, match, err := c.matchedID()
	if err != nil {
		return err
	}
	if _, _, err := c.mediaType(typePatch, typeJSON); err != nil {
		return err
	}
	data, err := c.readBody()
	if err != nil {
		return err
	}
	var patch map[string]json.RawMessage
	if err := unmarshal(data, &patch); err != nil {
		return err
	}
	if patch == nil {
		return invalid("json", "is not an object: null")
	}
	return c.updateEvent(id, match, func(now *doorlog.Event) error { return mergeInto(now, patch) })
}

// mergeInto applies a merge patch to an event.
func mergeInto(e *doorlog.Event, patch map[string]json.RawMessage) error {
	text, err := e.AppendJSON(nil)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for name := range patch { // null would remove nothing
		if _, known := fields[name]; !known {
			return invalid(name, "is not a field that is known here")
		}
	}
	merged, err := merge(text, patch)
	if err != nil {
		return err
	}
	var now doorlog.Event
	if err := now.UnmarshalJSON(merged); err != nil {
		return err
	}
	*e = now
	return nil
}

// merge returns a JSON value, changed by a patch that is an object (RFC 7396). It keeps what it does not
// change byte by byte.
func merge(target []byte, patch map[string]json.RawMessage) ([]byte, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(target, &fields) != nil || fields == nil { // not an object: the patch replaces it
		fields = make(map[string]json.RawMessage)
	}
	for name, value := range patch {
		value = bytes.TrimSpace(value)
		switch {
		case string(value) == "null":
			delete(fields, name)
		case value[0] != '{':
			fields[name] = value
		default:
			var inner map[string]json.RawMessage
			err := json.Unmarshal(value, &inner)
			if err == nil {
				fields[name], err = merge(fields[name], inner)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(fields)
}

func (c *call) deleteEvent() error {
	id, match, err := c.matchedID()
	if err != nil {
		return err
	}
	if match == nil || match.any {
		return c.done(c.DeleteEvent(c.ctx(), id, nil))
	}
	return c.done(c.DeleteEvent(c.ctx(), id, func(e doorlog.Event) error { return match.check(&e) }))
}

// updateEvents replaces events, all or none, each of which must be what it was when it was read.
func (c *call) updateEvents() error {
	var in struct {
		Events []struct {
			Event doorlog.Event `json:"event"`
			ETag  string        `json:"etag"`
		} `json:"events"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	ids := make([]doorlog.ID, len(in.Events))
	places := make(map[doorlog.ID]int, len(in.Events))
	for i := range in.Events {
		id := in.Events[i].Event.ID
		switch _, twice := places[id]; {
		case id.IsZero():
			return invalid(fmt.Sprintf("events[%d].event.id", i), "is missing")
		case twice:
			return invalid(fmt.Sprintf("events[%d].event.id", i), "is given twice")
		case in.Events[i].ETag == "":
			return invalid(fmt.Sprintf("events[%d].etag", i), "is missing")
		}
		ids[i], places[id] = id, i
	}
	stored, err := c.UpdateEvents(c.ctx(), ids, func(now *doorlog.Event) error {
		one := &in.Events[places[now.ID]]
		if err := (&tags{list: []string{one.ETag}}).check(now); err != nil {
			return err
		}
		*now = one.Event
		return nil
	})
	if err != nil {
		return err
	}
	return c.respondEvents(stored, nil)
}

func (c *call) pin() error { return c.setPinned(true) }

func (c *call) unpin() error { return c.setPinned(false) }

func (c *call) setPinned(on bool) error {
	id, err := c.plainID()
	if err != nil {
		return err
	}
	return c.done(c.SetPinned(c.ctx(), id, on))
}

func (c *call) alert() error {
	id, err := c.plainID()
	if err != nil {
		return err
	}
	return c.done(c.MarkAlertSent(c.ctx(), id))
}

func (c *call) review() error {
	var in struct {
		IDs      []doorlog.ID `json:"ids"`
		Reviewed *bool        `json:"reviewed"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	return c.done(c.SetReviewed(c.ctx(), in.IDs, in.Reviewed == nil || *in.Reviewed))
}
