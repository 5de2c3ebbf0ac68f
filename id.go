package doorlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// An ID identifies an event. It is a ULID, whose text form has 26 characters. It begins with
// the time at which the event happened. So IDs sort by RecordedAt to the nanosecond, and the
// newest event has the last key:
//
//	 48 bits                20 bits                    60 bits
//	| ms since 1970, UTC | ns within the ms (0-999999) | tie-break |
//
// The tie-break is random, with one exception: if the previous event has the same nanosecond,
// the tie-break is one higher. So events with equal times keep the order in which they were
// written.
//
// The zero ID identifies nothing. IDs can be compared with == and used as keys of a map.
type ID [16]byte

const (
	tieBits = 60
	tieMask = 1<<tieBits - 1
	nsPerMs = 1_000_000
)

// maxIDTime is the last time that an ID can hold, in the year 10889.
var maxIDTime = time.UnixMilli(1<<48 - 1).Add(nsPerMs - 1).UTC()

// ParseID parses the text form of an ID, in upper or lower case. It returns [ErrInvalid] if
// text is not a ULID, or a ULID that no event can have.
func ParseID(text string) (ID, error) {
	id, err := parseULID(text)
	if err != nil || !validID(id) {
		return ID{}, failed("parse id", invalid("id", "%.40q is not the ID of an event", text))
	}
	return id, nil
}

// parseULID parses any ULID.
func parseULID(text string) (ID, error) {
	id, err := ulid.ParseStrict(text)
	return ID(id), err
}

// String returns the text form, which has 26 characters.
func (id ID) String() string { return ulid.ULID(id).String() }

// Time returns the time in an ID, which is the event's RecordedAt, in UTC. For the zero ID it
// is the beginning of 1970.
func (id ID) Time() time.Time {
	ms := int64(ulid.ULID(id).Time())
	return time.Unix(ms/1000, ms%1000*nsPerMs+int64(idNanos(id))).UTC()
}

// Compare returns a negative number if id is before other, a positive number if it is after
// other, and 0 if they are equal.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText returns the text form. JSON uses it, too.
func (id ID) MarshalText() ([]byte, error) { return ulid.ULID(id).MarshalText() }

// UnmarshalText parses the text form, in upper or lower case. If text is not a ULID, it
// returns [ErrInvalid] and does not change id.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := parseULID(string(text))
	if err != nil {
		return invalid("id", "%.40q is not an ID", text)
	}
	*id = parsed
	return nil
}

// idNanos returns the nanoseconds within the millisecond.
func idNanos(id ID) uint32 { return binary.BigEndian.Uint32(id[6:10]) >> 12 }

// validID reports whether an event can have this ID: it is not zero, and its
// nanoseconds are less than a millisecond.
func validID(id ID) bool { return id != ID{} && idNanos(id) < nsPerMs }

// makeID returns the ID of a time and a tie-break. t must be between 1970 and maxIDTime.
func makeID(t time.Time, tie uint64) (id ID) {
	ms := uint64(t.UnixMilli())
	ns := uint64(t.Nanosecond() % nsPerMs)
	binary.BigEndian.PutUint64(id[0:8], ms<<16) // the next line overwrites the low 16 bits
	binary.BigEndian.PutUint16(id[6:8], uint16(ns>>4))
	binary.BigEndian.PutUint64(id[8:16], ns<<tieBits|tie&tieMask)
	return id
}

// idFrom returns the first ID that an event at or after t can have. It is the lower bound of a
// range that begins at t, and the upper bound of one that ends before t.
func idFrom(t time.Time) ID {
	switch {
	case t.Before(time.Unix(0, 0)):
		return ID{}
	case t.After(maxIDTime):
		return makeID(maxIDTime, math.MaxUint64)
	}
	return makeID(t, 0)
}

// idSource makes the IDs of one store. It is safe for concurrent use.
type idSource struct {
	mu      sync.Mutex
	entropy io.Reader
	last    ID
}

// next returns a new ID for an event that happened at t.
func (s *idSource) next(t time.Time) (ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := makeID(t, binary.BigEndian.Uint64(s.last[8:])+1); sameTime(id, s.last) {
		s.last = id
		return id, nil
	}
	var b [8]byte
	if _, err := io.ReadFull(s.entropy, b[:]); err != nil {
		return ID{}, err
	}
	// The top bit is 0, so adding to the tie-break never overflows.
	s.last = makeID(t, binary.BigEndian.Uint64(b[:])&(tieMask>>1))
	return s.last, nil
}

// sameTime reports whether two IDs hold the same nanosecond.
func sameTime(a, b ID) bool {
	return [8]byte(a[:8]) == [8]byte(b[:8]) && a[8]>>4 == b[8]>>4
}

// asID copies a key that must be an ID.
func asID(b []byte) (ID, error) {
	if len(b) != len(ID{}) {
		return ID{}, fmt.Errorf("%w: an ID has %d bytes", ErrCorrupt, len(b))
	}
	return ID(b), nil
}

// keyText returns a key as text for people: as an ID if it is one.
func keyText(key []byte) string {
	if id, err := asID(key); err == nil {
		return id.String()
	}
	if utf8.Valid(key) {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%x", key)
}

// lastBefore is the key just before id, which is not zero.
func lastBefore(id ID) ID {
	lo := binary.BigEndian.Uint64(id[8:])
	hi := binary.BigEndian.Uint64(id[:8])
	if lo == 0 {
		hi--
	}
	binary.BigEndian.PutUint64(id[8:], lo-1)
	binary.BigEndian.PutUint64(id[:8], hi)
	return id
}

// firstAfter is the key just after id.
func firstAfter(id ID) ID {
	lo := binary.BigEndian.Uint64(id[8:])
	hi := binary.BigEndian.Uint64(id[:8])
	if lo++; lo == 0 && hi != math.MaxUint64 {
		hi++
	}
	binary.BigEndian.PutUint64(id[8:], lo)
	binary.BigEndian.PutUint64(id[:8], hi)
	return id
}

const idLen = len(ID{})

// less reports whether a is before b. It is faster than ID.Compare, which matters in the inner
// loop of a search.
func less(a, b *ID) bool {
	ah, bh := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8])
	if ah != bh {
		return ah < bh
	}
	return binary.BigEndian.Uint64(a[8:]) < binary.BigEndian.Uint64(b[8:])
}

// lastID is after the ID of every event.
var lastID = ID(bytes.Repeat([]byte{math.MaxUint8}, len(ID{})))

func maxID(a, b ID) ID {
	if a.Compare(b) > 0 {
		return a
	}
	return b
}

func minID(a, b ID) ID {
	if a.Compare(b) < 0 {
		return a
	}
	return b
}

func about(key []byte, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("event %s: %w", keyText(key), err)
}

func eventError(id ID, err error) error { return fmt.Errorf("doorlog: event %s: %w", id, err) }
