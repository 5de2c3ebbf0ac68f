package doorlog

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/frame"
)

// Limits on a frame, checked before anything of it is decoded. What is above
// one of them is ErrTooLarge.

const (
	MaxFramePixels = frame.MaxPixels // width times height: 40 million
)

const (
	// MaxFrameMemory is how many bytes may be in use at once to make a
	// thumbnail, 200 MiB, the frame's own not counted. What a frame needs is worked out
	// from its headers before it is decoded. For a thumbnail of the default
	// size there is enough for
	//
	//	MaxFramePixels  of a baseline JPEG (24 megapixels if it is CMYK), a GIF,
	//	                a BMP, a lossy WebP, and a PNG of 8 bits
	//	24 megapixels   of a progressive JPEG with chroma of half the size (4:2:0)
	//	22 megapixels   of a PNG of 16 bits; of an interlaced one half as many,
	//	                and 20 of one of 8 bits
	//	12 megapixels   of a progressive JPEG with chroma of full size (4:4:4)
	//	 9 megapixels   of a lossless WebP
	//
	// so that a machine with 512 MB has room for it. Frames that need more than
	// 32 MiB are read one at a time, each after a garbage collection, others as
	// many at once as there are processors. What the collector has not taken
	// yet comes on top: a program on a small machine sets GOMEMLIMIT.
	MaxFrameMemory = frame.MaxMemory
)

const (
	// MaxFrameScans is how often a progressive JPEG may pass over the picture: 64
	// times. Encoders make 10 to 20 scans; a scan of a few bytes costs as much time
	// as the picture is large. A JPEG that is not progressive has one scan for
	// each of its components at most.
	MaxFrameScans = frame.MaxScans
)

// stored returns the event that has e's ID; zero if there is none.
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

// releaseThumbnail removes the thumbnail that an event named until now. A file
// that is named by the event's ID has one user; one that a producer brought may
// have several, and stays until the last of them goes. It reports whether the
// file has gone.
func (s *Store) releaseThumbnail(ctx context.Context, id ID, path string) bool {
	if path == "" {
		return false
	}
	if path != thumbnailPath(id) {
		ctx := context.WithoutCancel(ctx)
		if s.ensureVerified(ctx) != nil { // the index may lack the event that names it
			return false
		}
		// Whoever is about to write an event that names a producer's file has
		// done so before this goes on, or begins after it.
		s.thumbs.named.Lock()
		defer s.thumbs.named.Unlock()
		used, err := s.thumbnailUsed(ctx, path)
		if used || err != nil {
			return false
		}
	}
	return s.removeThumbnail(path)
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

// thumbnailUsed reports whether an event names a file. One with the name of an
// event's thumbnail can be of that event alone, and a producer's of any.
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
	return fault.Guarded(func() error {
		more := true
		err := sn.overTail(func(r *record) bool {
			if r.ThumbnailPath == path {
				more = fn(r.ID)
			}
			return more
		})
		if err != nil {
			return err
		}
		list := newPostingList(sn.r.Cursor(indexSums+byThumbnail), byThumbnail, path, false)
		for more {
			id, ok := list.next()
			more = ok && fn(id)
		}
		return nil
	})
}

// overNamedFiles calls fn with each event of a snapshot that stands for a file,
// without its detections, oldest first. Where several events name a file the
// newest of them does.
func (sn *Snapshot) overNamedFiles(fn func(*record) error) (err error) {
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	inTail := make(map[string]ID) // the newest of the tail that names a producer's file
	err = sn.overTail(func(r *record) bool {
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
			newest, ok = newPostingList(sn.r.Cursor(indexSums+byThumbnail), byThumbnail, r.ThumbnailPath, false).next()
		}
		return ok && newest == r.ID
	}
	mem := sn.manyEvents()
	return sn.overRecords(ID{}, lastID, func(key, event, _ []byte) (more bool, err error) {
		var r record
		if err := decodeEvent(key, event, &mem, &r); err != nil {
			return false, fmt.Errorf("event %s: %w", keyText(key), err)
		}
		if r.ThumbnailPath == "" || !stands(&r) {
			return true, nil
		}
		return true, errors.Join(sn.ctx.Err(), fn(&r))
	})
}

// removeThumbnail reports whether there is no such file any more.
func (s *Store) removeThumbnail(path string) bool {
	if err := s.thumbs.remove(path); err != nil {
		s.opt.Logger.Warn("doorlog: a thumbnail that no event names is left", "path", path, "error", err)
		return false
	}
	return true
}

// Thumbnail returns the JPEG file of an event's thumbnail. It is ErrNotFound
// if there is no such event, or it has no thumbnail, fs.ErrNotExist if the
// file is gone, ErrSymlink if it lies behind a symbolic link, and ErrCorrupt if it
// is not what was saved.
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

// Thumbnail is Store.Thumbnail for an event of the snapshot. The file is that
// of now: it may have gone with its event.
func (sn *Snapshot) Thumbnail(id ID) ([]byte, error) {
	r, err := sn.named(id)
	if err != nil {
		return nil, err
	}
	return sn.store.thumbs.of(&r)
}

// named returns an event that names a thumbnail.
func (sn *Snapshot) named(id ID) (record, error) {
	r, err := sn.record(id)
	if err == nil && r.ThumbnailPath == "" {
		err = fmt.Errorf("it has none: %w", ErrNotFound)
	}
	return r, thumbnailError(id, err)
}

// of returns the file of an event.
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
