package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A large file that was closed is not read whole when it is opened. Until the
// scrub has read it, what is read of a damaged one is right, or ErrCorrupt; and the
// scrub finds the damage.
func TestDamageOfALargeFileIsFoundByTheScrub(t *testing.T) {
	if seed := os.Getenv(damageSeed); seed != "" {
		judgeLargeDamage(t, seed)
		return
	}
	begin := uint64(time.Now().UnixNano())
	t.Logf("seed %d", begin)
	inAnotherProcess(t, damageSeed+"="+fmt.Sprint(begin), caseDeadline)
}

func judgeLargeDamage(t *testing.T, seedText string) {
	seed, err := strconv.ParseUint(seedText, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	events, each := extent(800, 800, 2000), extent(4, 8, 200)
	budget := time.Duration(extent(9, 20, 900)) * time.Second
	sp := newSpecimen(t, seed, events, nil)
	defer doorlog.SetWholeBelow(0)() // every file is a large one
	begun := time.Now()
	dir := filepath.Join(t.TempDir(), "case")
	for k, kind := range damageKinds {
		refused, scrubbed := 0, 0
		cases := 0
		for i := 0; i < each && time.Since(begun) < budget*time.Duration(k+1)/time.Duration(len(damageKinds)); i++ {
			cases++
			m := fileImage{bytes.Clone(sp.file), sp.older, sp.previous, rand.New(rand.NewPCG(seed, uint64(1000*k+i)))}
			c := damageCase{specimen: sp, t: t, kind: kind.name, number: i, dir: dir}
			c.what = fmt.Sprintf("%s, %d (%s)", kind.name, i, kind.do(&m))
			c.file = m.data
			opened, found := c.judgeLarge()
			refused += one(!opened)
			scrubbed += one(found)
			if c.failed {
				t.Fatalf("seed %d", seed)
			}
		}
		t.Logf("%-13s %3d cases: %3d are refused, the scrub finds %3d, %3d are sound",
			kind.name, cases, refused, scrubbed, cases-refused-scrubbed)
	}
}

func (c *damageCase) judgeLarge() (opened, found bool) {
	fmt.Fprintln(os.Stderr, "case:", c.what)
	path := c.lay(c.t, c.dir, c.file)
	v, err := doorlog.Verify(c.t.Context(), path, damageOptions())
	sound := err == nil && v.Sound()
	st, err := doorlog.Open(path, damageOptions())
	if err != nil {
		if sound || !errors.Is(err, doorlog.ErrCorrupt) && !c.beheaded(err) {
			c.errorf("sound: %v; open: %v", sound, err)
		}
		return false, false
	}
	c.judgeReads(st)
	if err := st.Close(); err != nil {
		c.errorf("close: %v", err)
	}
	opt := damageOptions()
	opt.Scrub = time.Hour // and right after Open
	if st, err = doorlog.Open(path, opt); err != nil {
		if !sound && errors.Is(err, doorlog.ErrCorrupt) { // something came to it, so that Open reads everything
			return true, true
		}
		c.errorf("open again: %v", err)
		return false, false
	}
	stats := c.scrubbed(st)
	found = stats.Damage != nil
	if _, err := st.Recent(c.t.Context(), 1); found != errors.Is(err, doorlog.ErrCorrupt) {
		c.errorf("the scrub finds %v, and then: %v", stats.Damage, err)
	}
	if err := st.Close(); err != nil {
		c.errorf("close: %v", err)
	}
	if found == sound { // it may have been in bytes that mean nothing, and so found to be sound when all was read
		if v, err := doorlog.Verify(c.t.Context(), path, damageOptions()); err != nil || found == v.Sound() {
			c.errorf("sound: %v; the scrub finds %v; and then: %+v, %v", sound, stats.Damage, v, err)
		}
	}
	return true, found
}

// judgeReads asks everything: each answer is as before the damage, or ErrCorrupt.
func (c *damageCase) judgeReads(st *doorlog.Store) {
	for _, want := range c.answers.events {
		got, err := st.Event(c.t.Context(), want.ID)
		switch {
		case err == nil && !reflect.DeepEqual(got, want):
			c.errorf("event %s is %+v, and was %+v", want.ID, got, want)
		case err != nil && !errors.Is(err, doorlog.ErrCorrupt):
			c.errorf("event %s: %v", want.ID, err)
		}
	}
	got, err := answersOf(c.t.Context(), st)
	if err != nil && !errors.Is(err, doorlog.ErrCorrupt) {
		c.errorf("answers: %v", err)
	} else if err != nil {
		return
	}
	if d := got.differs(c.answers); d != "" {
		c.errorf("it differs in %s", d)
	}
}

// scrubbed waits for the first scrub.
func (c *damageCase) scrubbed(st *doorlog.Store) (stats doorlog.Stats) {
	ctx, stop := context.WithTimeout(c.t.Context(), caseDeadline/2)
	defer stop()
	for ctx.Err() == nil {
		var err error
		if stats, err = st.Stats(ctx); stats.Damage != nil || !stats.Verified.IsZero() {
			return stats
		} else if err != nil && !errors.Is(err, doorlog.ErrCorrupt) {
			break
		}
		runtime.Gosched()
	}
	c.errorf("no scrub: %+v", stats)
	return stats
}
