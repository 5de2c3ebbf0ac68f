package doorlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A Store is an open store. Its methods are safe for concurrent use. Readers
// do not hold up the writers, nor writers the readers.
//
// A write is durable when its method returns without an error: it has been
// synced to the disk, an event together with all of its detections, and
// everybody who begins to read sees it. After Close every method returns
// ErrClosed.
type Store struct {
	path    string
	opt     Options
	db      *bolt.DB
	readers readerPool
	commits *committer // nil if the store is read-only
	thumbs  *thumbnails
	names   interner
	ids     idSource

	mu       sync.Mutex
	closing  bool
	active   sync.WaitGroup // calls under way; added to under mu, while not closing
	closed   chan struct{}  // closed when Close is done
	closeErr error
}

// Open opens the store in the file at path, and makes it first if there is no
// such file (unless Options.ReadOnly is set, which makes it fs.ErrNotExist).
// The folder of the file must exist. nil options do.
//
// The errors are ErrLocked if another process has the file open, ErrNotStore
// if the file is something else, ErrNewerSchema if a later version of doorlog
// wrote it, and ErrCorrupt if it is damaged. None of them changes the file.
func Open(path string, options *Options) (*Store, error) {
	s, err := open(path, options)
	if err != nil {
		return nil, fmt.Errorf("doorlog: open %s: %w", path, err)
	}
	return s, nil
}

func open(path string, options *Options) (*Store, error) {
	opt, err := options.withDefaults(path)
	if err != nil {
		return nil, err
	}
	db, err := openFile(path, &opt)
	if errors.Is(err, fs.ErrNotExist) && !opt.ReadOnly {
		if err := createFile(path, &opt); err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
		db, err = openFile(path, &opt)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, opt: opt, db: db, closed: make(chan struct{})}
	s.readers.db = db
	s.ids.entropy = opt.Entropy
	s.thumbs = newThumbnails(opt.ThumbnailDir, opt.ThumbnailEdge)
	if opt.ReadOnly {
		return s, nil
	}
	removeLeftovers(path)
	tail, err := s.tailLength()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.commits = &committer{db: db, readers: &s.readers, names: &s.names, tail: tail}
	return s, nil
}

// tailLength counts the events after indexed_through.
func (s *Store) tailLength() (n int, err error) {
	r, err := newReader(s.db, 0)
	if err != nil {
		return 0, err
	}
	defer rollback(r.tx)
	through, err := indexedThrough(r.tx)
	if err != nil {
		return 0, err
	}
	tail := r.newScan(firstAfter(through), lastID, false)
	mem := arena{names: &s.names}
	for {
		var rec record
		if ok, err := tail.next(&mem, &rec); !ok {
			return n, err
		}
		n++
	}
}

// Close waits for the calls that are under way, writes among them, and closes
// the store; it must therefore not be called inside of a View or an Events
// loop. It may be called several times, and from several goroutines: each call
// returns when the store is closed, with the same result.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closing
	s.closing = true
	s.mu.Unlock()
	if again {
		<-s.closed
		return s.closeErr
	}
	defer close(s.closed)
	s.active.Wait()
	s.readers.beginWrite() // for ever: the pool stays empty
	if err := errors.Join(s.db.Close(), s.thumbs.close()); err != nil {
		s.closeErr = fmt.Errorf("doorlog: close %s: %w", s.path, err)
	}
	return s.closeErr
}

// enter begins a call that Close waits for; leave ends it.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrClosed
	}
	s.active.Add(1)
	return nil
}

func (s *Store) leave() { s.active.Done() }

// enterWrite is enter for a call that writes.
func (s *Store) enterWrite() error {
	if err := s.enter(); err != nil {
		return err
	}
	if s.commits == nil {
		s.leave()
		return ErrReadOnly
	}
	return nil
}

// update has apply run in a write transaction (see committer.submit).
func (s *Store) update(ctx context.Context, apply func(*writeTx) error) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	return s.commits.submit(ctx, apply)
}

// NewID returns an ID for an event that happened at recordedAt, which must be
// a time that an event can have. A caller who gives an event its ID can write
// it again when it did not learn what became of the first attempt.
func (s *Store) NewID(recordedAt time.Time) (ID, error) {
	if err := validTime("recorded_at", recordedAt, s.latest()); err != nil {
		return ID{}, failed("new id", err)
	}
	id, err := s.ids.next(recordedAt)
	return id, failed("new id", err)
}

