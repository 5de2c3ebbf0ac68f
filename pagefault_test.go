package doorlog_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// Whatever pages a disk loses, tears or puts in the place of others, a store answers
// as if nothing had happened, or says that its file is damaged: in every state that
// commits leave, closed or not, for every page that the last commits wrote. An
// event that was acknowledged and is not found is a wrong answer. Nothing ends the
// process, and no call goes on for ever.
//
// See pagehistory_test.go for the states, pagefaultkinds_test.go for the faults and
// pagejudge_test.go for what is done with each.
func TestNoFaultOfAPageGoesUnnoticed(t *testing.T) {
	for _, size := range []struct {
		events, states int
		budget         time.Duration
	}{
		{70, extent(1000, 1000, 1000), time.Duration(extent(5, 10, 1200)) * time.Second},
		{300, extent(2, 12, 1000), time.Duration(extent(2, 8, 600)) * time.Second},
		{3000, extent(0, 6, 1000), time.Duration(extent(0, 8, 600)) * time.Second},
	} {
		if size.states == 0 {
			continue
		}
		t.Run(fmt.Sprint("events=", size.events), func(t *testing.T) {
			if again(t) {
				return
			}
			seed := newSeed(t)
			p := &faultPlan{Dir: fastFolder(t), Seed: seed, States: size.states, Budget: size.budget}
			newHistory(t, seed, size.events, 0).save(t, p.Dir)
			p.goThrough(t).complain(t)
		})
	}
}

// The same of a file that is large in truth, in the long form.
func TestNoFaultOfAPageOfALargeFileGoesUnnoticed(t *testing.T) {
	if again(t) {
		return
	}
	if !*long && !*whole {
		t.Skip("without -long")
	}
	seed := newSeed(t)
	p := &faultPlan{Dir: fastFolder(t), Seed: seed, States: extent(3, 3, 12), Few: true}
	begun := time.Now()
	newHistory(t, seed, 18_000, doorlog.MaxAttributeValue).save(t, p.Dir)
	t.Logf("the history is made in %v", time.Since(begun))
	p.Budget = time.Duration(extent(12, 12, 600)) * time.Second
	p.goThrough(t).complain(t)
}

// A page of another kind ends no process, and no call goes on for ever, also where it
// comes while the store is open and has read what was there before.
func TestAPageOfAnotherKindUnderAnOpenStoreEndsNothing(t *testing.T) {
	if again(t) {
		return
	}
	seed := newSeed(t)
	p := &faultPlan{Dir: fastFolder(t), Seed: seed, States: extent(4, 12, 1000), Open: true, Kinds: []string{otherKind, otherKindID}}
	newHistory(t, seed, 300, 0).save(t, p.Dir)
	p.Budget = time.Duration(extent(2, 6, 300)) * time.Second
	p.goThrough(t).complain(t)
}

// The tests above would see a loss: with one of the checks left out there are some.
func TestFaultsOfPagesGoUnnoticedWithoutTheChecks(t *testing.T) {
	if again(t) {
		return
	}
	seed := newSeed(t)
	dir := fastFolder(t)
	newHistory(t, seed, 70, 0).save(t, dir)
	for _, control := range []struct {
		name string
		plan faultPlan
	}{
		{"without the txid of the state", faultPlan{Txids: true, Kinds: []string{lostPage, lostAll}}},
		{"without the sums of pages", faultPlan{Sums: true, Closed: true, Kinds: []string{lostBefore}}},
		{"without the checks of the cursor", faultPlan{Checks: true, Open: true, Kinds: []string{otherKind, otherKindID}}},
	} {
		p := &control.plan
		p.Dir, p.Seed, p.States, p.Enough = dir, seed, 1000, extent(1, 20, 200)
		p.Budget = time.Duration(extent(5, 6, 60)) * time.Second
		y := p.goThrough(t)
		t.Logf("%s: %d of %d faults do harm", control.name, y.harm(), y.cases())
		if y.harm() == 0 {
			t.Errorf("%s: no fault does harm", control.name)
		}
	}
}

func newSeed(t testing.TB) uint64 {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return seed
}

// A faultPlan is what another process is to do, which finds it in its environment.
type faultPlan struct {
	Dir    string // of the history
	Seed   uint64
	Judge  int           // which of the processes it is
	From   int           // the case with which it begins
	States int           // of the history, at most
	Budget time.Duration // for all cases; what is true of the states is not counted
	Few    bool          // questions for each case
	Kinds  []string      // nil: all
	Closed bool          // just states that were closed
	Open   bool          // the pages change while the store is open
	Enough int           // of what does harm; 0: maxHarm

	Txids, Sums, Checks bool // are left out
}

