package doorlog_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// Whatever is done to the file of a closed store, it is noticed before anything
// is answered, or it changes no answer; the process lives; and what is not hit
// is saved. See damageKinds, and case.judge for what holds of each copy.
//
// The damaged files are opened in a process of its own, because a death of it,
// which no recover prevents, can be seen only from outside.
func TestDamagedFileIsRefusedAndSalvagedOrAnswersAsBefore(t *testing.T) {
	if seed := os.Getenv(damageSeed); seed != "" {
		judgeDamage(t, seed)
		return
	}
	begin := uint64(time.Now().UnixNano())
	t.Logf("seed %d", begin)
	inAnotherProcess(t, damageSeed+"="+fmt.Sprint(begin), caseDeadline)
}

// damageSeed is the variable of the environment that makes the test the other
// process. It may also be set by hand, to have the same cases again.
const (
	damageSeed   = "DOORLOG_TEST_DAMAGE_SEED"
	caseDeadline = time.Minute // that a case does not hang; it takes a tenth of a second
)

// inAnotherProcess runs the same test in a process whose environment has
// setting. Each line that it prints on the error output is progress: that of
// the last one is named if it dies, or if there is none for so long.
func inAnotherProcess(t *testing.T, setting string, deadline time.Duration) {
	t.Helper()
	cmd := thisTestAgain(t, "-test.run=^"+t.Name()+"$", "-test.timeout=0", "-test.v",
		fmt.Sprint("-long=", *long), fmt.Sprint("-whole=", *whole))
	cmd.Env = append(os.Environ(), setting)
	var out bytes.Buffer
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = deadline
	hangs := time.AfterFunc(deadline, func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // which shows where it is
	})
	last := "nothing"
	var rest []string
	lines := bufio.NewScanner(progress)
	for lines.Scan() {
		hangs.Reset(deadline)
		if name, ok := strings.CutPrefix(lines.Text(), "case: "); ok {
			last = name
		} else if len(rest) < 500 { // stacks
			rest = append(rest, lines.Text())
		}
	}
	err = cmd.Wait()
	late := !hangs.Stop()
	t.Log("\n" + out.String())
	if err != nil {
		t.Errorf("%v; hangs: %v; last case: %s\n%s", err, late, last, strings.Join(rest, "\n"))
	}
}

// A tally is what became of the copies with one kind of damage.
type tally struct {
	cases, opened, repaired int
	least, sum              float64 // shares of the events that were salvaged
	leastOf                 string
}

func (y *tally) String() string {
	return fmt.Sprintf("%3d cases: %3d open as they are, %3d are repaired; of those that do not open Salvage saves "+
		"%.2f %% in the mean, %.2f %% at least (%s)", y.cases, y.opened, y.repaired,
		100*y.sum/float64(max(1, y.cases-y.opened)), 100*y.least, y.leastOf)
}

// judgeDamage is the other process. It goes through the kinds by turns, so that
// a machine on which the time does not last for all cases leaves out none.
func judgeDamage(t *testing.T, seedText string) {
	defer doorlog.SetWholeBelow(1 << 40)() // every file is a small one, which Open reads whole
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	events, each := extent(800, 800, 2500), extent(5, 10, 200)
	budget := time.Duration(extent(20, 30, 1800)) * time.Second
	begun := time.Now()
	sp := newSpecimen(t, seed, events, jpegFrame(t, 64, 48))
	t.Logf("%d events in a file of %d KiB", len(sp.answers.events), len(sp.file)>>10)
	dir := filepath.Join(t.TempDir(), "case")
	tallies := make([]tally, len(damageKinds))
	failures := 0
	for i := 0; i < each && time.Since(begun) < budget && failures < 10; i++ {
		for k, kind := range damageKinds {
			m := fileImage{bytes.Clone(sp.file), sp.older, sp.previous, rand.New(rand.NewPCG(seed, uint64(1000*k+i)))}
			c := damageCase{specimen: sp, t: t, kind: kind.name, number: i, dir: dir}
			c.what = fmt.Sprintf("%s, %d (%s)", kind.name, i, kind.do(&m))
			c.file = m.data
			c.judge(&tallies[k])
			failures += one(c.failed)
		}
	}
	for k, kind := range damageKinds {
		t.Logf("%-13s %v", kind.name, &tallies[k])
	}
}

