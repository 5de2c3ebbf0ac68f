package doorlog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/pace"
)

// A Snapshot is the store as it was at one moment: writes that end later do
// not show in it. It is made by Store.View, and its methods return ErrClosed
// after that. One goroutine at a time may use it. What its methods return is
// the caller's, and stays valid.
type Snapshot struct {
	store *Store
	ctx   context.Context
	r     *reader // nil after the View

	entered bool // the call is Close's to wait for
	lease
}

// View calls fn with a snapshot and returns fn's error. Writers are not held
// up. The pages that the snapshot sees are not used again until it ends, so
// keep it short: to go through many events, prefer Store.Events.
//
// Inside of fn, use the snapshot's methods and not the store's. In the rare
// moment in which the file outgrows its mapping (1 GiB; 128 MiB on 32-bit
// systems; on Windows every time that its size doubles) a writer waits for all
// snapshots to end, and whoever begins to read waits for the writer: a call of
// the store inside of fn, be it a read or a write, then waits for ever.
func (s *Store) View(ctx context.Context, fn func(*Snapshot) error) error {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return failed("view", err)
	}
	defer sn.close()
	return fn(sn)
}

// snapshot begins a call that reads; close ends it.
func (s *Store) snapshot(ctx context.Context) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	sn, err := s.look(ctx)
	if err != nil {
		s.leave()
		return nil, err
	}
	sn.entered = true
	return sn, nil
}

// look is snapshot inside of a call that has been entered already.
func (s *Store) look(ctx context.Context) (*Snapshot, error) {
	r, err := s.readers.get()
	if err != nil {
		return nil, err
	}
	sn := &Snapshot{store: s, ctx: ctx, r: r, lease: lease{opened: s.opt.Now()}}
	s.readers.open(&sn.lease)
	return sn, nil
}

func (sn *Snapshot) close() {
	sn.store.readers.close(&sn.lease, sn.r)
	sn.r = nil
	if sn.entered {
		sn.store.leave()
		sn.store.giveWay()
	}
}

// giveWay lets a write that is under way go on first. Each time that its transaction
// waits for the disk it loses its processor, twice: its thread to the system, and
// the right to run Go code to another goroutine. Readers never wait, and would keep
// both for as long as the schedulers let them, some milliseconds. Here they wait for
// no disk either: who has nothing to do but read goes on at once.
func (s *Store) giveWay() {
	if s.commits != nil && s.commits.others.waiting.Load() > 0 {
		pace.YieldThread()
		runtime.Gosched()
	}
}

func (sn *Snapshot) usable() error {
	if sn.r == nil {
		return fmt.Errorf("snapshot used after its View: %w", ErrClosed)
	}
	if damage := sn.store.damage.Load(); damage != nil { // it ends what is under way
		return *damage
	}
	return sn.ctx.Err()
}

// Event returns an event with its detections, or ErrNotFound.
func (sn *Snapshot) Event(id ID) (Event, error) {
	r, err := sn.record(id)
	if err != nil {
		return Event{}, eventError(id, err)
	}
	return r.Event, nil
}

func (sn *Snapshot) record(id ID) (r record, err error) {
	if err := sn.usable(); err != nil {
		return r, err
	}
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	return r, sn.event(id, &r)
}

func eventError(id ID, err error) error { return fmt.Errorf("doorlog: event %s: %w", id, err) }

// event reads an event into r.
func (sn *Snapshot) event(id ID, r *record) error {
	through, err := sn.r.indexedThrough()
	if err != nil {
		return err
	}
	var event, detected []byte
	inTail := less(&through, &id)
	if !inTail {
		event = sn.r.Get(eventsSum, id[:])
	} else if entry := sn.r.Get(tailNumber, id[:]); entry != nil {
		if event, detected, err = splitTail(entry); err != nil {
			return err
		}
	}
	if event == nil {
		return ErrNotFound
	}
	mem := arena{names: &sn.store.names}
	if err := decodeEvent(id[:], event, &mem, r); err != nil || r.detections == 0 {
		return err
	}
	if !inTail {
		detected = sn.r.Get(detectionsSum, id[:])
	}
	if detected == nil {
		return errNoDetections
	}
	r.Detections, err = decodeDetections(id[:], detected, &mem, r.detections)
	return err
}

