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

// A job is one caller's write that waits to become part of a transaction.
type job struct {
	// apply does the write. It makes all its checks before its first change, so an
	// error of a check leaves the transaction as it was. It may be called several times.
	apply  func(*writeTx) error
	room   bool         // it makes room and may use the reserve (internal/boltfile/reserve.go)
	series bool         // it is one of a long series; other jobs go first (series.go)
	alone  func() error // if set, is called instead of apply, while nobody writes
	ctx    context.Context
	err    error

	// turn gets true when it is this caller's turn to lead. It gets false when another
	// leader has done the job; then err is final.
	turn  chan bool
	leads bool // under committer.mu: this caller leads, or has been told to
}

// A committer writes with group commit. One of the callers is the leader. It does the jobs of
// all callers that wait, and its own, in one transaction. Then it passes the lead to a caller
// that has come meanwhile. Nobody waits for a group to form: a lone writer pays for one
// commit, and others gather while that runs. The committer has no goroutine of its own:
// waking one would take a tenth of the time of a commit.
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

	keep    keptChanges
	feed    *feed                  // the store's
	damage  *atomic.Pointer[error] // the store's
	failure atomic.Pointer[error]  // set once: why there are no more writes
	others  others                 // the callers that are not part of a series

	// Only the leader uses these fields.
	looked   time.Time       // when the path last led to the file
	unfolded bool            // the log has been told that the tail cannot be folded
	unclean  bool            // the file says that it has not been closed
	company  bool            // the last transaction had more than one job
	tail     int             // number of events after indexed_through
	seq      uint64          // of the last change
	commits  uint64          // transactions that were committed
	pages    int64           // pages that these transactions wrote
	lineage  *lineage        // if not nil, the next commit writes it
	changes  *changedKeys    // nil unless a compaction is under way
	look     chan<- struct{} // if not nil, gets a token every looksAfter transactions
}

// submit runs apply in a write transaction. It returns nil when the transaction is durable,
// and otherwise the error. If ctx ends before the transaction has begun, the write is
// withdrawn; after that, submit waits for the outcome.
func (c *committer) submit(ctx context.Context, apply func(*writeTx) error) error {
	return c.do(&job{apply: apply, ctx: ctx})
}

// makeRoom is submit for a write that makes room. It may use the reserve.
func (c *committer) makeRoom(ctx context.Context, apply func(*writeTx) error) error {
	return c.do(&job{apply: apply, room: true, ctx: ctx})
}

// exclusively runs fn while nobody writes, and returns the error of fn. Writers wait
// meanwhile.
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
			default: // it has a token already
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
	if !j.leads { // the leader knows that its own job is done
		c.released.Add(1)
		j.turn <- false
	}
}

// withdraw takes a job out of the queue. It returns false if the job is not there any more:
// it is being done, or is done.
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

// passLead makes the first waiting caller the leader. The caller holds mu.
func (c *committer) passLead() {
	if c.led = len(c.queue) > 0; c.led {
		c.queue[0].leads = true
		c.queue[0].turn <- true
	}
}

// lead does the jobs of all callers that wait.
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

// drain takes all jobs from the queue. If the last transaction had several jobs, their callers
// are likely to write again soon. So drain first lets them run, as long as that makes the queue
// longer: then they share this commit and need not wait for the next one. For a lone writer it
// skips this, which would cost some microseconds.
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
		if j.err = j.ctx.Err(); j.err != nil { // the caller no longer wants it
			c.release(j)
			continue
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// commit does the jobs in one transaction. If that fails, it tries each job alone, so that
// one bad write does not fail the others.
func (c *committer) commit(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	stopped := c.failure.Load()
	defer func() { // when readers see the transaction
		if c.feed.published(c.seq); c.failure.Load() != stopped { // they may see one whose outcome is unknown
			c.feed.ended()
		}
	}()
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

// transact does the jobs in one bolt transaction. If the file is too short, it lengthens the
// file and tries again. If it returns an error, no job is done. If it returns nil, the err of
// each job says whether that job is done.
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
			// An open snapshot may hold free pages. They become usable when it ends, so
			// the refusal is not lasting.
			c.file.GiveUp(end, !makesRoom && !c.readers.anySnapshot())
			return err
		}
	}
}

