package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A disk has lost a page of a database, or has put it in the place of another one. Each command
// must print what it printed before, or say that the database is damaged: no other output
// with exit code 0, no other exit code, no stack, no endless wait and not all of the memory.
// What a command has written must be there afterwards, or the database must be known to be
// damaged.
func TestCommandsNoticeFaultsOfPages(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 6))
	dir := fastDir(t)
	states := pageStates(t, filepath.Join(dir, "made"))
	budget := 50 * time.Second
	if !*long {
		budget = 3 * time.Second
		states = states[:4]
	}
	faults := pageFaults(rng, states)
	program := filepath.Join(dir, "doorlog")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, program)
	}
	if err != nil {
		t.Fatal(err)
	}
	y := &commandTally{count: make(map[string]int)}
	var wg sync.WaitGroup
	for lane := range 2 {
		wg.Go(func() {
			l := &commandLane{t: t, program: program, dir: filepath.Join(dir, fmt.Sprint("lane", lane)), truths: make(map[string]*commandTruth), tally: y}
			spent := time.Duration(0)
			for n := 0; n < len(faults) && spent < budget && y.wrong() < 50; n++ {
				if faults[n].state.number%2 != lane {
					continue
				}
				l.truth(faults[n].state)
				begun := time.Now()
				l.judge(&faults[n], n)
				spent += time.Since(begun)
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d faults, and of the runs of commands: %v", y.faults, len(faults), y.count)
	if y.faults == 0 {
		t.Error("no faults")
	}
}

// A commandTally counts what became of the runs of commands.
type commandTally struct {
	mu     sync.Mutex
	faults int
	count  map[string]int
}

func (y *commandTally) wrong() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.count["wrong"]
}

func (y *commandTally) add(what string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.count[what]++
}

// A commandLane goes through faults in a folder of its own.
type commandLane struct {
	t            *testing.T
	program, dir string
	truths       map[string]*commandTruth // of the states
	tally        *commandTally
}

// A commandTruth is what commands print for a sound state: each command that reads, and an
// export after each command that writes.
type commandTruth struct {
	printed []string
	after   []string
}

// readers are commands that read.
func (s *pageState) readers() [][]string {
	return [][]string{
		{"export"},
		{"export", "--format", "csv"},
		{"recent", "--jsonl"},
		{"events", "--jsonl"},
		{"events", "--camera", "garage", "--jsonl"},
		{"events", "--label", "dog", "--person", "alice", "--jsonl"},
		{"get", s.ids[0], "--json"},
		{"get", s.ids[130], "--json"},
		{"stats", "--json"},
		{"persons", "list", "--json"},
		{"cameras", "list", "--json"},
		{"changes", "--jsonl"},
		{"delete", "--camera", "garage", "--dry-run"}, // prune would print an estimate, which depends on the pages
		{"events", "--recording", "rec7", "--jsonl"},
		{"verify"},
	}
}

// writers are commands that write.
func (s *pageState) writers() [][]string {
	return [][]string{
		{"write", "--camera", "written"},
		{"edit", s.ids[0], "--type", "noise"},
		{"delete", s.ids[5], "--yes"},
		{"pin", s.ids[6]},
		{"delete", "--camera", "garage", "--yes"},
		{"persons", "add", "frank"},
		{"persons", "auto-unlock", "alice", "on"},
		{"prune", "--max-events", "130", "--yes"},
		{"compact"},
		{"erase-person", "alice", "--yes"},
		{"backup", "made.backup", "--force"},
		{"import", "more.jsonl"},
		{"repair", "--yes"},
	}
}

// moreEvents is what is imported.
func moreEvents() []byte {
	at := time.Date(2026, 2, 25, 18, 0, 0, 0, time.UTC)
	var id doorlog.ID
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16)
	line, err := json.Marshal(doorlog.Event{ID: id, Camera: "imported", Type: doorlog.Motion, RecordedAt: at, CreatedAt: at})
	if err != nil {
		panic(err) // never: it is a valid event
	}
	return append(line, '\n')
}

// A commandRun is how a command ended.
type commandRun struct {
	code          int
	printed, said string
	late          bool
	memory        int64
}

// memoryOfCommand is how many bytes a command may need. Linux adds what this process had when
// it started the command.
const memoryOfCommand = 1 << 30

func (l *commandLane) run(args ...string) commandRun {
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.program, args...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "DB_PATH="+filepath.Join(l.dir, "events.db"), "THUMBNAILS_DIR="+filepath.Join(l.dir, "thumbnails"), "TZ=UTC", "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	r := commandRun{code: -1, printed: out.String(), said: said.String(), late: ctx.Err() != nil}
	if cmd.ProcessState == nil {
		l.t.Error(err)
		return r
	}
	r.code = cmd.ProcessState.ExitCode()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.memory = int64(usage.Maxrss) << 10 //nolint:unconvert // it has 32 bits on some machines
	}
	return r
}

