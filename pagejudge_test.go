package doorlog_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

// The outcomes of a case, from the best to the worst.
const (
	answered    = iota // it answers as if nothing had happened
	refusedFile        // Open says that it is damaged
	toldLater          // a call says so
	isWrong
	died
	endless
	outcomes
)

var outcomeNames = [outcomes]string{"sound", "refused", "touched", "wrong", "died", "endless"}

// A pageJudge finds out what the library does with faults of pages.
type pageJudge struct {
	t      testing.TB
	h      *history
	dir    string
	truths map[*fileState]*stateTruth
	few    bool // some questions for each case: the store is large
}

// A stateTruth is what a store answers whose file is sound.
type stateTruth struct {
	events    []doorlog.Event
	questions []pageQuestion
	answers   []any
	changes   []pageChange
	steps     [][]doorlog.Event // the events after each of the changes
	after     []any             // the answers after all of them
}

func judgeOptions() *doorlog.Options {
	opt := damageOptions()
	opt.Logger = slog.New(slog.DiscardHandler)
	return opt
}

// lay puts a file, with the thumbnails, into a new folder.
func (j *pageJudge) lay(file []byte) (path string) {
	sp := specimen{thumbs: j.h.thumbs}
	return sp.lay(j.t, j.dir, file)
}

// truth asks a store of the file as it should be.
func (j *pageJudge) truth(s *fileState) *stateTruth {
	if t := j.truths[s]; t != nil {
		return t
	}
	if j.few { // they are large
		clear(j.truths)
	}
	ctx := j.t.Context()
	path := j.lay(s.bytes())
	v, err := doorlog.Verify(ctx, path, judgeOptions())
	if err != nil || !v.Sound() {
		j.t.Fatalf("%s: without a fault: %+v, %v", s, v, err)
	}
	st, err := doorlog.Open(path, judgeOptions())
	if err != nil {
		j.t.Fatalf("%s: without a fault: %v", s, err)
	}
	must := func(err error) {
		if err != nil {
			j.t.Fatalf("%s: without a fault: %v", s, err)
		}
	}
	tr := new(stateTruth)
	all := func() []doorlog.Event {
		list, err := allOf(st.Events(ctx, doorlog.Query{}), 1<<30)
		must(err)
		return list
	}
	ask := func() (list []any) {
		for _, q := range tr.questions {
			a, err := q.answerTo(ctx, st)
			must(err)
			list = append(list, a)
		}
		return list
	}
	tr.events = all()
	tr.questions, tr.changes = j.questions(tr.events), pageChanges(tr.events)
	if j.few {
		tr.changes = tr.changes[:quickChanges]
	}
	tr.answers = ask()
	for _, c := range tr.changes {
		must(c.do(ctx, st))
		tr.steps = append(tr.steps, all())
	}
	tr.after = j.lastAnswers(st, tr)
	must(st.Close())
	j.truths[s] = tr
	return tr
}

// lastQuestions are those after the changes.
func (j *pageJudge) lastQuestions(tr *stateTruth) []pageQuestion {
	return j.questions(tr.steps[len(tr.steps)-1])
}

// questions are those about a store of these events: of a large one few that read
// much.
func (j *pageJudge) questions(events []doorlog.Event) []pageQuestion {
	return slices.DeleteFunc(pageQuestions(events), func(q pageQuestion) bool {
		long := strings.HasPrefix(q.name, "Events ") && !slices.Contains([]string{"Events everything", "Events since", "Events recording"}, q.name)
		return j.few && (long || q.name == "View" || q.name == fmt.Sprint("Recent ", len(events)+1))
	})
}

func (j *pageJudge) lastAnswers(st *doorlog.Store, tr *stateTruth) (list []any) {
	for _, q := range j.lastQuestions(tr) {
		a, err := q.answerTo(j.t.Context(), st)
		if err != nil {
			j.t.Fatalf("without a fault: %s: %v", q.name, err)
		}
		list = append(list, a)
	}
	return list
}

