package doorlog

import (
	"context"
	"time"

	"github.com/doorlog/doorlog/internal/pace"
)

// A series is the transactions of a caller who changes very many events.
// What a transaction costs is the pages that it touches, and of those a hundred events
// have hardly more than ten: large transactions write less, and are done sooner. But
// whoever else writes waits for the one that is under way. So they are large, one right
// after the other, while nobody else writes, and small, with pauses, beside somebody.
type series struct {
	commits *committer
	arrived uint64 // of the others, when they were last counted
	last    time.Time
}

// companyFor is for how long it counts that somebody else has written.
const companyFor = time.Second

// newSeries begins a series. A store that is read-only has no committer, and changes
// nothing: then nobody asks the series for anything.
func newSeries(commits *committer) *series {
	s := &series{commits: commits}
	if commits != nil {
		s.arrived = commits.others.arrived.Load()
	}
	return s
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

// events returns how many events the next transaction is to have at the most.
func (s *series) events() int {
	if s.company() {
		return eventsInCompany
	}
	return eventsAlone
}

// rest leaves others as much time as something has taken, if there are any.
func (s *series) rest(ctx context.Context, took time.Duration) error {
	if s.company() {
		return pace.Pause(ctx, took)
	}
	return ctx.Err()
}

// How much is removed in one transaction (series.go). An event touches pages of each index,
// and one for each label: as many detections as four for each event are few.
const eventsAlone, eventsInCompany, manyDetections = 512, 128, 4
