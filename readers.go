package doorlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A reader is a read transaction, of whose file it is a user.
type reader struct {
	*boltfile.Reader
	shared     *sharedFile
	generation uint64

	through ID // indexed_through, once it has been asked for
	known   bool
}

// indexedThrough returns the ID up to which events are folded, by the reader's state.
func (r *reader) indexedThrough(v *boltfile.View) (ID, error) {
	if r.known {
		return r.through, nil
	}
	through, err := indexedThrough(v)
	if err != nil {
		return through, err
	}
	if k, _ := v.Cursor(eventsSum).Last(); bytes.Compare(k, through[:]) > 0 {
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
	return &reader{Reader: r, shared: file, generation: generation}, nil
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

// openSnapshots returns how many snapshots are open, and when the first was opened.
func (p *readerPool) openSnapshots() (n int, oldest time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oldest != nil {
		oldest = p.oldest.opened
	}
	return p.snapshots, oldest
}