var errNoDetections = fmt.Errorf("%w: its detections are missing", ErrCorrupt)

// EventByRecording returns the event of a camera that has this recording ID,
// the newest if there are several, or ErrNotFound.
func (sn *Snapshot) EventByRecording(camera, recording string) (e Event, err error) {
	doing := func(err error) error {
		return fmt.Errorf("doorlog: recording %q of camera %q: %w", recording, camera, err)
	}
	if err := sn.usable(); err != nil {
		return Event{}, doing(err)
	}
	if recording == "" {
		return Event{}, doing(invalid("recording_id", "is empty"))
	}
	camera, recording = normalName(camera), normalName(recording)
	defer fault.Catch(debug.SetPanicOnFault(true), &err)
	var r record
	if err := sn.eventByRecording(camera, recording, &r); err != nil {
		return Event{}, doing(err)
	}
	return r.Event, nil
}

func (sn *Snapshot) eventByRecording(camera, recording string, r *record) error {
	found := false
	err := sn.overTail(func(t *record) bool {
		if found = normalName(t.RecordingID) == recording && normalName(t.Camera) == camera; found {
			*r = *t
		}
		return !found
	})
	if err != nil {
		return err
	}
	if found {
		return sn.event(r.ID, r)
	}
	list := list{}
	for _, form := range recordingForms(recording) {
		list.of = append(list.of, newPostingList(sn.r.Cursor(indexSums+byRecording), byRecording, form, false))
	}
	for id, ok := list.seek(lastID); ok; id, ok = list.seek(lastBefore(id)) {
		if err := sn.event(id, r); err != nil {
			return err
		}
		if normalName(r.Camera) == camera {
			return nil
		}
	}
	return ErrNotFound
}

// file is the file whose state the snapshot is.
func (sn *Snapshot) file() *os.File { return sn.r.File.OSFile() }

// state returns what meta keeps of the snapshot's state.
func (sn *Snapshot) state() (st state, err error) {
	err = fault.Guarded(func() (err error) {
		st, err = readState(sn.r)
		return err
	})
	return st, err
}

// A reader is a read transaction, of whose file it is a user.
type reader struct {
	*boltfile.Reader
	shared *sharedFile
	*boltfile.View
	generation uint64

	through ID // indexed_through, once it has been asked for
	known   bool
}

// indexedThrough returns the ID up to which events are folded. It is called guarded.
func (r *reader) indexedThrough() (ID, error) {
	if r.known {
		return r.through, nil
	}
	through, err := indexedThrough(r)
	if err != nil {
		return through, err
	}
	if k, _ := r.Cursor(eventsSum).Last(); bytes.Compare(k, through[:]) > 0 {
		return through, fmt.Errorf("event %s: %w", keyText(k), errBeyond)
	}
	r.through, r.known = through, true
	return through, nil
}

var errBeyond = fmt.Errorf("%w: it is after indexed_through, and not in the tail", ErrCorrupt)

// A sharedFile is a file that is closed when the last of its users is done with it: the
// store, its readers, and whoever holds it.
type sharedFile struct {
	*boltfile.File
	users int // under readerPool.mu
}

// A readerPool keeps readers of the newest state for the next who asks,
// because to begin a bolt transaction, look up its buckets and make cursors is
// most of the cost of a small read.
//
// An idle reader must not outlive its state. It would show old data, keep old
// pages from being used again, and hold up for ever a writer that has to map
// the file anew. So the committer empties the pool before each transaction begins
// (beginWrite) and when it has ended (endWrite). In between readers of the state
// before it go into the pool again (begun), unless the file may be mapped anew: if
// each reader had to begin a bolt transaction, the writer would queue with all of
// them for bolt's lock. Once a reader has seen a newer state, nobody gets an older one.
//
// The pool also has the file, because readers are what may still need the one
// into whose place a compaction has put another: a file is closed by the last of
// its users, which are the store and the readers.
type readerPool struct {
	log *slog.Logger

	mu             sync.Mutex
	file           *sharedFile
	idle           []*reader
	generation     uint64 // counts transactions
	seen           uint64 // the newest bolt transaction that a reader of the file has shown
	writing        bool   // no reader goes into the pool
	oldest, newest *lease
	snapshots      int // how many are open
}

