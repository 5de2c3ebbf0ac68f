//go:build linux

package doorlog_test

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// changingCalls are the system calls with which the store changes the disk, as
// strace is told them.
var changingCalls = []string{
	"pwrite64", "write", "fdatasync", "fsync", "?ftruncate,?ftruncate64", "fallocate", "openat", "renameat", "mkdirat", "unlinkat", "linkat",
}

// readingCalls are those with which a backup looks at the disk.
var readingCalls = []string{"pread64", "read", "newfstatat,?fstatat64", "fstat,?fstat64", "lseek,?_llseek", "fstatfs,?fstatfs64"}

// eachNth calls try with 1, 2, 3 and so on if the tests run whole, with 1, 2, 5, 12 and so
// on with -long, and else with 1, 8, 64, until try says that there is no such call any more.
func eachNth(try func(n int) (hit bool)) {
	for n := 1; try(n); {
		if *whole {
			n++
		} else {
			n = n * extent(16, 5, 0) / 2
		}
	}
}

// someMoments are those that follow first, and some later ones: what went wrong
// shows soon, or in what is there in the end.
func someMoments(moments []*moment) []*moment {
	const soon, later = 8, 4
	some := moments[:min(soon, len(moments))]
	rest := moments[len(some):]
	n := min(later, len(rest))
	for i := range n {
		some = append(some[:len(some):len(some)], rest[(i+1)*len(rest)/n-1])
	}
	return some
}

// hearAll is what a process said in all.
func hearAll(t testing.TB, s *script, said string) *promises {
	t.Helper()
	p := newPromises(s)
	if err := p.hear(said); err != nil {
		t.Fatal(err)
	}
	return p
}

// Killed at any call that changes something on the disk, a process leaves what
// it had acknowledged.
func TestKilledAtAnyCallKeepsWhatWasAcknowledged(t *testing.T) {
	needStrace(t)
	var kills atomic.Int64
	t.Run("at", func(t *testing.T) {
		for _, script := range []string{"small", "lanes", "erase", "backup", "forget"} {
			for _, from := range startsOf(t, script, changingCalls) {
				t.Run(fmt.Sprint(script, " ", from), func(t *testing.T) {
					t.Parallel()
					parent := fastFolder(t)
					from.eachNth(func(n int) bool {
						killed := killAt(t, filepath.Join(parent, fmt.Sprint(n)), script, fault{from.name, "signal=KILL", n})
						if killed {
							kills.Add(1)
						}
						return killed && !t.Failed()
					})
				})
			}
		}
	})
	t.Logf("%d kills, each at another call", kills.Load())
	if kills.Load() < int64(extent(20, 50, 600)) {
		t.Errorf("only %d kills", kills.Load())
	}
}

// A start is where to begin with the calls of a name, of which there may be several
// for one call: after so many of them. calls is about how many there are from there
// on; 0: that is not known.
type start struct {
	name          string
	before, calls int
}

func (s start) String() string { return fmt.Sprint(s.name, " after ", s.before) }

// eachNth is eachNth with what strace is to count to.
func (s start) eachNth(try func(n int) (hit bool)) {
	eachNth(func(n int) bool { return (s.calls == 0 || n <= s.calls || *whole) && try(s.before+n) })
}

// middle is eachNth of one call alone.
func (s start) middle(try func(n int) (hit bool)) { try(s.before + 1 + s.calls/2) }

// startsOf returns where a script begins to make calls for the step that it is
// about, or for all of its steps, if it is about none.
func startsOf(t *testing.T, name string, names []string) (starts []start) {
	t.Helper()
	if scripts[name]().about == 0 {
		for _, name := range names {
			starts = append(starts, start{name: name})
		}
		return starts
	}
	run := runTraced(t, workloadRun{dir: fastFolder(t), script: name})
	if run.err != nil {
		t.Fatalf("%v: %s", run.err, run.stderr)
	}
	return run.startsFrom(run.begins(t, run.script.about), names)
}

// startsFrom returns where the calls of these names begin that come after one: for
// the thread that makes that one, and, if they make any, for others, as strace
// counts those of each thread for themselves.
func (run *tracedRun) startsFrom(at int, names []string) (starts []start) {
	thread := run.calls[at].thread
	for _, name := range names {
		own, others := start{name: name}, start{name: name}
		for i, c := range run.calls {
			switch is := slices.Contains(strings.Split(strings.ReplaceAll(name, "?", ""), ","), c.name); {
			case is && i < at && c.thread == thread:
				own.before++
			case is && i >= at && c.thread == thread:
				own.calls++
			case is && i >= at:
				others.calls++
			}
		}
		if own.calls > 0 {
			starts = append(starts, own)
		}
		if others.calls > 0 && (own.calls == 0 || own.before > 0) {
			starts = append(starts, others)
		}
	}
	return starts
}

// begins returns which of its calls is the one that says that a step begins.
func (run *tracedRun) begins(t *testing.T, step int) int {
	t.Helper()
	said := newPromises(run.script)
	for i, c := range run.calls {
		if !c.isSpeech() {
			continue
		}
		text, err := c.bytes(1)
		if err == nil {
			err = said.hear(string(text[:c.result]))
		}
		if err != nil {
			t.Fatal(err)
		}
		if said.steps[step] != notBegun {
			return i
		}
	}
	t.Fatalf("step %d has not begun: %s", step, run.stderr)
	return 0
}

