package doorlog

import (
	"bytes"
	"context"
	"slices"
)

// spellings returns the store's list of other spellings, which it makes on the first
// call.
func (sn *Snapshot) spellings() (_ *spellings, err error) {
	l := &sn.store.spelled
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		list := new(spellings)
		if err := sn.read(func(in guarded) error { return in.listSpellings(list) }); err != nil {
			return nil, err
		}
		l.list = list
	}
	return l.list, nil
}

func (in guarded) listSpellings(list *spellings) error {
	for _, index := range [...]int{byCamera, byPerson, byLabel, byType} {
		err := in.eachValue(index, func(value []byte) { list.add(index, value) })
		if err != nil {
			return err
		}
	}
	persons := in.Cursor(personsSum)
	for k, _ := persons.First(); k != nil; k, _ = persons.Next() {
		list.add(personSpellings, k)
	}
	var mem arena
	tail := in.Cursor(tailNumber)
	for k, event, detected := tailEntry(tail.First()); k != nil; k, event, detected = tailEntry(tail.Next()) {
		var r record
		err := decodeEvent(k, event, &mem, &r)
		if err == nil && r.detections > 0 {
			r.Detections, err = decodeDetections(k, detected, &mem, r.detections)
		}
		if err != nil {
			return about(k, err)
		}
		for _, e := range indexEntries(&r) {
			if e.index != byThumbnail && e.index != byRecording && e.index != byAttribute {
				list.add(e.index, []byte(e.value))
			}
		}
	}
	return nil
}

// eachValue calls fn with each value of an index except the empty one. It finds each
// with one seek.
func (in guarded) eachValue(index int, fn func(value []byte)) error {
	c := in.Cursor(indexSums + index)
	last := []byte{1} // past the empty value
	for k, _ := c.Seek(last); k != nil; {
		if bytes.Compare(k, last) < 0 {
			return errOrder
		}
		value, ok := indexValue(k)
		if !ok {
			return errPayload
		}
		fn(value)
		last = append(bytes.Clone(value), 1)
		k, _ = c.Seek(last)
	}
	return nil
}

// spell returns names, which must be normal, and all other stored spellings of them.
func (sn *Snapshot) spell(index int, names []string) ([]string, error) {
	if !slices.ContainsFunc(names, func(name string) bool { return !hasOneSpelling(name) }) {
		return names, nil
	}
	list, err := sn.spellings()
	if err != nil || len(list[index]) == 0 {
		return names, err
	}
	var all []string
	for _, name := range names {
		all = append(all, list.forms(index, name)...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// withSpellings returns the query with all stored spellings of its names.
func (sn *Snapshot) withSpellings(q Query) (_ Query, err error) {
	for _, field := range [...]struct {
		index int
		names *[]string
	}{{byCamera, &q.Cameras}, {byPerson, &q.Persons}, {byLabel, &q.Labels}} {
		if *field.names, err = sn.spell(field.index, *field.names); err != nil {
			return q, err
		}
	}
	if !slices.ContainsFunc(q.Types, func(t EventType) bool { return !hasOneSpelling(string(t)) }) {
		return q, nil
	}
	types, err := sn.spell(byType, stringsOf(q.Types))
	q.Types = nil
	for _, t := range types {
		q.Types = append(q.Types, EventType(t))
	}
	return q, err
}

// formsOfPerson returns the names under which a person may be stored. The first is
// name, which must be normal.
func (s *Store) formsOfPerson(ctx context.Context, name string) ([]string, error) {
	if hasOneSpelling(name) {
		return []string{name}, nil
	}
	list, err := s.spellingsNow(ctx)
	if err != nil {
		return nil, err
	}
	return list.forms(personSpellings, name), nil
}

// spellingsNow is Snapshot.spellings on the newest state.
func (s *Store) spellingsNow(ctx context.Context) (*spellings, error) {
	sn, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	return sn.spellings()
}
