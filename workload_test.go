package doorlog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/doorlog/doorlog"
)

// The workload is what the crash tests have another process do to a store: the
// test binary itself, which finds these in its environment.
const (
	workloadDir    = "DOORLOG_WORKLOAD_DIR"    // the folder of the store
	workloadScript = "DOORLOG_WORKLOAD_SCRIPT" // the name of a script
	workloadFrom   = "DOORLOG_WORKLOAD_FROM"   // the step with which it begins
)

// The process says what it does on its standard output, each line in a single
// write, so that a trace of its system calls has the lines in their places.
const (
	saidOpened = "opened"
	saidBegin  = "begin" // and the number of a step
	saidDone   = "done"  // the step is done: acknowledged
	saidBare   = "bare"  // it is done, and the thumbnail could not be saved
	saidFailed = "failed"
	saidEnd    = "end"
)

// injected are the errors that the tests have system calls fail with.
var injected = map[string]error{"EIO": syscall.EIO, "ENOSPC": syscall.ENOSPC}

// maxTries is how often the workload tries what fails.
const maxTries = 5

type workload struct {
	dir    string
	script *script
	from   int
	st     *doorlog.Store
	busy   bool // a backup is under way, and waits for a step
}

// isWorkload reports whether this process is to do a workload and nothing else.
func isWorkload() bool { return os.Getenv(workloadDir) != "" }

// runWorkload does the workload and returns the exit code of the process.
func runWorkload() int {
	if os.Getenv(workloadScript) == restoreScript {
		return runRestore(os.Getenv(workloadDir))
	}
	defer doorlog.SmallBackups()()
	// strace counts the calls of each thread for themselves.
	runtime.LockOSThread()
	from, err := strconv.Atoi(os.Getenv(workloadFrom))
	if err != nil {
		from = 0
	}
	w := &workload{dir: os.Getenv(workloadDir), script: scripts[os.Getenv(workloadScript)](), from: from}
	if err := w.run(); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		return 1
	}
	return 0
}

// say tries again when it fails, as the errors that a test makes come once.
func say(words ...any) error {
	line := []byte(fmt.Sprintln(words...))
	var err error
	for range maxTries {
		if _, err = os.Stdout.Write(line); err == nil {
			return nil
		}
	}
	return err
}

// run does the parts of the script one after another, each with the store
// opened anew, and the lanes of a part at the same time.
func (w *workload) run() error {
	for _, lanes := range w.script.parts {
		if last := lanes[0][len(lanes[0])-1]; last.n < w.from {
			continue
		}
		if err := w.open(); err != nil {
			return err
		}
		if err := w.doLanes(lanes); err != nil {
			return err
		}
		if err := w.st.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "workload:", err) // it has happened: the next part opens it again
		}
	}
	return say(saidEnd)
}

