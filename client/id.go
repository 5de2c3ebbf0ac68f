package client

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
)

// NewID returns an ID for an event that happened at recordedAt, without asking the server. It is
// otherwise [doorlog.Store.NewID]; whether the time is too far ahead of the server's clock is seen
// when the event is written.
func (c *Client) NewID(recordedAt time.Time) (doorlog.ID, error) { return c.ids.next(recordedAt) }

// An idSource makes IDs. Those of one time are in order, as those of a store are.
type idSource struct {
	mu   sync.Mutex
	last doorlog.ID
}

func (s *idSource) next(t time.Time) (doorlog.ID, error) {
	id, err := doorlog.RandomID(t)
	if err != nil {
		return id, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && id.Time().Equal(s.last.Time()) {
		id = s.last // its last 60 bits are the tie-break, of which RandomID leaves the highest 0
		tie := id[8:]
		binary.BigEndian.PutUint64(tie, binary.BigEndian.Uint64(tie)+1)
	}
	s.last = id
	return id, nil
}
