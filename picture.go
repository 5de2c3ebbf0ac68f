package doorlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// stored returns the stored event with e's ID, or a zero Event.
func (s *Store) stored(ctx context.Context, e *Event) (Event, error) {
	if err := ctx.Err(); err != nil {
		return Event{}, err
	}
	sn, err := s.look(ctx)
	if err != nil {
		return Event{}, err
	}
	defer sn.close()
	there, _, err := sn.alreadyThere(e, false)
	return there, err
}

// releaseThumbnail removes a thumbnail that an event no longer names, and reports
// whether the file is gone. A file named after the event's ID has no other user. A file
// that a producer brought may have several users, and stays until the last of them is
// gone.
func (s *Store) releaseThumbnail(ctx context.Context, id ID, path string) bool {
	if path == "" {
		return false
	}
	if path != thumbnailPath(id) {
		ctx := context.WithoutCancel(ctx)
		if s.ensureVerified(ctx) != nil { // the index may lack the event that names it
			return false
		}
		// A write of an event that names a producer's file either has ended by now or
		// begins after this.
		s.thumbs.named.Lock()
		defer s.thumbs.named.Unlock()
		used, err := s.thumbnailUsed(ctx, path)
		if used || err != nil {
			return false
		}
	}
	return s.removeThumbnail(ctx, path)
}

// thumbnailUsed is Snapshot.thumbnailUsed on a snapshot of its own.
func (s *Store) thumbnailUsed(ctx context.Context, path string) (used bool, err error) {
	sn, err := s.look(ctx)
	if err != nil {
		return false, err
	}
	defer sn.close()
	return sn.thumbnailUsed(path)
}

// thumbnailUsed reports whether an event names a file. A file named after an event's ID
// can belong only to that event, and a producer's file to any event.
func (sn *Snapshot) thumbnailUsed(path string) (used bool, err error) {
	if id, final, ok := thumbnailID(path); ok && final {
		r, err := sn.record(id)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		return err == nil && r.ThumbnailPath == path, err
	}
	err = sn.overNamers(path, func(ID) bool {
		used = true
		return false
	})
	return used, err
}

// overNamers calls fn with each event that names a producer's file, newest
// first, until it returns false.
func (sn *Snapshot) overNamers(path string, fn func(ID) (more bool)) error {
	return sn.read(func(in guarded) error {
		more := true
		err := in.overTail(func(r *record) bool {
			if r.ThumbnailPath == path {
				more = fn(r.ID)
			}
			return more
		})
		if err != nil {
			return err
		}
		list := newPostingList(in.Cursor(indexSums+byThumbnail), byThumbnail, path, false)
		for more {
			id, ok := list.next()
			more = ok && fn(id)
		}
		return nil
	})
}

// overNamedFiles calls fn once for each file that events name, with the newest event
// that names it. The events come oldest first and without their detections.
func (sn *Snapshot) overNamedFiles(fn func(*record) error) error {
	return sn.read(func(in guarded) error { return in.overNamedFiles(fn) })
}

func (in guarded) overNamedFiles(fn func(*record) error) error {
	inTail := make(map[string]ID) // producer's file to the newest event in the tail that names it
	err := in.overTail(func(r *record) bool {
		if _, newer := inTail[r.ThumbnailPath]; !newer && r.ThumbnailPath != "" {
			inTail[r.ThumbnailPath] = r.ID
		}
		return true
	})
	if err != nil {
		return err
	}
	stands := func(r *record) bool {
		if r.ThumbnailPath == thumbnailPath(r.ID) { // no other may name it
			return true
		}
		newest, ok := inTail[r.ThumbnailPath]
		if !ok {
			newest, ok = newPostingList(in.Cursor(indexSums+byThumbnail), byThumbnail, r.ThumbnailPath, false).next()
		}
		return ok && newest == r.ID
	}
	mem := in.manyEvents()
	return in.overRecords(ID{}, lastID, func(key, event, _ []byte) (more bool, err error) {
		var r record
		if err := decodeEvent(key, event, &mem, &r); err != nil {
			return false, fmt.Errorf("event %s: %w", keyText(key), err)
		}
		if r.ThumbnailPath == "" || !stands(&r) {
			return true, nil
		}
		return true, errors.Join(in.ctx.Err(), fn(&r))
	})
}

// removeThumbnail removes a file and reports whether it is gone. It logs a failure.
func (s *Store) removeThumbnail(ctx context.Context, path string) bool {
	if err := s.thumbs.remove(path); err != nil {
		alsoLog(ctx, s.opt.Logger).Warn("doorlog: a thumbnail that no event names could not be removed", "path", path, "error", err)
		return false
	}
	return true
}

// Thumbnail returns the JPEG file of an event's thumbnail. The error is [ErrNotFound]
// if there is no such event or it has no thumbnail, [fs.ErrNotExist] if the file is
// gone, [ErrSymlink] if the file lies behind a symbolic link, and [ErrCorrupt] if the
// file is not what was saved.
func (s *Store) Thumbnail(ctx context.Context, id ID) ([]byte, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, failed("thumbnail", err)
	}
	r, err := sn.named(id)
	sn.close()
	if err != nil {
		return nil, err
	}
	return s.thumbs.of(&r)
}

