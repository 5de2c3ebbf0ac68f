package doorlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A ChangeOp is what happened to an event or a person.
type ChangeOp uint8

// What can happen.
const (
	EventCreated  ChangeOp = iota + 1 // an event was stored
	EventUpdated                      // an event was changed
	EventDeleted                      // an event was deleted, by whatever way
	PersonPut                         // a person was added, changed or renamed
	PersonRemoved                     // a person was taken off the list
)

var changeOps = [...]string{
	EventCreated: "created", EventUpdated: "updated", EventDeleted: "deleted",
	PersonPut: "person_put", PersonRemoved: "person_removed",
}

// String returns "created", "updated", "deleted", "person_put" or "person_removed".
func (op ChangeOp) String() string {
	if op > 0 && int(op) < len(changeOps) {
		return changeOps[op]
	}
	return fmt.Sprintf("ChangeOp(%d)", uint8(op))
}

// MarshalText returns the String of a known operation, and nothing for 0.
func (op ChangeOp) MarshalText() ([]byte, error) {
	if int(op) >= len(changeOps) {
		return nil, invalid("op", "%d is no operation", op)
	}
	return []byte(changeOps[op]), nil
}

// UnmarshalText reads what MarshalText returns.
func (op *ChangeOp) UnmarshalText(text []byte) error {
	for i, name := range changeOps {
		if string(text) == name {
			*op = ChangeOp(i)
			return nil
		}
	}
	return invalid("op", "%.40q is none of %s", text, strings.Join(changeOps[1:], ", "))
}

// A Change is one step in the history of a store (see [Store.Changes]).
//
// What the event or the person was like after the change is not kept. A reader gets what it is
// now. So a reader that comes late gets the same event for each of its changes, and for a
// change of an event that has been deleted since, none.
type Change struct {
	// Cursor is the place after this change.
	Cursor Cursor `json:"cursor"`

	// Op is what happened.
	Op ChangeOp `json:"op"`

	// ID identifies the event, or the person by [Person.Key].
	ID ID `json:"id"`

	// Event is the event as it is now. It is nil if the event has been deleted by now, for
	// changes of persons, and for a change with NoMatch.
	Event *Event `json:"event,omitempty"`

	// Person is the person as he or she is now. It is nil if the person has been removed by
	// now, and for changes of events.
	Person *Person `json:"person,omitempty"`

	// NoMatch says that the event does not match the query of the reader, and that it may
	// have matched before this change. It is false for readers without a query.
	NoMatch bool `json:"no_match,omitempty"`
}

// A Cursor is a place in the changes of a store: after one change and before the next. It is
// text, so that it can be kept anywhere. The zero Cursor is the place before the first change
// of any store. Cursors can be compared with ==.
//
// A cursor belongs to one history of one store. A restored backup, an older copy of the file
// that is put back, and a salvaged file have another history than the store from which they
// came: there a cursor of that store is [ErrGone].
type Cursor struct {
	store, incarnation ID
	seq                uint64
	sum                uint32 // of the change seq: another history may have another change there
}

// IsZero reports whether c is the place before the first change of any store.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// Seq returns the number of the last change before the place. The first change of a store has
// the number 1, and no number is left out in a history. So the difference of two cursors of one
// history is the number of changes between them. A salvage, which ends a history, leaves a gap.
func (c Cursor) Seq() uint64 { return c.seq }

// String returns the text form: store, incarnation, number and checksum of the last change, with
// dots between them. It is empty for the zero Cursor.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s.%s.%d.%08x", c.store, c.incarnation, c.seq, c.sum)
}

// ParseCursor reads the text form of a cursor. The error is [ErrInvalid] if text is none.
func ParseCursor(text string) (Cursor, error) {
	c, err := parsePlace(text)
	if err != nil {
		return Cursor{}, failed("parse cursor", invalid("cursor", "%.120q is not the text of a cursor", text))
	}
	return c, nil
}

var errNoCursor = errors.New("it is no cursor")

func parsePlace(text string) (c Cursor, err error) {
	if text == "" {
		return c, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) != 4 || len(parts[3]) != 8 {
		return c, errNoCursor
	}
	if c.store, err = parseULID(parts[0]); err != nil {
		return c, err
	}
	if c.incarnation, err = parseULID(parts[1]); err != nil {
		return c, err
	}
	if c.seq, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
		return c, err
	}
	sum, err := strconv.ParseUint(parts[3], 16, 32)
	c.sum = uint32(sum)
	if err == nil && c.String() != strings.ToUpper(parts[0])+"."+strings.ToUpper(parts[1])+"."+parts[2]+"."+parts[3] {
		err = errNoCursor
	}
	return c, err
}

// MarshalText returns the text form.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the text form.
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}

// isCutOff reports whether a store that does not keep the changes up to trimmed cannot go on from
// the place. It needs the change before the place, too: only that shows that the cursor is of this
// history and not of a copy that has gone on by itself. A cursor without a checksum is from when
// no change was kept: then nothing is compared.
func (c Cursor) isCutOff(trimmed uint64) bool {
	return c.seq < trimmed || c.seq == trimmed && c.sum != 0
}

const placeLen = 2*idLen + 8 + 4

// appendTo appends the form of a cursor in the record of a consumer.
func (c Cursor) appendTo(b []byte) []byte {
	b = append(append(b, c.store[:]...), c.incarnation[:]...)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, c.seq), c.sum)
}

// cursorOf reads what appendTo has appended: placeLen bytes.
func cursorOf(b []byte) Cursor {
	rest := b[2*idLen:]
	return Cursor{ID(b), ID(b[idLen:]), binary.BigEndian.Uint64(rest), binary.BigEndian.Uint32(rest[8:])}
}
