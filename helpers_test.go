package doorlog_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/querytest"
)

var (
	long  = flag.Bool("long", false, "run the long forms of the tests, as CI does")
	whole = flag.Bool("whole", false, "run the tests of crashes and damage whole, for half an hour")
)

// extent is how much a test of crashes or damage does: by itself, with -long,
// and with -whole.
func extent(byItself, inCI, all int) int {
	switch {
	case *whole:
		return all
	case *long:
		return inCI
	}
	return byItself
}

// thisTestAgain is the command that runs this binary in another process, through
// an emulator if that is how it was run itself: DOORLOG_TEST_EMULATOR.
func thisTestAgain(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	line := append([]string{os.Args[0]}, args...)
	if emulator := os.Getenv("DOORLOG_TEST_EMULATOR"); emulator != "" {
		line = append([]string{emulator}, line...)
	}
	return exec.CommandContext(t.Context(), line[0], line[1:]...)
}

// now is the time at which the tests take place.
var now = querytest.Now

// A testStore is a store in a folder of its own, which is checked when the
// test ends: every invariant holds, it closes, and nothing of it is left
// behind in the process.
type testStore struct {
	*doorlog.Store
	path, thumbs string
	options      doorlog.Options
	log          *logged
}

func newStore(t testing.TB) *testStore { return newStoreWith(t, doorlog.Options{}) }

func newStoreWith(t testing.TB, options doorlog.Options) *testStore {
	t.Helper()
	return newStoreIn(t, t.TempDir(), options)
}

func newStoreIn(t testing.TB, dir string, options doorlog.Options) *testStore {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	s := &testStore{path: filepath.Join(dir, "events.db"), thumbs: filepath.Join(dir, "thumbnails"), log: &logged{}}
	if options.Now == nil {
		options.Now = func() time.Time { return now }
	}
	options.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	s.options = options
	s.open(t)
	t.Cleanup(func() {
		if err := s.Check(context.Background()); err != nil && !errors.Is(err, doorlog.ErrClosed) {
			t.Errorf("invariants: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, fuzzing := t.(*testing.F); !fuzzing { // whose engine has goroutines of its own
			checkNothingLeft(t, goroutines, files)
		}
	})
	return s
}

func (s *testStore) open(t testing.TB) {
	t.Helper()
	st, err := doorlog.Open(s.path, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	s.Store = st
}

// reopen closes the store and opens it again.
func (s *testStore) reopen(t testing.TB) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.open(t)
}

// checkNothingLeft fails if there are more goroutines or open files than before.
func checkNothingLeft(t testing.TB, goroutines, files int) {
	t.Helper()
	// A goroutine that has closed its channel may still be on its way out.
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines are left over:\n%s", n-goroutines, stacks[:runtime.Stack(stacks, true)])
	}
	if n := openFiles(); n > files {
		t.Errorf("%d files are left open", n-files)
	}
}

// fastFolder returns a folder that goes with the test, in memory if there is one.
func fastFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "doorlog-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// openFiles returns the number of files below a temporary folder that this
// process has open; 0 where that cannot be known.
func openFiles() (n int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, os.TempDir()+"/Test") {
			n++
		}
	}
	return n
}

// logged is what the store's logger wrote.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// motion returns a plain event that is so many minutes old.
func motion(camera string, minutesAgo int) doorlog.Event {
	return doorlog.Event{
		Camera: camera, RecordedAt: now.Add(-time.Duration(minutesAgo) * time.Minute), Type: doorlog.Motion,
	}
}

// fullEvent returns an event with everything in it.
func fullEvent() doorlog.Event {
	return doorlog.Event{
		Camera: "front_door", RecordedAt: now.Add(-time.Minute - 123456789*time.Nanosecond), Type: doorlog.Ding,
		RecordingID: "rec-1", Person: "alice",
		FaceConfidence: new(0.875), FaceDistance: new(0.0), UnlockGranted: true, Door: doorlog.Unlocked, Method: doorlog.MethodFace,
		EndedAt: now.Add(20*time.Hour + 500*time.Millisecond), Reviewed: true,
		FrameWidth: 1920, FrameHeight: 1080, AlertSent: true, CreatedAt: now.Add(-30 * time.Second),
		Attributes: map[string]string{"battery": "87", "note": "grüße ✓", "empty": ""},
		Detections: []doorlog.Detection{
			{Label: "person", Confidence: 0.95, Box: &doorlog.Box{X1: 10, Y1: 20.5, X2: 100, Y2: 200}},
			{Label: "dog", Confidence: 1},
			{Label: "person", Confidence: 0, Box: &doorlog.Box{X1: -3, Y1: -0.1, X2: -3, Y2: 1e6}},
		},
	}
}

// write stores events one by one and returns them as they are to be read back.
func (s *testStore) write(t testing.TB, events ...doorlog.Event) []doorlog.Event {
	t.Helper()
	stored := make([]doorlog.Event, len(events))
	for i, e := range events {
		id, err := idOf(s.WriteEvent(t.Context(), e))
		if err != nil {
			t.Fatal(err)
		}
		stored[i] = asStored(e, id)
	}
	return stored
}

// asStored returns an event as the store returns it.
func asStored(e doorlog.Event, id doorlog.ID) doorlog.Event {
	e.ID = id
	if e.CreatedAt.IsZero() {
		e.CreatedAt = now
	}
	return e
}

func (s *testStore) event(t testing.TB, id doorlog.ID) doorlog.Event {
	t.Helper()
	e, err := s.Event(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *testStore) all(t testing.TB, q doorlog.Query) []doorlog.Event {
	t.Helper()
	var events []doorlog.Event
	for e, err := range s.Events(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func wantEvent(t testing.TB, got, want doorlog.Event) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("event\n got %+v\nwant %+v", got, want)
	}
}

func wantEvents(t testing.TB, got, want []doorlog.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d events, want %d", len(got), len(want))
	}
	for i := range got {
		wantEvent(t, got[i], want[i])
	}
}

func wantError(t testing.TB, err, is error, text string) {
	t.Helper()
	if !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %q; want one that is %q and holds %q", err, is, text)
	}
}

// jpegFrame returns a camera frame of this size.
func jpegFrame(t testing.TB, width, height int) []byte {
	t.Helper()
	return encodeFrame(width, height, 0)
}

// encodeFrame returns a camera frame of this size, another one for each seed.
func encodeFrame(width, height, seed int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(x + seed), uint8(y), uint8(x ^ y), 255})
		}
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, nil); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}

// idOf and storedIDs are of what a write returns.
func idOf(e doorlog.Event, err error) (doorlog.ID, error) { return e.ID, err }

func storedIDs(events []doorlog.Event, err error) (ids []doorlog.ID, _ error) {
	for i := range events {
		ids = append(ids, events[i].ID)
	}
	return ids, err
}