// latest is the last time at which an event may lie now.
func (s *Store) latest() time.Time { return s.opt.Now().Add(s.opt.MaxFutureSkew) }

// WriteEvent stores an event with its detections and returns its ID. It is
// durable when WriteEvent returns. An event that cannot be stored is
// ErrInvalid, and the text names the field. ErrFull, ErrReadOnly and
// ErrUnknownOutcome say why a good event was not stored.
//
// If e has an ID that the store has already, the same event is a success that
// changes nothing (its CreatedAt need not be the same), and another event is
// ErrExists.
//
// If ctx ends before the commit has begun, nothing is stored, and the error is
// that of ctx.
func (s *Store) WriteEvent(ctx context.Context, e Event) (ID, error) {
	written, err := s.write(ctx, []Event{e}, false)
	if err != nil {
		return ID{}, failed("write event", err)
	}
	return written[0].id, nil
}

// WriteEvents stores events in one transaction, all or none, and returns their
// IDs in the same order. An error about one of them names it: "events[3]".
func (s *Store) WriteEvents(ctx context.Context, events []Event) ([]ID, error) {
	written, err := s.write(ctx, events, false)
	if err != nil {
		return nil, failed("write events", err)
	}
	ids := make([]ID, len(written))
	for i := range written {
		ids[i] = written[i].id
	}
	return ids, nil
}

// WriteEventOnce stores an event unless its camera has one with the same
// RecordingID already, whose ID it then returns with existed set. frame is as
// in WriteEventWithFrame; nil is no frame. An event without a RecordingID goes
// by its ID; one with neither is ErrInvalid.
func (s *Store) WriteEventOnce(ctx context.Context, e Event, frame []byte) (id ID, existed bool, err error) {
	const doing = "write event once"
	if frame != nil {
		known, err := s.known(ctx, &e)
		if err != nil || known != (ID{}) {
			return known, known != (ID{}), failed(doing, err)
		}
		if err := s.addFrame(ctx, &e, frame); err != nil {
			return ID{}, false, failed(doing, err)
		}
	}
	written, err := s.write(ctx, []Event{e}, true)
	if err != nil {
		s.dropFrame(&e, frame, err)
		return ID{}, false, failed(doing, err)
	}
	if written[0].id != e.ID {
		s.dropFrame(&e, frame, nil)
	}
	return written[0].id, written[0].existed, nil
}

// known returns the ID of the event that WriteEventOnce would find, if there is one.
func (s *Store) known(ctx context.Context, e *Event) (ID, error) {
	var found Event
	var err error
	switch {
	case e.RecordingID != "":
		found, err = s.EventByRecording(ctx, e.Camera, e.RecordingID)
	case e.ID != ID{}:
		found, err = s.Event(ctx, e.ID)
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return found.ID, err
}

// WriteEventsOnce is WriteEventOnce for many events in one transaction, all or
// none. ids and existed are in the order of events.
func (s *Store) WriteEventsOnce(ctx context.Context, events []Event) (ids []ID, existed []bool, err error) {
	written, err := s.write(ctx, events, true)
	if err != nil {
		return nil, nil, failed("write events once", err)
	}
	ids, existed = make([]ID, len(written)), make([]bool, len(written))
	for i, w := range written {
		ids[i], existed[i] = w.id, w.existed
	}
	return ids, existed, nil
}

// WriteEventWithFrame is SaveThumbnail and then WriteEvent. A frame that
// cannot be read or saved costs the thumbnail and a line in Options.Logger,
// but never the event.
func (s *Store) WriteEventWithFrame(ctx context.Context, e Event, frame []byte) (ID, error) {
	const doing = "write event with frame"
	if err := s.addFrame(ctx, &e, frame); err != nil {
		return ID{}, failed(doing, err)
	}
	written, err := s.write(ctx, []Event{e}, false)
	if err != nil {
		s.dropFrame(&e, frame, err)
		return ID{}, failed(doing, err)
	}
	return written[0].id, nil
}

// SaveThumbnail makes a thumbnail of a camera frame (JPEG, PNG, GIF, WebP or
// BMP; see MaxFrameBytes and MaxFramePixels) and sets e's ThumbnailPath,
// FrameWidth and FrameHeight, and its ID if it has none, so that e can be
// written next. The file is durable when SaveThumbnail returns; it is named by
// the ID, and replaces one of that name. If e is not written afterwards the
// file belongs to no event.
//
// A frame that cannot be read is ErrInvalid, and e is as it was.
func (s *Store) SaveThumbnail(ctx context.Context, e *Event, frame []byte) error {
	if err := s.enterWrite(); err != nil {
		return failed("save thumbnail", err)
	}
	defer s.leave()
	n := *e
	if err := s.normalise(&n); err != nil {
		return failed("save thumbnail", err)
	}
	saved, err := s.thumbs.save(ctx, n.ID, frame)
	if err != nil {
		return failed("save thumbnail", err)
	}
	e.ID, e.RecordedAt, e.ThumbnailPath = n.ID, n.RecordedAt, saved.path
	e.FrameWidth, e.FrameHeight = saved.width, saved.height
	return nil
}

// addFrame is SaveThumbnail for an event that is stored in any case: it only
// fails where the event would be refused.
func (s *Store) addFrame(ctx context.Context, e *Event, frame []byte) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if err := s.normalise(e); err != nil {
		return err
	}
	if err := s.validate(e); err != nil {
		return err
	}
	saved, err := s.thumbs.save(ctx, e.ID, frame)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.opt.Logger.Warn("doorlog: the event is stored without a thumbnail",
			"event", e.ID.String(), "camera", e.Camera, "error", err)
		return nil
	}
	e.ThumbnailPath, e.FrameWidth, e.FrameHeight = saved.path, saved.width, saved.height
	return nil
}

