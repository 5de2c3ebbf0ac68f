package doorlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// PutPerson adds a person, or changes an existing one, and returns the person as
// stored. Fields that in does not give keep their values.
func (s *Store) PutPerson(ctx context.Context, in PersonInput) (Person, error) {
	p, err := s.putPerson(ctx, in)
	if err != nil {
		return Person{}, fmt.Errorf("doorlog: put person %q: %w", in.Name, err)
	}
	return p, nil
}

func (s *Store) putPerson(ctx context.Context, in PersonInput) (p Person, err error) {
	in.Name, in.DisplayName = normalName(in.Name), normalName(in.DisplayName)
	if err := in.validate(s.latest()); err != nil {
		return Person{}, err
	}
	if err := s.room(0); err != nil {
		return Person{}, err
	}
	now := s.opt.Now()
	key, err := s.ids.next(now)
	if err != nil {
		return Person{}, err
	}
	err = s.updatePerson(ctx, in.Name, false, func(w *writeTx, forms []string) (err error) {
		p, _, err = w.putPerson(&in, forms, now, key)
		return err
	})
	return p, err
}

// updatePerson calls apply in a write transaction. forms are the spellings under which
// the person may be stored; the first is name, which must be normal. If makesRoom is
// set, the transaction may use the file's reserve (internal/boltfile/reserve.go).
func (s *Store) updatePerson(
	ctx context.Context, name string, makesRoom bool, apply func(w *writeTx, forms []string) error,
) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	forms, err := s.formsOfPerson(ctx, name)
	if err != nil {
		return err
	}
	submit := s.commits.submit
	if makesRoom {
		submit = s.commits.makeRoom
	}
	return submit(ctx, func(w *writeTx) error { return apply(w, forms) })
}

// putPerson adds a person with this key (added is true), or changes one.
func (w *writeTx) putPerson(in *PersonInput, forms []string, now time.Time, key ID) (p Person, added bool, err error) {
	p, err = onePerson(w.personRecord, forms)
	added = errors.Is(err, ErrNotFound)
	if err != nil && !added {
		return Person{}, false, err
	}
	before := p
	if added {
		p = Person{Name: in.Name, DisplayName: displayName(in.Name), AutoUnlock: true, CreatedAt: now.Round(0).UTC(), Key: key}
	}
	in.applyTo(&p)
	if p == before && len(forms) == 1 {
		return p, added, nil
	}
	return p, added, w.storePerson(&p, forms)
}

// storePerson stores a person under the first of forms and deletes the records under
// the others.
func (w *writeTx) storePerson(p *Person, forms []string) error {
	if _, err := w.deletePerson(forms[1:]); err != nil {
		return err
	}
	w.changed(PersonPut, p.Key)
	return w.put(personsSum, []byte(p.Name), encodePerson(p))
}

// deletePerson deletes the records under forms; known reports whether there were any.
func (w *writeTx) deletePerson(forms []string) (known bool, err error) {
	return w.takePerson(forms, ID{})
}

// takePerson is deletePerson that does not tell of the removal of the person with the key moved.
func (w *writeTx) takePerson(forms []string, moved ID) (known bool, err error) {
	for _, form := range forms {
		rec := w.personRecord([]byte(form))
		if rec == nil {
			continue
		}
		p, err := decodePerson(form, rec)
		if err != nil {
			return known, err
		}
		known = true
		if p.Key != moved {
			w.changed(PersonRemoved, p.Key)
		}
		if err := w.delete(personsSum, []byte(form)); err != nil {
			return known, err
		}
	}
	return known, nil
}

func (w *writeTx) personRecord(name []byte) []byte { return w.tx.Get(personsSum, name) }

// onePerson returns the person who is stored under any of forms, of which the first
// must be normal, or ErrNotFound. If there are several records, the first one counts,
// but AutoUnlock is true only if all of them say so.
func onePerson(records func(name []byte) []byte, forms []string) (p Person, err error) {
	err = ErrNotFound
	for _, form := range forms {
		rec := records([]byte(form))
		if rec == nil {
			continue
		}
		other, derr := decodePerson(form, rec)
		if derr != nil {
			return Person{}, derr
		}
		if other.Name = forms[0]; err == nil {
			p.AutoUnlock = p.AutoUnlock && other.AutoUnlock
		} else {
			p, err = other, nil
		}
	}
	return p, err
}

