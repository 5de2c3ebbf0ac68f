package doorlog

import (
	"crypto/rand"
	"time"
)

// NewID returns an ID for an event that happened at recordedAt, which must be a valid
// time for an event. A caller that chooses the ID of an event can write the event again
// if it does not know whether the first attempt was stored.
func (s *Store) NewID(recordedAt time.Time) (ID, error) {
	if err := s.enter(); err != nil {
		return ID{}, failed("new id", err)
	}
	defer s.leave()
	e := Event{RecordedAt: recordedAt}
	e.takeFirstHours()
	if err := validTime("recorded_at", e.RecordedAt, s.latest()); err != nil {
		return ID{}, failed("new id", err)
	}
	id, err := s.ids.next(e.RecordedAt)
	return id, failed("new id", err)
}

// RandomID returns an ID for an event that happened at recordedAt, without a store: for a program that
// sends events to a store elsewhere, and sends them again if it gets no answer. The error is
// [ErrInvalid] for a time that no event can have.
func RandomID(recordedAt time.Time) (ID, error) {
	e := Event{RecordedAt: recordedAt}
	e.takeFirstHours()
	if err := validTime("recorded_at", e.RecordedAt, maxIDTime); err != nil {
		return ID{}, failed("new id", err)
	}
	ids := idSource{entropy: rand.Reader}
	id, err := ids.next(e.RecordedAt)
	return id, failed("new id", err)
}
