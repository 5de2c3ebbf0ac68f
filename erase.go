package doorlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
	"golang.org/x/text/unicode/norm"
)

// Erasure says what ErasePerson does with the events of the person.
type Erasure uint8

// What becomes of the events.
const (
	EraseName   Erasure = iota // the events stay, as those of a stranger without a picture
	EraseEvents                // the events go
)

var erasures = [...]string{EraseName: "name", EraseEvents: "events"}

// String returns "name" or "events".
func (e Erasure) String() string {
	if int(e) < len(erasures) {
		return erasures[e]
	}
	return fmt.Sprintf("Erasure(%d)", uint8(e))
}

// ParseErasure reads "name" or "events".
func ParseErasure(text string) (Erasure, error) {
	how := slices.Index(erasures[:], text)
	if how < 0 {
		return 0, invalid("how", "%.40q is none of %s", text, strings.Join(erasures[:], ", "))
	}
	return Erasure(how), nil
}

// MarshalText returns String.
func (e Erasure) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText is ParseErasure.
func (e *Erasure) UnmarshalText(text []byte) error {
	how, err := ParseErasure(string(text))
	if err == nil {
		*e = how
	}
	return err
}

// An Erased is the account of an ErasePerson, and the receipt of it.
type Erased struct {
	// Name is who was erased, How what was done with the events, StoreID in
	// which store, and At when that was done. A receipt holds the name, in the
	// form in which names are stored: keep it apart from the store.
	Name    string    `json:"name"`
	How     Erasure   `json:"how"`
	StoreID ID        `json:"store_id"`
	At      time.Time `json:"at"`

	// Events is how many events of the person there were, and Attributes how
	// many attributes, of any event, whose name or value was the person's name.
	// Known says whether there was a Person of the name. An earlier call that
	// was cut short may have done a part.
	Events     int  `json:"events"`
	Attributes int  `json:"attributes"`
	Known      bool `json:"known"`

	// Thumbnails is how many files were removed. Kept are those, at most the
	// first 100, that stay because an event of somebody else names them too.
	Thumbnails int          `json:"thumbnails"`
	Kept       List[string] `json:"kept"`

	// Compacted is how the file was written anew after that.
	Compacted *Compacted `json:"compacted"`

	// Occurrences is how often the bytes of the name, in any spelling that Unicode
	// has of it, are anywhere in the database file now. 0: nowhere. Other letter cases
	// are not searched for. If it is not 0, the bytes are part of something else that
	// is stored, as the bytes of "al" are of "alice", or of an event that was written
	// since: Since is how many events have the name again.
	Occurrences int `json:"occurrences"`
	Since       int `json:"since"`

	// OutOfReach is where the name may still be, for people to read: backups
	// that were taken before, and files that were set aside as damaged.
	OutOfReach List[string] `json:"out_of_reach"`
}