// Person returns a person, or [ErrNotFound].
func (sn *Snapshot) Person(name string) (p Person, err error) {
	if p, err = sn.person(name); err != nil {
		return Person{}, fmt.Errorf("doorlog: person %q: %w", name, err)
	}
	return p, nil
}

func (sn *Snapshot) person(name string) (p Person, err error) {
	if err := sn.usable(); err != nil {
		return Person{}, err
	}
	name = normalName(name)
	forms := []string{name}
	if !hasOneSpelling(name) {
		list, err := sn.spellings()
		if err != nil {
			return Person{}, err
		}
		forms = list.forms(personSpellings, name)
	}
	err = sn.read(func(in guarded) (err error) {
		p, err = onePerson(in.personRecord, forms)
		return err
	})
	return p, err
}

func (in guarded) personRecord(name []byte) []byte { return in.Get(personsSum, name) }

// Persons returns all persons, sorted by name. The error is [ErrCorrupt] if their
// number is not the one that the store has recorded.
func (sn *Snapshot) Persons() (persons []Person, err error) {
	persons = []Person{}
	if err := sn.usable(); err != nil {
		return nil, failed("persons", err)
	}
	list, err := sn.spellings()
	if err != nil {
		return nil, failed("persons", err)
	}
	err = sn.read(func(in guarded) error {
		c := in.Cursor(personsSum)
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			p, err := onePerson(in.personRecord, list.forms(personSpellings, normalName(string(k))))
			if err != nil {
				return fmt.Errorf("person %q: %w", k, err)
			}
			persons = append(persons, p)
		}
		return nil
	})
	if err != nil {
		return nil, failed("persons", err)
	}
	if err := sn.hasAll(personsSum, len(persons)); err != nil {
		return nil, failed("persons", err)
	}
	if len(list[personSpellings]) > 0 {
		slices.SortFunc(persons, func(a, b Person) int { return strings.Compare(a.Name, b.Name) })
		persons = slices.Compact(persons)
	}
	return persons, nil
}

// Person returns a person, or [ErrNotFound].
func (s *Store) Person(ctx context.Context, name string) (Person, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Person{}, fmt.Errorf("doorlog: person %q: %w", name, err)
	}
	defer sn.close()
	return sn.Person(name)
}

// Persons is [Snapshot.Persons] on a snapshot of its own.
func (s *Store) Persons(ctx context.Context) ([]Person, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, failed("persons", err)
	}
	defer sn.close()
	return sn.Persons()
}

