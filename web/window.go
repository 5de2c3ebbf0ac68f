package web

import (
	"encoding/json"

	"github.com/doorlog/doorlog"
)

// A window has the newest changes, each as the text of a server-sent event that was made once for all
// streams. A stream that falls behind the window reads the store by itself.
//
// As everywhere, a change has the event or the person as it is now. So all changes of one event share
// one text of it, which a later change replaces: a name that was erased is in no text any more.
type window struct {
	base   doorlog.Cursor // the place before the first entry
	list   []entry
	things map[doorlog.ID]*thing
	bytes  int
}

// An entry is a change in the window.
type entry struct {
	at    doorlog.Cursor // after the change
	id    doorlog.ID
	head  []byte // the text of the change, up to the event or the person
	thing *thing
}

// A thing is an event or a person.
type thing struct {
	text    []byte // what follows the heads of its changes; empty if it does not exist any more
	entries int    // of the window
}

// The most that a window has.
const (
	windowEntries = 8192
	windowBytes   = 4 << 20
)

func newWindow(at doorlog.Cursor) window {
	return window{base: at, things: make(map[doorlog.ID]*thing)}
}

// A told change is one whose text was made.
type told struct {
	at         doorlog.Cursor
	id         doorlog.ID
	head, tail []byte
}

// tell makes the text of a change.
func tell(c *doorlog.Change) (told, error) {
	bare, full := *c, []byte(nil)
	bare.Event, bare.Person = nil, nil
	head, err := json.Marshal(bare)
	if err == nil && (c.Event != nil || c.Person != nil) {
		full, err = json.Marshal(c)
	}
	if err != nil {
		return told{}, err
	}
	head = head[:len(head)-1] // without the brace
	t := told{at: c.Cursor, id: c.ID}
	if full != nil {
		t.tail = full[len(head) : len(full)-1]
	}
	t.head = append(appendFields(nil, c), head...)
	return t, nil
}

// appendFields appends what comes before the JSON of a change.
func appendFields(b []byte, c *doorlog.Change) []byte {
	b = append(append(b, "id: "...), c.Cursor.String()...)
	return append(append(append(b, "\nevent: "...), c.Op.String()...), "\ndata: "...)
}

// appendChange appends a change as a server-sent event.
func appendChange(b []byte, c *doorlog.Change) ([]byte, error) {
	text, err := json.Marshal(c)
	return append(append(appendFields(b, c), text...), "\n\n"...), err
}

// add adds the next change.
func (w *window) add(t told) {
	now := w.things[t.id]
	if now == nil {
		now = new(thing)
		w.things[t.id] = now
	}
	w.bytes += len(t.head) + len(t.tail) - len(now.text)
	now.text = t.tail
	now.entries++
	w.list = append(w.list, entry{t.at, t.id, t.head, now})
	for len(w.list) > windowEntries || w.bytes > windowBytes && len(w.list) > 1 {
		w.dropFirst()
	}
}

func (w *window) dropFirst() {
	first := w.list[0]
	w.list[0] = entry{} // so that its memory can be used again
	w.list, w.base = w.list[1:], first.at
	w.bytes -= len(first.head)
	if first.thing.entries--; first.thing.entries == 0 {
		w.bytes -= len(first.thing.text)
		delete(w.things, first.id)
	}
}

// appendAfter appends the changes after a place: as many as make most bytes, and one at least if there
// is one. It returns the place after them. has is false if the place is not in the window: before it, of
// another history, or beyond its end, where a reader is that has read the store before the hub has.
func (w *window) appendAfter(text []byte, at doorlog.Cursor, idsOnly bool, most int) (_ []byte, next doorlog.Cursor, has bool) {
	if at.Seq() < w.base.Seq() {
		return text, at, false
	}
	n := at.Seq() - w.base.Seq()
	if n > uint64(len(w.list)) || w.before(n) != at {
		return text, at, false
	}
	for _, e := range w.list[n:] {
		if text = append(text, e.head...); !idsOnly {
			text = append(text, e.thing.text...)
		}
		text = append(text, "}\n\n"...)
		if at = e.at; len(text) >= most {
			break
		}
	}
	return text, at, true
}

// before returns the place before an entry.
func (w *window) before(n uint64) doorlog.Cursor {
	if n == 0 {
		return w.base
	}
	return w.list[n-1].at
}
