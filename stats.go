package doorlog

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Stats are figures about a store, as of one moment.
type Stats struct {
	// Events and Persons are how many there are. Detected is how many events have
	// detections.
	Events   int `json:"events"`
	Persons  int `json:"persons"`
	Detected int `json:"detected"`

	// Oldest and Newest are the RecordedAt of the first and the last event; zero if
	// there are no events.
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`

	// StoreID identifies the store. It was made when the file was created; a copy has
	// the same.
	StoreID ID `json:"store_id"`

	// Changes is how many changes are kept for readers (see [Store.Changes]), and Change the
	// number of the last one. Consumers are those whose places the store keeps.
	Changes   int                `json:"changes"`
	Change    uint64             `json:"change"`
	Consumers List[ConsumerInfo] `json:"consumers"`

	// Schema is the version of the file's layout.
	Schema int `json:"schema"`

	// FileSize is the size of the database file in bytes.
	FileSize int64 `json:"file_bytes"`

	// PageSize is the size of a page in bytes, Pages how many the file uses, and
	// FreePages how many of these are free: new events reuse them, and Compact removes
	// them.
	PageSize  int64 `json:"page_bytes"`
	Pages     int   `json:"pages"`
	FreePages int   `json:"free_pages"`

	// GrowthPerDay is how many bytes of the file one day of events takes on average:
	// the bytes of the pages in use, divided by the days from Oldest to Newest (at
	// least one). Deleted events do not count.
	GrowthPerDay int64 `json:"growth_per_day"`

	// Snapshots is how many snapshots are open, not counting that of this call.
	// OldestSnapshot is when the first of them was opened; zero if none is open. Pages
	// that are freed are not reused while a snapshot from before that is open.
	Snapshots      int       `json:"snapshots"`
	OldestSnapshot time.Time `json:"oldest_snapshot"`

	// Verified is when the file was last read whole and found sound, by Open, Verify,
	// Compact or in the background; zero if that has not happened since it was opened.
	// Verifying says that the file is being read in the background now.
	Verified  time.Time `json:"verified"`
	Verifying bool      `json:"verifying"`

	// LastBackup is the moment that the last complete Backup captured; zero if there
	// has been none.
	LastBackup time.Time `json:"last_backup"`

	// Buckets has the bytes of the pages of each bucket, by name (see
	// design/schema.md). A bucket with only a few entries has no pages of its own.
	Buckets map[string]int64 `json:"buckets"`

	// HeldBack says what the last Prune did not remove for want of proof (see
	// [Pruned.HeldBack]).
	HeldBack List[string] `json:"held_back"`

	// Damage is [ErrCorrupt], with what is wrong with the file, once damage has been
	// found: every other call then returns it. Else it is nil.
	Damage error `json:"-"` // see MarshalJSON

	// Stopped says why the store takes no more writes ([ErrUnknownOutcome] or [ErrMoved]).
	// It is nil if the store has not stopped.
	Stopped error `json:"-"` // see MarshalJSON

	// Moved says that the path of the store no longer leads to the file that is open.
	// Reads go on in that file. If the store is not read-only, Stopped says so too.
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

// MarshalJSON uses the field names of "doorlog info" where it has them. A zero time
// becomes null, and damage and stopped become the texts of the errors.
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

// UnmarshalJSON reads what MarshalJSON writes. Damage becomes an [ErrCorrupt] again, and
// Stopped an [ErrMoved] or [ErrUnknownOutcome].
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

// A toldError is an error that was read from JSON: its text, and the sentinel error
// that it wraps.
type toldError struct {
	text string
	is   error
}

func (e toldError) Error() string { return e.text }

func (e toldError) Unwrap() error { return e.is }

// LiveSize returns the bytes of the pages in use. After [Store.Compact] the file is
// hardly larger, and it is smaller if deletions have left pages half empty.
func (st *Stats) LiveSize() int64 { return int64(st.Pages-st.FreePages) * st.PageSize }

// Stats returns figures about the store. It reads only a few pages.
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
		return st, nil // the numbers of a damaged file cannot be relied on
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

// look fills in what a snapshot says.
func (st *Stats) look(in guarded) error {
	kept, err := readState(in)
	if err != nil {
		return err
	}
	st.Events = int(kept.sums[eventsSum].entries)
	st.Persons = int(kept.sums[personsSum].entries)
	st.Detected = int(kept.sums[detectionsSum].entries)
	st.StoreID, st.Schema = kept.storeID, int(kept.schema)
	st.Changes, st.Change = int(kept.sums[changesSum].entries), kept.seq
	consumers, err := in.consumers()
	if err != nil {
		return err
	}
	st.Consumers = consumers
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
