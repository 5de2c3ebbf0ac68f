package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// Forgotten is the account of a ForgetMissing.
type Forgotten struct {
	// Events is how many events have lost the name of a thumbnail that is missing.
	Events int64 `json:"events"`

	// Thumbnails is how many thumbnails there are that events still name, of those
	// that doorlog made or summed.
	Thumbnails int64 `json:"thumbnails"`

	// Paths are those of the files that are missing, at most the first 100.
	Paths []string `json:"paths"`
}

// ForgetMissing takes the names of thumbnails that are missing off their events, which
// stay: somebody has removed the files by hand, and Verify is not to call that damage
// for ever. Only what Verify misses is taken off: files of which the store knows what
// they were. A file that is there is left alone, changed or not, as is the name of one
// that cannot be looked up.
//
// So that a disk that is not mounted does not cost every name, it is ErrFolder unless
// the folder has the store's claim, or at least one of its thumbnails, or none is
// named at all. Names go a few in a transaction; what ends it early leaves the rest. One
// ForgetMissing or Prune goes on at a time; another one waits for it.
func (s *Store) ForgetMissing(ctx context.Context) (*Forgotten, error) {
	done, err := s.forgetMissing(ctx, false)
	return done, failed("forget missing thumbnails", err)
}

// WouldForget says what ForgetMissing would take off now, and changes nothing.
func (s *Store) WouldForget(ctx context.Context) (*Forgotten, error) {
	done, err := s.forgetMissing(ctx, true)
	return done, failed("look for missing thumbnails", err)
}

func (s *Store) forgetMissing(ctx context.Context, dry bool) (*Forgotten, error) {
	enter := s.enterWrite
	if dry {
		enter = s.enter
	}
	if err := enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	if !dry {
		if err := s.commits.failed(); err != nil {
			return nil, err
		}
		unlock, err := s.prunes.lock(ctx, ID{})
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	f := &forgetting{
		s: s, result: Forgotten{Paths: []string{}},
		p: s.newPruning(ctx, &Policy{}, dry, &reading{}), // which walks over the events
	}
	if err := s.ensureVerified(ctx); err != nil {
		return nil, err
	}
	if err := f.p.walk(lastID, f.count, nil); err != nil {
		return nil, err
	}
	if err := f.mayForget(); err != nil {
		return nil, err
	}
	if dry || f.result.Events == 0 {
		return &f.result, nil
	}
	f.result.Events = 0
	return &f.result, f.p.walk(lastID, f.find, f.forget)
}

// A forgetting is one run of ForgetMissing.
type forgetting struct {
	s      *Store
	p      *pruning
	found  []ID
	result Forgotten
}

func (f *forgetting) count(_ *Snapshot, r *record, _ int64) (more bool, err error) {
	switch {
	case !r.thumb.known:
	case !f.s.thumbs.isMissing(r.ThumbnailPath):
		f.result.Thumbnails++
	default:
		if f.result.Events++; len(f.result.Paths) < maxFindings {
			f.result.Paths = append(f.result.Paths, r.ThumbnailPath)
		}
	}
	return true, nil
}

// mayForget refuses a folder that may be another one than that of the store.
func (f *forgetting) mayForget() error {
	if f.result.Events == 0 || f.result.Thumbnails > 0 {
		return nil
	}
	var own *claim
	root, err := f.s.thumbs.open(false)
	if err == nil {
		own, _, err = f.s.thumbs.claims(root)
	}
	if own == nil && ignoreNotExist(err) == nil {
		return fmt.Errorf("%w: all %d thumbnails are missing in %s, and it has no claim of the store: is its disk mounted?",
			ErrFolder, f.result.Events, f.s.thumbs.dir)
	}
	return err
}

func (f *forgetting) find(_ *Snapshot, r *record, _ int64) (more bool, err error) {
	if r.thumb.known && f.s.thumbs.isMissing(r.ThumbnailPath) {
		f.found = append(f.found, r.ID)
	}
	return true, nil
}

// forget takes the names off what was found.
func (f *forgetting) forget() error {
	for len(f.found) > 0 {
		if err := f.p.proceed(); err != nil {
			return err
		}
		begun := time.Now()
		n := min(len(f.found), removeEvents)
		err := f.forgetSome(f.found[:n])
		for n > 1 && errors.Is(err, ErrFull) { // fewer events take fewer pages
			n /= 2
			err = f.forgetSome(f.found[:n])
		}
		if err != nil {
			return err
		}
		f.found = f.found[n:]
		if err := pause(f.p.ctx, time.Since(begun)); err != nil {
			return err
		}
	}
	return nil
}

func (f *forgetting) forgetSome(some []ID) error {
	for _, id := range some { // in their order, in which a Prune takes them, too
		unlock, err := f.s.busy.lock(f.p.ctx, id)
		if err != nil {
			return err
		}
		defer unlock()
	}
	events := int64(0)
	err := f.s.commits.makeRoom(f.p.ctx, func(w *writeTx) error {
		events = 0
		for _, id := range some {
			r, err := w.get(id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return about(id[:], err)
			}
			if !r.thumb.known || !f.s.thumbs.isMissing(r.ThumbnailPath) { // it has come meanwhile
				continue
			}
			now := r
			now.ThumbnailPath, now.thumb = "", fileSum{}
			if err := w.replace(&r, &now); err != nil {
				return err
			}
			events++
		}
		return nil
	})
	if err == nil {
		f.result.Events += events
	}
	return err
}

// isMissing reports whether a file is known not to be there. One behind a symbolic
// link, whose disk may not be mounted, is not known to be missing, nor is one that
// cannot be looked up.
func (t *thumbnails) isMissing(name string) bool {
	root, err := t.open(false)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err == nil && !info.IsDir() {
			return false
		}
	}
	return true
}
