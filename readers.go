package doorlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
)

// A reader is a read transaction. It is one of the users of its file.
type reader struct {
	*boltfile.Reader
	shared     *sharedFile
	generation uint64

	through ID // indexed_through, if known
	known   bool
}

// indexedThrough returns the ID up to which events are folded. It is read once for each
// reader.
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

// A sharedFile is a file that is closed when its last user releases it. Its users are
// the store, the readers, and callers of hold.
type sharedFile struct {
	*boltfile.File
	users int // under readerPool.mu
}

// A readerPool keeps idle readers of the newest state for reuse. Most of the cost of a
// small read is to begin a bolt transaction, look up its buckets and make cursors.
//
// An idle reader must not outlive its state. It would show old data, keep freed pages
// from being reused, and block for ever a writer that has to map the file anew. So the
// committer empties the pool before each transaction begins (beginWrite) and after it
// has ended (endWrite). In between, readers of the previous state may go back into the
// pool (begun), unless the file may be mapped anew. Without that, each reader would
// begin a bolt transaction, and the writer would queue with all of them for bolt's
// lock. Once a reader has seen a newer state, nobody gets an older one.
//
// The pool also has the file. When a compaction puts another file in its place, readers
// may still need the old one: the last user of a file closes it.
type readerPool struct {
	log *slog.Logger

	mu             sync.Mutex
	file           *sharedFile
	idle           []*reader
	generation     uint64 // counts transactions
	seen           uint64 // the newest bolt transaction that a reader of the file has had
	writing        bool   // no reader goes into the pool
	oldest, newest *lease
	snapshots      int // how many are open
}

// hold returns the file and makes the caller a user of it, until release.
func (p *readerPool) hold() *sharedFile {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file.users++
	return p.file
}

// release ends the use of a file, and closes the file if it was the last one.
func (p *readerPool) release(file *sharedFile) {
	p.mu.Lock()
	file.users--
	last := file.users == 0
	p.mu.Unlock()
	if !last {
		return
	}
	if err := file.Close(); err != nil { // an error loses nothing: the new file has everything, and is durable
		p.log.Warn("doorlog: the file that a compaction replaced could not be closed", "error", err)
	}
}

// replace makes another file the pool's file. The caller must release the old one.
// Nobody writes meanwhile.
func (p *readerPool) replace(file *sharedFile) {
	p.beginWrite()
	defer p.endWrite()
	p.mu.Lock()
	defer p.mu.Unlock()
	file.users = 1
	p.file, p.seen = file, 0
}

// A lease is a snapshot's entry in the list of open snapshots, oldest first. The list
// is under readerPool.mu.
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

// close takes a lease off the list, and takes its reader back.
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

// saw removes readers from the pool whose state is older than that of a new reader.
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

// keep puts a reader into the pool, or returns it if the caller must end it. mu is
// held.
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

// beginWrite empties the pool, and keeps it empty until begun or endWrite is called.
func (p *readerPool) beginWrite() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.writing = nil, true
	p.mu.Unlock()
	p.endAll(idle)
}

// begun lets readers of the state before a transaction back into the pool, once the
// transaction has begun.
func (p *readerPool) begun() {
	p.mu.Lock()
	p.writing = false
	p.mu.Unlock()
}

// endWrite empties the pool of readers of the state before the transaction.
func (p *readerPool) endWrite() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.writing = nil, false
	p.generation++
	p.mu.Unlock()
	p.endAll(idle)
}

// openSnapshots returns how many snapshots are open, and when the oldest of them was
// opened.
func (p *readerPool) openSnapshots() (n int, oldest time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oldest != nil {
		oldest = p.oldest.opened
	}
	return p.snapshots, oldest
}