// dropFrame removes the thumbnail of an event that was not stored because of err.
func (s *Store) dropFrame(e *Event, frame []byte, err error) {
	// An event that is there under this ID, or may be, keeps its file.
	if frame == nil || e.ThumbnailPath == "" || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrExists) {
		return
	}
	s.removeThumbnail(e.ThumbnailPath)
}

func (s *Store) removeThumbnail(path string) {
	if path == "" {
		return
	}
	if err := s.thumbs.remove(path); err != nil {
		s.opt.Logger.Warn("doorlog: a thumbnail that no event names is left", "path", path, "error", err)
	}
}

// Thumbnail returns the JPEG file of an event's thumbnail. It is ErrNotFound
// if there is no such event, or it has no thumbnail, fs.ErrNotExist if the
// file is gone, and ErrCorrupt if it is not what was saved.
func (s *Store) Thumbnail(ctx context.Context, id ID) ([]byte, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return nil, failed("thumbnail", err)
	}
	defer sn.close()
	r, err := sn.record(id)
	if err != nil {
		return nil, failed("thumbnail", err)
	}
	if r.ThumbnailPath == "" {
		return nil, fmt.Errorf("doorlog: thumbnail of event %s: it has none: %w", id, ErrNotFound)
	}
	data, err := s.thumbs.read(r.ThumbnailPath, r.thumb)
	if err != nil {
		return nil, fmt.Errorf("doorlog: thumbnail of event %s: %w", id, err)
	}
	return data, nil
}

// written is what became of an event that was to be written.
type written struct {
	id      ID
	existed bool
}

// write stores events in one transaction, all or none. In mode once an event
// that is there already, by its recording or its ID, is left as it is.
func (s *Store) write(ctx context.Context, events []Event, once bool) ([]written, error) {
	if err := s.enterWrite(); err != nil {
		return nil, err
	}
	defer s.leave()
	if len(events) == 0 {
		return nil, nil
	}
	about := func(i int, err error) error {
		if err == nil || len(events) == 1 {
			return err
		}
		return fmt.Errorf("events[%d]: %w", i, err)
	}
	ready := make([]insertion, len(events))
	for i := range events {
		if once && events[i].RecordingID == "" && events[i].ID == (ID{}) {
			return nil, about(i, invalid("recording_id", "is empty, so the event cannot be told from another"))
		}
		if err := s.prepare(&events[i], &ready[i]); err != nil {
			return nil, about(i, err)
		}
	}
	result := make([]written, len(events))
	err := s.commits.submit(ctx, func(w *writeTx) error {
		for i := range ready {
			var err error
			if result[i], err = w.write(&ready[i], once); err != nil {
				return about(i, err)
			}
		}
		return nil
	})
	return result, err
}

// prepare makes an event ready to be put, all but finding its place.
func (s *Store) prepare(e *Event, in *insertion) error {
	in.created = !e.CreatedAt.IsZero()
	in.Event = *e
	if err := s.normalise(&in.Event); err != nil {
		return err
	}
	if err := s.validate(&in.Event); err != nil {
		return err
	}
	var err error
	if in.thumb, err = s.thumbs.sum(in.ThumbnailPath); err != nil {
		return err
	}
	in.encode()
	return nil
}

