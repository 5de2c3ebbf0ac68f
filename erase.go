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

// Erasure says what [Store.ErasePerson] does with the events of the person.
type Erasure uint8

// The kinds of erasure.
const (
	EraseName   Erasure = iota // the events stay, without the name and the picture
	EraseEvents                // the events are deleted
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

// MarshalText returns the text of String.
func (e Erasure) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what [ParseErasure] reads.
func (e *Erasure) UnmarshalText(text []byte) error {
	how, err := ParseErasure(string(text))
	if err == nil {
		*e = how
	}
	return err
}

// An Erased is the account of a [Store.ErasePerson]. It serves as the receipt.
type Erased struct {
	// Name is the person who was erased, How what was done with the events, StoreID
	// the store, and At the time. The receipt holds the name, in the form in which names
	// are stored. So keep the receipt apart from the store.
	Name    string    `json:"name"`
	How     Erasure   `json:"how"`
	StoreID ID        `json:"store_id"`
	At      time.Time `json:"at"`

	// Events is the number of events of the person that were changed or deleted.
	// Attributes is the number of deleted attributes, of any event, whose name or value
	// was the person's name. Known reports whether there was a Person of the name. If an
	// earlier call was interrupted, what it has done is not counted here.
	Events     int  `json:"events"`
	Attributes int  `json:"attributes"`
	Known      bool `json:"known"`

	// Thumbnails is the number of files that were removed. Kept lists files that stay
	// because an event of somebody else also names them, at most the first 100.
	Thumbnails int          `json:"thumbnails"`
	Kept       List[string] `json:"kept"`

	// Compacted is the account of the compaction after the erasure.
	Compacted *Compacted `json:"compacted"`

	// Occurrences is how often the bytes of the name, in any Unicode spelling of it,
	// occur anywhere in the database file now. Other letter cases are not searched for. If
	// it is not 0, the bytes are part of another text, as those of "al" are part of
	// "alice", or of a field that is no person's name, or of an event that was written since. Since is the number of events that
	// have the name again.
	Occurrences int `json:"occurrences"`
	Since       int `json:"since"`

	// OutOfReach lists, for people to read, places where the name may still be: earlier
	// backups, and files that were set aside as damaged.
	OutOfReach List[string] `json:"out_of_reach"`
}

// ErasePerson removes a person and the person's history from the store for good.
// ([Store.DeletePerson] only removes the person from the list of persons.)
//
// With [EraseName] it removes the name from every event of the person; with [EraseEvents] it
// deletes these events. Both change the indexes and rollups, and both delete the thumbnails,
// which show the person. ErasePerson also deletes the attributes of any event whose name or
// value is the person's name, and the [Person]. All Unicode spellings of the name count as
// the name (see [Event]).
//
// Then it compacts the file, so that no free page holds the name, and searches the new file
// for the bytes of the name. It changes no other field, such as a camera, a label, a method or
// the name of a consumer, even if that is the name, and no field that holds the name as part
// of a longer text. The receipt counts such occurrences.
//
// The store can be read and written meanwhile: each transaction changes a few events. If ctx,
// [Store.Close] or a crash interrupts ErasePerson, call it again. It goes on with the rest.
// The Person is deleted last. For that reason a name that nobody has is not an error.
//
// The errors are those of [Store.Compact], and [ErrSymlink] if a thumbnail lies behind a
// symbolic link, where it would remain. errors.ErrUnsupported, [ErrHardLinks] and ErrSymlink
// come before anything is changed. [ErrFull] says that there is no room for the compaction,
// even after the thumbnails were deleted. Then no event has the name any more, but bytes of
// the file may: call ErasePerson again when there is room.
//
// An open snapshot still reads the old file, whose blocks become free when the snapshot ends.
// Old data that a disk itself keeps, as an SSD does for a while, is out of reach.
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
	searchedPage  = 500 // events that are read in one snapshot
	erasingRounds = 3   // repeated for events that are written meanwhile
)

func (s *Store) erasePerson(ctx context.Context, name string, how Erasure) (*Erased, error) {
	name = normalName(name)
	if err := validName("name", name); err != nil {
		return nil, err
	}
	if int(how) >= len(erasures) {
		return nil, invalid("how", "%v is neither EraseName nor EraseEvents", how)
	}
	if _, err := s.canReplace(); err != nil && !errors.Is(err, ErrFull) { // the deletions may make room
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
		store: s, ctx: ctx, series: newSeries(s.commits), progress: tellEvents(s.opt.tellOf(ctx), "erasing"), theirs: Query{Persons: []string{name}},
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
	progress *progress // counts events of the person
	theirs   Query     // asks for these events
	Erased

	events, persons []string        // spellings of the name in events and in persons
	written         map[string]bool // all spellings that were met; the file is searched for them
}

// isName reports whether text is a spelling of the name. It remembers the spelling.
func (e *eraser) isName(text string) bool {
	if normalName(text) != e.Name {
		return false
	}
	e.written[text] = true
	return true
}

// erase erases everything about the person.
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
			e.progress.knows(int64(e.Events)) // others may have written or deleted some
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

// find returns the IDs of some events of the person.
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

// eraseAttributes deletes the attributes, of all events, that are the name.
func (e *eraser) eraseAttributes() error {
	looked := tellEvents(e.store.opt.tellOf(e.ctx), "looking for attributes")
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

// attributesOf returns the number of attributes of an event whose name or value is the name.
func (e *eraser) attributesOf(event *Event) (n int) {
	for key, value := range event.Attributes {
		if isKey, isValue := e.isName(key), e.isName(value); isKey || isValue {
			n++
		}
	}
	return n
}

// eraseFrom erases the person from events in one transaction, or in several if one does not
// fit.
func (e *eraser) eraseFrom(ids []ID) error {
	err := e.eraseAtOnce(ids)
	if half := len(ids) / 2; half > 0 && errors.Is(err, ErrFull) {
		if err = e.eraseFrom(ids[:half]); err == nil {
			err = e.eraseFrom(ids[half:])
		}
	}
	return err
}

// eraseAtOnce erases the person from events in one transaction and removes their thumbnails.
// Then it lets others write.
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

// clear removes the name from an event. If the event is of the person, it removes the
// thumbnail, too.
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

// search completes the receipt: it searches the compacted file for the name.
func (e *eraser) search() (err error) {
	s := e.store
	file := s.readers.hold() // not a snapshot, because the search takes long
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

// searchFile counts how often the name occurs in the bytes of a file. First it counts the
// known spellings. Then it counts the name in the normal form of all bytes, in which all
// spellings are equal, and returns the larger number. The second count misses a name that a
// combining mark follows, because the mark changes its last letter.
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

// occurrences returns how often text occurs in r.
func occurrences(ctx context.Context, r io.Reader, text []byte) (n int, err error) {
	buf := make([]byte, 1<<20)
	have := 0 // bytes kept from the piece before; fewer than text has
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
