package client_test

import (
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// agree fails unless two errors have the same text.
func agree(t *testing.T, what string, err, want error) {
	t.Helper()
	if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// unusualIDs returns an ID that is zero, one that no event can have, and one that no event has.
func unusualIDs(t *testing.T) []doorlog.ID {
	t.Helper()
	var zero, odd doorlog.ID
	for i := range odd {
		odd[i] = 0xff
	}
	ghost, err := doorlog.RandomID(noon)
	if err != nil {
		t.Fatal(err)
	}
	return []doorlog.ID{zero, odd, ghost}
}

// IDs that no event has get the answers of the library.
func TestUnusualIDs(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	e, err := s.WriteEvent(ctx, motion(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range unusualIDs(t) {
		for _, ids := range [][]doorlog.ID{nil, {}, {id}, {e.ID, id}, {e.ID, e.ID}} {
			agree(t, "review", c.MarkReviewed(ctx, ids...), s.MarkReviewed(ctx, ids...))
			keep := func(*doorlog.Event) error { return nil }
			_, err := c.UpdateEvents(ctx, ids, keep)
			_, want := s.UpdateEvents(ctx, ids, keep)
			agree(t, "update events", err, want)
		}
		_, err := c.Event(ctx, id)
		_, want := s.Event(ctx, id)
		agree(t, "event", err, want)
		agree(t, "pin", c.Pin(ctx, id), s.Pin(ctx, id))
		agree(t, "unpin", c.Unpin(ctx, id), s.Unpin(ctx, id))
		agree(t, "alert", c.MarkAlertSent(ctx, id), s.MarkAlertSent(ctx, id))
		agree(t, "delete", c.DeleteEvent(ctx, id), s.DeleteEvent(ctx, id))
		_, err = c.Thumbnail(ctx, id)
		_, want = s.Thumbnail(ctx, id)
		agree(t, "thumbnail", err, want)
		named := motion(0)
		named.ID = id
		agree(t, "update", c.UpdateEvent(ctx, named), s.UpdateEvent(ctx, named))
		_, err = c.WriteEvent(ctx, named)
		if _, want = s.WriteEvent(ctx, named); !id.IsZero() {
			agree(t, "write", err, want)
		}
	}
}

// Names that are empty, no text or unknown get the answers of the library.
func TestUnusualNames(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	for _, names := range [][2]string{{"", ""}, {"a", ""}, {"", "a"}, {"a", "a"}, {"\xff", "a"}, {"a", "\xff"}, {"front", "a\x00b"}} {
		one, other := names[0], names[1]
		_, err := c.RenameCamera(ctx, one, other)
		_, want := s.RenameCamera(ctx, one, other)
		agree(t, "rename camera", err, want)
		_, err = c.RenamePerson(ctx, one, other)
		_, want = s.RenamePerson(ctx, one, other)
		agree(t, "rename person", err, want)
		_, err = c.EventByRecording(ctx, one, other)
		_, want = s.EventByRecording(ctx, one, other)
		agree(t, "recording", err, want)
		_, err = c.ErasePerson(ctx, one, doorlog.Erasure(0))
		_, want = s.ErasePerson(ctx, one, doorlog.Erasure(0))
		agree(t, "erase", err, want)
		_, err = c.FindConsumer(ctx, one)
		_, want = s.FindConsumer(ctx, one)
		agree(t, "find consumer", err, want)
		agree(t, "remove consumer", c.RemoveConsumer(ctx, one), s.RemoveConsumer(ctx, one))
		if one != "a" && one != "front" { // which the client would have made
			_, err = c.Consumer(ctx, one, nil)
			_, want = s.Consumer(ctx, one, nil)
			agree(t, "consumer", err, want)
		}
		_, err = c.Person(ctx, one)
		_, want = s.Person(ctx, one)
		agree(t, "person", err, want)
		agree(t, "auto unlock", c.SetAutoUnlock(ctx, one, true), s.SetAutoUnlock(ctx, one, true))
		agree(t, "delete person", c.DeletePerson(ctx, one), s.DeletePerson(ctx, one))
	}
}

// Queries that cannot be answered get the answers of the library, from whichever method they are given to.
func TestUnusualQueries(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	for _, q := range []doorlog.Query{
		{Limit: -1},
		{Offset: -1},
		{Limit: 1 << 30},
		{Cameras: []string{""}},
		{Cameras: []string{"\xff"}},
		{Hours: &doorlog.Hours{From: -1, Until: 30}},
		{Weekdays: []time.Weekday{9}},
		{Attributes: map[string][]string{"a": nil}},
		{Attributes: map[string][]string{"": {"x"}}},
		{MinConfidence: 2},
		{RecordingID: "\xff"},
		{Labels: []string{"a\x00"}},
	} {
		for _, at := range []string{"", "x"} {
			_, err := c.Page(ctx, q, at)
			_, want := s.Page(ctx, q, at)
			agree(t, "page at "+at, err, want)
		}
		_, err := c.Count(ctx, q)
		_, want := s.Count(ctx, q)
		agree(t, "count", err, want)
		_, err = c.Explain(ctx, q)
		_, want = s.Explain(ctx, q)
		agree(t, "explain", err, want)
		options := &doorlog.ChangeOptions{Query: &q}
		_, err = c.ChangePage(ctx, doorlog.Cursor{}, 0, options)
		_, want = s.ChangePage(ctx, doorlog.Cursor{}, 0, options)
		agree(t, "changes", err, want)
		for _, err = range c.Events(ctx, q) {
		}
		for _, want = range s.Events(ctx, q) {
		}
		agree(t, "events", err, want)
	}
}
