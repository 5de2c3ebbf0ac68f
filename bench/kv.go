package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/doorlog/doorlog"
)

// A keyValue is an ordered store of keys and values, such as Badger and Pebble.
type keyValue interface {
	// load stores the pairs as part of a bulk load, write durably and at once.
	load(pairs []pair) error
	write(pairs []pair) error

	// view calls fn with one state of the store.
	view(fn func(kvReader) error) error

	settle() error
	close() error
}

type pair struct{ key, value []byte }

// What a kvReader gives out is valid until the next call.
type kvReader interface {
	get(key []byte) ([]byte, error)

	// scan calls fn with the pairs from low until just before high until it
	// returns false; value is nil if only keys are asked for.
	scan(low, high []byte, newestFirst, keysOnly bool, fn func(key, value []byte) (more bool, err error)) error
}

var errMissing = errors.New("a key is missing")

// kvEngine keeps an event as one record under its time and number, and has
// secondary keys without values that lead to it:
//
//	| e |                 time (8) | number (4) |  → record
//	| c | camera | NUL |  time (8) | number (4) |
//	| p | person | NUL |  time (8) | number (4) |  unless nobody was recognised
//	| l | label  | NUL |  time (8) | number (4) |  once for each label
type kvEngine struct{ kv keyValue }

const suffixLen = 8 + 4

// keyOf returns a key of an event; prefix is its letter and, with a NUL, its name.
func keyOf(prefix string, at time.Time, n int) []byte {
	key := append(make([]byte, 0, len(prefix)+suffixLen), prefix...)
	key = binary.BigEndian.AppendUint64(key, uint64(at.UnixNano()))
	return binary.BigEndian.AppendUint32(key, uint32(n))
}

// after returns the first key after all that begin with prefix.
func after(prefix string) []byte {
	return append([]byte(prefix), bytes.Repeat([]byte{math.MaxUint8}, suffixLen+1)...)
}

func keyTime(key []byte) time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key[len(key)-suffixLen:]))).UTC()
}

func pairsOf(pairs []pair, e *doorlog.Event, n int) ([]pair, error) {
	value, err := encodeEvent(e)
	if err != nil {
		return nil, err
	}
	pairs = append(pairs, pair{keyOf("e", e.RecordedAt, n), value}, pair{key: keyOf("c"+e.Camera+"\x00", e.RecordedAt, n)})
	if e.Person != "" {
		pairs = append(pairs, pair{key: keyOf("p"+e.Person+"\x00", e.RecordedAt, n)})
	}
	for i, d := range e.Detections {
		if !hasLabel(e.Detections[:i], d.Label) {
			pairs = append(pairs, pair{key: keyOf("l"+d.Label+"\x00", e.RecordedAt, n)})
		}
	}
	return pairs, nil
}

func hasLabel(list []doorlog.Detection, label string) bool {
	for _, d := range list {
		if d.Label == label {
			return true
		}
	}
	return false
}

func (k *kvEngine) Load(batch []doorlog.Event, n int) (err error) {
	var pairs []pair
	for i := range batch {
		if pairs, err = pairsOf(pairs, &batch[i], n+i); err != nil {
			return err
		}
	}
	return k.kv.load(pairs)
}

func (k *kvEngine) Settle() error { return k.kv.settle() }
func (k *kvEngine) Close() error  { return k.kv.close() }

func (k *kvEngine) Write(e *doorlog.Event, n int) error {
	pairs, err := pairsOf(nil, e, n)
	if err != nil {
		return err
	}
	return k.kv.write(pairs)
}

func (k *kvEngine) Event(r ref) (e doorlog.Event, err error) {
	err = k.kv.view(func(rd kvReader) error {
		value, err := rd.get(keyOf("e", r.at, r.n))
		if err != nil {
			return err
		}
		e, err = decodeEvent(value)
		return err
	})
	return e, err
}

func (k *kvEngine) Newest(limit int) ([]doorlog.Event, error) {
	return k.records([]byte("e"), after("e"), limit)
}

func (k *kvEngine) PageAt(_ int, last ref, limit int) ([]doorlog.Event, error) {
	return k.records([]byte("e"), keyOf("e", last.at, last.n), limit)
}

// records returns the newest events of a range of records.
func (k *kvEngine) records(low, high []byte, limit int) (list []doorlog.Event, err error) {
	err = k.kv.view(func(rd kvReader) error {
		return rd.scan(low, high, true, false, func(_, value []byte) (bool, error) {
			e, err := decodeEvent(value)
			list = append(list, e)
			return len(list) < limit, err
		})
	})
	return list, err
}

func (k *kvEngine) NewestWithLabel(label string, limit int) ([]doorlog.Event, error) {
	return k.indexed("l"+label+"\x00", limit, func(*doorlog.Event) bool { return true })
}

// Pair goes by the person, who is the rarer of the two, and looks at the camera
// of each event.
func (k *kvEngine) Pair(camera, person string, limit int) ([]doorlog.Event, error) {
	return k.indexed("p"+person+"\x00", limit, func(e *doorlog.Event) bool { return e.Camera == camera })
}

// indexed returns the newest events that a secondary key leads to and that match.
func (k *kvEngine) indexed(prefix string, limit int, match func(*doorlog.Event) bool) (list []doorlog.Event, err error) {
	err = k.kv.view(func(rd kvReader) error {
		return rd.scan([]byte(prefix), after(prefix), true, true, func(key, _ []byte) (bool, error) {
			value, err := rd.get(append([]byte("e"), key[len(key)-suffixLen:]...))
			if err != nil {
				return false, err
			}
			e, err := decodeEvent(value)
			if err == nil && match(&e) {
				list = append(list, e)
			}
			return len(list) < limit, err
		})
	})
	return list, err
}

func (k *kvEngine) CountCamera(camera string) (count int, err error) {
	prefix := "c" + camera + "\x00"
	err = k.kv.view(func(rd kvReader) error {
		return rd.scan([]byte(prefix), after(prefix), false, true, func(_, _ []byte) (bool, error) {
			count++
			return true, nil
		})
	})
	return count, err
}

// Heatmap needs the times alone, which the keys have.
func (k *kvEngine) Heatmap(s span) (doorlog.Heatmap, error) {
	t := newTally()
	err := k.over(s, true, func(key, _ []byte) error {
		t.time(keyTime(key))
		return nil
	})
	return t.heatmap, err
}

func (k *kvEngine) Timeline(s span) ([]doorlog.DayCount, error) {
	t := newTally()
	err := k.over(s, false, func(_, value []byte) error {
		e, err := decodeEvent(value)
		t.day(&e)
		return err
	})
	return t.timeline(), err
}

func (k *kvEngine) Breakdown(s span) ([]doorlog.LabelCount, error) {
	t := newTally()
	err := k.over(s, false, func(_, value []byte) error {
		e, err := decodeEvent(value)
		t.detections(e.Detections)
		return err
	})
	return t.breakdown(), err
}

// over calls fn with the records of a span.
func (k *kvEngine) over(s span, keysOnly bool, fn func(key, value []byte) error) error {
	low, high := []byte("e"), after("e")
	if !s.all() {
		low, high = keyOf("e", s.since, 0), keyOf("e", s.until, 0)
	}
	return k.kv.view(func(rd kvReader) error {
		return rd.scan(low, high, false, keysOnly, func(key, value []byte) (bool, error) {
			return true, fn(key, value)
		})
	})
}