// Thumbnail is [Store.Thumbnail] for an event of the snapshot. It reads the file as it
// is now: the file is gone if the event was deleted after the snapshot was taken.
func (sn *Snapshot) Thumbnail(id ID) ([]byte, error) {
	r, err := sn.named(id)
	if err != nil {
		return nil, err
	}
	return sn.store.thumbs.of(&r)
}

// named returns an event that names a thumbnail, else ErrNotFound.
func (sn *Snapshot) named(id ID) (record, error) {
	r, err := sn.record(id)
	if err == nil && r.ThumbnailPath == "" {
		err = fmt.Errorf("it has none: %w", ErrNotFound)
	}
	return r, thumbnailError(id, err)
}

// of reads the thumbnail of an event.
func (t *thumbnails) of(r *record) ([]byte, error) {
	data, err := t.read(r.ThumbnailPath, r.thumb)
	return data, thumbnailError(r.ID, err)
}

func thumbnailError(id ID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("doorlog: thumbnail of event %s: %w", id, err)
}

// lockFiles locks the thumbnails of those events of a batch that have one or are to get
// one. It locks in the order of the IDs, as Prune does, so the two cannot deadlock.
func (s *Store) lockFiles(ctx context.Context, batch []insertion) (unlock func(), err error) {
	var ids []ID
	for i := range batch {
		if in := &batch[i]; in.frame != nil || in.ThumbnailPath != "" {
			ids = append(ids, in.ID)
		}
	}
	slices.SortFunc(ids, ID.Compare)
	var unlocks []func()
	unlock = func() {
		for _, fn := range unlocks {
			fn()
		}
	}
	for _, id := range slices.Compact(ids) {
		one, err := s.busy.Lock(ctx, id)
		if err != nil {
			unlock()
			return nil, err
		}
		unlocks = append(unlocks, one)
	}
	return unlock, nil
}

// addFrames makes the thumbnails of those events of a batch that have a frame and are
// not stored yet. For an event that is already stored it fills in the result in mode
// once. Otherwise it gives the event the stored thumbnail, so that the two compare as
// the same event.
func (s *Store) addFrames(ctx context.Context, batch []insertion, result []written, once bool) error {
	if !slices.ContainsFunc(batch, func(in insertion) bool { return in.frame != nil }) {
		return nil
	}
	if err := s.lookUp(ctx, batch, result, once); err != nil {
		return err
	}
	first := make(map[ID]*insertion, len(batch))
	for i := range batch {
		in := &batch[i]
		frame := in.frame
		in.frame = nil
		switch before := first[in.ID]; {
		case frame == nil:
		case before != nil: // the same event twice in a batch has one thumbnail
			in.ThumbnailPath, in.FrameWidth, in.FrameHeight = before.ThumbnailPath, before.FrameWidth, before.FrameHeight
			in.thumb = before.thumb
		default:
			if err := s.addFrame(ctx, in, frame); err != nil {
				return err
			}
		}
		if first[in.ID] == nil {
			first[in.ID] = in
		}
	}
	return nil
}

// lookUp finds the events with a frame that are already stored, and drops their frames.
func (s *Store) lookUp(ctx context.Context, batch []insertion, result []written, once bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sn, err := s.look(ctx)
	if err != nil {
		return err
	}
	defer sn.close()
	for i := range batch {
		in := &batch[i]
		if in.frame == nil {
			continue
		}
		there, found, err := sn.alreadyThere(&in.Event, once)
		switch {
		case err != nil:
			return err
		case !found:
			continue
		case once:
			result[i], in.there = written{there, true}, true
		default:
			in.ThumbnailPath, in.FrameWidth, in.FrameHeight = there.ThumbnailPath, there.FrameWidth, there.FrameHeight
		}
		in.frame = nil
	}
	return nil
}

// addFrame makes the thumbnail of an event. A frame that cannot be read or saved is
// logged, and the event is stored without a thumbnail.
func (s *Store) addFrame(ctx context.Context, in *insertion, frame []byte) error {
	if err := s.checkPlace(ctx); err != nil {
		return err
	}
	file, err := s.thumbs.save(ctx, in.ID, frame)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		alsoLog(ctx, s.opt.Logger).Warn("doorlog: the event is stored without a thumbnail",
			"event", in.ID.String(), "camera", in.Camera, "error", err)
		return nil
	}
	in.saved = true
	in.ThumbnailPath, in.FrameWidth, in.FrameHeight, in.thumb = file.path, file.width, file.height, file.sum
	return nil
}

// dropThumbnails removes the thumbnails that were saved for a batch but that no event
// names: the write failed with err, or the event was already stored by another write.
func (s *Store) dropThumbnails(ctx context.Context, batch []insertion, result []written, err error) {
	if errors.Is(err, ErrUnknownOutcome) { // then the events may be there after all
		return
	}
	for i := range batch {
		if in := &batch[i]; in.saved && (err != nil || result[i].ThumbnailPath != in.ThumbnailPath) {
			s.removeThumbnail(ctx, in.ThumbnailPath)
		}
	}
}