// killAt does a script with a fault that kills it, and looks at what is left.
func killAt(t *testing.T, dir, name string, f fault) (killed bool) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := scripts[name]()
	cmd := workloadRun{dir: dir, script: name, fault: f}.command(t)
	out, err := cmd.Output()
	said := hearAll(t, s, string(out))
	if !said.ended && !wasKilled(err) {
		t.Fatalf("%v: %v: %s", f, err, stderrOf(err))
	}
	if err := errors.Join(s.verify(dir, said), os.RemoveAll(dir)); err != nil {
		t.Errorf("%v: %v", f, err)
	}
	return !said.ended
}

// wasKilled reports whether a process ended by SIGKILL, which strace passes on
// to itself.
func wasKilled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && (status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == 128+int(syscall.SIGKILL))
}

func stderrOf(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

// Killed at any time, between calls too and with several writers under way, it does as well.
func TestKilledAtAnyTimeKeepsWhatWasAcknowledged(t *testing.T) {
	want := extent(5, 10, 300)
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	parent := fastFolder(t)
	s := scripts["large"]()
	kills, acknowledged := 0, 0
	for try := 0; kills < want && try < 3*want; try++ {
		dir := filepath.Join(parent, fmt.Sprint(try))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		lines, more := rng.IntN(2*s.steps), time.Duration(rng.IntN(2000))*time.Microsecond
		said := hearAll(t, s, killAfter(t, dir, lines, more))
		if !said.ended {
			kills++
			acknowledged += said.firstUndone()
		}
		if err := errors.Join(s.verify(dir, said), os.RemoveAll(dir)); err != nil {
			t.Errorf("killed %v after line %d: %v", more, lines, err)
		}
	}
	t.Logf("seed %d, %d kills, %d steps acknowledged", seed, kills, acknowledged)
	if kills < want {
		t.Errorf("only %d kills of %d", kills, want)
	}
}

// killAfter kills a process some time after it has said so many lines, and
// returns all that it said.
func killAfter(t *testing.T, dir string, lines int, more time.Duration) string {
	t.Helper()
	cmd := workloadRun{dir: dir, script: "large"}.command(t)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	var timer *time.Timer
	scanner := bufio.NewScanner(out)
	for n := 0; scanner.Scan(); n++ {
		if n == lines {
			timer = time.AfterFunc(more, func() {
				_ = cmd.Process.Kill() // it may have ended
			})
		}
		said.WriteString(scanner.Text() + "\n")
	}
	if timer != nil {
		timer.Stop()
	}
	if err := cmd.Wait(); err != nil && !wasKilled(err) {
		t.Fatal(err)
	}
	return said.String()
}

// A process is killed, another one goes on, and then the power fails: what the
// first one wrote and did not sync is in no file yet.
func TestPowerCutAfterAKill(t *testing.T) {
	needStrace(t)
	images, total, kills := extent(10, 20, 100), new(verdict), 0
	var mu sync.Mutex
	t.Run("at", func(t *testing.T) {
		for _, name := range []string{"pwrite64", "fdatasync", "fsync", "renameat", "mkdirat", "linkat"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				stride := 0
				eachNth(func(n int) bool {
					if stride++; *whole && name == "pwrite64" && stride%5 != 1 {
						return true // in a commit they are much alike
					}
					v, killed := cutAfterKill(t, fault{name, "signal=KILL", n}, images)
					if killed {
						mu.Lock()
						defer mu.Unlock()
						kills++
						total.add(v)
					}
					return killed
				})
			})
		}
	})
	t.Logf("%d kills: %v", kills, total)
	total.demandNone(t)
	if kills < extent(8, 20, 200) || total.images < kills*images/2 {
		t.Errorf("only %d kills and %d images", kills, total.images)
	}
}

// cutAfterKill kills a process, has another one go on, and looks at so many
// images of a power cut since the kill.
func cutAfterKill(t *testing.T, f fault, images int) (v *verdict, killed bool) {
	t.Helper()
	dir := fastFolder(t)
	first := runTraced(t, workloadRun{dir: dir, script: "small", fault: f})
	if first.err == nil {
		return nil, false
	}
	d := newDisk(dir, first.script)
	d.since = math.MaxInt
	if err := d.run(first.calls); err != nil {
		t.Fatal(err)
	}
	d.mustBeLike(t, dir) // the call at which it was killed has not been done
	d.since = 0
	second := runTraced(t, workloadRun{dir: dir, script: "small", from: d.said.firstUndone()})
	if second.err != nil {
		t.Fatalf("%v: after it: %v: %s", f, second.err, second.stderr)
	}
	if err := d.run(second.calls); err != nil {
		t.Fatal(err)
	}
	d.mustBeLike(t, dir)
	v = judge(t, first.script, someMoments(d.moments), images)
	for i, text := range v.examples {
		v.examples[i] = fmt.Sprintf("after %v: %s", f, text)
	}
	return v, true
}
