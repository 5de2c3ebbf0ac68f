package doorlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Renamed is the account of a [Store.RenameCamera] or a [Store.RenamePerson].
type Renamed struct {
	// From and To are the names, in the form in which names are stored.
	From string `json:"from"`
	To   string `json:"to"`

	// Events is the number of events that have got the new name. What an earlier call did
	// before it was interrupted is not counted.
	Events int `json:"events"`

	// Left is the number of events that have the old name now: they were written, or
	// updated, with it meanwhile.
	Left int `json:"left"`

	// Merged reports whether the new name was in use before this call: events had it, or
	// a Person. It is also set if an earlier call was interrupted.
	Merged bool `json:"merged"`

	// Known reports whether there was a [Person] of the old name. It is false for a camera.
	Known bool `json:"known"`
}

// RenameCamera gives a camera another name, in all of its events. If there are events of
// the new name already, the two cameras become one, which cannot be undone. All Unicode
// spellings of the old name count as the old name (see [Event]).
//
// Thumbnails keep their paths, and recordings their IDs. If both cameras had a recording of
// one ID, both events stay: [Store.EventByRecording] and [Store.WriteEventOnce] find the
// newer one. Attributes and the rules of a [Policy] are not changed, even if they name the
// camera.
//
// The store can be read and written meanwhile: each transaction changes some hundreds of
// events, fewer while others write, and then RenameCamera pauses for as long as it took. A
// producer may go on writing under the old name: such events are renamed too, up to three
// times; Renamed.Left says how many are left then. One rename, compaction or erasure runs
// at a time.
//
// If ctx ends, if the store is closed ([ErrClosed]) or if a write fails, such as with
// [ErrFull], some events have the new name and the others still have the old one. The
// account says how many were renamed. Call RenameCamera again: it goes on with the rest.
//
// If no event has the old name, the error is [ErrNotFound]. Invalid names are [ErrInvalid],
// and so is a new name that is a spelling of the old one. The account is nil if the rename
// was not begun.
func (s *Store) RenameCamera(ctx context.Context, from, to string) (*Renamed, error) {
	return s.rename(ctx, byCamera, from, to)
}

// RenamePerson gives a person another name, in all events and in the list of persons. It
// works as [Store.RenameCamera] does, and has the same errors. A name that only events
// have, or only the list, can be renamed too.
//
// The [Person] follows after the events. It keeps its Key, CreatedAt and AutoUnlock, and
// also its DisplayName, unless that was made from the old name: then it is made from the
// new one. If the new name is listed already, that Person stays, with its DisplayName,
// CreatedAt and Key, and the other one is removed. AutoUnlock is true afterwards only if it
// was true for both: a merge of two listed persons lets in nobody who was not let in before.
//
// RenamePerson does not make the old name disappear from the file: free pages, and texts
// such as attributes, may still have it. [Store.ErasePerson] erases a name.
func (s *Store) RenamePerson(ctx context.Context, from, to string) (*Renamed, error) {
	return s.rename(ctx, byPerson, from, to)
}

// renamingRounds is how often a rename looks for events that were written meanwhile.
const renamingRounds = 3

// renamedBytes limits what one transaction of a rename puts: after so many bytes it takes
// no further event.
const renamedBytes = 1 << 20

// rename renames the camera (index is byCamera) or the person (byPerson).
func (s *Store) rename(ctx context.Context, index int, from, to string) (result *Renamed, err error) {
	err = s.longCall(ctx, func(ctx context.Context) error {
		r, err := s.newRenaming(ctx, index, from, to)
		if err != nil {
			return err
		}
		result = &r.Renamed
		return r.run()
	})
	what := "camera"
	if index == byPerson {
		what = "person"
	}
	return result, failed(fmt.Sprintf("rename %s %.40q to %.40q", what, from, to), err)
}

// A renaming is one run of RenameCamera or RenamePerson.
type renaming struct {
	store    *Store
	ctx      context.Context
	series   *series
	progress *progress // counts events
	index    int       // byCamera or byPerson
	theirs   Query     // asks for the events with the old name
	most     int       // events in a transaction: fewer after ErrFull
	Renamed

	fromForms, toForms []string // under which persons of the names may be listed
}

// newRenaming checks the names and what there is of them.
func (s *Store) newRenaming(ctx context.Context, index int, from, to string) (*renaming, error) {
	from, to = normalName(from), normalName(to)
	if err := validName("from", from); err != nil {
		return nil, err
	}
	if err := validName("to", to); err != nil {
		return nil, err
	}
	if from == to {
		return nil, invalid("to", "is the same name")
	}
	if err := s.room(0); err != nil {
		return nil, err
	}
	r := &renaming{
		store: s, ctx: ctx, series: newSeries(s.commits), progress: tellEvents(s.opt.tellOf(ctx), "renaming"),
		index: index, theirs: namedQuery(index, from), most: eventsAlone, Renamed: Renamed{From: from, To: to},
	}
	sn, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	events, err := sn.count(r.theirs)
	if err != nil {
		return nil, err
	}
	there, err := sn.count(namedQuery(index, to))
	if err != nil {
		return nil, err
	}
	r.Merged = there > 0
	known := false
	if index == byPerson {
		if known, err = r.findPersons(sn); err != nil {
			return nil, err
		}
	}
	if events == 0 && !known {
		return nil, ErrNotFound
	}
	r.progress.knows(int64(events))
	return r, nil
}

// namedQuery asks for the events with a name, oldest first.
func namedQuery(index int, name string) Query {
	if index == byPerson {
		return Query{Persons: []string{name}, OldestFirst: true}
	}
	return Query{Cameras: []string{name}, OldestFirst: true}
}

