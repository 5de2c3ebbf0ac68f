package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/doorlog/doorlog"
)

// A writesRun measures what a durable write costs: one writer, one event at a
// time, in each state that a store comes into. bbolt, which writes one small key
// into a file of its own, and SQLite, which has as many events, take turns with
// doorlog, so that a mood of the disk falls on all of them.
type writesRun struct {
	sizes []int
	runs  int           // rounds in each state
	slice time.Duration // how long each engine writes in a round
	dir   string        // where the stores are put
	log   io.Writer     // is told what is going on
	rng   *rand.Rand

	store   *doorlogEngine
	writers [writerCount]loneWriter
}

// Who writes in turn.
const (
	byDoorlog = iota
	byBolt
	bySQLite
	writerCount
)

// A loneWriter stores one event after the other.
type loneWriter struct {
	spec   *spec
	engine engine
	next   int // number of the next event
}

// A writeSlice is what a writer did without a break.
type writeSlice struct {
	took  []time.Duration // by each write
	bytes int64           // given to write calls meanwhile
}

// writeCosts are the slices of every writer in one state, by rounds.
type writeCosts struct {
	events int // that were loaded
	state  string
	slices [writerCount][]writeSlice
}

// A writeState is a state of doorlog's store.
type writeState struct {
	name  string
	enter func(context.Context, *doorlogEngine) error // once; nil: it is there

	// before and after are called around each slice of doorlog's; nil: nothing.
	before, after func(*doorlogEngine) error
}

// writeStates are in the order in which one store comes into them.
var writeStates = []writeState{
	{name: "just loaded"},
	{name: "reopened, beside the scrub", before: besideScrub, after: withoutScrub},
	{name: "after the scrub", enter: scrubbed},
	{name: "pruned to half", enter: pruneToHalf},
	{name: "compacted", enter: compact},
}

// besideScrub opens the store again. The scrub that begins then does not end.
func besideScrub(d *doorlogEngine) error { return d.reopen(&doorlog.Options{Scrub: 1}) }

// withoutScrub leaves the processors to the others.
func withoutScrub(d *doorlogEngine) error { return d.reopen(&doorlog.Options{Scrub: -1}) }

