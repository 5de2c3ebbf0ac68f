package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
)

// What can be wrong with what a crash left.
var (
	errLost = errors.New("lost") // what was acknowledged is not there, or not as it was
	errHalf = errors.New("half") // what was not acknowledged is there in part, or an invariant is broken
)

// An outcome is what a workload has said of a step.
type outcome uint8

const (
	notBegun outcome = iota
	begun            // it may be there, wholly, or not at all
	refused          // it is not there
	done
	doneBare // done, but for the thumbnail
)

// promises are what a workload has said until some moment.
type promises struct {
	opened, ended bool
	steps         []outcome
	tries         []int // how often each has begun
}

func newPromises(s *script) *promises {
	return &promises{steps: make([]outcome, s.steps), tries: make([]int, s.steps)}
}

func (p *promises) clone() *promises {
	c := *p
	c.steps, c.tries = slices.Clone(p.steps), slices.Clone(p.tries)
	return &c
}

// hear takes note of what a workload said.
func (p *promises) hear(said string) error {
	for line := range strings.Lines(said) {
		word, n := "", 0
		_, err := fmt.Sscan(line, &word, &n)
		outcomes := map[string]outcome{saidBegin: begun, saidFailed: refused, saidDone: done, saidBare: doneBare}
		o, isStep := outcomes[word]
		switch {
		case word == saidOpened:
			p.opened = true
		case word == saidEnd:
			p.ended = true
		case !isStep || err != nil || n < 0 || n >= len(p.steps):
			return fmt.Errorf("the workload said %q", line)
		default:
			p.steps[n] = o
			if o == begun {
				p.tries[n]++
			}
		}
	}
	return nil
}

// firstUndone returns the first step that is not acknowledged.
func (p *promises) firstUndone() int {
	for n, o := range p.steps {
		if o < done {
			return n
		}
	}
	return len(p.steps)
}

// verify opens what a crash left of a workload's folder and compares it with
// what had been said by then. Then the store must take a further event, and
// have it when it is opened again.
func (s *script) verify(dir string, said *promises) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errLost, p)
		}
	}()
	path := filepath.Join(dir, storeName)
	if _, err := os.Stat(path); err != nil && said.opened {
		return fmt.Errorf("%w: the store: %w", errLost, err)
	}
	for _, again := range []bool{false, true} {
		st, err := doorlog.Open(path, workloadOptions())
		if err != nil {
			return fmt.Errorf("%w: opened again: %v: %w", errLost, again, err)
		}
		err = s.verifyStore(st, dir, said, again)
		if left, _ := filepath.Glob(filepath.Join(dir, ".*.new-*")); len(left) > 0 {
			err = errors.Join(err, fmt.Errorf("%w: %v is left over", errHalf, left))
		}
		if holdsFiles(dir) {
			err = errors.Join(err, fmt.Errorf("%w: files are held for no backup", errHalf))
		}
		if err == nil && !again {
			err = writeFurther(st)
		}
		if err := errors.Join(err, st.Close()); err != nil {
			return fmt.Errorf("opened again: %v: %w", again, err)
		}
	}
	if s.backup == nil {
		return nil
	}
	return s.verifyBackup(dir, said)
}