// findPersons reports whether a person of the old name is listed.
func (r *renaming) findPersons(sn *Snapshot) (known bool, err error) {
	list, err := sn.spellings()
	if err != nil {
		return false, err
	}
	r.fromForms, r.toForms = list.forms(personSpellings, r.From), list.forms(personSpellings, r.To)
	listed := func(name string) bool {
		_, perr := sn.person(name)
		if !errors.Is(perr, ErrNotFound) {
			err = errors.Join(err, perr)
		}
		return perr == nil
	}
	known = listed(r.From)
	r.Merged = listed(r.To) || r.Merged
	return known, err
}

// run renames the events and then the person, and does so again for what was written
// meanwhile.
func (r *renaming) run() error {
	for range renamingRounds {
		err := r.renameEvents()
		if err == nil && r.index == byPerson {
			err = r.movePerson()
		}
		if left, cerr := r.count(); cerr == nil { // also after an error: the account says it
			r.Left = left
		} else {
			err = errors.Join(err, cerr)
		}
		if err != nil {
			return err
		}
		r.progress.knows(int64(r.Events + r.Left))
		if r.Left == 0 {
			break
		}
	}
	r.progress.knows(int64(r.Events))
	r.progress.finish()
	return nil
}

// count counts the events that have the old name.
func (r *renaming) count() (int, error) {
	sn, err := r.store.look(context.WithoutCancel(r.ctx))
	if err != nil {
		return 0, err
	}
	defer sn.close()
	return sn.count(r.theirs)
}

// renameEvents renames all events that have the old name now.
func (r *renaming) renameEvents() error {
	until, err := r.end()
	for from := (ID{}); err == nil && from.Compare(until) < 0; {
		begun := time.Now()
		var ids []ID
		if ids, err = r.find(from, until); err != nil || len(ids) == 0 {
			return err
		}
		done, events := 0, 0
		done, events, err = r.renameSome(ids)
		if errors.Is(err, ErrFull) && len(ids) > 1 { // fewer events take fewer pages
			r.most, err = len(ids)/2, nil
			continue
		}
		if err != nil {
			return err
		}
		from = firstAfter(ids[done-1])
		r.Events += events
		r.progress.step(int64(events))
		err = r.series.rest(r.ctx, time.Since(begun))
	}
	return err
}

// end returns the first ID after that of the newest event.
func (r *renaming) end() (end ID, err error) {
	sn, err := r.store.look(r.ctx)
	if err != nil {
		return ID{}, err
	}
	defer sn.close()
	err = sn.read(func(in guarded) error {
		newest, err := in.newestID()
		end = firstAfter(newest)
		return err
	})
	return end, err
}

// find returns the first IDs in [from, until) whose events have the old name: as many as
// one transaction may change.
func (r *renaming) find(from, until ID) (ids []ID, err error) {
	sn, err := r.store.look(r.ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	found, err := sn.search(r.theirs, from, until)
	if err != nil {
		return nil, err
	}
	for most := min(r.most, r.series.events()); len(ids) < most; {
		if err := sn.usable(); err != nil {
			return nil, err
		}
		id, ok, err := found.nextID()
		if !ok || err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// renameSome renames the first of these events in one transaction. done is how many of the
// IDs it has gone through, at least one; events is how many of their events it has renamed.
func (r *renaming) renameSome(ids []ID) (done, events int, err error) {
	err = r.series.submit(r.ctx, func(w *writeTx) error {
		done, events = 0, 0 // apply may be called twice
		for before := w.bytes; done < len(ids) && w.bytes-before < renamedBytes; done++ {
			id := ids[done]
			old, err := w.get(id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return about(id[:], err)
			}
			now := old
			name := r.nameOf(&now)
			if normalName(*name) != r.From { // it was changed meanwhile
				continue
			}
			*name = r.To
			if err := w.replace(&old, &now); err != nil {
				return err
			}
			events++
		}
		return nil
	})
	return done, events, err
}

// nameOf returns the field of an event that is renamed.
func (r *renaming) nameOf(e *record) *string {
	if r.index == byPerson {
		return &e.Person
	}
	return &e.Camera
}

// movePerson gives the listed person the new name, or removes it if that name is listed.
func (r *renaming) movePerson() error {
	known := false
	err := r.series.submit(r.ctx, func(w *writeTx) error {
		p, err := onePerson(w.personRecord, r.fromForms)
		if known = err == nil; errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("person %q: %w", r.From, err)
		}
		there, err := onePerson(w.personRecord, r.toForms)
		merges := err == nil
		if err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("person %q: %w", r.To, err)
		}
		if !merges {
			if normalName(p.DisplayName) == displayName(p.Name) {
				p.DisplayName = displayName(r.To)
			}
			p.Name = r.To
			return w.movePerson(&p, r.fromForms, r.toForms)
		}
		if _, err := w.deletePerson(r.fromForms); err != nil {
			return err
		}
		unlock := there.AutoUnlock && p.AutoUnlock
		if unlock == there.AutoUnlock && len(r.toForms) == 1 {
			return nil
		}
		there.AutoUnlock = unlock
		return w.storePerson(&there, r.toForms)
	})
	r.Known = r.Known || known && err == nil
	return err
}

// movePerson stores a person under the first of the forms to, and deletes the records under
// the forms from. Among the changes this is one of the person, whose key stays, and no
// removal.
func (w *writeTx) movePerson(p *Person, from, to []string) error {
	if _, err := w.takePerson(from, p.Key); err != nil {
		return err
	}
	return w.storePerson(p, to)
}
