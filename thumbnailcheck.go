package doorlog

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"
)

// lookedUpAtOnce limits how many files are looked up in one snapshot, or taken from
// one. Reading them takes long, and no snapshot is open meanwhile.
const lookedUpAtOnce = 256

// A thumbnailChecker compares the thumbnails with the events of the newest state, a few
// hundred events at a time.
type thumbnailChecker struct {
	*findings
	ctx   context.Context
	store *Store

	progress   *progress // in events
	thumbnails int
	missing    int      // those of thumbnails whose file is missing
	links      []string // symbolic links on the way to thumbnails, at most maxFindings
	linked     int      // how many thumbnails lie behind such links
}

// A knownThumbnail is a file that an event names, and what is known of the file.
type knownThumbnail struct {
	id   ID
	path string
	sum  fileSum
}

func (c *thumbnailChecker) run() error {
	for from, more := (ID{}), true; more; {
		some, next, passed, err := c.store.knownThumbnails(c.ctx, from)
		if err != nil {
			return err
		}
		for i := range some {
			if err := c.ctx.Err(); err != nil {
				return err
			}
			if err := c.check(&some[i]); err != nil {
				return err
			}
		}
		c.progress.add(int64(passed))
		from, more = next, next != (ID{})
	}
	c.progress.finish()
	return nil
}

// knownThumbnails returns the files that some of the events from an ID on name. next is
// the ID at which the rest begins, or zero if that was all. events is how many events
// were passed. It skips damaged records.
func (s *Store) knownThumbnails(ctx context.Context, from ID) (some []knownThumbnail, next ID, events int, err error) {
	const atOnce = 16 * lookedUpAtOnce // events: most of them may have no thumbnail
	sn, err := s.look(ctx)
	if err != nil {
		return nil, ID{}, 0, err
	}
	defer sn.close()
	mem := sn.manyEvents()
	err = sn.read(func(in guarded) error {
		return in.overRecords(from, lastID, func(key, event, _ []byte) (more bool, err error) {
			var r record
			if decodeEvent(key, event, &mem, &r) != nil {
				return true, nil //nolint:nilerr // the examination has reported it already
			}
			if events == atOnce || len(some) == lookedUpAtOnce {
				next = r.ID
				return false, nil
			}
			if events++; r.thumb.known {
				some = append(some, knownThumbnail{r.ID, r.ThumbnailPath, r.thumb})
			}
			return true, nil
		})
	})
	return some, next, events, err
}

// check checks that a file that doorlog made exists and has not changed. A file behind
// a symbolic link is counted, but is no finding: what it holds is not known.
func (c *thumbnailChecker) check(f *knownThumbnail) error {
	c.thumbnails++
	_, err := c.store.thumbs.read(f.path, f.sum)
	if behind, ok := errors.AsType[*linkError](err); ok {
		if c.linked++; len(c.links) < maxFindings && !slices.Contains(c.links, behind.link) {
			c.links = append(c.links, behind.link)
		}
		return nil
	}
	if err == nil {
		return nil
	}
	named, lerr := c.named(f)
	if lerr != nil {
		return lerr
	}
	if named {
		if errors.Is(err, fs.ErrNotExist) {
			c.missing++
		}
		c.report(InvariantThumbnails, "event %s: thumbnail: %v", f.id, err)
	}
	return nil
}

// named reports whether the event still names the same thumbnail.
func (c *thumbnailChecker) named(f *knownThumbnail) (bool, error) {
	sn, err := c.store.look(c.ctx)
	if err != nil {
		return false, err
	}
	defer sn.close()
	now, err := sn.record(f.id)
	return err == nil && now.ThumbnailPath == f.path && now.thumb == f.sum || errors.Is(err, ErrCorrupt), nil
}

// overOrphans calls fn with the path of each file that belongs to no event: finished
// thumbnails, unfinished ones, and files that are held for a backup. Files younger than
// graceFrom, unless that is zero, are skipped.
func (s *Store) overOrphans(ctx context.Context, graceFrom time.Time, fn func(name string)) error {
	var some []string
	looked := tellEvents(s.opt.tellOf(ctx), "looking for orphans")
	looked.say()
	lookUp := func() error {
		orphans, err := s.orphansAmong(ctx, some)
		for _, name := range orphans {
			if s.thumbs.has(name) { // it may have been removed with its event since it was listed
				fn(name)
			}
		}
		some = some[:0]
		return err
	}
	err := s.thumbs.each(func(name string, modified time.Time) error {
		looked.add(1)
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, _, ok := thumbnailID(name); !ok && !s.thumbs.isHeld(name) || !graceFrom.IsZero() && modified.After(graceFrom) {
			return nil
		}
		if some = append(some, name); len(some) < lookedUpAtOnce {
			return nil
		}
		return lookUp()
	})
	if err == nil {
		err = lookUp()
	}
	if err == nil {
		looked.finish()
	}
	return err
}

// orphansAmong returns those of the files that belong to no event.
func (s *Store) orphansAmong(ctx context.Context, names []string) (orphans []string, err error) {
	sn, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	defer sn.close()
	for _, name := range names {
		orphan := false
		if s.thumbs.isHeld(name) { // it is held for a backup that runs, or left by one that was interrupted
			orphan = !s.thumbs.holds()
		} else {
			_, final, _ := thumbnailID(name)
			orphan, err = sn.orphan(name, final)
		}
		if err != nil {
			return orphans, err
		}
		if orphan {
			orphans = append(orphans, name)
		}
	}
	return orphans, nil
}

// orphan reports whether a file with the name of a thumbnail belongs to no event. An
// unfinished one (final is false) never belongs to one.
func (sn *Snapshot) orphan(name string, final bool) (bool, error) {
	if !final {
		return true, nil
	}
	used, err := sn.thumbnailUsed(name)
	if errors.Is(err, ErrCorrupt) { // not known: it may be named by a damaged event
		return false, nil
	}
	return err == nil && !used, err
}
