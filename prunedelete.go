package doorlog

import (
	"errors"
	"fmt"
	"time"

	"github.com/doorlog/doorlog/internal/pace"
)

// A candidate is an event that is to go, or to lose its thumbnail.
type candidate struct {
	id         ID
	detections int
	file       bool  // it has a thumbnail
	bytes      int64 // size of its records
}

// removeAll removes events, a few in each transaction.
func (p *pruning) removeAll(found []candidate) error {
	most := eventsAlone
	for len(found) > 0 {
		n := p.atOnce(found, min(most, p.series.events()))
		if err := p.proceed(); err != nil {
			return err
		}
		begun := time.Now()
		err := p.removeSome(found[:n])
		for n > 1 && errors.Is(err, ErrFull) { // fewer events take fewer pages
			n /= 2
			most = n
			err = p.removeSome(found[:n])
		}
		if err != nil {
			return err
		}
		p.progress.step(int64(n))
		if err := p.series.rest(p.ctx, time.Since(begun)); err != nil {
			return err
		}
		found = found[n:]
	}
	return nil
}

// atOnce returns how many of the first events are removed in one transaction: at least
// one, and at most as many as the limits on events, detections and files allow.
func (p *pruning) atOnce(found []candidate, most int) (n int) {
	detections, files := 0, 0
	for n < min(len(found), most) {
		detections += found[n].detections
		if found[n].file {
			files++
		}
		if n > 0 && (detections > most*manyDetections || files > p.filesAtOnce()) {
			break
		}
		n++
	}
	return n
}

// leastFiles is a number of thumbnails that may always go after one transaction.
const leastFiles = 16

// filesAtOnce returns how many thumbnails may go after one transaction. A crash before
// they are removed leaves them as orphans. They must be few enough for the next Prune
// to remove them (orphanShare).
func (p *pruning) filesAtOnce() int {
	left := p.pictures
	for i := range p.gone {
		left -= p.gone[i].Thumbnails
	}
	return max(leastFiles, left/(2*orphanShare))
}

// A release is a thumbnail that an event no longer names.
type release struct {
	id     ID
	path   string
	reason int
}

