package doorlog

import (
	"context"
	"time"
)

// Stats are what a store says of itself.
type Stats struct {
	// Events and Persons are how many there are; Detected is how many events
	// have detections.
	Events   int64
	Persons  int64
	Detected int64

	// FileSize is the size of the database file in bytes.
	FileSize int64

	// Verified is when the file was last read whole and found sound; zero if
	// it was not since it was opened. Verifying says that it is being read.
	Verified  time.Time
	Verifying bool

	// LastBackup is of when the state is that the last Backup holds; zero if
	// there has been none.
	LastBackup time.Time

	// Damage says what is wrong with the file, if something was found: every
	// other call then returns it. It is ErrCorrupt, or nil.
	Damage error

	// Stopped says why the store takes no more writes, if it has stopped
	// (ErrUnknownOutcome), or is nil.
	Stopped error
}

// Stats returns the figures of the moment. They cost no reading of events.
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
	if s.commits != nil {
		if failure := s.commits.failure.Load(); failure != nil {
			st.Stopped = *failure
		}
	}
	if damage := s.damage.Load(); damage != nil {
		st.Damage = *damage
		return st, nil // its numbers cannot be relied on
	}
	info, err := s.file.file.Stat()
	if err != nil {
		return st, err
	}
	st.FileSize = info.Size()
	sn, err := s.look(ctx)
	if err != nil {
		return st, err
	}
	defer sn.close()
	return st, guarded(func() error {
		kept, err := readState(sn.r.tx)
		st.Events = int64(kept.sums[eventsSum].entries)
		st.Persons = int64(kept.sums[personsSum].entries)
		st.Detected = int64(kept.sums[detectionsSum].entries)
		if err != nil {
			return err
		}
		st.LastBackup, err = readLastBackup(sn.r.tx)
		return err
	})
}