// verifyBackup restores what there is of a backup: if it was acknowledged it must
// be whole, and have what the store had then; else that, or Restore refuses it.
func (s *script) verifyBackup(dir string, said *promises) error {
	acknowledged, to := said.steps[s.backup.n] == done, filepath.Join(dir, "restored")
	f, err := os.Open(backupFile(dir))
	if errors.Is(err, fs.ErrNotExist) && !acknowledged {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: the backup: %w", errLost, err)
	}
	defer f.Close()
	info, err := doorlog.Restore(context.Background(), to, f, nil)
	if !acknowledged && (errors.Is(err, doorlog.ErrCorrupt) || errors.Is(err, doorlog.ErrNotBackup)) {
		if isThere(to) {
			return fmt.Errorf("%w: a backup is refused, and restored", errHalf)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: restored: %w", errLost, err)
	}
	if !acknowledged && info.Missing+info.Changed > 0 {
		return nil // a file could not be read or held
	}
	then, loose := said.clone(), *s
	loose.piecemeal = maps.Clone(s.piecemeal)
	for n := s.backup.n; n < len(then.steps); n++ {
		if then.steps[n] != notBegun && said.tries[s.backup.n] > 1 { // it may have been done during the first
			then.steps[n], loose.piecemeal[n] = begun, true
		} else {
			then.steps[n] = notBegun
		}
	}
	st, err := doorlog.Open(filepath.Join(to, storeName), workloadOptions())
	if err != nil {
		return fmt.Errorf("%w: restored: %w", errLost, err)
	}
	if err := errors.Join(loose.verifyStore(st, to, then, false), st.Close()); err != nil {
		return fmt.Errorf("restored: %w", err)
	}
	return nil
}

// furtherEvent is written after a crash; it comes before all others, so that
// all that is derived is touched.
func furtherEvent() doorlog.Event {
	at := now.Add(-1000 * time.Hour)
	return doorlog.Event{ID: eventID(at, 1), RecordedAt: at, Camera: "further", Type: doorlog.Motion, CreatedAt: now}
}

var furtherFrame = encodeFrame(frameWidth, frameHeight, 1)

func writeFurther(st *doorlog.Store) error {
	ctx := context.Background()
	id, err := idOf(st.WriteEventWithFrame(ctx, furtherEvent(), furtherFrame))
	if err != nil {
		return fmt.Errorf("%w: a further event: %w", errLost, err)
	}
	if _, err := st.Thumbnail(ctx, id); err != nil {
		return fmt.Errorf("%w: a further thumbnail: %w", errLost, err)
	}
	return nil
}

func (s *script) verifyStore(st *doorlog.Store, dir string, said *promises, further bool) error {
	ctx := context.Background()
	if err := s.tidy(ctx, st, said); err != nil {
		return err
	}
	there := make(map[string]any)
	for e, err := range st.Events(ctx, doorlog.Query{}) {
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		if e.ThumbnailPath != "" && !further { // Check reads them too
			if _, err := st.Thumbnail(ctx, e.ID); err != nil {
				return fmt.Errorf("%w: %w", errLost, err)
			}
		}
		there[eventName(e.ID)] = e
	}
	persons, err := st.Persons(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	for _, p := range persons {
		there[personName(p.Name)] = p
	}
	if err := feedTells(ctx, st, there); err != nil {
		return err
	}
	extra := eventName(furtherEvent().ID)
	if _, ok := there[extra]; ok != further {
		return fmt.Errorf("%w: the further event is there: %v", errLost, ok)
	}
	delete(there, extra)
	if err := s.noPictures(dir, there, said); err != nil {
		return err
	}
	if err := s.compare(there, said); err != nil {
		return err
	}
	if s.unchecked {
		return nil
	}
	if err := st.Check(ctx); err != nil {
		return fmt.Errorf("%w: %w", errHalf, err)
	}
	// Its claim is there before the first picture, and is of no later commit than the store.
	if state := doorlog.FolderOf(st); state != doorlog.FolderOwn && state != doorlog.FolderAbsent {
		return fmt.Errorf("%w: the thumbnail folder is %s", errHalf, state)
	}
	return nil
}

// feedTells compares the changes with what is there: of each event and person that they name the
// last one says whether it exists. If all changes are kept, they name all that exists.
func feedTells(ctx context.Context, st *doorlog.Store, there map[string]any) error {
	stats, err := st.Stats(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	at, err := st.Cursor(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	trimmed := stats.Change - uint64(stats.Changes)
	parts := strings.Split(at.String(), ".") // the place after the last change that is not kept
	if at, err = doorlog.ParseCursor(strings.Join([]string{parts[0], parts[1], fmt.Sprint(trimmed), "00000000"}, ".")); err != nil {
		return err
	}
	living := make(map[doorlog.ID]bool)
	for more := true; more; {
		page, err := st.ChangePage(ctx, at, 0, &doorlog.ChangeOptions{IDsOnly: true})
		if err != nil {
			return fmt.Errorf("%w: changes: %w", errLost, err)
		}
		for _, c := range page.Changes {
			living[c.ID] = c.Op != doorlog.EventDeleted && c.Op != doorlog.PersonRemoved
		}
		at, more = page.Next, page.More
	}
	exists := make(map[doorlog.ID]bool)
	for _, value := range there {
		switch v := value.(type) {
		case doorlog.Event:
			exists[v.ID] = true
		case doorlog.Person:
			exists[v.Key] = true
		}
	}
	for id, lives := range living {
		if lives != exists[id] {
			return fmt.Errorf("%w: the changes say of %s that it is there: %v", errHalf, id, lives)
		}
	}
	if trimmed > 0 {
		return nil
	}
	for id := range exists {
		if !living[id] {
			return fmt.Errorf("%w: the changes do not tell of %s", errLost, id)
		}
	}
	return nil
}

// tidy does to its end what has begun of forgetting missing thumbnails: some may be
// missing of which the store still knows.
func (s *script) tidy(ctx context.Context, st *doorlog.Store, said *promises) error {
	for _, n := range s.forgets {
		if said.steps[n] == notBegun || said.steps[n] >= done {
			continue
		}
		if _, err := st.ForgetMissing(ctx, &doorlog.ForgetOptions{Folders: true}); err != nil {
			return fmt.Errorf("%w: forgetting what is missing: %w", errLost, err)
		}
	}
	return nil
}

func isThere(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// noPictures says which file is there that shows somebody who has been erased
// from its event, or with it: wholly, or so far.
func (s *script) noPictures(dir string, there map[string]any, said *promises) error {
	for _, p := range s.pictures {
		e, _ := there[p.event].(doorlog.Event)
		erased := said.steps[p.step] >= done || said.steps[p.step] != notBegun && e.ThumbnailPath == ""
		if !erased || said.steps[s.framed[p.event]] != done { // one that could not be saved may be an orphan
			continue
		}
		if isThere(filepath.Join(dir, "thumbnails", p.path)) {
			return fmt.Errorf("%w: step %d has erased who is on %s", errLost, p.step, p.path)
		}
	}
	return nil
}

// compare holds what is there against what was said: of each event and person
// the last acknowledged value, or the one of a step that has begun since. A step
// that has begun shows in all that it changes, or in nothing, unless it is done
// piecemeal: then it may show in a part, also when it has failed.
func (s *script) compare(there map[string]any, said *promises) error {
	shown := make(map[int]bool) // what begun steps show in
	for name, history := range s.histories {
		got := there[name]
		delete(there, name)
		var want any                           // what was acknowledged last
		if p, ok := got.(doorlog.Person); ok { // which is drawn at random
			p.Key = doorlog.ID{}
			got = p
		}
		matched := false
		for _, v := range history {
			o, piecemeal := said.steps[v.step], s.piecemeal[v.step]
			switch {
			case o >= done:
				want, matched = v.is, false
			case o == begun || o == refused && piecemeal:
				shows := s.same(name, got, v.is, said)
				matched = matched || shows
				if piecemeal {
					break
				}
				if before, seen := shown[v.step]; seen && before != shows {
					return fmt.Errorf("%w: step %d shows in a part of what it changes: %s is %+v", errHalf, v.step, name, got)
				}
				shown[v.step] = shows
			}
		}
		if !matched && !s.same(name, got, want, said) {
			return fmt.Errorf("%w: %s\n got %+v\nwant %+v", errLost, name, got, want)
		}
	}
	for name, got := range there {
		return fmt.Errorf("%w: %s was never written: %+v", errHalf, name, got)
	}
	return nil
}

// same compares a value with one of the script, in which every thumbnail could be saved.
func (s *script) same(name string, got, want any, said *promises) bool {
	e, isEvent := want.(doorlog.Event)
	g, _ := got.(doorlog.Event)
	if isEvent && e.FrameWidth == frameWidth {
		o := said.steps[s.framed[name]]
		if o == doneBare || o != done && g.FrameWidth == 0 {
			want = withoutThumbnail(e)
		}
	}
	return reflect.DeepEqual(got, want)
}
