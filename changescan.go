package doorlog

import (
	"errors"
	"fmt"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A history is what is known of the changes of a state.
type history struct {
	store, incarnation ID
	trimmed, last      uint64 // the changes after trimmed and up to last are kept
}

func (in guarded) history() (h history, err error) {
	st, err := readState(in)
	if err != nil {
		return h, err
	}
	l, err := readLineage(in)
	return history{st.storeID, l.incarnation, st.trimmed(), st.seq}, err
}

// follow begins at the first change after a cursor. The error is ErrGone unless all changes after
// the cursor are kept.
func (in guarded) follow(h *history, at Cursor) (*changeScan, error) {
	gone := func(format string, args ...any) error {
		return fmt.Errorf("cursor %q: %w: "+format, append([]any{at.String(), ErrGone}, args...)...)
	}
	switch {
	case at.IsZero() && h.trimmed > 0:
		return nil, fmt.Errorf("from the beginning: %w: the changes up to %d are not kept", ErrGone, h.trimmed)
	case at.IsZero():
		return in.changesFrom(h, 1), nil
	case at.store != h.store:
		return nil, gone("it is of another store; this one is %s", h.store)
	case at.incarnation != h.incarnation:
		return nil, gone("it is of another history of this store, which has been restored, salvaged or put back since")
	case at.seq > h.last:
		return nil, gone("the last change is %d: the file is an older copy", h.last)
	case at.isCutOff(h.trimmed):
		return nil, gone("the changes up to %d are not kept any more", h.trimmed)
	case at.seq == h.trimmed:
		return in.changesFrom(h, at.seq+1), nil
	}
	s := in.changesFrom(h, at.seq)
	c, err := s.next()
	if err == nil && c.sum() != at.sum {
		err = gone("change %d is another one: the file is a copy that has gone on by itself", at.seq)
	}
	return s, err
}

// cursorAt returns the place after a change, which is c.
func (h *history) cursorAt(seq uint64, c change) Cursor {
	return Cursor{h.store, h.incarnation, seq, c.sum()}
}

// A changeScan walks over the changes in the order of their numbers. It joins those of the bucket
// with those of the tail.
type changeScan struct {
	cursor  boltfile.KeyCursor
	block   changeBlock
	started bool
	tail    []numberedChange // that are still to come
	seq     uint64           // of the next change
	last    uint64
}

// changesFrom begins at a change that is kept, or right after the last one.
func (in guarded) changesFrom(h *history, seq uint64) *changeScan {
	s := &changeScan{cursor: in.Cursor(changesSum), seq: seq, last: h.last}
	for _, c := range changesOfTail(in.Cursor(tailNumber)) {
		if c.seq >= seq {
			s.tail = append(s.tail, c)
		}
	}
	return s
}

var errChanges = errors.New("no more changes")

// next returns the next change; errChanges: there is none.
func (s *changeScan) next() (c change, err error) {
	if s.seq > s.last {
		return c, errChanges
	}
	if len(s.tail) > 0 && s.tail[0].seq == s.seq {
		c = s.tail[0].change
		s.tail, s.seq = s.tail[1:], s.seq+1
		return c, nil
	}
	if s.seq < s.block.first || s.seq >= s.block.until() {
		if err := s.nextBlock(); err != nil {
			return c, fmt.Errorf("change %d: %w", s.seq, err)
		}
	}
	c = s.block.change(int(s.seq - s.block.first))
	s.seq++
	return c, nil
}

// nextBlock moves to the block that has the next change.
func (s *changeScan) nextBlock() (err error) {
	var k, v []byte
	if s.started {
		k, v = s.cursor.Next()
	} else {
		k, v = seekBefore(s.cursor, seqKey(s.seq+1)) // the last block that begins at the change or before
	}
	s.started = true
	if k == nil {
		return fmt.Errorf("%w: it is missing", ErrCorrupt)
	}
	if s.block, err = openChanges(k, v); err == nil && (s.seq < s.block.first || s.seq >= s.block.until()) {
		err = fmt.Errorf("%w: it is missing", ErrCorrupt)
	}
	return err
}