// removeSome removes events in one transaction, and then their files. It judges the
// events again, because they may have changed.
func (p *pruning) removeSome(some []candidate) error {
	for _, c := range some { // in the order of the IDs, as everybody locks them
		unlock, err := p.s.busy.Lock(p.ctx, c.id)
		if err != nil {
			return err
		}
		defer unlock()
	}
	var events []func()
	var files []release
	err := p.series.makeRoom(p.ctx, func(w *writeTx) error {
		events, files = events[:0], files[:0] // apply may be called twice
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

// release removes files that their events no longer name. If several of the events
// named one file, it counts for the last of them, as in lastOfFile.
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

// removeOrphans removes, or counts if dry, the thumbnails that belong to no event, as
// far as they are known to be nobody's.
func (p *pruning) removeOrphans(found *orphansFound) error {
	commit, err := p.s.commit(p.ctx)
	if err != nil {
		return err
	}
	folder, err := p.s.thumbs.folder(commit)
	if err != nil {
		return err
	}
	p.folder = folder // before this Prune changes it
	if p.adopts(&folder, found) {
		folder.State = FolderOwn
		if !p.dry {
			if err := p.s.thumbs.own(); err != nil {
				return err
			}
		}
	}
	few := max(1, found.pictures/orphanShare)
	why := folder.Why()
	if why == "" && found.orphans > few {
		why = fmt.Sprintf("no more than %d of the folder's %d pictures may go at once", few, found.pictures)
	}
	if why != "" && !p.policy.Orphans {
		if found.orphans > 0 {
			p.holdBack("%d thumbnails (%d bytes) that belong to no event stay, because %s: "+
				"look at what verify says; prune --orphans (Policy.Orphans) removes them", found.orphans, found.bytes, why)
		}
		return nil
	}
	if err := p.sweepOrphans(); err != nil || p.dry || folder.State == FolderAbsent {
		return err
	}
	if p.policy.Orphans {
		return p.s.thumbs.own()
	}
	return p.s.thumbs.advance()
}

// orphanShare limits how many pictures of a folder may go at once because no event
// names them: one in orphanShare, unless somebody allows more.
const orphanShare = 100

// adopts reports whether the store takes a folder that nobody has claimed for its own:
// the folder has pictures, and all of them belong to the store's events.
func (p *pruning) adopts(folder *Folder, found *orphansFound) bool {
	return folder.State == FolderUnclaimed && found.foreign == 0 && found.pictures > 0
}

// orphansFound counts the thumbnails of a folder.
type orphansFound struct {
	pictures int   // files with the name of a thumbnail
	foreign  int   // those that no event names, of any age
	orphans  int   // foreign ones that are at least an hour old
	bytes    int64 // size of the orphans
}

func (p *pruning) findOrphans() (found orphansFound, err error) {
	err = p.overThumbnails(func(name string) error {
		if p.s.thumbs.isHeld(name) {
			return p.sweepHeld(name)
		}
		if _, final, ok := thumbnailID(name); ok && final {
			found.pictures++
		}
		return nil
	}, func(name string, final, old bool) error {
		if !final {
			return nil
		}
		if found.foreign++; old {
			size, _ := p.s.thumbs.size(name)
			found.orphans++
			found.bytes += size
		}
		return nil
	})
	return found, err
}

// sweepOrphans removes, or counts if dry, the orphans that are at least an hour old.
// Files that an interrupted save left are orphans too.
func (p *pruning) sweepOrphans() error {
	return p.overThumbnails(nil, func(name string, final, old bool) error {
		if !old {
			return nil
		}
		id, _, _ := thumbnailID(name)
		return p.removeOrphan(name, id, final)
	})
}

// overThumbnails calls each, unless it is nil, with every file of the folder, and
// orphan with every thumbnail that belongs to no event. old is set if the file is at
// least an hour old. The system's clock decides that, because it sets the times of
// files; a file from the future is young.
func (p *pruning) overThumbnails(each func(name string) error, orphan func(name string, final, old bool) error) error {
	graceFrom, rest := time.Now().Add(-youngest), pace.HalfTime(p.ctx)
	looked := tellEvents(p.tell, "looking for orphans")
	looked.say()
	err := p.s.thumbs.each(func(name string, modified time.Time) error {
		looked.add(1)
		if err := p.proceed(); err != nil {
			return err
		}
		if !p.dry {
			if err := rest(); err != nil {
				return err
			}
		}
		if each != nil {
			if err := each(name); err != nil {
				return err
			}
		}
		_, final, ok := thumbnailID(name)
		if !ok {
			return nil
		}
		of, err := p.orphan(name, final)
		if err != nil || !of {
			return err
		}
		return orphan(name, final, !modified.After(graceFrom))
	})
	if err == nil {
		looked.finish()
	}
	return err
}

// sweepHeld removes what an interrupted backup left. The file's time does not matter:
// it is that of the picture.
func (p *pruning) sweepHeld(name string) error {
	size, there := p.s.thumbs.size(name)
	swept, err := p.s.thumbs.sweepHeld(name, p.dry)
	if err == nil && swept && there {
		p.orphans++
		p.orphanBytes += size
	}
	return err
}

func (p *pruning) orphan(name string, final bool) (bool, error) {
	sn, err := p.s.look(p.ctx)
	if err != nil {
		return false, err
	}
	defer sn.close()
	return sn.orphan(name, final)
}

// removeOrphan removes a file unless its event has been written meanwhile. It looks
// again while it holds the lock on the file's event, and while nobody writes an event
// that names a file.
func (p *pruning) removeOrphan(name string, id ID, final bool) error {
	size, there := p.s.thumbs.size(name)
	if !p.dry {
		unlock, err := p.s.busy.Lock(p.ctx, id)
		if err != nil {
			return err
		}
		defer unlock()
		p.s.thumbs.named.Lock()
		defer p.s.thumbs.named.Unlock()
		orphan, err := p.orphan(name, final)
		if err == nil && orphan { // the path may lead to another store now, which names the file
			err = p.s.checkPlace(p.ctx)
		}
		if err != nil || !orphan || !p.s.removeThumbnail(p.ctx, name) {
			return err
		}
	}
	if there {
		p.orphans++
		p.orphanBytes += size
	}
	return nil
}
