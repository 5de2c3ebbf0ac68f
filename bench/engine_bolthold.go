package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/timshannon/bolthold"
	"github.com/vmihailenco/msgpack/v5"
	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

// boltholdEngine is bolthold with an encoder that is quicker than gob, and
// keys that sort. Its index keeps all keys of a value in one list, which every
// insert of that value writes anew, so only the person has one, and strangers
// are not in it.
type boltholdEngine struct{ store *bolthold.Store }

// A heldEvent is a record with what bolthold wants to know about it.
type heldEvent struct{ Record record }

type heldKey uint64

func (heldEvent) Type() string { return "Event" }

func (heldEvent) Indexes() map[string]bolthold.Index {
	return map[string]bolthold.Index{"Record.Person": {IndexFunc: personIndex}}
}

func (heldEvent) SliceIndexes() map[string]bolthold.SliceIndex { return nil }

func personIndex(_ string, value any) ([]byte, error) {
	var person string
	switch e := value.(type) {
	case heldEvent:
		person = e.Record.Person
	case *heldEvent:
		person = e.Record.Person
	default:
		return nil, fmt.Errorf("a %T is indexed", value)
	}
	if person == "" {
		return nil, nil
	}
	return msgpack.Marshal(person)
}

func openBolthold(dir string) (engine, error) {
	store, err := bolthold.Open(filepath.Join(dir, "events.db"), 0o600, &bolthold.Options{Encoder: heldEncode, Decoder: heldDecode})
	if err != nil {
		return nil, err
	}
	return &boltholdEngine{store}, nil
}

func heldEncode(value any) ([]byte, error) {
	switch v := value.(type) {
	case heldKey:
		return binary.BigEndian.AppendUint64(nil, uint64(v)), nil
	case heldEvent:
		return encodeRecord(&v.Record)
	}
	return msgpack.Marshal(value)
}

func heldDecode(data []byte, value any) error {
	switch v := value.(type) {
	case *heldKey:
		if len(data) != 8 {
			return errors.New("a key has not 8 bytes")
		}
		*v = heldKey(binary.BigEndian.Uint64(data))
		return nil
	case *heldEvent:
		return msgpack.Unmarshal(data, &v.Record)
	}
	return msgpack.Unmarshal(data, value)
}

func (b *boltholdEngine) Load(batch []doorlog.Event, n int) error {
	return b.store.Bolt().Update(func(tx *bolt.Tx) error {
		for i := range batch {
			if err := b.store.TxInsert(tx, heldKey(n+i), heldEvent{*recordOf(&batch[i])}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *boltholdEngine) Settle() error { return nil }
func (b *boltholdEngine) Close() error  { return b.store.Close() }

func (b *boltholdEngine) Write(e *doorlog.Event, n int) error {
	return b.store.Insert(heldKey(n), heldEvent{*recordOf(e)})
}

func (b *boltholdEngine) Event(r ref) (doorlog.Event, error) {
	var e heldEvent
	err := b.store.Get(heldKey(r.n), &e)
	return e.Record.event(), err
}

func (b *boltholdEngine) Newest(limit int) ([]doorlog.Event, error) {
	return b.newest(&bolthold.Query{}, limit)
}

func (b *boltholdEngine) NewestWithLabel(label string, limit int) ([]doorlog.Event, error) {
	return b.newest(bolthold.Where("Record").MatchFunc(func(r *bolthold.RecordAccess) (bool, error) {
		rec, ok := r.Field().(record)
		for _, d := range rec.Detections {
			if d.Label == label {
				return true, nil
			}
		}
		return false, heldError(ok)
	}), limit)
}

func heldError(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("a record has another type")
}

func (b *boltholdEngine) Pair(camera, person string, limit int) ([]doorlog.Event, error) {
	return b.newest(bolthold.Where("Record.Person").Eq(person).Index("Record.Person").And("Record.Camera").Eq(camera), limit)
}

func (b *boltholdEngine) PageAt(_ int, after ref, limit int) ([]doorlog.Event, error) {
	return b.newest(bolthold.Where("Record.At").Lt(after.at.UnixNano()), limit)
}

func (b *boltholdEngine) newest(q *bolthold.Query, limit int) ([]doorlog.Event, error) {
	var found []heldEvent
	if err := b.store.Find(&found, q.SortBy("Record.At").Reverse().Limit(limit)); err != nil {
		return nil, err
	}
	list := make([]doorlog.Event, len(found))
	for i := range found {
		list[i] = found[i].Record.event()
	}
	return list, nil
}

func (b *boltholdEngine) CountCamera(camera string) (int, error) {
	return b.store.Count(heldEvent{}, bolthold.Where("Record.Camera").Eq(camera))
}

func (b *boltholdEngine) Heatmap(s span) (doorlog.Heatmap, error) {
	t := newTally()
	err := b.over(s, func(e *heldEvent) { t.time(time.Unix(0, e.Record.At).UTC()) })
	return t.heatmap, err
}

func (b *boltholdEngine) Timeline(s span) ([]doorlog.DayCount, error) {
	t := newTally()
	err := b.over(s, func(held *heldEvent) {
		e := held.Record.event()
		t.day(&e)
	})
	return t.timeline(), err
}

func (b *boltholdEngine) Breakdown(s span) ([]doorlog.LabelCount, error) {
	t := newTally()
	err := b.over(s, func(held *heldEvent) { t.detections(held.Record.event().Detections) })
	return t.breakdown(), err
}

func (b *boltholdEngine) over(s span, fn func(*heldEvent)) error {
	q := &bolthold.Query{}
	if !s.all() {
		q = bolthold.Where("Record.At").Ge(s.since.UnixNano()).And("Record.At").Lt(s.until.UnixNano())
	}
	return b.store.ForEach(q, func(e *heldEvent) error {
		fn(e)
		return nil
	})
}
