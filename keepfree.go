package doorlog

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// A FreeSpace is how much of a disk is to be free. The larger of both counts. The
// zero FreeSpace asks for nothing.
type FreeSpace struct {
	Bytes   int64   `json:"bytes,omitempty"`
	Percent float64 `json:"percent,omitempty"` // of the whole disk, below 100
}

func (f FreeSpace) validate() error {
	switch {
	case f.Bytes < 0:
		return invalid("Policy.KeepFree.Bytes", "%d is negative", f.Bytes)
	case !(f.Percent >= 0 && f.Percent < 100): // also what is no number
		return invalid("Policy.KeepFree.Percent", "%v is not in 0..100", f.Percent)
	case f != FreeSpace{} && !knowsFreeSpace:
		return fmt.Errorf("Policy.KeepFree: %w", errFreeSpace)
	}
	return nil
}

var errFreeSpace = fmt.Errorf("the free space of the disk is not known here: %w", errors.ErrUnsupported)

// of returns how many bytes of a disk are to be free.
func (f FreeSpace) of(total int64) int64 {
	return max(f.Bytes, int64(math.Ceil(float64(total)/100*f.Percent)))
}

// diskOf returns the free and all bytes of the disk on which a folder is, or, if that
// is not there, the nearest one above it.
func diskOf(dir string) (free, total int64, err error) {
	for {
		if free, total, err = spaceAt(dir); !errors.Is(err, os.ErrNotExist) {
			return free, total, err
		}
		above := filepath.Dir(dir)
		if above == dir {
			return 0, 0, err
		}
		dir = above
	}
}

// boundFree finds the last of the events that go because the disk of the thumbnails
// has too little free space. It counts files that are there now, and would give their
// blocks back. Where all that may go is not enough, something else fills the disk, and
// nothing goes.
func (p *pruning) boundFree() error {
	keep := p.policy.KeepFree
	if keep == (FreeSpace{}) {
		return nil
	}
	dir, err := filepath.Abs(p.s.opt.ThumbnailDir)
	if err != nil {
		return err
	}
	free, total, err := p.s.opt.disk(dir)
	if err != nil {
		return fmt.Errorf("free space of the disk of %s: %w", p.s.opt.ThumbnailDir, err)
	}
	missing := keep.of(total) - free
	if missing <= 0 {
		return nil
	}
	if p.s.thumbs.holds() {
		p.holdBack("keep free: a backup is under way, and keeps the thumbnails that are removed until it ends")
		return nil
	}
	freed, err := p.freedByOthers()
	if err != nil || freed >= missing {
		return err
	}
	others := p.verdict // which knows of no last event of this kind yet
	size := func(sn *Snapshot, r *record) (int64, error) {
		if others.thumbnail(&r.Event) != stays {
			return 0, nil
		}
		return p.freedBytes(sn, r)
	}
	var last turn
	err = p.inTurn(others, size, func(t turn, _, file int64) (more bool) {
		last = t
		freed += file
		return freed < missing
	})
	if err != nil {
		return err
	}
	if freed < missing {
		p.holdBack("keep free: %d bytes of the disk are free and %d are to be, but all thumbnails that may go take %d: "+
			"something else fills the disk, and nothing goes for this reason", free, free+missing, freed)
		return nil
	}
	p.lastByFree = last
	return nil
}

// freedByOthers returns what comes free on the disk for other reasons.
func (p *pruning) freedByOthers() (freed int64, err error) {
	err = p.walk(p.youngest(), func(sn *Snapshot, r *record, _ int64) (bool, error) {
		if p.thumbnail(&r.Event) == stays {
			return true, nil
		}
		file, err := p.freedBytes(sn, r)
		freed += file
		return true, err
	}, nil)
	return freed, err
}

// freedBytes returns what the disk gets back when the file of an event is removed. A
// file that several events name counts for the newest of them, and not at all if one
// of them is pinned.
func (p *pruning) freedBytes(sn *Snapshot, r *record) (bytes int64, err error) {
	if r.ThumbnailPath == "" {
		return 0, nil
	}
	counts := true
	if r.ThumbnailPath != thumbnailPath(r.ID) {
		newest := true
		nerr := sn.overNamers(r.ThumbnailPath, func(id ID) bool {
			if newest && id != r.ID {
				counts = false
				return false
			}
			newest = false
			var other record
			err = sn.event(id, &other)
			counts = err == nil && !other.Pinned
			return counts
		})
		if err := errors.Join(err, nerr); err != nil || !counts {
			return 0, err
		}
	}
	return p.s.thumbs.gives(r.ThumbnailPath), nil
}