// scrubbed opens the store again, and returns when its file has been verified.
func scrubbed(ctx context.Context, d *doorlogEngine) error {
	if err := d.reopen(nil); err != nil {
		return err
	}
	for {
		st, err := d.Stats(ctx)
		if err != nil || !st.Verified.IsZero() {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func pruneToHalf(ctx context.Context, d *doorlogEngine) error {
	n, err := d.Count(ctx, doorlog.Query{})
	if err == nil {
		_, err = d.Prune(ctx, doorlog.Policy{MaxEvents: (n + 1) / 2})
	}
	return err
}

func compact(ctx context.Context, d *doorlogEngine) error {
	_, err := d.Compact(ctx)
	return err
}

func newWritesRun(log io.Writer) *writesRun {
	return &writesRun{log: log, rng: rand.New(rand.NewPCG(seed, 3))}
}

// writesCommand measures durable writes and prints a table.
func writesCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	f := flag.NewFlagSet("bench writes", flag.ContinueOnError)
	f.SetOutput(errOut)
	r := newWritesRun(errOut)
	sizes := f.String("events", "20000", "numbers of events in the stores")
	f.IntVar(&r.runs, "runs", 5, "rounds in each state")
	f.DurationVar(&r.slice, "slice", 100*time.Millisecond, "how long an engine writes in a round")
	f.StringVar(&r.dir, "dir", os.TempDir(), "`folder` on the disk that is measured; the stores are removed again")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is an argument too many", f.Arg(0))
	}
	if r.runs < 1 || r.slice <= 0 {
		return errors.New("-runs and -slice must be more than 0")
	}
	var err error
	if r.sizes, err = parseSizes(*sizes); err != nil {
		return err
	}
	warnOfMemory(r.dir, errOut)
	costs, err := r.measure(ctx)
	if err != nil {
		return err
	}
	return r.table(out, costs)
}

func (r *writesRun) measure(ctx context.Context) (all []*writeCosts, err error) {
	for _, size := range r.sizes {
		costs, err := r.measureSize(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("%d events: %w", size, err)
		}
		all = append(all, costs...)
	}
	return all, nil
}

func (r *writesRun) measureSize(ctx context.Context, size int) (all []*writeCosts, err error) {
	dir, err := os.MkdirTemp(r.dir, "bench-writes-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close(), os.RemoveAll(dir)) }()
	if err := r.open(dir, size); err != nil {
		return nil, err
	}
	r.tell(size, "loading")
	if err := r.load(ctx, size); err != nil {
		return nil, err
	}
	for i := range writeStates {
		costs, err := r.measureState(ctx, size, &writeStates[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", writeStates[i].name, err)
		}
		all = append(all, costs)
	}
	return all, nil
}

func (r *writesRun) tell(size int, doing string) {
	fmt.Fprintf(r.log, "%s events: %s\n", humanize.Comma(int64(size)), doing)
}

// open makes the stores of a size.
func (r *writesRun) open(dir string, size int) error {
	sqlite := specOf("sqlite-full")
	if sqlite == nil {
		sqlite = specOf("modernc-full") // there is no cgo
	}
	for i, s := range [writerCount]*spec{byDoorlog: specOf("doorlog"), byBolt: specOf("bbolt"), bySQLite: sqlite} {
		dir := filepath.Join(dir, s.Name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		e, err := s.open(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.writers[i] = loneWriter{s, e, size}
	}
	var ok bool
	if r.store, ok = r.writers[byDoorlog].engine.(*doorlogEngine); !ok {
		return errors.New("the engine of doorlog has no store")
	}
	return nil
}

// close closes the stores that are open.
func (r *writesRun) close() (err error) {
	for i := range r.writers {
		if w := &r.writers[i]; w.engine != nil {
			err = errors.Join(err, w.engine.Close())
			w.engine = nil
		}
	}
	return err
}

// load gives the same events to doorlog and SQLite. bbolt has none.
func (r *writesRun) load(ctx context.Context, size int) error {
	for from := 0; from < size; from += batchSize {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := events(from, min(from+batchSize, size))
		for _, i := range [...]int{byDoorlog, bySQLite} {
			if err := r.writers[i].engine.Load(batch, from); err != nil {
				return fmt.Errorf("%s: %w", r.writers[i].spec.Name, err)
			}
		}
	}
	return nil
}

func (r *writesRun) measureState(ctx context.Context, size int, s *writeState) (*writeCosts, error) {
	r.tell(size, s.name)
	if s.enter != nil {
		if err := s.enter(ctx, r.store); err != nil {
			return nil, err
		}
	}
	had, err := r.store.Count(ctx, doorlog.Query{})
	if err != nil {
		return nil, err
	}
	costs := &writeCosts{events: size, state: s.name}
	for range r.runs {
		for _, i := range r.rng.Perm(writerCount) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			slice, err := r.turn(i, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.writers[i].spec.Name, err)
			}
			costs.slices[i] = append(costs.slices[i], slice)
		}
	}
	has, err := r.store.Count(ctx, doorlog.Query{})
	if want := had + costs.of(byDoorlog).count; err == nil && has != want {
		err = fmt.Errorf("%w: there are %d events after %d were stored", errDiffers, has, want)
	}
	return costs, err
}

// turn lets a writer write for a slice.
func (r *writesRun) turn(i int, s *writeState) (slice writeSlice, err error) {
	if i != byDoorlog {
		return r.writers[i].write(r.slice)
	}
	if s.before != nil {
		if err := s.before(r.store); err != nil {
			return slice, err
		}
	}
	slice, err = r.writers[i].write(r.slice)
	if err == nil && s.after != nil {
		err = s.after(r.store)
	}
	return slice, err
}

// write stores events one by one until the slice is over. Making them is not timed.
func (w *loneWriter) write(slice time.Duration) (s writeSlice, err error) {
	before, err := givenToWrite()
	if err != nil {
		return s, err
	}
	for begin := time.Now(); len(s.took) == 0 || time.Since(begin) < slice; w.next++ {
		e := event(w.next)
		began := time.Now()
		if err := w.engine.Write(&e, w.next); err != nil {
			return s, err
		}
		s.took = append(s.took, time.Since(began))
	}
	now, err := givenToWrite()
	s.bytes = now - before
	return s, err
}