// A damageCase is one damaged copy of a specimen.
type damageCase struct {
	*specimen
	t         *testing.T
	kind      string
	number    int
	what, dir string
	file      []byte
	failed    bool
}

// errorf reports the first that is wrong in a case.
func (c *damageCase) errorf(format string, args ...any) {
	c.t.Helper()
	if !c.failed {
		c.t.Errorf(c.what+": "+format, args...)
	}
	c.failed = true
}

// options are without what a test of one state need not have.
func damageOptions() *doorlog.Options {
	return &doorlog.Options{Scrub: -1, MinFree: -1, Now: func() time.Time { return now }}
}

// judge checks what must hold of a damaged copy: Verify and Open agree on
// whether it is sound; if so, it gives the answers of before and takes writes;
// if not, it is as it was, Salvage saves what is not hit, Repair mends all or
// nothing, and Quarantine opens what Salvage saves.
func (c *damageCase) judge(tally *tally) {
	fmt.Fprintln(os.Stderr, "case:", c.what)
	tally.cases++
	path := c.lay(c.t, c.dir, c.file)
	v, err := doorlog.Verify(c.t.Context(), path, damageOptions())
	if err != nil && !c.beheaded(err) {
		c.errorf("verify: %v", err)
		return
	}
	st, openErr := doorlog.Open(path, damageOptions())
	if sound := err == nil && v.Sound(); sound != (openErr == nil) {
		c.errorf("Verify finds %+v, %v; Open: %v", v, err, openErr)
	}
	if openErr == nil {
		tally.opened++
		c.judgeOpen(st)
		return
	}
	if !errors.Is(openErr, doorlog.ErrCorrupt) && !c.beheaded(openErr) {
		c.errorf("open: %v", openErr)
	}
	saved := c.judgeSalvage(path, tally)
	c.unchanged(path)
	if *whole || c.number%4 == 0 {
		c.judgeRepair(path, tally)
	}
	if saved != nil && !c.beheaded(openErr) && (*whole || c.number%4 == 1) {
		c.judgeQuarantine(saved)
	}
}

// beheaded reports whether an error says that a file is no store, which is so if
// nothing is left that says what it is.
func (c *damageCase) beheaded(err error) bool {
	magic := []byte{0xED, 0xDA, 0x0C, 0xED}
	return errors.Is(err, doorlog.ErrNotStore) && !bytes.Contains(c.file[:min(len(c.file), 2*pageLen)], magic)
}

