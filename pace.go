package doorlog

import (
	"context"
	"sync/atomic"
	"time"
)

// A pace is that of a caller who changes very many events, in a series of transactions.
// What a transaction costs is the pages that it touches, and of those a hundred events
// have hardly more than ten: large transactions write less, and are done sooner. But
// whoever else writes waits for the one that is under way. So they are large, one right
// after the other, while nobody else writes, and small, with pauses, beside somebody.
type pace struct {
	commits *committer
	arrived uint64 // of the others, when they were last counted
	last    time.Time
}

// companyFor is for how long it counts that somebody else has written.
const companyFor = time.Second

// newPace begins a series. Of a store that is read-only, where nothing is changed, it is
// not asked.
func (s *Store) newPace() *pace {
	p := &pace{commits: s.commits}
	if s.commits != nil {
		p.arrived = s.commits.others.arrived.Load()
	}
	return p
}

// others are the callers who write and are not part of a series.
type others struct {
	arrived atomic.Uint64
	waiting atomic.Int32 // those whose writes are not done
}

// makeRoom is committer.makeRoom for a transaction of the series.
func (p *pace) makeRoom(ctx context.Context, apply func(*writeTx) error) error {
	return p.commits.do(&job{apply: apply, room: true, series: true, ctx: ctx})
}

// company reports whether somebody else has just written, or is about to.
func (p *pace) company() bool {
	if n := p.commits.others.arrived.Load(); n != p.arrived {
		p.arrived, p.last = n, time.Now()
	}
	return time.Since(p.last) < companyFor
}

// events returns how many events the next transaction is to have at the most.
func (p *pace) events() int {
	if p.company() {
		return eventsInCompany
	}
	return eventsAlone
}

// rest leaves others as much time as something has taken, if there are any.
func (p *pace) rest(ctx context.Context, took time.Duration) error {
	if p.company() {
		return pause(ctx, took)
	}
	return ctx.Err()
}
