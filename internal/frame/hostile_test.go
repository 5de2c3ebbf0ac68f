package frame_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/frame"
)

// A hostileReport is what the process that reads the frames says of one of them.
type hostileReport struct {
	Name    string
	Got     string // what became of it
	Error   string
	Stored  bool
	Peak    int64 // bytes in memory, since the one before it
	Seconds float64
}

const (
	hostileRole  = "DOORLOG_TEST_HOSTILE_FRAMES"
	hostileLimit = frame.MaxMemory + 32<<20 // GOMEMLIMIT of that process
	hostilePeak  = hostileLimit + 40<<20    // and what it may have in memory: its code and the frame come on top
	allAtOnce    = "all at once"
	oneByOne     = "one by one, and no collection by itself"
)

// Frames come from strangers and from broken cameras. Whatever they are, the
// event is stored, and a small machine has the memory for it.
func TestHostileFramesUnderAMemoryLimit(t *testing.T) {
	if os.Getenv(hostileRole) != "" {
		readHostileFrames(t)
		return
	}
	if _, err := peakMemory(); err != nil {
		t.Skip("SKIP: the peak of a process's memory cannot be read here:", err)
	}
	if frame.RaceDetector {
		t.Skip("SKIP: the race detector takes several times the memory")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), hostileRole+"=1", fmt.Sprint("GOMEMLIMIT=", hostileLimit))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]hostileReport{}
	for line := range strings.Lines(string(out)) {
		var r hostileReport
		if json.Unmarshal([]byte(line), &r) == nil {
			got[r.Name] = r
		}
	}
	for _, f := range append(frame.HostileFrames(), frame.HostileFrame{Name: allAtOnce}, frame.HostileFrame{Name: oneByOne}) {
		r, ok := got[f.Name]
		t.Logf("%-55s %4d MiB %6.2f s %s %s", r.Name, r.Peak>>20, r.Seconds, r.Got, r.Error)
		itself := math.MaxInt == math.MaxInt32 && f.Want == frame.Outsized && r.Got == frame.Refused // decoders for 32 bits refuse some
		if !ok || !r.Stored || r.Got != f.Want && !itself {
			t.Errorf("%s: %+v, want %s", f.Name, r, f.Want)
		}
		if r.Peak > hostilePeak {
			t.Errorf("%s: %d MiB in memory, more than %d", f.Name, r.Peak>>20, hostilePeak>>20)
		}
	}
}

// readHostileFrames is what the process under the memory limit does.
func readHostileFrames(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	out := json.NewEncoder(os.Stdout)
	measured := func(name string, read func(*hostileReport) error) {
		debug.FreeOSMemory() // what it took to make the frame
		if err := resetPeakMemory(); err != nil {
			t.Fatal(err)
		}
		r := hostileReport{Name: name}
		began := time.Now()
		if err := read(&r); err != nil {
			t.Fatal(name, err)
		}
		r.Seconds = time.Since(began).Seconds()
		if r.Peak, err = peakMemory(); err != nil {
			t.Fatal(err)
		}
		if err := out.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range frame.HostileFrames() {
		picture := f.Make(t)
		measured(f.Name, func(r *hostileReport) error { return readHostileFrame(t.Context(), st, picture, r) })
	}
	several := frame.LargeFrames(t)
	measured(allAtOnce, func(r *hostileReport) error {
		r.Stored = true
		var wg sync.WaitGroup
		for _, picture := range several {
			wg.Go(func() {
				if _, err := st.WriteEventWithFrame(t.Context(), hostileEvent(), picture); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return nil
	})
	large := several[len(several)-1]
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(math.MaxInt64)
	measured(oneByOne, func(r *hostileReport) error {
		r.Stored = true
		for range 3 {
			if _, err := st.WriteEventWithFrame(t.Context(), hostileEvent(), large); err != nil {
				return err
			}
		}
		return nil
	})
}

func hostileEvent() doorlog.Event {
	return doorlog.Event{Camera: "front_door", RecordedAt: time.Now(), Type: doorlog.Motion}
}

func readHostileFrame(ctx context.Context, st *doorlog.Store, picture []byte, r *hostileReport) error {
	written, err := st.WriteEventWithFrame(ctx, hostileEvent(), picture)
	if err != nil {
		return err
	}
	stored, err := st.Event(ctx, written.ID)
	if err != nil {
		return err
	}
	r.Stored, r.Got = true, frame.Shrunk
	if stored.ThumbnailPath != "" {
		return nil
	}
	e := hostileEvent()
	err = st.SaveThumbnail(ctx, &e, picture)
	switch {
	case errors.Is(err, doorlog.ErrTooLarge):
		r.Got = frame.Outsized
	case errors.Is(err, doorlog.ErrInvalid):
		r.Got = frame.Refused
	default:
		return fmt.Errorf("the event has no thumbnail, and then: %w", err)
	}
	r.Error = err.Error()
	if strings.Contains(r.Error, "panic") {
		return err
	}
	return nil
}

// peakMemory returns the most bytes of memory that this process had at once.
func peakMemory() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kibibytes int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kibibytes); n == 1 {
			return kibibytes << 10, nil
		}
	}
	return 0, errors.New("there is no VmHWM in /proc/self/status of " + runtime.GOOS)
}

// resetPeakMemory forgets the peak (proc(5), clear_refs).
func resetPeakMemory() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