// hold returns the file, which is not closed until it is released.
func (p *readerPool) hold() *sharedFile {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file.users++
	return p.file
}

// release closes a file that has no users any more.
func (p *readerPool) release(file *sharedFile) {
	p.mu.Lock()
	file.users--
	last := file.users == 0
	p.mu.Unlock()
	if !last {
		return
	}
	if err := file.Close(); err != nil { // everything of it is in the file after it, and durable
		p.log.Warn("doorlog: the file that a compaction replaced could not be closed", "error", err)
	}
}

// replace puts another file in the place of the file, which the caller is to
// release. Nobody writes meanwhile.
func (p *readerPool) replace(file *sharedFile) {
	p.beginWrite()
	defer p.endWrite()
	p.mu.Lock()
	defer p.mu.Unlock()
	file.users = 1
	p.file, p.seen = file, 0
}

// A lease is what a snapshot has of its reader, in the list of those that are open,
// oldest first. The list is under readerPool.mu.
type lease struct {
	opened       time.Time
	older, newer *lease
}

// open puts a lease at the end of the list.
func (p *readerPool) open(l *lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snapshots++
	if l.older = p.newest; l.older != nil {
		l.older.newer = l
	} else {
		p.oldest = l
	}
	p.newest = l
}

// close takes a lease off the list, and its reader back.
func (p *readerPool) close(l *lease, r *reader) {
	p.mu.Lock()
	p.snapshots--
	if l.older != nil {
		l.older.newer = l.newer
	} else {
		p.oldest = l.newer
	}
	if l.newer != nil {
		l.newer.older = l.older
	} else {
		p.newest = l.older
	}
	l.older, l.newer = nil, nil
	r = p.keep(r)
	p.mu.Unlock()
	if r != nil {
		p.end(r)
	}
}

const maxIdleReaders = 16

// get returns a reader of the newest state.
func (p *readerPool) get() (*reader, error) {
	p.mu.Lock()
	generation := p.generation
	if n := len(p.idle); n > 0 {
		r := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return r, nil
	}
	file := p.file
	file.users++
	p.mu.Unlock()
	r, err := newReader(file, generation)
	if err != nil {
		p.release(file)
		return nil, err
	}
	p.saw(r)
	return r, nil
}

// saw empties the pool of readers of an older state than that of a new reader.
func (p *readerPool) saw(r *reader) {
	p.mu.Lock()
	var older []*reader
	if id := r.ID(); r.shared == p.file && id > p.seen {
		p.seen = id
		older, p.idle = p.idle, nil
	}
	p.mu.Unlock()
	p.endAll(older)
}

func newReader(file *sharedFile, generation uint64) (*reader, error) {
	r, err := file.Read()
	if err != nil {
		return nil, err
	}
	return &reader{Reader: r, shared: file, View: r.View, generation: generation}, nil
}

// anySnapshot reports whether a snapshot is open.
func (p *readerPool) anySnapshot() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.snapshots > 0
}

// keep takes a reader back, or returns it, to be ended. mu is held.
func (p *readerPool) keep(r *reader) *reader {
	if p.writing || r.generation != p.generation || r.ID() < p.seen || len(p.idle) >= maxIdleReaders {
		return r
	}
	p.idle = append(p.idle, r)
	return nil
}

func (p *readerPool) end(r *reader) {
	r.End()
	p.release(r.shared)
}

func (p *readerPool) endAll(readers []*reader) {
	for _, r := range readers {
		p.end(r)
	}
}

// beginWrite empties the pool, and keeps it empty until begun or endWrite.
func (p *readerPool) beginWrite() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.writing = nil, true
	p.mu.Unlock()
	p.endAll(idle)
}

// begun lets readers of the state before a transaction that has begun into the pool.
func (p *readerPool) begun() {
	p.mu.Lock()
	p.writing = false
	p.mu.Unlock()
}

// endWrite empties the pool of readers of the state before.
func (p *readerPool) endWrite() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.writing = nil, false
	p.generation++
	p.mu.Unlock()
	p.endAll(idle)
}
