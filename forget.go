package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A Forgotten is the account of a [Store.ForgetMissing] or a [Store.WouldForgetMissing].
type Forgotten struct {
	// Events is the number of events from which the name of a missing thumbnail was taken.
	Events int `json:"events"`

	// Thumbnails is the number of thumbnails that exist, that events still name, and that
	// doorlog made or summed.
	Thumbnails int `json:"thumbnails"`

	// Paths are the paths of the missing files, at most the first 100.
	Paths List[string] `json:"paths"`
}

// ForgetOptions configure a [Store.ForgetMissing]. nil means defaults.
type ForgetOptions struct {
	// Folders also forgets a missing thumbnail if its folder, for example that of a day,
	// has no thumbnail of the store any more. By default such a name stays, because the
	// folder may be on a disk that is not mounted.
	Folders bool `json:"folders,omitempty"`
}

// ForgetMissing removes the names of missing thumbnails from their events. The events stay.
// Use it after somebody has removed files by hand: until then [Store.Verify] reports each of
// them as damage.
//
// It removes only names that Verify reports as missing: the store must know what the file
// was, and other thumbnails of the store must be in the folder of the file (see
// [ForgetOptions]). It does not touch a file that exists, changed or not, nor the name of a
// file that cannot be looked up.
//
// A disk that is not mounted must not cost every name. So ForgetMissing returns [ErrFolder]
// unless the thumbnail folder has the store's claim or at least one of its thumbnails, or no
// event names a thumbnail. Each transaction removes a few names; if ForgetMissing ends early,
// the rest stays. Only one ForgetMissing or [Store.Prune] runs at a time; others wait.
func (s *Store) ForgetMissing(ctx context.Context, options *ForgetOptions) (*Forgotten, error) {
	done, err := s.forgetMissing(ctx, options, false)
	return done, failed("forget missing thumbnails", err)
}

// WouldForgetMissing returns what [Store.ForgetMissing] would do now. It changes nothing.
func (s *Store) WouldForgetMissing(ctx context.Context, options *ForgetOptions) (*Forgotten, error) {
	done, err := s.forgetMissing(ctx, options, true)
	return done, failed("look for missing thumbnails", err)
}

func (s *Store) forgetMissing(ctx context.Context, options *ForgetOptions, dry bool) (*Forgotten, error) {
	leave, err := s.enterPrune(ctx, dry)
	if err != nil {
		return nil, err
	}
	defer leave()
	f := &forgetting{
		s: s, lively: make(map[string]bool),
		p: s.newPruning(ctx, &Policy{}, dry, &reading{}), // for its walk over the events
	}
	if options != nil {
		f.folders = options.Folders
	}
	if err := s.ensureVerified(ctx); err != nil {
		return nil, err
	}
	if err := f.walk("looking for thumbnails", f.count, nil); err != nil {
		return nil, err
	}
	if err := f.mayForget(); err != nil {
		return nil, err
	}
	if dry || f.result.Events == 0 {
		return &f.result, nil
	}
	f.result.Events = 0
	return &f.result, f.walk("forgetting", f.find, f.forget)
}

// walk calls visit with every event and reports progress.
func (f *forgetting) walk(doing string, visit func(*record, int64) (more bool, err error), after func() error) error {
	told, err := f.p.begin(doing, lastID)
	if err != nil {
		return err
	}
	err = f.p.walk(lastID, func(r *record, bytes int64) (more bool, err error) {
		told.add(1)
		return visit(r, bytes)
	}, after)
	if err == nil {
		told.finish()
	}
	return err
}

// A forgetting is one run of ForgetMissing.
type forgetting struct {
	s      *Store
	p      *pruning
	found  []ID
	result Forgotten

	left    int             // number of missing thumbnails whose names stay
	folders bool            // ForgetOptions.Folders
	lively  map[string]bool // by folder, whether it has a thumbnail of the store
}

// goes reports whether the name of a thumbnail is to be removed.
func (f *forgetting) goes(name string) (bool, error) {
	if missing, err := f.s.thumbs.isMissing(name); !missing {
		return false, err
	}
	dir := path.Dir(name)
	lively, known := f.lively[dir]
	if !known && !f.folders {
		var err error
		if lively, err = f.namesOneIn(dir); err != nil {
			return false, err
		}
		f.lively[dir] = lively
	}
	return lively || f.folders, nil
}