func (w *workload) doLanes(lanes [][]*step) error {
	if len(lanes) == 1 {
		return w.doAll(lanes[0])
	}
	failures := make([]error, len(lanes))
	var wg sync.WaitGroup
	for i, steps := range lanes {
		wg.Go(func() {
			runtime.LockOSThread()
			failures[i] = w.doAll(steps)
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}

func (w *workload) doAll(steps []*step) error {
	for _, s := range steps {
		if s.n < w.from {
			continue
		}
		if err := w.do(s); err != nil {
			return fmt.Errorf("step %d: %w", s.n, err)
		}
	}
	return nil
}

func (w *workload) open() (err error) {
	for range maxTries {
		w.st, err = doorlog.Open(filepath.Join(w.dir, storeName), workloadOptions())
		if err == nil {
			return say(saidOpened)
		}
		fmt.Fprintln(os.Stderr, "workload:", err)
	}
	return err
}

// do does a step until it is done.
func (w *workload) do(s *step) error {
	var err error
	for range maxTries {
		if err := say(saidBegin, s.n); err != nil {
			return err
		}
		again := s.tried || s.n == w.from // it may have been done before
		s.tried = true
		err = w.call(s)
		if err == nil || again && s.isDone(err) {
			s.done = true
			return w.acknowledge(s)
		}
		fmt.Fprintln(os.Stderr, "workload:", err)
		stopped := errors.Is(err, doorlog.ErrUnknownOutcome)
		if errors.Is(err, errBroken) || w.busy && (stopped || errors.Is(err, doorlog.ErrFailed)) { // Close would wait for the backup
			return err
		}
		if !stopped {
			if err := say(saidFailed, s.n); err != nil {
				return err
			}
		}
		if stopped || errors.Is(err, doorlog.ErrFailed) {
			if err := w.reopenAfterFailure(s); err != nil {
				return err
			}
		}
	}
	return err
}

// errBroken is what the workload has seen that must not be.
var errBroken = errors.New("broken")

func (w *workload) call(s *step) error {
	switch s.kind {
	case backupStore:
		return w.backUp(s)
	case forgetMissing:
		for _, name := range s.paths { // by hand, as it were
			name = filepath.Join(w.dir, "thumbnails", name)
			err := os.Remove(name)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			if err == nil {
				err = syncDir(filepath.Dir(name))
			}
			if err != nil {
				return err
			}
		}
	}
	return s.do(context.Background(), w.st)
}

func backupFile(dir string) string { return filepath.Join(dir, "store.backup") }

// backUp backs the store up to a file, and does other steps meanwhile.
func (w *workload) backUp(s *step) error {
	f, err := os.Create(backupFile(w.dir))
	if err == nil {
		err = syncDir(w.dir)
	}
	if err != nil {
		return err
	}
	out := &busyReceiver{File: f, first: func() error {
		w.busy = true
		defer func() { w.busy = false }()
		for _, n := range s.during {
			if n.done {
				continue
			}
			if err := w.do(n); err != nil {
				return err
			}
		}
		return nil
	}}
	info, err := w.st.Backup(context.Background(), out, &doorlog.BackupOptions{Finish: func(*doorlog.BackupInfo) error { return f.Sync() }})
	if err == nil && info.Missing+info.Changed > 0 {
		err = fmt.Errorf("%w: %+v", errNotAll, info)
	}
	err = errors.Join(err, f.Close())
	if copies, gerr := filepath.Glob(filepath.Join(w.dir, ".*.new-*")); len(copies) > 0 || gerr != nil {
		return errors.Join(fmt.Errorf("%w: after a backup there is %v", errBroken, copies), gerr, err)
	}
	if err == nil {
		return nil
	}
	if holdsFiles(w.dir) {
		return fmt.Errorf("%w: after a backup files are held: %w", errBroken, err)
	}
	for _, is := range []error{syscall.EIO, syscall.ENOSPC, doorlog.ErrUnknownOutcome, doorlog.ErrFailed, errNotAll} {
		if errors.Is(err, is) {
			return err
		}
	}
	return fmt.Errorf("%w: the error of a backup is another: %w", errBroken, err)
}

// errNotAll is of a backup that lacks a thumbnail, as it may if the disk fails.
var errNotAll = errors.New("not all is in the backup")

// holdsFiles reports whether a store in dir keeps thumbnails for a backup.
func holdsFiles(dir string) bool {
	held, err := filepath.Glob(filepath.Join(dir, "thumbnails", ".doorlog-*.held"))
	return err != nil || len(held) > 0
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// A busyReceiver has something else to do first.
type busyReceiver struct {
	*os.File
	first func() error
}

func (r *busyReceiver) Write(p []byte) (int, error) {
	if first := r.first; first != nil {
		r.first = nil
		if err := first(); err != nil {
			return 0, err
		}
	}
	return r.File.Write(p)
}

func (w *workload) acknowledge(s *step) error {
	if s.kind == writeFrame {
		e, err := w.st.Event(context.Background(), s.events[0].ID)
		if err != nil {
			return fmt.Errorf("it is acknowledged: %w", err)
		}
		if e.ThumbnailPath == "" {
			return say(saidBare, s.n)
		}
	}
	return say(saidDone, s.n)
}

// reopenAfterFailure sees that a store whose last commit is unknown takes no
// write, and opens it again.
func (w *workload) reopenAfterFailure(s *step) error {
	_, put := w.st.PutPerson(context.Background(), doorlog.PersonInput{Name: "too_late"})
	late := []error{put}
	if s.kind != backupStore { // which reads
		late = append(late, s.do(context.Background(), w.st))
	}
	for _, err := range late {
		if !errors.Is(err, doorlog.ErrFailed) {
			return fmt.Errorf("a write after a commit of unknown outcome: %w, want ErrFailed", err)
		}
	}
	if err := w.st.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
	}
	return w.open()
}

const storeName = "events.db"

func workloadOptions() *doorlog.Options {
	// So few changes that the longer scripts trim them.
	return &doorlog.Options{Now: func() time.Time { return now }, KeepChanges: 96}
}

// A step is one call to the store.
type step struct {
	n      int
	kind   stepKind
	events []doorlog.Event // as they are afterwards, or were before a delete
	person string
	how    doorlog.Erasure
	policy doorlog.Policy
	paths  []string // of thumbnails
	during []*step  // while it is done

	tried, done bool // by this process
}

type stepKind int

const (
	writeEvent stepKind = iota
	writeFrame
	writeBatch
	updateEvent
	markAlert
	deleteEvent
	putPerson
	deletePerson
	pinEvent
	prune
	compactFile
	erasePerson
	backupStore
	forgetMissing // after thumbnails were removed
)

// do may be called again when it failed, or when its outcome is not known.
func (s *step) do(ctx context.Context, st *doorlog.Store) (err error) {
	switch s.kind {
	case writeEvent:
		_, err = st.WriteEvent(ctx, s.events[0])
	case writeFrame:
		_, err = st.WriteEventWithFrame(ctx, withoutThumbnail(s.events[0]), workloadFrame(s.n))
	case writeBatch:
		_, err = st.WriteEvents(ctx, s.events)
	case updateEvent:
		e := s.events[0]
		if there, err := st.Event(ctx, e.ID); err != nil {
			return err
		} else if e.FrameWidth == frameWidth && there.FrameWidth == 0 { // it could not be saved
			e = withoutThumbnail(e)
		}
		err = st.UpdateEvent(ctx, e)
	case markAlert:
		err = st.MarkAlertSent(ctx, s.events[0].ID)
	case deleteEvent:
		err = st.DeleteEvent(ctx, s.events[0].ID)
	case putPerson:
		_, err = st.PutPerson(ctx, doorlog.PersonInput{Name: s.person})
	case deletePerson:
		err = st.DeletePerson(ctx, s.person)
	case pinEvent:
		err = st.Pin(ctx, s.events[0].ID)
	case prune:
		_, err = st.Prune(ctx, s.policy)
	case compactFile:
		_, err = st.Compact(ctx)
	case erasePerson:
		_, err = st.ErasePerson(ctx, s.person, s.how)
	case forgetMissing:
		_, err = st.ForgetMissing(ctx, nil)
	}
	return err
}

// isDone reports whether the error of a second attempt says that the first one did it.
func (s *step) isDone(err error) bool {
	return (s.kind == deleteEvent || s.kind == deletePerson) && errors.Is(err, doorlog.ErrNotFound)
}

func withoutThumbnail(e doorlog.Event) doorlog.Event {
	e.ThumbnailPath, e.FrameWidth, e.FrameHeight = "", 0, 0
	return e
}

const frameWidth, frameHeight = 96, 64

// workloadFrame returns a small picture, as of each step another.
func workloadFrame(n int) []byte {
	return encodeFrame(frameWidth, frameHeight, n)
}

// eventID returns the ID of the workload's n-th event that happened at t, which
// is a whole number of milliseconds.
func eventID(t time.Time, n int) (id doorlog.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(t.UnixMilli())<<16)
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}
