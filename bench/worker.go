package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Every engine has a process of its own, so that its memory and what it writes
// to the device are its own. It is the same program, which then works for the
// one that started it: a request a line on standard input, a reply a line on
// standard output, until the input ends.

// workerEnv names the engine of a worker. The others say where its store is,
// how many events it is to be asked about, and which it writes next.
const (
	workerEnv    = "DOORLOG_BENCH_ENGINE"
	workerDir    = "DOORLOG_BENCH_DIR"
	workerEvents = "DOORLOG_BENCH_EVENTS"
	workerNext   = "DOORLOG_BENCH_NEXT"
)

// What a worker can be asked to do.
const (
	doLoad   = "load"
	doSettle = "settle"
	doAnswer = "answer"
	doTime   = "time"
	doWrite  = "write"
	doMixed  = "mixed"
	doOpen   = "open"
	doSize   = "size"
	doUsage  = "usage"
	doCheck  = "check"
)

type request struct {
	Do          string
	Question    string        `json:",omitempty"`
	From, Until int           `json:",omitempty"`
	Writers     int           `json:",omitempty"`
	Slice       time.Duration `json:",omitempty"`
}

type reply struct {
	Err      string          `json:",omitempty"`
	Unasked  bool            `json:",omitempty"`
	Seconds  float64         `json:",omitempty"`
	Count    int             `json:",omitempty"` // what was done in these seconds
	Writes   int             `json:",omitempty"` // beside it
	Answer   json.RawMessage `json:",omitempty"`
	Bytes    int64           `json:",omitempty"`
	Resident usage           `json:",omitzero"`
}

// A worker has an engine's store open.
type worker struct {
	spec   *spec
	dir    string
	plan   *plan
	engine engine
	warm   bool // the sampled events have been read since the store was opened
	memory *memoryWatch

	next atomic.Int64 // number of the next event to be written
}

// work serves requests until in ends.
func work(name, dir string, events, next int, in io.Reader, out io.Writer) (err error) {
	w := &worker{spec: specOf(name), dir: dir, plan: newPlan(events), memory: watchMemory()}
	if w.spec == nil {
		return fmt.Errorf("there is no engine %q", name)
	}
	w.next.Store(int64(next))
	if w.engine, err = w.spec.open(dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.engine.Close()) }()
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var rq request
		if err := requests.Decode(&rq); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		rp, err := w.do(&rq)
		if err != nil {
			rp = reply{Err: err.Error(), Unasked: errors.Is(err, errUnasked)}
		}
		if err := replies.Encode(rp); err != nil {
			return err
		}
	}
}

func (w *worker) do(rq *request) (rp reply, err error) {
	begin := time.Now()
	switch rq.Do {
	case doLoad:
		return w.load(rq.From, rq.Until)
	case doSettle:
		if err = w.engine.Settle(); err == nil {
			rp.Bytes, err = settled()
		}
	case doAnswer:
		rp.Answer, err = answersTo(questionOf(rq.Question), w.engine, w.plan)
	case doTime:
		return w.time(questionOf(rq.Question), rq.Slice)
	case doWrite:
		return w.write(rq.Writers, rq.Slice)
	case doMixed:
		return w.mixed(rq.Slice)
	case doOpen:
		return w.reopen()
	case doSize:
		rp.Bytes, err = w.size()
	case doUsage:
		rp.Resident, err = w.memory.usage()
	case doCheck:
		err = w.check()
	default:
		err = fmt.Errorf("%q is nothing to do", rq.Do)
	}
	rp.Seconds = time.Since(begin).Seconds()
	return rp, err
}

// load stores the events from until just before until. The time that it takes to
// make them is no engine's.
func (w *worker) load(from, until int) (rp reply, err error) {
	var took time.Duration
	for ; from < until; from += batchSize {
		batch := events(from, min(from+batchSize, until))
		begin := time.Now()
		if err := w.engine.Load(batch, from); err != nil {
			return rp, err
		}
		took += time.Since(begin)
		rp.Count += len(batch)
	}
	rp.Seconds = took.Seconds()
	return rp, nil
}

// time repeats a question until the slice is over.
func (w *worker) time(q *question, slice time.Duration) (rp reply, err error) {
	if err := w.warmUp(); err != nil {
		return rp, err
	}
	begin := time.Now()
	for i := 0; ; i++ {
		if passed := time.Since(begin); i > 0 && passed >= slice {
			return reply{Seconds: passed.Seconds(), Count: i}, nil
		}
		if _, err := q.ask(w.engine, w.plan, i); err != nil {
			return rp, err
		}
	}
}