// normalise gives e the values that it may leave out, and the form in which
// they are kept.
func (s *Store) normalise(e *Event) error {
	if e.ID != (ID{}) {
		if !validID(e.ID) {
			return invalid("id", "%s is not the ID of an event", e.ID)
		}
		at := IDTime(e.ID)
		if e.RecordedAt.IsZero() {
			e.RecordedAt = at
		}
		if !e.RecordedAt.Equal(at) {
			return invalid("recorded_at", "%s is not the time %s that the id holds",
				e.RecordedAt.UTC().Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
		}
	}
	e.RecordedAt = e.RecordedAt.Round(0).UTC() // Round takes the monotonic clock off
	if e.CreatedAt.IsZero() {
		e.CreatedAt = s.opt.Now()
	}
	e.CreatedAt = e.CreatedAt.Round(0).UTC()
	if len(e.Attributes) == 0 {
		e.Attributes = nil
	}
	if len(e.Detections) == 0 {
		e.Detections = nil
	}
	if e.ID == (ID{}) {
		if err := validTime("recorded_at", e.RecordedAt, s.latest()); err != nil {
			return err
		}
		var err error
		e.ID, err = s.ids.next(e.RecordedAt)
		return err
	}
	return nil
}

func (s *Store) validate(e *Event) error { return e.validate(s.latest()) }

// UpdateEvent replaces everything of the event with e's ID but its ID,
// RecordedAt and CreatedAt, which may be left zero in e and must otherwise be
// as they are. It is ErrNotFound if there is no such event. A thumbnail that
// the event no longer names is removed.
func (s *Store) UpdateEvent(ctx context.Context, e Event) error {
	return failed("update event "+e.ID.String(), s.updateEvent(ctx, e))
}

func (s *Store) updateEvent(ctx context.Context, e Event) error {
	if err := s.enterWrite(); err != nil {
		return err
	}
	defer s.leave()
	if e.ID == (ID{}) {
		return invalid("id", "is missing")
	}
	created := e.CreatedAt
	if err := s.normalise(&e); err != nil {
		return err
	}
	if err := s.validate(&e); err != nil {
		return err
	}
	sum, err := s.thumbs.sum(e.ThumbnailPath)
	if err != nil {
		return err
	}
	return s.change(ctx, e.ID, func(r *record) error {
		if !created.IsZero() && !created.Equal(r.CreatedAt) {
			return invalid("created_at", "cannot be changed")
		}
		e.CreatedAt = r.CreatedAt
		if !sum.known && e.ThumbnailPath == r.ThumbnailPath {
			sum = r.thumb // a file that is gone is still missed
		}
		r.Event, r.thumb = e, sum
		return nil
	})
}

// MarkAlertSent sets AlertSent of an event. To do so again changes nothing.
func (s *Store) MarkAlertSent(ctx context.Context, id ID) error {
	if err := s.enterWrite(); err != nil {
		return failed("mark alert sent", err)
	}
	defer s.leave()
	return failed("mark alert sent of event "+id.String(), s.change(ctx, id, func(r *record) error {
		r.AlertSent = true
		return nil
	}))
}

// change rewrites an event as edit leaves it, and removes a thumbnail that is
// no longer named. edit may be called twice.
func (s *Store) change(ctx context.Context, id ID, edit func(*record) error) error {
	var orphan string
	err := s.commits.submit(ctx, func(w *writeTx) (err error) {
		orphan = ""
		old, err := w.get(id)
		if err != nil {
			return err
		}
		now := old
		if err := edit(&now); err != nil {
			return err
		}
		if old.sameContent(&now.Event) && old.thumb == now.thumb {
			return nil
		}
		if old.ThumbnailPath != now.ThumbnailPath {
			if orphan, err = w.orphanOf(&old); err != nil {
				return err
			}
		}
		return w.replace(&old, &now)
	})
	if err == nil {
		s.removeThumbnail(orphan)
	}
	return err
}

// DeleteEvent deletes an event with its detections and its thumbnail (which
// stays if another event names the same file). It is ErrNotFound if there is
// no such event.
func (s *Store) DeleteEvent(ctx context.Context, id ID) error {
	var orphan string
	err := s.update(ctx, func(w *writeTx) error {
		r, err := w.get(id)
		if err != nil {
			return err
		}
		if orphan, err = w.orphanOf(&r); err != nil {
			return err
		}
		return w.remove(&r)
	})
	if err != nil {
		return failed("delete event "+id.String(), err)
	}
	s.removeThumbnail(orphan)
	return nil
}