const (
	pagePlan  = "DOORLOG_TEST_PAGE_FAULTS"
	stuck     = 10 * time.Second // is endless
	judges    = 2                // processes
	maxHarm   = 200              // cases, after which a test ends
	toldHarm  = 10
	roomLimit = 64 << 20 // bytes of a stack
)

// again does the plan of another process, if this is one.
func again(t *testing.T) bool {
	text := os.Getenv(pagePlan)
	if text == "" {
		return false
	}
	p := new(faultPlan)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	debug.SetMaxStack(roomLimit) // so that a recursion ends soon
	h := loadHistory(t, p.Dir)
	j := &pageJudge{t: t, h: h, dir: filepath.Join(p.Dir, fmt.Sprint("case", p.Judge)), truths: make(map[*fileState]*stateTruth), few: p.Few}
	faults := p.faults(h)
	fmt.Fprintln(os.Stderr, "all:", len(faults))
	defer doorlog.SetTrust(p.Txids, p.Sums, p.Checks)()
	spent := time.Duration(0)
	for n := p.From; n < len(faults) && spent < p.Budget; n++ {
		j.truth(faults[n].state)
		begun := time.Now()
		fmt.Fprintf(os.Stderr, "case: %d %s\n", n, faults[n])
		var outcome int
		var detail string
		if p.Open {
			var err error
			outcome, err = j.judgeOpen(faults[n])
			detail = fmt.Sprint(err)
		} else {
			outcome, detail = j.judge(faults[n], n)
		}
		spent += time.Since(begun)
		fmt.Fprintf(os.Stderr, "done: %d %d %s\n", n, outcome, strings.ReplaceAll(detail, "\n", " "))
	}
	return true
}

// faults are the cases of a plan, in the same order in each process.
func (p *faultPlan) faults(h *history) []*pageFault {
	rng := rand.New(rand.NewPCG(p.Seed, 5))
	states := slices.Clone(h.images[1:])
	rng.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
	if p.Few || p.Closed { // the others are read whole
		states = slices.DeleteFunc(states, func(s *fileState) bool { return !s.closed })
	}
	// As many that were closed as others.
	slices.SortStableFunc(states, func(a, b *fileState) int { return rank(states, a) - rank(states, b) })
	states = states[:min(p.States, len(states))]
	var own []*fileState // so that each state is asked for the truth once
	for i, s := range states {
		if i/2%judges == p.Judge {
			own = append(own, s)
		}
	}
	faults := h.faults(rng, own)
	if p.Kinds != nil {
		faults = slices.DeleteFunc(faults, func(f *pageFault) bool { return !slices.Contains(p.Kinds, f.kind) })
	}
	return faults
}

// rank is how many states there are before one that are closed as it is.
func rank(states []*fileState, s *fileState) (n int) {
	for _, o := range states {
		if o == s {
			break
		}
		n += one(o.closed == s.closed)
	}
	return n
}

// A faultTally is what became of the cases.
type faultTally struct {
	mu    sync.Mutex
	kinds map[string]*[outcomes]int
	told  []string
	all   [judges]int // cases that there are
}

func (y *faultTally) count(name string, outcome int, detail string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	kind := strings.SplitN(name, "; ", 3)[1]
	if strings.Contains(strings.SplitN(name, "; ", 2)[0], "close") {
		kind = "closed: " + kind
	} else {
		kind = "open: " + kind
	}
	if y.kinds[kind] == nil {
		y.kinds[kind] = new([outcomes]int)
	}
	y.kinds[kind][outcome]++
	if outcome >= isWrong && len(y.told) < toldHarm {
		y.told = append(y.told, fmt.Sprintf("%s: %s: %s", name, outcomeNames[outcome], detail))
	}
}

func (y *faultTally) sum(from, until int) (n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, k := range y.kinds {
		for _, c := range k[from:until] {
			n += c
		}
	}
	return n
}

func (y *faultTally) harm() int  { return y.sum(isWrong, outcomes) }
func (y *faultTally) cases() int { return y.sum(0, outcomes) }

