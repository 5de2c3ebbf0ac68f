package doorlog

import (
	"context"
	"errors"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
)

// Verify is the function [Verify] for a store that is open. Writes go on meanwhile: it
// verifies one state of the file, and until that is done pages that are freed are not
// reused. Then it compares the thumbnails, which takes longer, with the newest state, a
// few hundred at a time. A thumbnail of no event is an orphan only if it is at least an
// hour old, because its event may be about to be written.
//
// If the file is damaged, reads and writes of the store return [ErrCorrupt] from then
// on. Missing thumbnails are not damage of the file.
func (s *Store) Verify(ctx context.Context) (*Verification, error) {
	v, err := s.verify(ctx)
	return v, failed("verify", err)
}

func (s *Store) verify(ctx context.Context) (*Verification, error) {
	if err := s.enterAny(); err != nil {
		return nil, err
	}
	defer s.leave()
	x, sn, err := s.examineState(ctx)
	if errors.Is(err, ErrCorrupt) {
		x.report(InvariantPages, "%v", err)
		s.condemn(x.err())
		return x.verification(), nil
	}
	if err != nil {
		return nil, err
	}
	if !x.broken() {
		err = sn.compare(x)
	}
	sn.close()
	switch {
	case x.inFile() > 0:
		s.condemn(x.err())
	case err == nil:
		s.scrub.found(s.opt.Now())
	}
	if err != nil {
		return nil, err
	}
	if x.broken() {
		return x.verification(), nil
	}
	return s.verifyRest(ctx, x, time.Now().Add(-youngest))
}

// examineState examines the newest state of an open store. It returns the snapshot of
// that state, which the caller must close.
func (s *Store) examineState(ctx context.Context) (x *examination, sn *Snapshot, err error) {
	x = &examination{trust: s.opt.trust, progress: tellBytes(s.opt.tellOf(ctx), "verifying")}
	meta, sn, inUse, err := s.settledState(ctx)
	if err != nil {
		return x, nil, err
	}
	err = fault.Guarded(func() error {
		w := &boltfile.Walker{Ctx: ctx, From: sn.file(), Meta: meta}
		w.Look = inUse.Wants
		return x.examine(w)
	})
	if err != nil {
		sn.close()
	}
	return x, sn, err
}

// compare compares the buckets of an examined state with each other.
func (sn *Snapshot) compare(x *examination) error {
	return sn.read(func(in guarded) error {
		c := checker{
			examination: x, ctx: sn.ctx, in: in, mem: arena{names: &sn.store.names},
			progress: tellEvents(sn.store.opt.tellOf(sn.ctx), "comparing"),
		}
		return c.run()
	})
}

// verifyRest compares the thumbnails with the events, and returns the whole account. A
// file younger than graceFrom, unless that is zero, is no orphan.
func (s *Store) verifyRest(ctx context.Context, x *examination, graceFrom time.Time) (*Verification, error) {
	c := thumbnailChecker{
		findings: &x.findings, ctx: ctx, store: s, progress: tellEvents(s.opt.tellOf(ctx), "comparing thumbnails"),
	}
	c.progress.knows(int64(x.sums[eventsSum].entries))
	if err := c.run(); err != nil {
		return nil, err
	}
	v := x.verification()
	v.Whole, v.Thumbnails, v.Missing, v.Linked, v.Links = true, c.thumbnails, c.missing, c.linked, c.links
	commit, err := s.commit(ctx)
	if err == nil {
		v.Folder, err = s.thumbs.folder(commit)
	}
	if err != nil {
		return nil, err
	}
	err = s.overOrphans(ctx, graceFrom, func(name string) {
		if v.Orphaned++; len(v.Orphans) < maxFindings {
			v.Orphans = append(v.Orphans, name)
		}
	})
	return v, err
}
