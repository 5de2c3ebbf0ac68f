package doorlog

import (
	"context"
	"time"

	"github.com/doorlog/doorlog/internal/pace"
)

// A series is the transactions of one caller that changes very many events. The cost of
// a transaction is the pages that it touches, and a hundred events touch hardly more
// pages than ten. So large transactions write less in all, and the work is done sooner.
// But every other writer waits for the transaction that is under way. So the
// transactions of a series are large and follow each other at once while nobody else
// writes; otherwise they are small, with pauses.
type series struct {
	commits *committer
	arrived uint64    // others.arrived when it was last read
	last    time.Time // when others were last seen to write
}

// companyFor is how long a write of somebody else counts as company.
const companyFor = time.Second

// newSeries begins a series. commits is nil if the store is read-only: it changes
// nothing, and no method of the series may be called.
func newSeries(commits *committer) *series {
	s := &series{commits: commits}
	if commits != nil {
		s.arrived = commits.others.arrived.Load()
	}
	return s
}

// submit is committer.submit for a transaction of the series.
func (s *series) submit(ctx context.Context, apply func(*writeTx) error) error {
	return s.commits.do(&job{apply: apply, series: true, ctx: ctx})
}

// makeRoom is committer.makeRoom for a transaction of the series.
func (s *series) makeRoom(ctx context.Context, apply func(*writeTx) error) error {
	return s.commits.do(&job{apply: apply, room: true, series: true, ctx: ctx})
}

// company reports whether somebody else has just written, or is about to.
func (s *series) company() bool {
	if n := s.commits.others.arrived.Load(); n != s.arrived {
		s.arrived, s.last = n, time.Now()
	}
	return time.Since(s.last) < companyFor
}

// events returns the maximum number of events for the next transaction.
func (s *series) events() int {
	if s.company() {
		return eventsInCompany
	}
	return eventsAlone
}

// rest pauses for as long as the last step took, if somebody else writes.
func (s *series) rest(ctx context.Context, took time.Duration) error {
	if s.company() {
		return pace.Pause(ctx, took)
	}
	return ctx.Err()
}

// Limits on one transaction of a series. An event touches pages of each index, and one
// more for each label: up to four detections for each event count as few.
const eventsAlone, eventsInCompany, manyDetections = 512, 128, 4
