package doorlog

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Stats are what a store says of itself.
type Stats struct {
	// Events and Persons are how many there are; Detected is how many events
	// have detections.
	Events   int `json:"events"`
	Persons  int `json:"persons"`
	Detected int `json:"detected"`

	// Oldest and Newest are when the first and the last of the events
	// happened; zero if there are none.
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`

	// StoreID names the store. It was made with the file, and a copy has the same.
	StoreID ID `json:"store_id"`

	// Schema is the version of the layout of the file.
	Schema int `json:"schema"`

	// FileSize is the size of the database file in bytes.
	FileSize int64 `json:"file_bytes"`

	// PageSize is the size of a page in bytes, Pages how many the file uses,
	// and FreePages how many of these hold nothing: new events fill them, and
	// Compact does away with them.
	PageSize  int64 `json:"page_bytes"`
	Pages     int   `json:"pages"`
	FreePages int   `json:"free_pages"`

	// GrowthPerDay is how many bytes of the file a day of events has taken, on
	// average: those of the pages that are not free, by the days from Oldest to
	// Newest, of which there is one at least. Deleted events do not count.
	GrowthPerDay int64 `json:"growth_per_day"`

	// Snapshots is how many snapshots are open, this call's not counted, and
	// OldestSnapshot when the first of them was opened; zero if none is. Pages
	// that are freed are not used again while a snapshot from before is open.
	Snapshots      int       `json:"snapshots"`
	OldestSnapshot time.Time `json:"oldest_snapshot"`

	// Verified is when the file was last read whole and found sound, by Open,
	// Verify, Compact or in the background; zero if it was not since it was
	// opened. Verifying says that it is being read in the background.
	Verified  time.Time `json:"verified"`
	Verifying bool      `json:"verifying"`

	// LastBackup is the moment that the last complete Backup captured; zero if
	// there has been none.
	LastBackup time.Time `json:"last_backup"`

	// Buckets are the bytes of the pages of each bucket (buckets.go). A bucket of a
	// few entries has no pages of its own.
	Buckets map[string]int64 `json:"buckets"`

	// HeldBack says what the last Prune did not remove for want of proof
	// (Pruned.HeldBack).
	HeldBack List[string] `json:"held_back"`

	// Damage says what is wrong with the file, if something was found: every
	// other call then returns it. It is ErrCorrupt, or nil.
	Damage error `json:"-"` // see MarshalJSON

	// Stopped says why the store takes no more writes, if it has stopped
	// (ErrUnknownOutcome or ErrMoved), or is nil.
	Stopped error `json:"-"` // see MarshalJSON

	// Moved says that the path of the store does not lead to the file that is open any
	// more. Reads go on in that file. If it can be written to, Stopped says so too.
	Moved bool `json:"moved"`
}

type (
	plainStats Stats
	statsJSON  struct {
		*plainStats
		Oldest         *time.Time `json:"oldest"`
		Newest         *time.Time `json:"newest"`
		OldestSnapshot *time.Time `json:"oldest_snapshot"`
		Verified       *time.Time `json:"verified"`
		LastBackup     *time.Time `json:"last_backup"`
		Damage         *string    `json:"damage"`
		Stopped        *string    `json:"stopped"`
	}
)

// MarshalJSON writes the fields with the names that "doorlog info" uses where it
// has them. A time that is zero is null, and damage and stopped are the texts of
// the errors.
func (st Stats) MarshalJSON() ([]byte, error) {
	text := func(err error) *string {
		if err == nil {
			return nil
		}
		return orNull(err.Error())
	}
	if st.Buckets == nil {
		st.Buckets = map[string]int64{}
	}
	return json.Marshal(statsJSON{
		(*plainStats)(&st), timeOrNull(st.Oldest), timeOrNull(st.Newest), timeOrNull(st.OldestSnapshot), timeOrNull(st.Verified),
		timeOrNull(st.LastBackup), text(st.Damage), text(st.Stopped),
	})
}

// UnmarshalJSON reads what MarshalJSON writes. Damage is ErrCorrupt again, and
// Stopped ErrMoved or ErrUnknownOutcome.
func (st *Stats) UnmarshalJSON(data []byte) error {
	var v Stats
	j := statsJSON{plainStats: (*plainStats)(&v)}
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	v.Oldest, v.Newest, v.OldestSnapshot = orZero(j.Oldest), orZero(j.Newest), orZero(j.OldestSnapshot)
	v.Verified, v.LastBackup = orZero(j.Verified), orZero(j.LastBackup)
	if j.Damage != nil {
		v.Damage = toldError{*j.Damage, ErrCorrupt}
	}
	if j.Stopped != nil {
		is := ErrUnknownOutcome
		if strings.Contains(*j.Stopped, ErrMoved.Error()) {
			is = ErrMoved
		}
		v.Stopped = toldError{*j.Stopped, is}
	}
	*st = v
	return nil
}

// A toldError is an error of another process, of which the text is known and what it is.
type toldError struct {
	text string
	is   error
}

func (e toldError) Error() string { return e.text }

func (e toldError) Unwrap() error { return e.is }

// LiveSize is the bytes of the pages that are in use: the file is hardly larger
// after Compact, and smaller where deletions have left pages half empty.
func (st *Stats) LiveSize() int64 { return int64(st.Pages-st.FreePages) * st.PageSize }

// Stats returns the figures of the moment. They cost the reading of a few pages.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	st, err := s.stats(ctx)
	return st, failed("stats", err)
}

func (s *Store) stats(ctx context.Context) (st Stats, err error) {
	if err := ctx.Err(); err != nil {
		return st, err
	}
	if err := s.enterAny(); err != nil {
		return st, err
	}
	defer s.leave()
	s.scrub.mu.Lock()
	st.Verified, st.Verifying = s.scrub.last, s.scrub.busy
	s.scrub.mu.Unlock()
	if err := s.leadsToFile(ctx); errors.Is(err, ErrMoved) {
		st.Moved = true
	} else if err != nil {
		return st, err
	}
	if s.commits != nil {
		if failure := s.commits.failure.Load(); failure != nil {
			st.Stopped = *failure
		}
	}
	if damage := s.damage.Load(); damage != nil {
		st.Damage = *damage
		return st, nil // its numbers cannot be relied on
	}
	st.Snapshots, st.OldestSnapshot = s.readers.openSnapshots()
	sn, err := s.look(ctx)
	if err != nil {
		return st, err
	}
	defer sn.close()
	info, err := sn.file().Stat()
	if err != nil {
		return st, err
	}
	u := sn.r.File.Usage()
	st.Buckets = sn.r.File.BucketSizes()
	st.FileSize, st.PageSize, st.Pages, st.FreePages = info.Size(), u.PageSize, int(u.Pages), int(u.Free)
	if err := sn.read(st.look); err != nil {
		return st, err
	}
	if st.Events > 0 {
		const day = 24 * time.Hour
		st.GrowthPerDay = int64(float64(st.LiveSize()) * float64(day) / float64(max(day, st.Newest.Sub(st.Oldest))))
	}
	return st, nil
}

// look takes in what a snapshot says.
func (st *Stats) look(in guarded) error {
	kept, err := readState(in)
	if err != nil {
		return err
	}
	st.Events = int(kept.sums[eventsSum].entries)
	st.Persons = int(kept.sums[personsSum].entries)
	st.Detected = int(kept.sums[detectionsSum].entries)
	st.StoreID, st.Schema = kept.storeID, int(kept.schema)
	if st.LastBackup, err = readLastBackup(in); err != nil {
		return err
	}
	heldBack, err := readHeldBack(in)
	if err != nil {
		return err
	}
	st.HeldBack = append(st.HeldBack, heldBack...)
	oldest, _ := in.Cursor(eventsSum).First()
	if oldest == nil {
		oldest, _ = in.Cursor(tailNumber).First()
	}
	if oldest == nil {
		return nil
	}
	first, err := asID(oldest)
	if err != nil {
		return err
	}
	last, err := in.newestID()
	st.Oldest, st.Newest = first.Time(), last.Time()
	return err
}