// namesOneIn reports whether an event names a file that is in a folder.
func (f *forgetting) namesOneIn(dir string) (named bool, err error) {
	root, err := f.s.thumbs.open(false)
	if err != nil {
		return false, fsx.IgnoreNotExist(err)
	}
	d, err := root.Open(dir)
	if err != nil {
		return false, fsx.IgnoreNotExist(err)
	}
	names, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return false, err
	}
	for some := range slices.Chunk(names, lookedUpAtOnce) {
		err := f.p.inSnapshot(func(in guarded) (err error) {
			for i := 0; i < len(some) && !named && err == nil; i++ {
				named, err = in.thumbnailUsed(path.Join(dir, some[i]))
			}
			return err
		})
		if named || err != nil {
			return named, err
		}
	}
	return false, nil
}

func (f *forgetting) count(r *record, _ int64) (more bool, err error) {
	if !r.thumb.known {
		return true, nil
	}
	goes, err := f.goes(r.ThumbnailPath)
	missing := goes
	if err == nil && !goes {
		missing, err = f.s.thumbs.isMissing(r.ThumbnailPath)
	}
	switch {
	case err != nil:
		return false, err
	case !missing:
		f.result.Thumbnails++
	case !goes:
		f.left++
	default:
		if f.result.Events++; len(f.result.Paths) < maxFindings {
			f.result.Paths = append(f.result.Paths, r.ThumbnailPath)
		}
	}
	return true, nil
}

// mayForget returns ErrFolder if the folder may not be the store's.
func (f *forgetting) mayForget() error {
	if missing := f.result.Events + f.left; missing == 0 || f.result.Thumbnails > 0 {
		return nil
	}
	var own *claim
	root, err := f.s.thumbs.open(false)
	if err == nil {
		own, _, err = f.s.thumbs.claims(root)
	}
	if own == nil && fsx.IgnoreNotExist(err) == nil {
		return fmt.Errorf("%w: all %d thumbnails are missing in %s, and it has no claim of the store: is its disk mounted?",
			ErrFolder, f.result.Events+f.left, f.s.thumbs.dir)
	}
	return err
}

func (f *forgetting) find(r *record, _ int64) (more bool, err error) {
	if !r.thumb.known {
		return true, nil
	}
	goes, err := f.goes(r.ThumbnailPath)
	if goes {
		f.found = append(f.found, r.ID)
	}
	return true, err
}

// forget removes the names from the events that were found.
func (f *forgetting) forget() error {
	for len(f.found) > 0 {
		if err := f.p.proceed(); err != nil {
			return err
		}
		begun := time.Now()
		n := min(len(f.found), f.p.series.events())
		err := f.forgetSome(f.found[:n])
		for n > 1 && errors.Is(err, ErrFull) { // fewer events take fewer pages
			n /= 2
			err = f.forgetSome(f.found[:n])
		}
		if err != nil {
			return err
		}
		f.found = f.found[n:]
		if err := f.p.series.rest(f.p.ctx, time.Since(begun)); err != nil {
			return err
		}
	}
	return nil
}

func (f *forgetting) forgetSome(some []ID) error {
	for _, id := range some { // in order, as a Prune does
		unlock, err := f.s.busy.Lock(f.p.ctx, id)
		if err != nil {
			return err
		}
		defer unlock()
	}
	events := 0
	err := f.p.series.makeRoom(f.p.ctx, func(w *writeTx) error {
		events = 0
		for _, id := range some {
			r, err := w.get(id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return about(id[:], err)
			}
			if !r.thumb.known {
				continue
			}
			if missing, err := f.s.thumbs.isMissing(r.ThumbnailPath); err != nil {
				return err
			} else if !missing { // the file has come back meanwhile
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

// isMissing reports whether a file certainly does not exist. That is not certain if the file
// lies behind a symbolic link, whose disk may not be mounted, or cannot be looked up.
//
// If the disk fails, that is an error: who asks is told that a file may be missing.
func (t *thumbnails) isMissing(name string) (bool, error) {
	root, err := t.open(false)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), diskFailure(err)
	}
	if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return false, diskFailure(err)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		info, err := root.Lstat(dir)
		if failure := diskFailure(err); failure != nil || err == nil && !info.IsDir() {
			return false, failure
		}
	}
	return true, nil
}

// diskFailure returns the error of a disk that cannot be read, and nil for any other.
func diskFailure(err error) error {
	if errors.Is(err, syscall.EIO) {
		return err
	}
	return nil
}
