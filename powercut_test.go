//go:build linux

package doorlog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// powerCutSeed chooses among the images of a power cut.
const powerCutSeed = 1

// A verdict is what became of the images of one run.
type verdict struct {
	moments, images, lost, half int
	examples                    []string
}

func (v *verdict) String() string {
	return fmt.Sprintf("%d different images of power cuts at %d moments: %d with a loss, %d with a half",
		v.images, v.moments, v.lost, v.half)
}

func (v *verdict) add(other *verdict) {
	v.moments += other.moments
	v.images += other.images
	v.lost += other.lost
	v.half += other.half
	v.examples = append(v.examples, other.examples...)
}

// demandNone fails if anything was lost, and shows the first of it.
func (v *verdict) demandNone(t *testing.T) {
	t.Helper()
	for _, text := range v.examples[:min(len(v.examples), 10)] {
		t.Error(text)
	}
	if v.lost+v.half > 0 {
		t.Error(v)
	}
}

// A cut is one image to be looked at.
type cut struct {
	moment *moment
	fates  []fate
	image  *diskImage
}

func (c *cut) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "power cut before %.80s", c.moment.before)
	for i, f := range c.fates {
		if p := c.moment.pending[i]; len(c.fates) < 30 {
			fmt.Fprintf(&text, "\n  %+v of change %d: %q at %d, %d bytes, stuck %v", f, p.kind, p.name, p.offset, len(p.data), p.stuck)
		}
	}
	return text.String()
}

// judge looks at up to so many different images, of all moments alike.
func judge(t *testing.T, s *script, moments []*moment, images int) *verdict {
	t.Helper()
	v := &verdict{moments: len(moments)}
	cuts := make(chan *cut)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 2 {
		dir := filepath.Join(fastFolder(t), strconv.Itoa(i))
		wg.Go(func() {
			for c := range cuts {
				err := c.verify(s, dir)
				mu.Lock()
				v.count(c, err)
				mu.Unlock()
			}
		})
	}
	eachImage(moments, images, func(c *cut) { cuts <- c })
	close(cuts)
	wg.Wait()
	return v
}

func (v *verdict) count(c *cut, err error) {
	v.images++
	switch {
	case err == nil:
		return
	case errors.Is(err, errLost):
		v.lost++
	default:
		v.half++
	}
	if len(v.examples) < 2 {
		v.examples = append(v.examples, fmt.Sprintf("%v\n%v", c, err))
	}
}