// ErasePerson takes a person out of the store for good, history and all, where
// DeletePerson changes the list of persons alone. From every event of the
// person it takes the name (EraseName) or it deletes the event (EraseEvents), with
// what indexes and rollups have of it, and in both cases the thumbnail, which shows
// the person. It deletes attributes of any event whose name or value is the name,
// and the Person. All spellings that Unicode has of the name are the name (see
// Event). Then it compacts the file (see Compact, whose errors these are
// too), so that the name is in no page that is free, and searches the new one for
// the bytes of the name. Another field that holds the name as a part of a longer
// text is left, and counted in the receipt.
//
// The store can be read and written to meanwhile. Events are changed a few in a
// transaction. If it is cut short, by ctx, Close or a crash, call it again: it goes
// on with what is left, and the Person goes last. A name that nobody has is no
// error for that reason. It is errors.ErrUnsupported, before anything is
// changed, if a file cannot be compacted here, ErrHardLinks if it has other names, and ErrSymlink if a thumbnail lies
// behind a symbolic link: it would be left. If there is no room to compact it, not
// even when the pictures have gone, it is ErrFull: no event has the name any more, but
// the file must be compacted by another call.
//
// A snapshot that is open still reads the old file, whose blocks are given back
// when it ends. What a disk keeps of blocks that no file has any more, as an SSD
// does for a while, is out of reach.
func (s *Store) ErasePerson(ctx context.Context, name string, how Erasure) (*Erased, error) {
	var result *Erased
	err := s.longCall(ctx, func(ctx context.Context) (err error) {
		result, err = s.erasePerson(ctx, name, how)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("doorlog: erase person %q: %w", name, err)
	}
	return result, nil
}

const (
	erasedAtOnce  = 64  // events in a transaction
	searchedPage  = 500 // events that are looked at in one snapshot
	erasingRounds = 3   // for events that are written meanwhile
)

func (s *Store) erasePerson(ctx context.Context, name string, how Erasure) (*Erased, error) {
	name = normalName(name)
	if err := validName("name", name); err != nil {
		return nil, err
	}
	if int(how) >= len(erasures) {
		return nil, invalid("how", "%v is neither EraseName nor EraseEvents", how)
	}
	if _, err := s.canReplace(); err != nil && !errors.Is(err, ErrFull) { // what goes may make room
		return nil, err
	}
	if err := s.ensureVerified(ctx); err != nil {
		return nil, err
	}
	if err := s.finishRemoving(ctx); err != nil {
		return nil, err
	}
	list, err := s.spellingsNow(ctx)
	if err != nil {
		return nil, err
	}
	e := &eraser{
		events: list.forms(byPerson, name), persons: list.forms(personSpellings, name), written: make(map[string]bool),
		store: s, ctx: ctx, series: newSeries(s.commits), progress: tellEvents(s.opt.Progress, "erasing"), theirs: Query{Persons: []string{name}},
		Erased: Erased{Name: name, How: how},
	}
	for _, form := range slices.Concat(e.events, e.persons, []string{norm.NFD.String(name)}) {
		e.written[form] = true
	}
	for range erasingRounds {
		if err := e.erase(); err != nil {
			return nil, err
		}
		var err error
		e.Compacted, err = s.compactFile(ctx)
		if errors.Is(err, ErrFull) {
			err = fmt.Errorf("no event has the name any more, but bytes of the file may, until it is compacted; call it again when there is room: %w", err)
		}
		if err != nil {
			return nil, err
		}
		if err := e.search(); err != nil {
			return nil, err
		}
		if e.Since == 0 {
			break
		}
	}
	return &e.Erased, nil
}

// An eraser erases a person.
type eraser struct {
	store    *Store
	ctx      context.Context
	series   *series
	progress *progress // in events of the person
	theirs   Query     // asks for these
	Erased

	events, persons []string        // spellings of the name that events, and persons, have
	written         map[string]bool // all spellings of it that are searched for
}

// isName reports whether a text is the name, and notes how that is spelled.
func (e *eraser) isName(text string) bool {
	if normalName(text) != e.Name {
		return false
	}
	e.written[text] = true
	return true
}

// erase erases what there is of the person.
func (e *eraser) erase() error {
	n, err := e.count()
	if err != nil {
		return err
	}
	e.progress.knows(int64(e.Events + n))
	if err := e.eraseAttributes(); err != nil {
		return err
	}
	for {
		ids, err := e.find()
		if err == nil && len(ids) > 0 {
			err = e.eraseFrom(ids)
		}
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			continue
		}
		again, err := e.forget()
		if err != nil {
			return err
		}
		if !again {
			e.progress.knows(int64(e.Events)) // others may have written some, or deleted some
			return nil
		}
	}
}

