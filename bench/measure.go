package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A config says what a run is to do.
type config struct {
	events     []int
	engines    []*spec
	questions  []*question
	runs       int           // rounds of each question
	slice      time.Duration // how long an engine is asked the same thing in a round
	budget     time.Duration // of an engine for all rounds of a question
	loadBudget time.Duration // of an engine for the bulk load
	dir        string        // where the stores are put
}

func (c *config) asks(names ...string) bool {
	for _, q := range c.questions {
		if slices.Contains(names, q.Name) {
			return true
		}
	}
	return false
}

// A run measures one size of store after the other. All engines take turns, in
// an order that is shuffled anew for each turn, so that whatever else the
// machine does falls on all of them alike.
type run struct {
	context.Context
	*config
	report   *report
	progress progress
	rng      *rand.Rand

	size     int
	plan     *plan
	children []*child // those that are still in it
}

// loadParts is in how many turns the bulk load is done.
const loadParts = 10

func measure(ctx context.Context, cfg *config, p progress) (*report, error) {
	r := &run{Context: ctx, config: cfg, report: newReport(cfg), progress: p, rng: rand.New(rand.NewPCG(seed, 2))}
	for _, size := range cfg.events {
		r.size, r.plan = size, newPlan(size)
		if err := r.measureSize(); err != nil {
			return nil, fmt.Errorf("%d events: %w", size, err)
		}
	}
	if r.asks(askBinary) {
		if err := r.binaries(); err != nil {
			return nil, err
		}
	}
	r.report.finish()
	return r.report, nil
}

