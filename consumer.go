package doorlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// A Consumer is a reader of changes whose place is kept in the store. So it needs no memory of its
// own to go on where it was, and the changes that it has yet to get are kept for it.
type Consumer struct {
	store *Store
	name  string
}

// ConsumerOptions are for a consumer that is made. nil stands for the defaults.
type ConsumerOptions struct {
	// From is where the consumer begins. The zero Cursor is before the first change: that is
	// ErrGone if the store has not kept all of them.
	From Cursor

	// Hold is how many changes behind the last one the consumer may be and still have those that
	// it has yet to get kept for it, whatever Options.KeepChanges says. If it falls further
	// behind it gets ErrGone. Default: 10,000,000, which take about 250 MB.
	Hold int
}

const (
	defaultHold  = 10_000_000
	maxConsumers = 64
)

// A ConsumerInfo tells where a consumer is.
type ConsumerInfo struct {
	Name   string    `json:"name"`
	Cursor Cursor    `json:"cursor"` // after the last change that it has acknowledged
	Behind int       `json:"behind"` // number of changes after it
	Hold   int       `json:"hold"`   // ConsumerOptions.Hold
	Acked  time.Time `json:"acked"`  // when it last acknowledged changes, or was made

	// Gone says that changes which it has yet to get are not kept any more: it gets ErrGone.
	Gone bool `json:"gone"`
}

// Consumer returns the consumer of a name, which it makes if there is none. A name is 1 to
// MaxNameLen bytes of UTF-8 without NUL. There can be 64 consumers. For a consumer that exists,
// options have no effect, except that a Hold that is set replaces the one that it has.
func (s *Store) Consumer(ctx context.Context, name string, options *ConsumerOptions) (*Consumer, error) {
	c := &Consumer{s, normalName(name)}
	if err := c.make(ctx, options); err != nil {
		return nil, fmt.Errorf("doorlog: consumer %q: %w", name, err)
	}
	return c, nil
}

// FindConsumer returns the consumer of a name. The error is [ErrNotFound] if there is none.
func (s *Store) FindConsumer(ctx context.Context, name string) (*Consumer, error) {
	c := &Consumer{s, normalName(name)}
	if _, err := c.Cursor(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Consumer) make(ctx context.Context, options *ConsumerOptions) error {
	if options == nil {
		options = new(ConsumerOptions)
	}
	if err := validName("consumer", c.name); err != nil {
		return err
	}
	if options.Hold < 0 {
		return invalid("ConsumerOptions.Hold", "%d is negative", options.Hold)
	}
	info, found, err := c.lookUp(ctx)
	if err != nil || found && (options.Hold == 0 || options.Hold == info.Hold) {
		return err
	}
	return c.update(ctx, options.From, !found, func(w *writeTx, state consumerState, known bool) (consumerState, error) {
		if found && !known { // it has been removed meanwhile
			return state, ErrNotFound
		}
		if !known {
			if w.sums[consumersSum].entries >= maxConsumers {
				return state, tooLarge("consumer", "there are %d already", maxConsumers)
			}
			state = consumerState{at: options.From, hold: defaultHold, acked: c.store.opt.Now()}
		}
		if options.Hold > 0 {
			state.hold = uint64(options.Hold)
		}
		return state, nil
	})
}

// Name returns the name.
func (c *Consumer) Name() string { return c.name }

// Cursor returns the place of the consumer: the one that it acknowledged last. The error is
// [ErrNotFound] if it has been removed.
func (c *Consumer) Cursor(ctx context.Context) (Cursor, error) {
	info, found, err := c.lookUp(ctx)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return Cursor{}, fmt.Errorf("doorlog: consumer %q: %w", c.name, err)
	}
	return info.Cursor, nil
}

// Changes is [Store.ChangesWith] from the place of the consumer. It moves that place only by
// [Consumer.Ack]: changes that were not acknowledged are told again by the next call.
func (c *Consumer) Changes(ctx context.Context, options *ChangeOptions) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		at, err := c.Cursor(ctx)
		if err != nil {
			yield(Change{}, err)
			return
		}
		for change, err := range c.store.ChangesWith(ctx, at, options) {
			if !yield(change, err) {
				return
			}
		}
	}
}

