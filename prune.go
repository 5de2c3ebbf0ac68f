package doorlog

import (
	"context"
	"time"
)

// Prune deletes what the policy does not keep: events with their detections and
// thumbnails, or thumbnails alone. It also deletes thumbnails that belong to no event
// and are at least an hour old.
//
// Prune destroys nothing on one unchecked reading. A clock may be ahead of all that the
// store has seen plus the time that the system has run since. Then it is not believed
// until it has run for a day ([Policy.TrustClock]). Events that were written while the
// clock was dead age from when it was right again. Thumbnails of no event go only if
// the folder is the store's alone ([Verification.Folder]), and only a few at a time
// ([Policy.Orphans]). No file is removed before the whole database has been verified
// since it was opened; Prune verifies it first if need be. [Pruned.HeldBack] says what
// stays for want of proof.
//
// Prune works in small steps, so that other writes can go on. While nobody else writes,
// a transaction removes some hundreds of events. Otherwise it removes fewer, and Prune
// pauses after it for as long as it took. Events that are written, pinned or changed
// meanwhile are judged as they are then. One Prune runs at a time; another waits for
// it.
//
// Prune ends early if ctx ends, if a write fails, or if the store is closed
// ([ErrClosed]; Close does not wait for the rest). It then leaves whole events and
// whole thumbnails, and the account says what is gone. An invalid policy is
// [ErrInvalid]; the text names the field, and the account is nil.
func (s *Store) Prune(ctx context.Context, policy Policy) (*Pruned, error) {
	gone, err := s.prune(ctx, &policy, false)
	return gone, failed("prune", err)
}

// WouldPrune says what Prune would remove now, and removes nothing. The store may be
// read-only.
func (s *Store) WouldPrune(ctx context.Context, policy Policy) (*Pruned, error) {
	gone, err := s.prune(ctx, &policy, true)
	return gone, failed("would prune", err)
}

func (s *Store) prune(ctx context.Context, policy *Policy, dry bool) (_ *Pruned, err error) {
	if err := policy.validate(); err != nil {
		return nil, err
	}
	policy = policy.normal()
	leave, err := s.enterPrune(ctx, dry)
	if err != nil {
		return nil, err
	}
	defer leave()
	at := s.clock.read()
	if policy.TrustClock {
		at.believed, at.ahead = at.wall, false
		if !dry {
			s.clock.trust()
		}
	}
	p := s.newPruning(ctx, policy, dry, &at)
	err = p.run()
	if err == nil && at.ahead {
		err = p.holdBackByClock(&at)
	}
	if err == nil && !dry {
		err = s.keepHeldBack(ctx, p.heldBack)
	}
	return p.account(), err
}

// enterPrune begins a Prune, or another call that must not run beside one; leave ends
// it. A dry one changes nothing, waits for no other, and may be on a read-only store.
func (s *Store) enterPrune(ctx context.Context, dry bool) (leave func(), err error) {
	if dry {
		return s.leave, s.enter()
	}
	if err := s.enterWrite(); err != nil {
		return nil, err
	}
	unlock, err := s.prunes.Lock(ctx)
	if err != nil {
		s.leave()
		return nil, err
	}
	return func() { unlock(); s.leave() }, nil
}

func (s *Store) newPruning(ctx context.Context, policy *Policy, dry bool, at *reading) *pruning {
	return &pruning{
		s: s, ctx: ctx, series: newSeries(s.commits), dry: dry, tell: s.opt.tellOf(ctx), policy: policy, labels: policy.needsLabels(),
		verdict: newVerdict(policy, at), gone: make([]Removed, len(policy.Rules)+reasonCount),
	}
}

// holdBackByClock says in heldBack what would go if the clock were believed.
func (p *pruning) holdBackByClock(at *reading) error {
	believing := *at
	believing.believed = at.wall
	would := p.s.newPruning(p.ctx, p.policy, true, &believing)
	would.tell = nil
	if err := would.judge(); err != nil {
		return err
	}
	more := would.account().Removed
	if p.dry { // in a dry run, what goes in any case is still there, and counted in both
		more.subtract(p.account().Removed)
	}
	if more.Events+more.Thumbnails > 0 {
		// The text has dates only, so that it stays the same and is not reported each
		// time.
		p.holdBack("the clock says %s, ahead of all that the store has seen, which is %s: "+
			"%d events and %d thumbnails (%d bytes) that are old by it stay until it has run for a day, "+
			"or somebody says that it is right (Policy.TrustClock, prune --trust-clock)",
			at.wall.UTC().Format(time.DateOnly), at.seen.UTC().Format(time.DateOnly),
			more.Events, more.Thumbnails, more.ThumbnailBytes)
	}
	return nil
}

func (p *pruning) run() error {
	if err := p.s.ensureVerified(p.ctx); err != nil {
		return err
	}
	found, err := p.findOrphans() // first: the orphans must be a small share of all pictures
	if err != nil {
		return err
	}
	p.pictures = found.pictures
	if err := p.judge(); err != nil {
		return err
	}
	return p.removeOrphans(&found)
}

// judge removes, or counts if dry, the events and thumbnails that the policy does not
// keep.
func (p *pruning) judge() (err error) {
	if err := p.proceed(); err != nil {
		return err
	}
	if p.events, p.inUse, err = p.s.inUse(p.ctx); err != nil {
		return err
	}
	if err := p.bound(); err != nil {
		return err
	}
	if err := p.boundFree(); err != nil {
		return err
	}
	if err := p.sweep(); err != nil {
		return err
	}
	if p.linked > 0 {
		p.holdBack("%d events stay, with their thumbnails, whatever the policy says of them, because the thumbnails lie behind %v", p.linked, ErrSymlink)
	}
	return p.noteVain()
}

// sweep walks over the events and removes, or counts if dry, what the verdict does not
// keep.
func (p *pruning) sweep() (err error) {
	var found []candidate
	until := p.youngest()
	doing := "pruning"
	if p.dry {
		doing = "judging"
	}
	if p.progress, err = p.begin(doing, until); err != nil {
		return err
	}
	err = p.walk(until, func(r *record, bytes int64) (bool, error) {
		if !p.surveyed {
			p.walked++
			p.walkedBytes += bytes
		}
		switch {
		case p.event(&r.Event) == stays && p.thumbnail(&r.Event) == stays:
			p.progress.add(1)
			return true, nil
		case p.thumbnail(&r.Event) != stays && p.s.thumbs.isLinked(r.ThumbnailPath):
			p.progress.add(1)
			p.linked++
			return true, nil
		case p.dry:
			p.progress.add(1)
			return true, p.wouldGo(r, bytes)
		}
		found = append(found, candidate{r.ID, r.detections, r.ThumbnailPath != "", bytes})
		return true, nil
	}, func() error {
		if len(found) < eventsAlone {
			return nil
		}
		defer func() { found = found[:0] }()
		return p.removeAll(found)
	})
	if err == nil {
		err = p.removeAll(found)
	}
	if err == nil {
		p.progress.finish()
	}
	return err
}