func (r *run) measureSize() (err error) {
	dir, err := os.MkdirTemp(r.dir, "bench-stores-")
	if err != nil {
		return err
	}
	defer func() {
		for _, c := range r.children {
			c.kill()
		}
		r.children = nil
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	for _, s := range r.engines {
		if r.report.dropped(s.Name) {
			r.report.note(r.size, s.Name, "did not manage a smaller number of events in the time")
			continue
		}
		c := &child{spec: s, dir: filepath.Join(dir, s.Name), events: r.size}
		if err := os.Mkdir(c.dir, 0o700); err != nil {
			return err
		}
		if err := c.start(); err != nil {
			return err
		}
		r.children = append(r.children, c)
	}
	for _, step := range []func() error{r.load, r.settle, r.compare, r.sizes, r.times, r.writes, r.memory} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, c := range r.children {
		if err := c.stop(); err != nil {
			return err
		}
	}
	return nil
}

// turns calls fn with each child, in a shuffled order.
func (r *run) turns(label string, fn func(*child) error) error {
	for _, i := range r.rng.Perm(len(r.children)) {
		if err := r.Err(); err != nil {
			return err
		}
		c := r.children[i]
		r.progress.label(fmt.Sprintf("%d events: %s, %s", r.size, label, c.spec.Name))
		if err := fn(c); err != nil && !errors.Is(err, errUnasked) {
			return err
		}
		r.progress.step()
	}
	return nil
}

// load stores all events, part by part. An engine that takes too long is out of
// it, for larger sizes as well.
func (r *run) load() error {
	spent := make(map[*child]time.Duration)
	for part := range loadParts {
		from, until := r.size*part/loadParts, r.size*(part+1)/loadParts
		err := r.turns(askLoad, func(c *child) error {
			rp, err := c.call(request{Do: doLoad, From: from, Until: until}, r.loadBudget-spent[c])
			if errors.Is(err, errTooLong) {
				r.report.note(r.size, c.spec.Name, fmt.Sprintf("did not manage to load the events in %v: it was at %d", r.loadBudget, from))
				r.report.cut(r.size, c.spec.Name, askLoad, fmt.Sprintf("more than %v", r.loadBudget))
				r.report.drop(c.spec.Name)
				return nil
			}
			spent[c] += time.Duration(rp.Seconds * float64(time.Second))
			r.sample(askLoad, c, float64(rp.Count)/rp.Seconds)
			return err
		})
		if err != nil {
			return err
		}
		r.forgetEnded()
	}
	// The rate of the whole load counts, of which the parts are the spread.
	for c, d := range spent {
		if res := r.report.result(r.size, c.spec.Name, askLoad); res != nil && res.Cut == "" {
			res.Whole = float64(r.size) / d.Seconds()
		}
	}
	return nil
}

// forgetEnded leaves out the children that are gone.
func (r *run) forgetEnded() {
	var left []*child
	for _, c := range r.children {
		if c.cmd != nil {
			left = append(left, c)
		}
	}
	r.children = left
}

func (r *run) settle() error {
	return r.turns(doSettle, func(c *child) error {
		const patience = 10 * time.Minute
		rp, err := c.call(request{Do: doSettle}, patience)
		if err == nil {
			r.sample(askLoadDevice, c, float64(rp.Bytes)/float64(r.size))
		}
		return err
	})
}

// compare asks every question once and holds the answers against those of the
// workload. An engine that answers wrongly stops the run. One that takes too
// long is not asked that any more.
func (r *run) compare() error {
	for _, q := range r.questions {
		if q.ask == nil {
			continue
		}
		r.progress.label(fmt.Sprintf("%d events: what %s should say", r.size, q.Name))
		want, err := answersTo(q, oracle{r.size}, r.plan)
		if err != nil {
			return err
		}
		if err := r.turns("compare "+q.Name, func(c *child) error { return r.compareOne(c, q, want) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) compareOne(c *child, q *question, want json.RawMessage) error {
	if c.spec.Floor {
		return nil // it says nothing
	}
	rp, err := c.call(request{Do: doAnswer, Question: q.Name}, r.budget)
	if errors.Is(err, errTooLong) {
		return r.cut(c, q.Name)
	}
	if err == nil {
		if differs := compare(q, want, rp.Answer); differs != nil {
			return fmt.Errorf("%s: %s: %w", c.spec.Name, q.Name, differs)
		}
	}
	return err
}

// cut notes that a question took an engine too long, and opens its store again.
func (r *run) cut(c *child, name string) error {
	r.report.cut(r.size, c.spec.Name, name, fmt.Sprintf("more than %v", r.budget))
	return c.start()
}

func (r *run) sizes() error {
	if !r.asks(askSize) {
		return nil
	}
	return r.turns(askSize, func(c *child) error {
		rp, err := c.call(request{Do: doSize}, r.budget)
		if errors.Is(err, errTooLong) {
			return r.cut(c, askSize)
		}
		r.sample(askSize, c, float64(rp.Bytes)/float64(r.size))
		return err
	})
}

// times asks what is timed, question by question, round after round.
func (r *run) times() error {
	return r.rounds(func(q *question) (request, func(*child, reply)) {
		switch {
		case q.ask != nil:
			return request{Do: doTime, Question: q.Name, Slice: r.slice}, func(c *child, rp reply) {
				r.sample(q.Name, c, rp.Seconds/float64(rp.Count))
			}
		case q.Name == askOpen:
			return request{Do: doOpen}, func(c *child, rp reply) { r.sample(askOpen, c, rp.Seconds) }
		}
		return request{}, nil
	})
}

var writersOf = map[string]int{askWrite1: 1, askWrite16: 16, askWrite64: 64}

// writes asks what writes, and then whether everything is there.
func (r *run) writes() error {
	err := r.rounds(func(q *question) (request, func(*child, reply)) {
		if q.Name == askMixed {
			return request{Do: doMixed, Slice: r.slice}, func(c *child, rp reply) {
				r.sample(askMixed, c, float64(rp.Count)/rp.Seconds)
				r.sample(askMixedWrite, c, float64(rp.Writes)/rp.Seconds)
			}
		}
		writers := writersOf[q.Name]
		if writers == 0 {
			return request{}, nil
		}
		return request{Do: doWrite, Writers: writers, Slice: r.slice}, func(c *child, rp reply) {
			r.sample(q.Name, c, float64(rp.Count)/rp.Seconds)
			if writers == 1 {
				r.sample(askDevice, c, float64(rp.Bytes)/float64(rp.Count))
			}
		}
	})
	if err != nil {
		return err
	}
	return r.turns(doCheck, func(c *child) error {
		if r.report.restarted(r.size, c.spec.Name) {
			return nil // its process did not see all of the writes
		}
		_, err := c.call(request{Do: doCheck}, r.budget)
		if errors.Is(err, errTooLong) {
			r.report.note(r.size, c.spec.Name, "did not manage to count its events after the writes")
			return c.start()
		}
		return err
	})
}

// rounds asks every question of which what returns a request, every engine once
// a round, until an engine's budget for it is used up.
func (r *run) rounds(what func(*question) (request, func(*child, reply))) error {
	type asked struct{ engine, question string }
	spent := make(map[asked]time.Duration)
	for range r.runs {
		for _, q := range r.questions {
			rq, take := what(q)
			if take == nil {
				continue
			}
			err := r.turns(q.Name, func(c *child) error {
				key := asked{c.spec.Name, q.Name}
				left := r.budget - spent[key]
				if left <= 0 || c.spec.Floor && !q.Floor || r.report.isCut(r.size, c.spec.Name, q.Name) {
					return nil
				}
				begin := time.Now()
				rp, err := c.call(rq, left+r.slice)
				spent[key] += time.Since(begin)
				if errors.Is(err, errTooLong) {
					return r.outOfTime(c, q.Name)
				}
				if err == nil && rp.Count > 0 {
					take(c, rp)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// outOfTime is for a question whose budget ended while it was being answered.
func (r *run) outOfTime(c *child, name string) error {
	if r.report.result(r.size, c.spec.Name, name) != nil {
		r.report.note(r.size, c.spec.Name, "the time ended before all rounds of "+name)
		r.report.restart(r.size, c.spec.Name)
		return c.start()
	}
	return r.cut(c, name)
}

func (r *run) memory() error {
	return r.turns(askRSS, func(c *child) error {
		if r.report.restarted(r.size, c.spec.Name) {
			return nil // the peak was another process's
		}
		rp, err := c.call(request{Do: doUsage}, r.budget)
		if err == nil {
			r.sample(askRSS, c, float64(rp.Resident.Peak))
			r.sample(askAnonymous, c, float64(rp.Resident.Anonymous))
		}
		return err
	})
}

func (r *run) sample(name string, c *child, value float64) {
	if r.asks(name) {
		r.report.add(r.size, c.spec.Name, name, value)
	}
}