// judgeOpen checks a store that was found sound: all that it answers, and that
// it takes writes that change many of its pages.
func (c *damageCase) judgeOpen(st *doorlog.Store) {
	ctx := c.t.Context()
	defer func() {
		if err := st.Close(); err != nil {
			c.errorf("close: %v", err)
		}
	}()
	got, err := answersOf(ctx, st)
	if err != nil {
		c.errorf("found sound, and answers: %v", err)
		return
	}
	if d := got.differs(c.answers); d != "" {
		c.errorf("found sound, and differs in %s", d)
		return
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3 {
		events := make([]doorlog.Event, doorlog.FoldAt)
		for i := range events {
			events[i] = randomEvent(rng)
		}
		if _, err := st.WriteEvents(ctx, events); err != nil {
			c.errorf("found sound, and a write: %v", err)
		}
		for range 4 {
			if err := st.DeleteEvent(ctx, got.events[rng.IntN(len(got.events))].ID); err != nil && !errors.Is(err, doorlog.ErrNotFound) {
				c.errorf("found sound, and a delete: %v", err)
			}
		}
	}
	if _, err := st.PutPerson(ctx, doorlog.PersonInput{Name: "erin"}); err != nil {
		c.errorf("found sound, and a person: %v", err)
	}
	if err := st.Check(ctx); err != nil {
		c.errorf("found sound, and after writes: %v", err)
	}
}

func (c *damageCase) unchanged(path string) {
	c.t.Helper()
	if !bytes.Equal(readFile(c.t, path), c.file) {
		c.errorf("the file has changed")
	}
}

// judgeSalvage returns what the salvaged store answers.
func (c *damageCase) judgeSalvage(path string, tally *tally) *answers {
	ctx := c.t.Context()
	fresh := filepath.Join(c.dir, "fresh.db")
	result, err := doorlog.Salvage(ctx, path, fresh, nil)
	if err != nil {
		c.errorf("salvage: %v", err)
		return nil
	}
	st, err := doorlog.Open(fresh, damageOptions())
	if err != nil {
		c.errorf("salvaged: %v", err)
		return nil
	}
	defer func() {
		if err := st.Close(); err != nil {
			c.errorf("close: %v", err)
		}
	}()
	got, err := answersOf(ctx, st)
	if err = errors.Join(err, st.Check(ctx)); err != nil {
		c.errorf("salvaged: %v", err)
		return nil
	}
	for _, p := range got.persons {
		if !slices.Contains(c.answers.persons, p) && c.kind != "stale pages" && result.Unsure == 0 {
			c.errorf("salvaged %+v, who was not there", p)
		}
	}
	ever := result.Unsure > 0 || c.kind == "stale pages"
	stripped, saved := 0, 0
	for _, e := range got.events {
		if !c.had(e, ever, true) {
			c.errorf("salvaged %+v, which was not there", e)
			return nil
		}
		stripped += one(!c.had(e, ever, false))
		saved += one(c.had(e, false, true))
	}
	if stripped > result.Stripped || len(got.events) != result.Events {
		c.errorf("%d of %d events are without their detections; %+v", stripped, len(got.events), result)
	}
	c.judgeLoss(result, saved, tally)
	return got
}

// judgeLoss checks how much was saved. A page is damaged, or two, and a page has
// some dozens of events at most.
func (c *damageCase) judgeLoss(result *doorlog.Salvaged, saved int, tally *tally) {
	there := len(c.answers.events)
	if result.Counted && result.Events+result.LostEvents < there {
		c.errorf("%d events are there, %d are lost, and there were %d", result.Events, result.LostEvents, there)
	}
	share := float64(saved) / float64(there)
	if tally.sum += share; share < tally.least || tally.leastOf == "" {
		tally.least, tally.leastOf = share, c.what
	}
	if enough := float64(there-2*64) / float64(there); share < enough && c.kind != "truncated" {
		c.errorf("of %d events %d were saved; %+v", there, saved, result)
	}
}

// judgeRepair: all is as it was before the damage, or nothing is changed.
func (c *damageCase) judgeRepair(path string, tally *tally) {
	result, err := doorlog.Repair(c.t.Context(), path, damageOptions())
	if err != nil {
		if !errors.Is(err, doorlog.ErrCorrupt) && !c.beheaded(err) {
			c.errorf("repair: %v", err)
		}
		c.unchanged(path)
		return
	}
	tally.repaired++
	if !result.Rebuilt || !result.After.Sound() {
		c.errorf("repaired: %+v", result)
	}
	st, err := doorlog.Open(path, damageOptions())
	if err != nil {
		c.errorf("repaired: %v", err)
		return
	}
	c.judgeOpen(st)
}

// judgeQuarantine: the damaged file is set aside, and what Salvage saves is there.
func (c *damageCase) judgeQuarantine(saved *answers) {
	path := c.lay(c.t, c.dir, c.file)
	opt := damageOptions()
	opt.Quarantine = true
	st, err := doorlog.Open(path, opt)
	if err != nil {
		c.errorf("quarantine: %v", err)
		return
	}
	got, err := answersOf(c.t.Context(), st)
	if err = errors.Join(err, st.Close()); err != nil {
		c.errorf("quarantine: %v", err)
		return
	}
	if !reflect.DeepEqual(got.events, saved.events) || got.differs(saved) != "" {
		c.errorf("quarantine: %d events, and salvaged are %d", len(got.events), len(saved.events))
	}
	aside, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(aside) != 1 {
		c.errorf("set aside are %v, %v", aside, err)
		return
	}
	c.unchanged(aside[0])
}
