package doorlog

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/doorlog/doorlog/internal/fault"
	"golang.org/x/text/unicode/norm"
)

// Unicode has several spellings of one name: ë is one code point, or an e and two
// dots that combine with it, as file names on a Mac have it. They look the same and
// are other bytes. So every name that comes in, with an event, a person, a query or
// an erasure, is brought into one form first, NFC. Attributes are the application's
// own and are kept as they are, and so is the path of a thumbnail.
//
// A version that did not do so may have stored other spellings. They are
// found with a list of them (spellings), and stay until the event or the person
// is changed.

// normalName returns a name in the form in which names are stored.
func normalName[T ~string](name T) T { return T(norm.NFC.String(string(name))) }

// normalNames is normalName for several. The caller's are left as they are.
func normalNames[T ~string](names []T) []T {
	for i := range names {
		if name := normalName(names[i]); name != names[i] {
			names = slices.Clone(names)
			for ; i < len(names); i++ {
				names[i] = normalName(names[i])
			}
			break
		}
	}
	return names
}

// normaliseNames brings all names of an event into their form.
func (e *Event) normaliseNames() {
	e.Camera, e.Type, e.Person, e.RecordingID = normalName(e.Camera), normalName(e.Type), normalName(e.Person), normalName(e.RecordingID)
	cloned := false
	for i := range e.Detections {
		label := normalName(e.Detections[i].Label)
		if label == e.Detections[i].Label {
			continue
		}
		if !cloned { // they are the caller's
			e.Detections, cloned = slices.Clone(e.Detections), true
		}
		e.Detections[i].Label = label
	}
}

// normal returns the query with its names in their form.
func (q Query) normal() Query {
	q.Cameras, q.Types, q.Persons, q.Labels = normalNames(q.Cameras), normalNames(q.Types), normalNames(q.Persons), normalNames(q.Labels)
	q.RecordingID = normalName(q.RecordingID)
	return q
}

// normal returns the policy with its names in their form.
func (p *Policy) normal() *Policy {
	now := *p
	now.Rules = slices.Clone(p.Rules)
	for i := range now.Rules {
		m := &now.Rules[i].Match
		m.Cameras, m.Types, m.Persons, m.Labels = normalNames(m.Cameras), normalNames(m.Types), normalNames(m.Persons), normalNames(m.Labels)
	}
	return &now
}

// recordingForms returns the spellings under which a recording is looked up: composed,
// and taken apart. There may be as many recordings as events, so they are not listed, and
// one that an old version stored half in this and half in that form is not found.
func recordingForms(recording string) []string {
	forms := []string{recording}
	if apart := norm.NFD.String(recording); apart != recording {
		forms = append(forms, apart)
	}
	return forms
}

// hasOneSpelling reports whether no other text has this normal form. Of ASCII just
// three characters have another code point that stands for them.
func hasOneSpelling(name string) bool {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || c == 'K' || c == ';' || c == '`' {
			return false
		}
	}
	return true
}

// spellings has for each normal form the other spellings of it that are stored, by
// index; those of persons come last.
type spellings [indexCount + 1]map[string][]string

const personSpellings = indexCount

// forms returns all spellings of a name, the normal one first.
func (s *spellings) forms(index int, name string) []string {
	return append([]string{name}, s[index][name]...)
}

func (s *spellings) add(index int, name []byte) {
	if norm.NFC.IsNormal(name) {
		return
	}
	if s[index] == nil {
		s[index] = make(map[string][]string)
	}
	normal := string(norm.NFC.Bytes(name))
	if !slices.Contains(s[index][normal], string(name)) {
		s[index][normal] = append(s[index][normal], string(name))
	}
}

// A spellingList is made when it is first needed. It stays right as long as the
// store is open, because no other spelling is ever added.
type spellingList struct {
	mu   sync.Mutex
	list *spellings
}

// spellings returns the list.
func (sn *Snapshot) spellings() (_ *spellings, err error) {
	l := &sn.store.spelled
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		list := new(spellings)
		if err := fault.Guarded(func() error { return sn.listSpellings(list) }); err != nil {
			return nil, err
		}
		l.list = list
	}
	return l.list, nil
}

func (sn *Snapshot) listSpellings(list *spellings) error {
	for _, index := range [...]int{byCamera, byPerson, byLabel, byType} {
		err := sn.eachValue(index, func(value []byte) { list.add(index, value) })
		if err != nil {
			return err
		}
	}
	persons := sn.r.Cursor(personsSum)
	for k, _ := persons.First(); k != nil; k, _ = persons.Next() {
		list.add(personSpellings, k)
	}
	var mem arena
	tail := sn.r.Cursor(tailNumber)
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
			if e.index != byThumbnail && e.index != byRecording {
				list.add(e.index, []byte(e.value))
			}
		}
	}
	return nil
}

// eachValue calls fn with each value of an index but the empty one. Each is found
// with one look-up. It is called guarded.
func (sn *Snapshot) eachValue(index int, fn func(value []byte)) error {
	c := sn.r.Cursor(indexSums + index)
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

// spell returns names, which are normal, with the other spellings of them.
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

// withSpellings returns the query with all spellings of its names.
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

// formsOfPerson returns the names under which a person may be stored, of which name,
// which is normal, is the first.
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