// judgeOpen has the pages change while a store is open that has read all of the file.
// What it then takes from memory may be as before, and a page that is whole in itself may
// be taken for what it was: it has been compared with its sum before. All of it ends.
func (j *pageJudge) judgeOpen(f *pageFault) (outcome int, err error) {
	ctx := j.t.Context()
	tr := j.truth(f.state)
	path := j.lay(f.state.bytes())
	st, err := doorlog.Open(path, judgeOptions())
	if err != nil {
		j.t.Fatal(err)
	}
	defer st.Close()
	for _, q := range tr.questions {
		if _, err := q.answerTo(ctx, st); err != nil {
			j.t.Fatalf("without a fault: %s: %v", q.name, err)
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		j.t.Fatal(err)
	}
	for i, p := range f.content() {
		if _, err := file.WriteAt(p, int64(f.pages[i])*pageLen); err != nil {
			j.t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		j.t.Fatal(err)
	}
	var first error
	for _, q := range tr.questions {
		_, err := q.answerTo(ctx, st)
		if errors.Is(err, errTwice) {
			return isWrong, fmt.Errorf("%s: %w", q.name, err)
		}
		first = cmp.Or(first, err)
	}
	for _, c := range tr.changes[:quickChanges] {
		first = cmp.Or(first, c.do(ctx, st))
	}
	if first != nil {
		return toldLater, first
	}
	return answered, nil
}

// A variant is how a case is gone through.
type variant struct {
	large, readOnly bool // the file is taken for a large one, which Open does not read whole
	writesFirst     bool
}

// variants are those of case number n.
func (j *pageJudge) variants(f *pageFault, n int) (all []variant) {
	if *whole && !j.few {
		all = []variant{{}, {writesFirst: true}}
	} else {
		all = []variant{{writesFirst: n%2 == 0}}
	}
	if f.state.closed {
		for i := range all {
			if n%4 < 3 {
				all[i].large = true
			}
			if *whole {
				all = append(all, variant{large: !all[i].large, writesFirst: all[i].writesFirst})
			}
		}
		if n%4 == 1 && !j.few {
			all = append(all, variant{large: true, readOnly: true})
		}
	}
	return all
}

// judge returns the worst that comes of a fault.
func (j *pageJudge) judge(f *pageFault, n int) (outcome int, detail string) {
	image := f.image()
	for _, v := range j.variants(f, n) {
		j.truth(f.state)
		bases := []*fileState{f.state}
		if before := j.h.before(f.state); before != nil && !f.state.closed && f.beheads() {
			j.truth(before)
			bases = append(bases, before)
		}
		got, err := isWrong, error(nil)
		for _, base := range bases {
			c := &pageCase{pageJudge: j, fault: f, n: n, image: image, tr: j.truth(base), variant: v}
			if got, err = c.run(); got != isWrong {
				break
			}
		}
		if got >= outcome {
			outcome, detail = got, fmt.Sprintf("%+v: %v", v, err)
		}
	}
	if n%8 == 3 && !j.few && outcome < isWrong {
		if err := j.judgeMending(f, image); err != nil {
			return isWrong, err.Error()
		}
	}
	return outcome, detail
}

// judgeMending has the file repaired and salvaged, and opened with Quarantine. What is
// mended answers as before the fault.
func (j *pageJudge) judgeMending(f *pageFault, image []byte) error {
	ctx := j.t.Context()
	path := j.lay(image)
	fresh := filepath.Join(j.dir, "fresh.db")
	if _, err := doorlog.Salvage(ctx, path, fresh, nil); err == nil {
		v, err := doorlog.Verify(ctx, fresh, judgeOptions())
		if err != nil || !v.Sound() {
			return wrong("salvaged: %+v, %v", v, err)
		}
	}
	if !bytes.Equal(readFile(j.t, path), image) {
		return wrong("Salvage changes the damaged file")
	}
	if _, err := doorlog.Repair(ctx, path, judgeOptions()); err == nil {
		st, err := doorlog.Open(path, judgeOptions())
		if err != nil {
			return wrong("repaired: %v", err)
		}
		list, err := allOf(st.Events(ctx, doorlog.Query{}), 1<<30)
		err = errors.Join(err, st.Close())
		before := j.h.before(f.state)
		same := err == nil && reflect.DeepEqual(list, j.truth(f.state).events)
		if !same && err == nil && before != nil && !f.state.closed && f.beheads() {
			same = reflect.DeepEqual(list, j.truth(before).events)
		}
		if !same {
			return wrong("repaired: %d events, %v; there are %d", len(list), err, len(j.truth(f.state).events))
		}
	} else if !isDamage(err) && !errors.Is(err, doorlog.ErrNotStore) {
		return wrong("repair: %v", err)
	}
	path = j.lay(image)
	opt := judgeOptions()
	opt.Quarantine = true
	st, err := doorlog.Open(path, opt)
	if err == nil {
		err = st.Close()
	}
	if err != nil && !isDamage(err) {
		return wrong("quarantine: %v", err)
	}
	return nil
}

// memoryOfJudge is what the process of the judge may take, in bytes. A judge of a large
// store has more than 1 GiB of truths; the collector is to keep well below the limit,
// which is for what a damaged page makes a store ask for.
const memoryOfJudge = 3 << 30

func init() {
	if os.Getenv(pagePlan) != "" && !doorlog.RaceDetector {
		limitMemory(memoryOfJudge)
		debug.SetMemoryLimit(memoryOfJudge / 2)
	}
}