// Ack moves the place of the consumer: it has dealt with all changes up to the cursor. It is
// durable when Ack returns. One call for many changes costs one commit. The cursor may also be
// an earlier one: then the changes after it are told again. The error is [ErrGone] if the changes
// after the cursor are not kept, and [ErrNotFound] if the consumer has been removed; then nothing has
// changed.
func (c *Consumer) Ack(ctx context.Context, at Cursor) error {
	err := c.update(ctx, at, true, func(w *writeTx, state consumerState, known bool) (consumerState, error) {
		if !known {
			return state, ErrNotFound
		}
		state.at, state.acked = at, c.store.opt.Now()
		return state, nil
	})
	if err != nil {
		return fmt.Errorf("doorlog: acknowledge for consumer %q: %w", c.name, err)
	}
	return nil
}

// update replaces what the store keeps of the consumer. If moves, it moves to a place, which must be
// one that can be continued.
func (c *Consumer) update(ctx context.Context, at Cursor, moves bool, change func(w *writeTx, state consumerState, known bool) (consumerState, error)) error {
	s := c.store
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if moves {
		if _, err := s.lastChange(ctx, at); err != nil {
			return err
		}
	}
	return s.commits.makeRoom(ctx, func(w *writeTx) (err error) {
		if moves && at.isCutOff(w.trimmed()) { // meanwhile
			return fmt.Errorf("cursor %q: %w: the changes up to %d are not kept any more", at, ErrGone, w.trimmed())
		}
		key := []byte(c.name)
		var state consumerState
		rec := w.tx.Get(consumersSum, key)
		if rec != nil {
			if state, err = decodeConsumer(key, rec); err != nil {
				return err
			}
		}
		if state, err = change(w, state, rec != nil); err != nil {
			return err
		}
		return w.put(consumersSum, key, state.encode(key))
	})
}

// lookUp returns what the store knows of the consumer.
func (c *Consumer) lookUp(ctx context.Context) (info ConsumerInfo, found bool, err error) {
	list, err := c.store.consumers(ctx)
	for _, info := range list {
		if info.Name == c.name {
			return info, true, nil
		}
	}
	return ConsumerInfo{}, false, err
}

// Consumers returns where each consumer is, sorted by name.
func (s *Store) Consumers(ctx context.Context) ([]ConsumerInfo, error) {
	list, err := s.consumers(ctx)
	return list, failed("consumers", err)
}

func (s *Store) consumers(ctx context.Context) (list []ConsumerInfo, err error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	err = sn.read(func(in guarded) (err error) {
		list, err = in.consumers()
		return err
	})
	return list, err
}

func (in guarded) consumers() (list []ConsumerInfo, err error) {
	h, err := in.history()
	if err != nil {
		return nil, err
	}
	list = []ConsumerInfo{}
	cursor := in.Cursor(consumersSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		c, err := decodeConsumer(k, v)
		if err != nil {
			return nil, fmt.Errorf("consumer %q: %w", k, err)
		}
		info := ConsumerInfo{Name: string(k), Cursor: c.at, Hold: int(c.hold), Acked: c.acked}
		if _, err := in.follow(&h, c.at); err != nil {
			if info.Gone = errors.Is(err, ErrGone); !info.Gone {
				return nil, err
			}
		}
		if c.at.seq < h.last {
			info.Behind = int(h.last - c.at.seq)
		}
		list = append(list, info)
	}
	return list, nil
}

// RemoveConsumer removes a consumer: nothing is kept for it any more. The error is [ErrNotFound] if
// there is none of that name.
func (s *Store) RemoveConsumer(ctx context.Context, name string) error {
	if err := s.removeConsumer(ctx, []byte(normalName(name))); err != nil {
		return fmt.Errorf("doorlog: remove consumer %q: %w", name, err)
	}
	return nil
}

func (s *Store) removeConsumer(ctx context.Context, key []byte) error {
	if err := validName("consumer", string(key)); err != nil {
		return err
	}
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	return s.commits.makeRoom(ctx, func(w *writeTx) error {
		if w.tx.Get(consumersSum, key) == nil {
			return ErrNotFound
		}
		return w.delete(consumersSum, key)
	})
}