func (c *cut) verify(s *script, dir string) error {
	err := c.image.put(dir)
	if err == nil {
		err = s.verify(dir, c.moment.said)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// eachImage makes up to so many images, no two alike: one of each moment after
// another, so that they are spread over all of the run. Of images that are alike
// the one of the later moment counts, as more had been promised by then.
func eachImage(moments []*moment, images int, fn func(*cut)) {
	rng := rand.New(rand.NewPCG(powerCutSeed, 0))
	choices := make([][][]fate, len(moments))
	for i, m := range moments {
		before := 0
		if i > 0 {
			before = moments[i-1].lastChange()
		}
		choices[i] = m.choices(rng, before)
	}
	seen := make(map[uint64]bool)
	for round, left := 0, true; left; round++ {
		left = false
		for i, m := range slices.Backward(moments) {
			if round >= len(choices[i]) {
				continue
			}
			left = true
			c := &cut{m, choices[i][round], m.image(choices[i][round])}
			if seen[c.image.sum] {
				continue
			}
			if len(seen) == images {
				return
			}
			seen[c.image.sum] = true
			fn(c)
		}
	}
}

func (m *moment) lastChange() int {
	if len(m.pending) == 0 {
		return 0
	}
	return m.pending[len(m.pending)-1].made
}

// manyChanges is how many pending changes make too many subsets to try all.
const manyChanges = 8

// choices returns what can have become of the pending changes: nothing was
// written, or all, and then, in a random order, every subset of the changes
// after line before, and the rest. (If they are many: each beginning, all but
// one, one alone, and random ones.) And each page torn.
func (m *moment) choices(rng *rand.Rand, before int) [][]fate {
	n := len(m.pending)
	choices := [][]fate{make([]fate, n)}
	if n == 0 {
		return choices
	}
	add := func(fateOf func(int) fate) {
		fates := make([]fate, n)
		for i := range fates {
			fates[i] = fateOf(i)
		}
		choices = append(choices, fates)
	}
	add(func(int) fate { return kept })
	older := 0
	for older < n && n > manyChanges && m.pending[older].made <= before {
		older++
	}
	if recent := n - older; recent <= manyChanges {
		for set := range 1 << recent {
			past := rng.IntN(3)
			add(func(i int) fate {
				if i < older {
					return keptIf(past == 0 || past == 1 && rng.IntN(2) == 0)
				}
				return keptIf(set>>(i-older)&1 == 1)
			})
		}
	}
	for _, at := range someOf(rng, n) {
		if n > manyChanges {
			add(func(i int) fate { return keptIf(i < at) })
			add(func(i int) fate { return keptIf(i != at) })
			add(func(i int) fate { return keptIf(i == at) })
			chance := rng.Float64()
			add(func(int) fate { return keptIf(rng.Float64() < chance) })
		}
		for _, torn := range m.pending[at].torn(rng) {
			add(func(i int) fate { return either(i == at, torn, kept) })
			add(func(i int) fate { return either(i == at, torn, keptIf(i < at)) })
		}
	}
	rng.Shuffle(len(choices)-2, func(i, j int) { choices[i+2], choices[j+2] = choices[j+2], choices[i+2] })
	return choices
}

func keptIf(yes bool) fate { return either(yes, kept, dropped) }

func either(yes bool, a, b fate) fate {
	if yes {
		return a
	}
	return b
}

// someOf returns the numbers below n, or some of them if they are many.
func someOf(rng *rand.Rand, n int) []int {
	return rng.Perm(n)[:min(n, 64)]
}

// torn returns the ways in which a page can be written in part.
func (c *change) torn(rng *rand.Rand) []fate {
	if c.kind != changePage {
		return nil
	}
	torn := []fate{{sectors: 1, length: true}}
	if len(c.data) > sector {
		for i := 1; i < diskPage/sector; i++ {
			torn = append(torn, fate{sectors: 1<<i - 1}, fate{sectors: 0xff << i})
		}
		torn = append(torn, fate{sectors: uint8(1 + rng.IntN(0xfe))})
	}
	// What counts of bolt's meta pages lies in one sector: 80 bytes.
	if c.whole != nil && c.offset < 2*diskPage {
		for cut := uint8(1); cut < 6; cut++ {
			torn = append(torn, fate{sectors: 0xff, cut: cut})
		}
	}
	return torn
}

// record does a whole script and returns the moments at which a power cut could
// have come. The model must say of the folder what is there in the end.
func record(t *testing.T, name string) (*tracedRun, []*moment) {
	t.Helper()
	run := runTraced(t, workloadRun{dir: fastFolder(t), script: name})
	if run.err != nil {
		t.Fatalf("%v: %s", run.err, run.stderr)
	}
	return run, replay(t, run, 0)
}

// replay does the calls of a run on the model of a disk, and returns the moments
// since a line of the trace.
func replay(t *testing.T, run *tracedRun, since int) []*moment {
	t.Helper()
	d := newDisk(run.dir, run.script)
	d.since = since
	if err := d.run(run.calls); err != nil {
		t.Fatal(err)
	}
	d.mustBeLike(t, run.dir)
	if !d.said.ended {
		t.Fatalf("the workload did not come to its end: %s", run.stderr)
	}
	return d.moments
}

// mustBeLike holds the model, in which nothing is lost yet, against the folder.
func (d *disk) mustBeLike(t *testing.T, dir string) {
	t.Helper()
	now := d.moment("now", 0)
	all := make([]fate, len(now.pending))
	for i := range all {
		all[i] = kept
	}
	if err := now.image(all).compare(dir); err != nil {
		t.Fatalf("the model is wrong: %v", err)
	}
}

// Whatever of the writes that were not synced a power cut takes: what was
// acknowledged is there, what was not is there as a whole or not at all, every
// thumbnail that an event names is whole, and the store goes on.
func TestPowerCutLosesNothingThatWasAcknowledged(t *testing.T) {
	for name, images := range map[string]int{"large": extent(300, 1000, 40_000), "erase": extent(100, 250, 5000), "backup": extent(100, 250, 5000), "forget": extent(100, 250, 5000)} {
		t.Run(name, func(t *testing.T) {
			run, moments := record(t, name)
			if about := run.script.about; about > 0 {
				moments = slices.DeleteFunc(moments, func(m *moment) bool { return m.said.steps[about] == notBegun })
			}
			if b := run.script.backup; b != nil {
				if tries := moments[len(moments)-1].said.tries[b.n]; tries != 1 {
					t.Errorf("the backup succeeded only the %d. time: %s", tries, run.stderr)
				}
				for _, name := range []string{".events.db.new-", ".held"} {
					if !slices.ContainsFunc(run.calls, func(c *call) bool { return strings.Contains(c.text, hexOf(name)) }) {
						t.Errorf("there was no %s", name)
					}
				}
			}
			v := judge(t, run.script, moments, images)
			t.Logf("seed %d, %d calls, %d steps: %v", powerCutSeed, len(run.calls), run.script.steps, v)
			v.demandNone(t)
			if v.images < images {
				t.Errorf("only %d images of %d", v.images, images)
			}
		})
	}
}

// A sabotage takes syncs out of a trace, or puts them elsewhere.
type sabotage func(run *tracedRun) (calls []*call)

// without is a run without the syncs for which drop says so.
func without(drop func(run *tracedRun, at int) bool) sabotage {
	return func(run *tracedRun) (calls []*call) {
		for at, c := range run.calls {
			if !strings.HasSuffix(c.name, "sync") || !drop(run, at) {
				calls = append(calls, c)
			}
		}
		return calls
	}
}

// next returns the place of the next call on the same file, or -1.
func (run *tracedRun) next(at int) int {
	for i := at + 1; i < len(run.calls); i++ {
		if run.calls[i].args[0] == run.calls[at].args[0] {
			return i
		}
	}
	return -1
}

// isMeta reports whether a call writes a meta page of bolt.
func (c *call) isMeta() bool {
	return c.name == "pwrite64" && (c.args[3] == "0" || c.args[3] == strconv.Itoa(diskPage)) && c.args[2] == strconv.Itoa(diskPage)
}

// beforeMeta reports whether a call is the sync of the pages of a commit.
func beforeMeta(run *tracedRun, at int) bool {
	next := run.next(at)
	return run.calls[at].name == "fdatasync" && next >= 0 && run.calls[next].isMeta()
}

// ofMeta reports whether a call is the sync of the meta page.
func ofMeta(run *tracedRun, at int) bool {
	return run.calls[at].name == "fdatasync" && !beforeMeta(run, at)
}

// afterWrite reports whether a call is the sync of a thumbnail: bolt does not use write.
func afterWrite(run *tracedRun, at int) bool {
	for i := at - 1; i >= 0; i-- {
		if c := run.calls[i]; c.args[0] == run.calls[at].args[0] {
			return run.calls[at].name == "fsync" && c.name == "write"
		}
	}
	return false
}

// ofFolder reports whether a call is the sync of a folder, which is closed next
// and on which nothing has been done.
func ofFolder(run *tracedRun, at int) bool {
	next := run.next(at)
	return run.calls[at].name == "fsync" && !afterWrite(run, at) && next >= 0 && run.calls[next].name == "close"
}

// metaFirst has each meta page written before the pages are synced that it needs.
func metaFirst(run *tracedRun) []*call {
	calls := slices.Clone(run.calls)
	for at := range calls {
		if beforeMeta(run, at) {
			next := run.next(at)
			pages, meta := *calls[at], *calls[next]
			pages.begin, pages.end, meta.begin, meta.end = meta.begin, meta.end, pages.begin, pages.end
			calls[at], calls[next] = &meta, &pages
		}
	}
	return calls
}

// The test above is worth nothing unless it finds what a missing sync loses.
func TestPowerCutWithoutASyncIsNoticed(t *testing.T) {
	images := extent(300, 300, 2000)
	dir := fastFolder(t)
	run := runTraced(t, workloadRun{dir: dir, script: "small"})
	if run.err != nil {
		t.Fatalf("%v: %s", run.err, run.stderr)
	}
	for name, sabotaged := range map[string]sabotage{
		"as it is":                    func(run *tracedRun) []*call { return run.calls },
		"pages not synced":            without(beforeMeta),
		"meta page not synced":        without(ofMeta),
		"meta page before the pages":  metaFirst,
		"thumbnails not synced":       without(afterWrite),
		"folders not synced":          without(ofFolder),
		"events.db not synced at all": without(func(r *tracedRun, at int) bool { return r.calls[at].name == "fdatasync" }),
	} {
		t.Run(name, func(t *testing.T) {
			bad := *run
			bad.calls = sabotaged(run)
			if dropped := len(run.calls) - len(bad.calls); dropped == 0 && strings.Contains(name, "not") {
				t.Fatal("no sync was taken out")
			}
			bad.script = scripts["small"]()
			bad.script.unchecked = true
			v := judge(t, bad.script, replay(t, &bad, 0), images)
			t.Log(v)
			if found := v.lost + v.half; (found > 0) == (name == "as it is") {
				t.Errorf("%v\n%s", v, strings.Join(v.examples, "\n"))
			}
		})
	}
}