// tryTransact is transact without lengthening the file.
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
			if committing { // bolt's state in memory may be wrong now
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
	if c.file.MayOutgrowMap() { // mapping the file again waits for all readers
		c.readers.beginWrite()
	}
	committing = true
	if err := tx.Commit(w.atEnd); err != nil {
		return c.afterFailedCommit(tx.ID(), err)
	}
	committing = false
	if err := c.file.NoteCommit(); err != nil {
		// The commit is durable. The damage was there before; every later call fails.
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
	w.keep = c.keep
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
		c.readers.beginWrite() // nobody who knows these keys may get a reader of the state before
		c.changes.add(w.touched)
	}
	c.seq = w.seq
	c.tail, c.commits, c.pages, c.unclean = w.tail, c.commits+1, c.pages+w.tx.Wrote(), w.unclean
	if c.look != nil && c.commits%looksAfter == 0 {
		select {
		case c.look <- struct{}{}:
		default:
		}
	}
}

// note writes the clock and the lineage to meta. The caller calls noted after the transaction
// has been committed.
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

// close marks the file as closed, so that the next Open need not read all of it. Nobody may
// write any more.
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

// afterFailedCommit finds out whether a failed commit has changed nothing or its outcome is
// unknown. If readers see the transaction, its meta page was written and only the sync failed.
// Then the store stops: bolt would reuse pages that the last durable meta page still needs.
func (c *committer) afterFailedCommit(txID uint64, cause error) error {
	shown, err := c.file.Newest()
	if err == nil {
		if shown < txID {
			return fault.DiskError(cause)
		}
		_ = c.file.NoteCommit() // readers see the new state; the store stops anyway
	}
	return c.fail(fmt.Errorf("%w: %w", ErrUnknownOutcome, fault.DiskError(cause)))
}

// damaged returns the damage that was found in the file, because of which nothing is written
// any more; nil if there is none.
func (c *committer) damaged() error {
	if damage := c.damage.Load(); damage != nil {
		return *damage
	}
	return nil
}

// failed returns ErrFailed, with the reason, after a call of fail.
func (c *committer) failed() error {
	if failure := c.failure.Load(); failure != nil {
		if errors.Is(*failure, ErrMoved) {
			return fmt.Errorf("%w: %w", ErrFailed, *failure)
		}
		return fmt.Errorf("%w: %v", ErrFailed, *failure) //nolint:errorlint // %v: the earlier write's outcome is unknown; this one's is known
	}
	return nil
}

// fail stops all later writes. It returns err.
func (c *committer) fail(err error) error {
	if c.failure.CompareAndSwap(nil, &err) {
		c.log.Error("doorlog: no more writes until the store is opened again", "error", err)
	}
	return err
}

// tellUnfolded logs, once, that events cannot be indexed because of damage.
func (c *committer) tellUnfolded(err error) {
	if err != nil && !c.unfolded {
		c.log.Error("doorlog: events are stored, but not indexed, because one before them is damaged", "error", err)
	}
	c.unfolded = err != nil
}

const looksAfter = 64 // transactions

// An open file can lose its name: somebody moves, removes or replaces the file or a folder
// above it. What is written after that is lost when the store is closed, or is in a file that
// nobody opens any more. So before a write the leader checks that the path of the store still
// leads to the file.

// lookEvery is the least time between two of these checks. So a write that follows a pause of
// that length is checked.
const lookEvery = 250 * time.Millisecond

// checkPlace returns ErrFailed and stops all later writes if the path of the store no longer
// leads to its file. The leader calls it before a commit.
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

// hasMoved reports whether writes have stopped because the file has lost its name.
func (c *committer) hasMoved() bool {
	failure := c.failure.Load()
	return failure != nil && errors.Is(*failure, ErrMoved)
}

// others are the callers who write and are not part of a series.
type others struct {
	arrived atomic.Uint64
	waiting atomic.Int32 // number of callers whose writes are not done
}