// warmUp reads the sampled events, so that the page cache holds them, and an
// engine knows its own IDs of them.
func (w *worker) warmUp() error {
	if w.warm {
		return nil
	}
	for _, r := range w.plan.samples {
		if _, err := w.engine.Event(r); err != nil {
			return err
		}
	}
	w.warm = true
	return nil
}

// write stores new events, each by itself, from several goroutines.
func (w *worker) write(writers int, slice time.Duration) (rp reply, err error) {
	before, err := deviceBytes()
	if err != nil {
		return rp, err
	}
	begin := time.Now()
	count, err := inParallel(writers, func(int) (int, error) { return w.writeUntil(begin.Add(slice)) })
	rp = reply{Seconds: time.Since(begin).Seconds(), Count: count}
	if err != nil {
		return rp, err
	}
	now, err := deviceBytes()
	rp.Bytes = now - before
	return rp, err
}

func (w *worker) writeUntil(end time.Time) (count int, err error) {
	for ; count == 0 || time.Now().Before(end); count++ {
		n := int(w.next.Add(1)) - 1
		e := event(n)
		if err := w.engine.Write(&e, n); err != nil {
			return count, err
		}
	}
	return count, nil
}

const mixedReaders = 8

// mixed reads with several readers while one writer writes. Every other read is
// of one event, and every other of the newest.
func (w *worker) mixed(slice time.Duration) (rp reply, err error) {
	if err := w.warmUp(); err != nil {
		return rp, err
	}
	begin := time.Now()
	end := begin.Add(slice)
	written := make(chan error, 1)
	go func() {
		var err error
		rp.Writes, err = w.writeUntil(end)
		written <- err
	}()
	reads, err := inParallel(mixedReaders, func(reader int) (int, error) { return w.readUntil(end, reader) })
	err = errors.Join(err, <-written)
	rp.Count, rp.Seconds = reads, time.Since(begin).Seconds()
	return rp, err
}

func (w *worker) readUntil(end time.Time, reader int) (count int, err error) {
	for ; count == 0 || time.Now().Before(end); count++ {
		if count%2 == 0 {
			_, err = w.engine.Event(w.plan.samples[(count*mixedReaders+reader)%len(w.plan.samples)])
		} else {
			_, err = w.engine.Newest(w.plan.limit)
		}
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

// inParallel runs fn in several goroutines and adds up what they return.
func inParallel(goroutines int, fn func(i int) (int, error)) (int, error) {
	var all sync.WaitGroup
	counts, errs := make([]int, goroutines), make([]error, goroutines)
	for i := range goroutines {
		all.Go(func() { counts[i], errs[i] = fn(i) })
	}
	all.Wait()
	sum := 0
	for _, c := range counts {
		sum += c
	}
	return sum, errors.Join(errs...)
}

// reopen closes the store, and times how long it takes to open it and to read
// an event: some engines open their files with the first question.
func (w *worker) reopen() (rp reply, err error) {
	if err := w.engine.Close(); err != nil {
		return rp, err
	}
	begin := time.Now()
	if w.engine, err = w.spec.open(w.dir); err != nil {
		return rp, err
	}
	w.warm = false
	_, err = w.engine.Event(w.plan.samples[0])
	return reply{Seconds: time.Since(begin).Seconds(), Count: 1}, err
}

// size returns what the files of the closed store take.
func (w *worker) size() (n int64, err error) {
	if err := w.engine.Close(); err != nil {
		return 0, err
	}
	n, sizeErr := diskSize(w.dir)
	w.engine, err = w.spec.open(w.dir)
	w.warm = false
	return n, errors.Join(sizeErr, err)
}

// check counts the events after the writes: none may be missing.
func (w *worker) check() error {
	if w.spec.Floor {
		return nil
	}
	h, err := w.engine.Heatmap(span{})
	if err != nil {
		return err
	}
	sum := 0
	for _, day := range h {
		for _, n := range day {
			sum += n
		}
	}
	if want := int(w.next.Load()); sum != want {
		return fmt.Errorf("%w: there are %d events after %d were stored", errDiffers, sum, want)
	}
	return nil
}

// serve is the main function of a worker.
func serve() int {
	var events, next int
	_, err := fmt.Sscan(os.Getenv(workerEvents)+" "+os.Getenv(workerNext), &events, &next)
	if err == nil {
		err = work(os.Getenv(workerEnv), os.Getenv(workerDir), events, next, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Getenv(workerEnv), err)
		return 1
	}
	return 0
}