// lay puts a database into the folder of the lane.
func (l *commandLane) lay(file []byte) {
	err := os.RemoveAll(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	err = errors.Join(err, os.MkdirAll(l.dir, 0o700), os.WriteFile(filepath.Join(l.dir, "events.db"), file, 0o600),
		os.WriteFile(filepath.Join(l.dir, "more.jsonl"), moreEvents(), 0o600))
	if err != nil {
		l.t.Error(err)
	}
}

// stored returns what an export has printed. It shortens lines with an ID or a time that is
// not known beforehand.
func stored(export string) string {
	var lines []string
	for line := range strings.Lines(export) {
		if strings.Contains(line, `"written"`) {
			line = "written\n"
		} else if strings.Contains(line, `"frank"`) {
			line = "frank\n"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// truth runs the commands on the sound file.
func (l *commandLane) truth(s *pageState) *commandTruth {
	if tr := l.truths[s.name]; tr != nil {
		return tr
	}
	tr := new(commandTruth)
	l.lay(s.file)
	for _, args := range s.readers() {
		r := l.run(args...)
		if r.code != exitOK {
			l.t.Errorf("%s: without a fault: doorlog %v: exit code %d\n%s", s.name, args, r.code, r.said)
		}
		tr.printed = append(tr.printed, r.printed)
	}
	for _, args := range s.writers() {
		l.lay(s.file)
		r := l.run(args...)
		export := l.run("export")
		if r.code != exitOK || export.code != exitOK {
			l.t.Errorf("%s: without a fault: doorlog %v: exit codes %d and %d\n%s", s.name, args, r.code, export.code, r.said)
		}
		tr.after = append(tr.after, stored(export.printed))
	}
	l.truths[s.name] = tr
	return tr
}

// judge runs some of the commands on a file with a fault.
func (l *commandLane) judge(f *commandFault, n int) {
	l.tally.mu.Lock()
	l.tally.faults++
	l.tally.mu.Unlock()
	tr := l.truth(f.state)
	l.lay(f.image())
	sound := l.run("verify").code == exitOK
	for i, args := range f.state.readers() {
		if !*long && (i+n)%4 != 0 {
			continue
		}
		r := l.run(args...)
		switch {
		case !l.wellEnded(f, args, r):
		case r.code == exitOK && !l.may(f, func(tr *commandTruth) bool { return r.printed == tr.printed[i] || args[0] == "verify" }):
			l.wrong(f, args, "it prints %d bytes, and should print %d", len(r.printed), len(tr.printed[i]))
		case r.code != exitOK && sound:
			l.wrong(f, args, "verify says that all is sound, and it: %s", r.said)
		default:
			l.tally.add(fmt.Sprint("reads, exit code ", r.code))
		}
	}
	for i, args := range f.state.writers() {
		if (i+n)%3 == 0 || *long {
			l.judgeWriter(f, i, args)
		}
	}
}

// may reports whether something holds of a state that the file may be in. After an
// unclean stop, the newest meta page cannot be told from one that was never written.
func (l *commandLane) may(f *commandFault, holds func(*commandTruth) bool) bool {
	if holds(l.truths[f.state.name]) {
		return true
	}
	if !f.meta || strings.HasPrefix(f.state.name, "close") {
		return false
	}
	before := *f.state
	before.name, before.file = "before "+before.name, before.before
	lane := *l
	lane.dir += "before"
	return holds(lane.truth(&before))
}

// judgeWriter runs a command that writes, and an export. The export must have what was written
// and everything else, or one of the two must say that the database is damaged.
func (l *commandLane) judgeWriter(f *commandFault, i int, args []string) {
	l.lay(f.image())
	r := l.run(args...)
	if !l.wellEnded(f, args, r) {
		return
	}
	export := l.run("export")
	if r.code != exitOK || !l.wellEnded(f, []string{"export"}, export) || export.code != exitOK {
		l.tally.add(fmt.Sprint("writes, exit codes ", r.code, " and ", export.code))
		return
	}
	if !l.may(f, func(tr *commandTruth) bool { return stored(export.printed) == tr.after[i] }) {
		l.wrong(f, args, "it ends well, and then the export has %d bytes, and should have %d",
			len(stored(export.printed)), len(l.truths[f.state.name].after[i]))
		return
	}
	l.tally.add("writes, all is there")
}

// wellEnded reports whether a command ended with exit code 0, or said that the
// database is damaged.
func (l *commandLane) wellEnded(f *commandFault, args []string, r commandRun) bool {
	switch {
	case r.late:
		l.wrong(f, args, "it does not end")
	case r.code != exitOK && r.code != exitDamaged:
		l.wrong(f, args, "exit code %d: %s", r.code, r.said[:min(len(r.said), 300)])
	case r.memory > memoryOfCommand && !raceDetector:
		l.wrong(f, args, "it takes %d MiB of memory", r.memory>>20)
	default:
		return true
	}
	return false
}

func (l *commandLane) wrong(f *commandFault, args []string, format string, more ...any) {
	l.tally.add("wrong")
	l.t.Errorf("%s: %s: doorlog %s: %s", f.state.name, f.what, strings.Join(args, " "), fmt.Sprintf(format, more...))
}

// fastDir makes a folder in memory, if there is one.
func fastDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "doorlog-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