// AutoUnlockNames returns the sorted names of the persons for whom the door opens.
func (s *Store) AutoUnlockNames(ctx context.Context) ([]string, error) {
	persons, err := s.Persons(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, p := range persons {
		if p.AutoUnlock {
			names = append(names, p.Name)
		}
	}
	return names, nil
}

// SetAutoUnlock sets whether the door opens for a person. The error is [ErrNotFound] if
// there is no such person.
func (s *Store) SetAutoUnlock(ctx context.Context, name string, on bool) error {
	err := s.updatePerson(ctx, normalName(name), false, func(w *writeTx, forms []string) error {
		p, err := onePerson(w.personRecord, forms)
		if err != nil || p.AutoUnlock == on && len(forms) == 1 {
			return err
		}
		p.AutoUnlock = on
		return w.storePerson(&p, forms)
	})
	if err != nil {
		return fmt.Errorf("doorlog: set auto unlock of %q: %w", name, err)
	}
	return nil
}

// DeletePerson removes a person from the list of persons. The person's events keep the
// name and their thumbnails; [Store.ErasePerson] takes the name off them, and
// [Store.RenamePerson] gives them another one. The error is
// [ErrNotFound] if no person of that name is listed, even if events have the name.
func (s *Store) DeletePerson(ctx context.Context, name string) error {
	err := s.updatePerson(ctx, normalName(name), true, func(w *writeTx, forms []string) error {
		if err := validName("name", forms[0]); err != nil {
			return err
		}
		known, err := w.deletePerson(forms)
		if err == nil && !known {
			err = ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("doorlog: delete person %q: %w", name, err)
	}
	return nil
}

// PersonSync says what SyncPersons found.
type PersonSync struct {
	Added   List[string] `json:"added"`   // names that were added, sorted
	Known   List[string] `json:"known"`   // names that were listed already, sorted
	Skipped List[string] `json:"skipped"` // sub-folders, and files without a valid name of a person
}

// SyncPersons adds the persons whose face images are in a folder: files named
// <name>_<anything>.jpg, .jpeg, .png or .bmp, such as mary_ann_2.jpg. The name ends
// before the last underscore. Persons who are listed already are not changed, and
// nobody is removed. All are added in one transaction, or none. Sub-folders are not
// searched.
func (s *Store) SyncPersons(ctx context.Context, dir string) (PersonSync, error) {
	files, err := FilesOfPersons(dir)
	if err != nil {
		return PersonSync{}, fmt.Errorf("doorlog: sync persons: %w", err)
	}
	return s.SyncPersonFiles(ctx, files)
}

// FilesOfPersons returns the names of what is in a folder, in order, as [Store.SyncPersonFiles] takes them.
func FilesOfPersons(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		files = append(files, name)
	}
	return files, nil
}

// SyncPersonFiles is [Store.SyncPersons] for a folder of which only the names are known, because it is on
// another machine. files are the names of its files; that of a sub-folder ends in a slash.
func (s *Store) SyncPersonFiles(ctx context.Context, files []string) (PersonSync, error) {
	result, err := s.syncPersons(ctx, files)
	if err != nil {
		return result, fmt.Errorf("doorlog: sync persons: %w", err)
	}
	return result, nil
}

func (s *Store) syncPersons(ctx context.Context, files []string) (result PersonSync, err error) {
	if err := s.enterWrite(); err != nil {
		return result, err
	}
	defer s.leave()
	var names []string
	for _, file := range files {
		folder, isFolder := strings.CutSuffix(file, "/")
		name, ok := personOfFile(folder)
		if isFolder || !ok {
			result.Skipped = append(result.Skipped, folder)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if err := s.room(0); err != nil {
		return result, err
	}
	now := s.opt.Now()
	list, err := s.spellingsNow(ctx)
	if err != nil {
		return result, err
	}
	keys := make([]ID, len(names))
	for i := range keys {
		if keys[i], err = s.ids.next(now); err != nil {
			return result, err
		}
	}
	err = s.commits.submit(ctx, func(w *writeTx) error {
		result.Added, result.Known = nil, nil
		for i, name := range names {
			_, added, err := w.putPerson(&PersonInput{Name: name}, list.forms(personSpellings, name), now, keys[i])
			switch {
			case err != nil:
				return fmt.Errorf("person %q: %w", name, err)
			case added:
				result.Added = append(result.Added, name)
			default:
				result.Known = append(result.Known, name)
			}
		}
		return nil
	})
	if err != nil {
		return PersonSync{}, err
	}
	return result, nil
}

// personOfFile returns the name of the person that a face image shows; ok is false if
// the file name does not give one.
func personOfFile(file string) (name string, ok bool) {
	ext := filepath.Ext(file)
	switch strings.ToLower(ext) {
	case ".jpg", ".jpeg", ".png", ".bmp":
	default:
		return "", false
	}
	name, ok = cutLast(strings.TrimSuffix(file, ext), "_")
	name = normalName(name)
	return name, ok && !strings.HasPrefix(file, ".") && validName("name", name) == nil
}

// cutLast returns the part of s before the last sep; ok is false if either part is
// empty.
func cutLast(s, sep string) (before string, ok bool) {
	at := strings.LastIndex(s, sep)
	if at <= 0 || at+len(sep) == len(s) {
		return "", false
	}
	return s[:at], true
}