// count counts the events of the person.
func (e *eraser) count() (n int, err error) {
	sn, err := e.store.look(e.ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	return e.countIn(sn)
}

func (e *eraser) countIn(sn *Snapshot) (n int, err error) {
	err = sn.overIDs(e.theirs, ID{}, lastID, func(ID) { n++ })
	return n, err
}

// find returns some of the events of the person.
func (e *eraser) find() (ids []ID, err error) {
	sn, err := e.store.look(e.ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	events, _, err := sn.collect(e.theirs, ID{}, lastID, erasedAtOnce)
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids, err
}

// eraseAttributes looks through all events for attributes.
func (e *eraser) eraseAttributes() error {
	looked := tellEvents(e.store.opt.Progress, "looking for attributes")
	if looked.asked() {
		n, err := e.countAll()
		if err != nil {
			return err
		}
		looked.knows(int64(n))
	}
	for at := ""; ; {
		ids, next, err := e.findAttributes(at)
		if err != nil {
			return err
		}
		looked.add(searchedPage)
		for some := range slices.Chunk(ids, erasedAtOnce) {
			if err := e.eraseFrom(some); err != nil {
				return err
			}
		}
		if at = next; at == "" {
			looked.finish()
			return nil
		}
	}
}

// countAll counts the events of the store.
func (e *eraser) countAll() (int, error) {
	sn, err := e.store.look(e.ctx)
	if err != nil {
		return 0, err
	}
	defer sn.close()
	return sn.count(Query{})
}

func (e *eraser) findAttributes(at string) (ids []ID, next string, err error) {
	sn, err := e.store.look(e.ctx)
	if err != nil {
		return nil, "", err
	}
	defer sn.close()
	page, err := sn.page(Query{OldestFirst: true, Limit: searchedPage}, at)
	for i := range page.Events {
		if e.attributesOf(&page.Events[i]) > 0 {
			ids = append(ids, page.Events[i].ID)
		}
	}
	return ids, page.Next, err
}

// attributesOf counts the attributes that are the name of the person.
func (e *eraser) attributesOf(event *Event) (n int) {
	for key, value := range event.Attributes {
		if isKey, isValue := e.isName(key), e.isName(value); isKey || isValue {
			n++
		}
	}
	return n
}

// eraseFrom erases the person from events, in one transaction, or in several where
// there is no room for one.
func (e *eraser) eraseFrom(ids []ID) error {
	err := e.eraseAtOnce(ids)
	if half := len(ids) / 2; half > 0 && errors.Is(err, ErrFull) {
		if err = e.eraseFrom(ids[:half]); err == nil {
			err = e.eraseFrom(ids[half:])
		}
	}
	return err
}

// eraseAtOnce erases the person from events, in one transaction, and removes their
// thumbnails. Then it lets others write.
func (e *eraser) eraseAtOnce(ids []ID) error {
	begun := time.Now()
	var files []string
	var events, attributes int
	err := e.series.makeRoom(e.ctx, func(w *writeTx) error {
		files, events, attributes = nil, 0, 0
		for _, id := range ids {
			r, err := w.get(id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return about(id[:], err)
			}
			theirs := e.isName(r.Person)
			if theirs {
				events++
				if r.ThumbnailPath != "" {
					files = append(files, r.ThumbnailPath)
				}
			}
			if theirs && e.How == EraseEvents {
				err = w.remove(&r)
			} else {
				attributes += e.attributesOf(&r.Event)
				err = e.clear(w, r)
			}
			if err != nil {
				return err
			}
		}
		return w.setRemoving(files)
	})
	if err != nil {
		return err
	}
	e.Events, e.Attributes = e.Events+events, e.Attributes+attributes
	removed, kept, _, err := e.store.removeFiles(e.ctx, files)
	if err != nil {
		return err
	}
	e.Thumbnails += removed
	e.Kept = append(e.Kept, kept[:min(len(kept), maxFindings-len(e.Kept))]...)
	e.progress.add(int64(events))
	return e.series.rest(e.ctx, time.Since(begun))
}

// clear takes the name, and the thumbnail of who has it, from an event.
func (e *eraser) clear(w *writeTx, old record) error {
	now := old
	if e.isName(old.Person) {
		now.Person, now.ThumbnailPath, now.thumb = "", "", fileSum{}
	}
	now.Attributes = nil
	for key, value := range old.Attributes {
		if e.isName(key) || e.isName(value) {
			continue
		}
		if now.Attributes == nil {
			now.Attributes = make(map[string]string, len(old.Attributes))
		}
		now.Attributes[key] = value
	}
	if now.sameContent(&old.Event) {
		return nil
	}
	return w.replace(&old, &now)
}

// forget deletes the Person, unless events have the name again.
func (e *eraser) forget() (again bool, err error) {
	known := false
	err = e.store.commits.makeRoom(e.ctx, func(w *writeTx) error {
		ids, err := w.eventsOf(e.events)
		if again = len(ids) > 0; again || err != nil {
			return err
		}
		if err := w.setRemoving(nil); err != nil {
			return err
		}
		known, err = w.deletePerson(e.persons)
		return err
	})
	e.Known = e.Known || known && err == nil
	return again, err
}

// search completes the receipt: it searches the file, which has been compacted.
func (e *eraser) search() (err error) {
	s := e.store
	file := s.readers.hold() // and no snapshot: to search it takes long
	e.Occurrences, err = e.searchFile(file.OSFile())
	s.readers.release(file)
	if err != nil {
		return err
	}
	sn, err := s.look(e.ctx)
	if err != nil {
		return err
	}
	defer sn.close()
	if e.Since, err = e.countIn(sn); err != nil {
		return err
	}
	st, err := sn.state()
	if err != nil {
		return err
	}
	e.StoreID = st.storeID
	e.At = s.opt.Now().Round(0).UTC()
	copies := "backups, exports and other copies that were made before " + e.At.Format(time.RFC3339)
	var last time.Time
	err = sn.read(func(in guarded) (err error) {
		last, err = readLastBackup(in)
		return err
	})
	if err != nil {
		return err
	}
	if !last.IsZero() {
		copies += ", the last known backup of which is of " + last.Format(time.RFC3339)
	}
	e.OutOfReach = []string{copies}
	if s.thumbs.holds() {
		e.OutOfReach = append(e.OutOfReach, "a backup that is under way, and the thumbnails in "+s.thumbs.heldFolder()+" until it ends")
	}
	path, err := filepath.EvalSymlinks(s.at)
	if err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	aside, err := filepath.Glob(filepath.Join(fsx.EscapeGlob(dir), fsx.EscapeGlob(base)+".damaged-*"))
	e.OutOfReach = append(e.OutOfReach, aside...)
	return err
}

// searchFile counts the name in the bytes of a file: in the spellings that are known,
// and once more in the normal form of all bytes, where every spelling is the name. The
// second one misses a name that is followed by a mark, which changes its last letter.
func (e *eraser) searchFile(file io.ReaderAt) (found int, err error) {
	whole := func() io.Reader { return io.NewSectionReader(file, 0, math.MaxInt64) }
	for form := range e.written {
		n, err := occurrences(e.ctx, whole(), []byte(form))
		if err != nil {
			return 0, err
		}
		found += n
	}
	if hasOneSpelling(e.Name) {
		return found, nil
	}
	n, err := occurrences(e.ctx, norm.NFC.Reader(whole()), []byte(e.Name))
	return max(found, n), err
}

// occurrences counts how often text is in what r reads.
func occurrences(ctx context.Context, r io.Reader, text []byte) (n int, err error) {
	buf := make([]byte, 1<<20)
	have := 0 // from the piece before: less than text
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		read, err := r.Read(buf[have:])
		piece := buf[:have+read]
		n += bytes.Count(piece, text)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		have = copy(buf, piece[max(0, len(piece)-len(text)+1):])
	}
}
