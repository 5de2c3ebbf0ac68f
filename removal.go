package doorlog

import (
	"errors"
	"time"
)

// How much is removed in one transaction. What that costs is the pages that it
// touches, of which an event has some in each index, and one for each label.
const removeEvents, removeDetections = 16, 64

// A candidate is an event that goes, or loses its thumbnail.
type candidate struct {
	id         ID
	detections int
	bytes      int64 // of its records
}

// removeAll removes events, a few in each transaction.
func (p *pruning) removeAll(found []candidate) error {
	for len(found) > 0 {
		n, detections := 1, found[0].detections
		for n < len(found) && n < removeEvents && detections+found[n].detections <= removeDetections {
			detections += found[n].detections
			n++
		}
		if err := p.proceed(); err != nil {
			return err
		}
		begun := time.Now()
		err := p.removeSome(found[:n])
		for n > 1 && errors.Is(err, ErrFull) { // fewer events take fewer pages
			n /= 2
			err = p.removeSome(found[:n])
		}
		if err != nil {
			return err
		}
		if p.policy.Progress != nil {
			p.policy.Progress(p.account().Removed)
		}
		if err := pause(p.ctx, time.Since(begun)); err != nil {
			return err
		}
		found = found[n:]
	}
	return nil
}

// A release is a thumbnail that an event does not name any more.
type release struct {
	id     ID
	path   string
	reason int
}

// removeSome removes events in one transaction, and after it their files. It
// looks at the events again, as they may have changed.
func (p *pruning) removeSome(some []candidate) error {
	for _, c := range some { // in the order of the IDs, in which every Prune takes them
		unlock, err := p.s.busy.lock(p.ctx, c.id)
		if err != nil {
			return err
		}
		defer unlock()
	}
	var events []func()
	var files []release
	err := p.s.commits.makeRoom(p.ctx, func(w *writeTx) error {
		events, files = events[:0], files[:0] // it may be the second time
		for _, c := range some {
			r, err := w.get(c.id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return about(c.id[:], err)
			}
			reason, file := p.event(&r.Event), p.thumbnail(&r.Event)
			switch {
			case reason != stays:
				err = w.remove(&r)
				events = append(events, func() { p.countEvent(reason, r.detections, c.bytes) })
			case file != stays:
				now := r
				now.ThumbnailPath, now.thumb = "", fileSum{}
				err = w.replace(&r, &now)
			}
			if file != stays {
				files = append(files, release{c.id, r.ThumbnailPath, file})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, count := range events {
		count()
	}
	p.release(files)
	return nil
}

// release removes the files of events that do not name them any more. One that
// several of them named counts for the last, as in lastOfFile.
func (p *pruning) release(files []release) {
	last := make(map[string]int, len(files))
	for i, f := range files {
		last[f.path] = i
	}
	for i, f := range files {
		if last[f.path] != i {
			continue
		}
		size, there := p.s.thumbs.size(f.path)
		if p.s.releaseThumbnail(p.ctx, f.id, f.path) && there {
			p.countFile(f.reason, size)
		}
	}
}

// removeOrphans removes the thumbnails that belong to no event, or counts them.
// They are judged by the clock of the file system, as it is their files' times.
func (p *pruning) removeOrphans() error {
	graceFrom, rest := time.Now().Add(-youngest), halfTime(p.ctx)
	return p.s.thumbs.each(func(name string, modified time.Time) error {
		if err := p.proceed(); err != nil {
			return err
		}
		if !p.dry {
			if err := rest(); err != nil {
				return err
			}
		}
		if isHeld(name) { // its time is that of the picture
			size, there := p.s.thumbs.size(name)
			swept, err := p.s.thumbs.sweepHeld(name, p.dry)
			if err == nil && swept && there {
				p.orphans++
				p.orphanBytes += size
			}
			return err
		}
		id, final, ok := thumbnailID(name)
		if !ok || modified.After(graceFrom) {
			return nil
		}
		orphan, err := p.orphan(name, final)
		if err != nil || !orphan {
			return err
		}
		return p.removeOrphan(name, id, final)
	})
}

func (p *pruning) orphan(name string, final bool) (bool, error) {
	sn, err := p.s.look(p.ctx)
	if err != nil {
		return false, err
	}
	defer sn.close()
	return sn.orphan(name, final)
}

// removeOrphan removes a file unless its event has been written meanwhile: it
// looks again while nobody handles that file, or writes an event that names one.
func (p *pruning) removeOrphan(name string, id ID, final bool) error {
	size, there := p.s.thumbs.size(name)
	if !p.dry {
		unlock, err := p.s.busy.lock(p.ctx, id)
		if err != nil {
			return err
		}
		defer unlock()
		p.s.thumbs.named.Lock()
		defer p.s.thumbs.named.Unlock()
		orphan, err := p.orphan(name, final)
		if err != nil || !orphan || !p.s.removeThumbnail(name) {
			return err
		}
	}
	if there {
		p.orphans++
		p.orphanBytes += size
	}
	return nil
}