// complain fails the test if there was harm.
func (y *faultTally) complain(t *testing.T) {
	t.Helper()
	for _, kind := range sortedKeys(y.kinds) {
		var line strings.Builder
		for i, n := range y.kinds[kind] {
			fmt.Fprintf(&line, " %6d %s", n, outcomeNames[i])
		}
		t.Logf("%-48s%s", kind, line.String())
	}
	t.Logf("%d of %d cases; %d did harm", y.cases(), y.all[0]+y.all[1], y.harm())
	for _, what := range y.told {
		t.Error(what)
	}
	if y.cases() == 0 {
		t.Error("no cases")
	}
}

// goThrough has other processes go through the cases. A process that dies, or does
// not go on, is followed by another one, which begins with the next case.
func (p *faultPlan) goThrough(t *testing.T) *faultTally {
	t.Helper()
	y := &faultTally{kinds: make(map[string]*[outcomes]int)}
	var wg sync.WaitGroup
	for i := range judges {
		wg.Go(func() {
			q := *p
			for q.Judge = i; q.From >= 0 && q.Budget > 0 && y.harm() < q.enough(); {
				q.From = q.runOnce(t, y)
			}
		})
	}
	wg.Wait()
	return y
}

func (p *faultPlan) enough() int {
	if p.Enough > 0 {
		return p.Enough
	}
	return maxHarm
}

// runOnce runs a process and returns the case that is next; -1: none.
func (p *faultPlan) runOnce(t *testing.T, y *faultTally) (next int) {
	plan, err := json.Marshal(p)
	if err != nil {
		t.Error(err)
		return -1
	}
	cmd := thisTestAgain(t, "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.timeout=0",
		fmt.Sprint("-long=", *long), fmt.Sprint("-whole=", *whole))
	cmd.Env = append(os.Environ(), pagePlan+"="+string(plan))
	var out strings.Builder
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return -1
	}
	cmd.WaitDelay = stuck
	w := &watch{tally: y, enough: p.enough(), judge: p.Judge, at: -1, stop: func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }}
	w.read(progress)
	p.Budget -= w.spent
	err = cmd.Wait()
	switch {
	case w.at >= 0: // in the midst of a case
		outcome := died
		if w.late {
			outcome = endless
		}
		y.count(w.name, outcome, fmt.Sprintf("%v: %s", err, w.why()))
		return w.at + 1
	case w.stopped:
	case err != nil:
		t.Errorf("%v\n%s\n%s", err, out.String(), strings.Join(w.rest, "\n"))
	}
	return -1
}

// A watch reads what a process says about its cases, and stops one that says nothing
// for too long.
type watch struct {
	tally   *faultTally
	enough  int
	stop    func()
	judge   int
	at      int // the case that is under way; -1: none
	name    string
	late    bool
	begun   time.Time     // the case
	spent   time.Duration // on all cases
	stopped bool          // there has been enough
	rest    []string      // other lines, as those of a stack
}

func (w *watch) read(r io.Reader) {
	// To begin takes longer than a case.
	timer := time.AfterFunc(10*stuck, w.stop)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if text, ok := strings.CutPrefix(line, "case: "); ok {
			timer.Reset(stuck)
			w.begun = time.Now()
			_, _ = fmt.Sscan(text, &w.at)
			_, w.name, _ = strings.Cut(text, " ")
		} else if text, ok := strings.CutPrefix(line, "done: "); ok {
			timer.Reset(10 * stuck)
			w.spent += time.Since(w.begun)
			outcome := 0
			_, _ = fmt.Sscan(text, &w.at, &outcome)
			detail := strings.SplitN(text, " ", 3)[2]
			w.tally.count(w.name, outcome, detail)
			w.at = -1
			if w.stopped = w.tally.harm() >= w.enough; w.stopped {
				w.stop()
				w.rest = nil
				break
			}
		} else if text, ok := strings.CutPrefix(line, "all: "); ok {
			w.tally.mu.Lock()
			_, _ = fmt.Sscan(text, &w.tally.all[w.judge])
			w.tally.mu.Unlock()
		} else if len(w.rest) < 200 {
			w.rest = append(w.rest, line)
		}
	}
	w.late = !timer.Stop()
	if w.at >= 0 {
		w.spent += time.Since(w.begun)
	}
	_, _ = io.Copy(io.Discard, r)
}

// why is the line that says why a process died.
func (w *watch) why() string {
	for _, prefix := range []string{"fatal error:", "runtime/cgo:", "SIGQUIT", "runtime:", "panic:", "unexpected fault", "SIG"} {
		for _, line := range w.rest {
			if strings.HasPrefix(line, prefix) {
				return line
			}
		}
	}
	return strings.Join(w.rest[:min(3, len(w.rest))], " | ")
}
