package doorlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorlog/doorlog/internal/boltfile"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/fsx"
)

// A job is one caller's write, waiting to be part of a transaction.
type job struct {
	// apply looks first and changes afterwards: an error before the first
	// change leaves the transaction as it was. It may be called several times.
	apply  func(*writeTx) error
	room   bool         // it makes room, and may use the reserve (reserve.go)
	series bool         // it is one of very many, and others come first (series.go)
	alone  func() error // instead of apply: what is to be done while nobody writes
	ctx    context.Context
	err    error

	// turn gets true when it is this caller's turn to lead, and false when
	// another who leads has done the job, and err is final.
	turn  chan bool
	leads bool // under committer.mu: this caller leads, or has been told to
}

// The committer does the writing: group commit. One of the callers leads. It
// does the jobs of all who wait, its own among them, in one transaction, and
// then passes the lead to one of those who came meanwhile. There is no delay:
// a lone writer pays for one commit, and while that runs, others gather. There
// is no goroutine either, as waking one takes as long as a tenth of a commit.
type committer struct {
	file    *boltfile.File
	readers *readerPool
	names   *interner
	clock   *clock
	log     *slog.Logger
	path    string // of the file, absolute

	mu    sync.Mutex
	queue []*job
	led   bool // somebody leads, or has been told to

	released atomic.Int32  // callers whose jobs are done, not yet scheduled again
	awake    chan struct{} // has a token when the last of them runs

	damage  *atomic.Pointer[error] // the store's
	failure atomic.Pointer[error]  // set once: why there are no more writes
	others  others                 // who write, but for those in series

	// These belong to the leader.
	looked   time.Time       // when the path last led to the file
	unfolded bool            // the log has been told that the tail cannot be folded
	unclean  bool            // the file says that it has not been closed
	company  bool            // the last transaction had several jobs
	tail     int             // number of events after indexed_through
	commits  uint64          // transactions that were committed
	pages    int64           // pages that they wrote
	lineage  *lineage        // if it is not nil, the next commit writes it
	changes  *changedKeys    // nil unless a compaction is under way
	look     chan<- struct{} // if it is not nil, gets a token after some transactions
}

// submit has apply run in a write transaction and returns when that is
// durable, or why it is not. A context that ends takes the write back if the
// transaction has not begun; after that the outcome is waited for.
func (c *committer) submit(ctx context.Context, apply func(*writeTx) error) error {
	return c.do(&job{apply: apply, ctx: ctx})
}

// makeRoom is submit for what makes room, and may use the reserve for it.
func (c *committer) makeRoom(ctx context.Context, apply func(*writeTx) error) error {
	return c.do(&job{apply: apply, room: true, ctx: ctx})
}

// exclusively has fn run while nobody writes, and returns its error. The writers
// wait for it.
func (c *committer) exclusively(ctx context.Context, fn func() error) error {
	return c.do(&job{alone: fn, ctx: ctx})
}

func (c *committer) do(j *job) error {
	ctx := j.ctx
	if err := ctx.Err(); err != nil {
		return err
	}
	if !j.series && j.alone == nil {
		c.others.arrived.Add(1)
		c.others.waiting.Add(1)
		defer c.others.waiting.Add(-1)
	}
	j.turn = make(chan bool, 1)
	c.mu.Lock()
	c.queue = append(c.queue, j)
	lead := !c.led
	c.led = true
	j.leads = lead
	c.mu.Unlock()
	if !lead {
		select {
		case lead = <-j.turn:
		case <-ctx.Done():
			if c.withdraw(j) {
				return ctx.Err()
			}
			lead = <-j.turn
		}
		if !lead && c.released.Add(-1) == 0 {
			select {
			case c.awake <- struct{}{}:
			default: // it has one
			}
		}
	}
	if lead {
		c.lead()
	}
	return j.err
}

// release tells the caller of a job that it is done.
func (c *committer) release(j *job) {
	if !j.leads { // who leads knows
		c.released.Add(1)
		j.turn <- false
	}
}

// withdraw takes a job out of the queue; false: it is being done, or is done.
func (c *committer) withdraw(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := slices.Index(c.queue, j)
	if at < 0 {
		return false
	}
	c.queue = slices.Delete(c.queue, at, at+1)
	if j.leads {
		c.passLead()
	}
	return true
}

// passLead tells the first who waits to lead. mu is held.
func (c *committer) passLead() {
	if c.led = len(c.queue) > 0; c.led {
		c.queue[0].leads = true
		c.queue[0].turn <- true
	}
}

// lead does the jobs of all who wait.
func (c *committer) lead() {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.passLead()
	}()
	var alone []*job
	jobs := slices.DeleteFunc(c.drain(), func(j *job) bool {
		if j.alone != nil {
			alone = append(alone, j)
		}
		return j.alone != nil
	})
	c.commit(jobs)
	for _, j := range alone {
		j.err = fault.Guarded(j.alone)
		c.release(j)
	}
}

// drain takes everybody who waits. Where there were several at the last commit
// they are about to come again: it lets all of them run first, and more as long as
// that makes the queue longer, so that they share this commit and need not wait for
// the next. A lone writer, for whom that would take some microseconds, is spared it.
func (c *committer) drain() (jobs []*job) {
	for c.company && c.released.Load() > 0 {
		<-c.awake
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for waiting := 0; c.company && len(c.queue) > waiting; {
		waiting = len(c.queue)
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
	waiting := c.queue
	c.queue = nil
	c.company = len(waiting) > 1
	for _, j := range waiting {
		if j.err = j.ctx.Err(); j.err != nil { // as if it had withdrawn
			c.release(j)
			continue
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// commit does the jobs in one transaction. If that fails, each is tried alone,
// so that one bad write fails alone.
func (c *committer) commit(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	err := c.transact(jobs)
	again := err != nil && len(jobs) > 1 && !errors.Is(err, ErrUnknownOutcome)
	for _, j := range jobs {
		if again {
			if alone := c.transact([]*job{j}); alone != nil {
				j.err = alone
			}
		} else if err != nil {
			j.err = err
		}
		c.release(j)
	}
}

// transact does the jobs in one bolt transaction, and again with a longer file if
// that one is too short. An error says that none is done. Without one, each job's
// own error says whether it is.
func (c *committer) transact(jobs []*job) error {
	if err := cmp.Or(c.failed(), c.damaged()); err != nil {
		return err
	}
	if err := c.checkPlace(); err != nil {
		return err
	}
	makesRoom := !slices.ContainsFunc(jobs, func(j *job) bool { return !j.room })
	end := c.file.End()
	for tries := 0; ; tries++ {
		err := c.tryTransact(jobs, makesRoom)
		if !boltfile.TooLargeForFile(err) || errors.Is(err, ErrUnknownOutcome) {
			return err
		}
		if err := c.file.LengthenAgain(tries, makesRoom); err != nil {
			// While there is a snapshot free pages may be kept from use, for as long as it lasts.
			c.file.GiveUp(end, !makesRoom && !c.readers.anySnapshot())
			return err
		}
	}
}

// tryTransact is transact in the file as it is.
func (c *committer) tryTransact(jobs []*job, makesRoom bool) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	c.readers.beginWrite()
	defer c.readers.endWrite()
	tx, err := c.file.BeginTx()
	if err != nil {
		return fault.DiskError(err)
	}
	c.readers.begun()
	committing := false
	defer func() {
		if p := recover(); p != nil {
			err = fault.PanicError(p)
			if committing { // bolt's state in memory cannot be relied on any more
				err = c.fail(fmt.Errorf("%w: %w", ErrUnknownOutcome, err))
			}
		}
		if err != nil {
			tx.Rollback()
		}
	}()
	w, err := c.apply(tx, jobs)
	if w == nil || err != nil {
		return err
	}
	noted, err := c.note(w)
	if err != nil {
		return err
	}
	c.tellUnfolded(w.unfolded)
	if err := c.file.Settle(tx.ID() - 1); err != nil {
		return fault.DiskError(err)
	}
	if err := c.file.Allow(tx, w.bytes, makesRoom); err != nil {
		return err
	}
	if c.file.MayOutgrowMap() { // which waits for all readers
		c.readers.beginWrite()
	}
	committing = true
	if err := tx.Commit(w.atEnd); err != nil {
		return c.afterFailedCommit(tx.ID(), err)
	}
	committing = false
	if err := c.file.NoteCommit(); err != nil {
		// It is durable. What is wrong was there before, and ends every later call.
		c.log.Error("doorlog: a page was found to be damaged after a commit", "error", err)
	}
	noted()
	c.committed(w)
	return nil
}

// apply does the jobs in a transaction, and all that belongs to a write. It returns nil if
// they have changed nothing.
func (c *committer) apply(tx *boltfile.Tx, jobs []*job) (*writeTx, error) {
	w, err := newWriteTx(tx, c.names, c.tail)
	if err != nil {
		return nil, err
	}
	if c.changes != nil {
		w.touched = make(map[changedKey]struct{})
	}
	for _, j := range jobs {
		before := w.changes
		if j.err = j.apply(w); j.err != nil && w.changes != before {
			return nil, j.err
		}
	}
	if w.changes == 0 {
		tx.Rollback()
		return nil, nil
	}
	return w, w.finish()
}

// committed takes in that a transaction has been committed.
func (c *committer) committed(w *writeTx) {
	if c.changes != nil {
		c.readers.beginWrite() // who knows of the keys is to get no reader of the state before
		c.changes.add(w.touched)
	}
	c.tail, c.commits, c.pages, c.unclean = w.tail, c.commits+1, c.pages+w.tx.Wrote(), w.unclean
	if c.look != nil && c.commits%looksAfter == 0 {
		select {
		case c.look <- struct{}{}:
		default:
		}
	}
}

// note writes what meta is to have of the clock and of the lineage. noted is called when
// the transaction has been committed.
func (c *committer) note(w *writeTx) (noted func(), err error) {
	if c.lineage != nil {
		if err := writeLineage(w.tx, *c.lineage); err != nil {
			return nil, err
		}
	}
	c.clock.read()
	clock, stale := c.clock.stale(w.atEnd)
	if stale {
		err = w.tx.Put(metaNumber, metaClock, clock.encode())
	}
	return func() {
		if stale {
			c.clock.keep(clock)
		}
		c.lineage = nil
	}, err
}

// close marks the file as closed, so that the next who opens it need not read
// all of it. Nobody writes any more.
func (c *committer) close() error {
	if !c.unclean || c.failure.Load() != nil {
		return nil
	}
	c.looked = time.Time{}
	return c.transact([]*job{{ctx: context.Background(), room: true, apply: func(w *writeTx) error {
		w.unclean, w.atEnd = false, true
		w.changes++
		return nil
	}}})
}

// afterFailedCommit tells a commit that changed nothing from one whose outcome
// is unknown: if the next snapshot shows the transaction, its meta page was
// written, and only the sync of it failed. To go on then would let bolt use
// pages again that the last durable meta page still needs.
func (c *committer) afterFailedCommit(txID uint64, cause error) error {
	shown, err := c.file.Newest()
	if err == nil {
		if shown < txID {
			return fault.DiskError(cause)
		}
		_ = c.file.NoteCommit() // as readers see it; the store has stopped
	}
	return c.fail(fmt.Errorf("%w: %w", ErrUnknownOutcome, fault.DiskError(cause)))
}

// damaged is why a file that was found to be damaged is not written to.
func (c *committer) damaged() error {
	if damage := c.damage.Load(); damage != nil {
		return *damage
	}
	return nil
}

// failed is ErrFailed, and says why, after a fail.
func (c *committer) failed() error {
	if failure := c.failure.Load(); failure != nil {
		if errors.Is(*failure, ErrMoved) {
			return fmt.Errorf("%w: %w", ErrFailed, *failure)
		}
		return fmt.Errorf("%w: %v", ErrFailed, *failure) //nolint:errorlint // what is refused has an outcome of its own, a known one
	}
	return nil
}

// fail stops all later writes.
func (c *committer) fail(err error) error {
	if c.failure.CompareAndSwap(nil, &err) {
		c.log.Error("doorlog: no more writes until the store is opened again", "error", err)
	}
	return err
}

// tellUnfolded says once that derived data is behind because of damage.
func (c *committer) tellUnfolded(err error) {
	if err != nil && !c.unfolded {
		c.log.Error("doorlog: events are stored, but not indexed, because one before them is damaged", "error", err)
	}
	c.unfolded = err != nil
}

const (
	looksAfter = 64 // transactions
)

// An open file can lose its name: somebody moves it, removes it, puts another one in
// its place, or does so with a folder above it. What is written then is gone when the
// store is closed, or is in a file that nobody opens any more. So whoever is about to
// write looks whether the path of the store still leads to the file.

// lookEvery is how much time may pass between two looks while events are written. A
// write after a pause of that length looks first.
const lookEvery = 250 * time.Millisecond

// checkPlace stops the writes if the path of the store does not lead to its file any
// more, and is ErrFailed then. The leader calls it before a commit.
func (c *committer) checkPlace() error {
	if time.Since(c.looked) < lookEvery {
		return nil
	}
	c.looked = time.Now()
	if err := fsx.LeadsTo(c.path, c.file.OSFile()); err != nil {
		_ = c.fail(err)
	}
	return c.failed()
}

// hasMoved reports whether the writes have stopped because the file has lost its name.
func (c *committer) hasMoved() bool {
	failure := c.failure.Load()
	return failure != nil && errors.Is(*failure, ErrMoved)
}

// others are the callers who write and are not part of a series.
type others struct {
	arrived atomic.Uint64
	waiting atomic.Int32 // those whose writes are not done
}
