//go:build linux

package doorlog_test

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A call is a system call in a trace of strace.
type call struct {
	name   string
	args   []string // strings as strace -xx writes them
	result int64    // below 0: it failed
	text   string   // for messages
	thread string

	// The lines of the trace with which it began and ended, which differ where
	// another thread came between; end 0: it never returned.
	begin, end int
}

// at is when a call takes effect, at the latest. What is said may be heard at
// once, and what is closed may be the number of another file at once.
func (c *call) at() int {
	if c.name == "close" || c.isSpeech() {
		return c.begin
	}
	return c.end
}

// isSpeech reports whether a call is the workload speaking.
func (c *call) isSpeech() bool { return c.name == "write" && c.args[0] == "1" && c.result > 0 }

// parseTrace reads what strace -f -xx -a1 wrote: a call a line, after the number
// of the thread, or two where another thread came between:
//
//	12489 pwrite64(5, "\x00…", 4096, 8192) = 4096
//	12490 fdatasync(5 <unfinished ...>
//	12490 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)
//
// The calls are in the order in which they took effect. unfinished are those
// that never returned.
func parseTrace(r io.Reader) (calls, unfinished []*call, err error) {
	lines := bufio.NewReaderSize(r, 1<<20)
	open := make(map[string]*call) // by thread
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			break
		} else if err != nil && err != io.EOF {
			return nil, nil, err
		}
		thread, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		text = strings.TrimLeft(text, " ")
		c := &call{begin: n, thread: thread}
		if resumed, ok := strings.CutPrefix(text, "<... "); ok {
			_, rest, _ := strings.Cut(resumed, " resumed>")
			if c = open[thread]; c == nil {
				return nil, nil, fmt.Errorf("line %d of the trace resumes nothing: %.80s", n, line)
			}
			delete(open, thread)
			text = c.text + rest
		}
		if strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "[ Process") {
			continue
		}
		before, ok := strings.CutSuffix(text, "<unfinished ...>")
		if !ok { // the thread was gone before its call had ended
			before, ok = strings.CutSuffix(text, "<detached ...>")
		}
		if ok {
			c.text = before
			open[thread] = c
			continue
		}
		c.end = n
		if err := c.parse(text); err != nil {
			return nil, nil, fmt.Errorf("line %d of the trace: %w", n, err)
		}
		if c.end > 0 {
			calls = append(calls, c)
		} else {
			unfinished = append(unfinished, c)
		}
	}
	for _, c := range open {
		if err := c.parse(strings.TrimSuffix(strings.TrimRight(c.text, " "), ")") + ") = ?"); err != nil {
			return nil, nil, err
		}
		unfinished = append(unfinished, c)
	}
	slices.SortStableFunc(calls, func(a, b *call) int { return cmp.Compare(a.at(), b.at()) })
	return calls, unfinished, nil
}

func (c *call) parse(text string) error {
	c.text = text
	name, rest, found := strings.Cut(text, "(")
	at := strings.LastIndex(rest, ") = ")
	if !found || at < 0 {
		return fmt.Errorf("no call: %.80s", text)
	}
	c.name, c.args = name, splitArguments(rest[:at])
	result, _, _ := strings.Cut(rest[at+len(") = "):], " ")
	if result == "?" { // the process was killed
		c.end = 0
		return nil
	}
	n, err := strconv.ParseInt(result, 0, 64)
	c.result = n
	if uint64(len(result)) > uint64(len("0x")) && strings.HasPrefix(result, "0x") {
		return nil // an address
	}
	return err
}

// splitArguments splits at the commas that are in no brackets. Strings have
// none, as strace -xx writes every byte of them as a number.
func splitArguments(text string) (args []string) {
	depth, from := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			depth--
		case ',':
			if depth == 0 {
				args = append(args, text[from:i])
				from = i + 2
			}
		}
	}
	return append(args, strings.TrimSpace(text[min(from, len(text)):]))
}

// bytes returns a string argument.
func (c *call) bytes(arg int) ([]byte, error) {
	text, ok := strings.CutPrefix(c.args[arg], `"`)
	text, closed := strings.CutSuffix(text, `"`)
	if !ok || !closed {
		return nil, fmt.Errorf("argument %d of %.80s is no whole string", arg, c.text)
	}
	return hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
}

func (c *call) number(arg int) (int64, error) {
	n, err := strconv.ParseInt(c.args[arg], 0, 64)
	if err != nil {
		return 0, fmt.Errorf("argument %d of %.80s: %w", arg, c.text, err)
	}
	return n, nil
}

// A fault is what strace does to the calls of a workload: the n-th call of a
// name, in any thread, gets a signal or an error.
type fault struct {
	name, effect string
	n            int
}

func (f fault) String() string { return fmt.Sprintf("%s:%s:when=%d", f.name, f.effect, f.n) }

// A workloadRun is a process that does a workload.
type workloadRun struct {
	dir, script string
	from        int
	trace       string // the file for strace; empty: none is written
	fault       fault  // none if the name is empty
}

// command returns the process, under strace if that is wanted. What it says
// comes out of its standard output in any case.
func (r workloadRun) command(t testing.TB) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{self}
	if r.trace != "" || r.fault.name != "" {
		args = append(r.strace(t), self)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(),
		workloadDir+"="+r.dir, workloadScript+"="+r.script, workloadFrom+"="+strconv.Itoa(r.from),
		"GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=2", "GOCOVERDIR="+t.TempDir())
	return cmd
}

// strace writes every call that takes a file or a path, so that none that the
// model of the disk does not know goes unnoticed.
func (r workloadRun) strace(t testing.TB) []string {
	args := []string{needStrace(t), "-f", "-qq", "-a1", "-xx", "-s", "16777216", "-e", "signal=none"}
	name := r.fault.name
	if !strings.HasPrefix(r.fault.effect, "signal") { // which strace 6.1 does not send with this
		args = append(args, "--seccomp-bpf") // only calls that are traced are stopped at
	}
	if r.trace != "" {
		args = append(args, "-o", r.trace, "-e", "trace=%file,%desc,?msync,?sync")
	} else {
		args = append(args, "-o", "/dev/null", "-e", "trace="+name)
	}
	if name != "" {
		args = append(args, "-e", "inject="+r.fault.String())
	}
	return args
}

// needStrace returns the path of strace, or skips the test where there is none
// that may trace.
func needStrace(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace: ", err)
	}
	out, err := exec.Command(path, "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=openat", "true").CombinedOutput()
	if err != nil {
		t.Skipf("needs strace that may trace (ptrace): %v: %s", err, out)
	}
	return path
}

// A traced run is what a workload left: its folder, its calls and what it said.
type tracedRun struct {
	dir               string
	script            *script
	calls, unfinished []*call
	stderr            string
	err               error // of the process
}

// runTraced does a workload in dir with its system calls written down.
func runTraced(t testing.TB, r workloadRun) *tracedRun {
	t.Helper()
	r.trace = filepath.Join(fastFolder(t), "trace")
	var stderr strings.Builder
	cmd := r.command(t)
	cmd.Stderr = &stderr
	err := cmd.Run()
	f, openErr := os.Open(r.trace)
	if openErr != nil {
		t.Fatalf("strace: %v: %s", openErr, stderr.String())
	}
	defer f.Close()
	calls, unfinished, parseErr := parseTrace(f)
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	if err := os.Remove(r.trace); err != nil { // it is large
		t.Fatal(err)
	}
	return &tracedRun{r.dir, scripts[r.script](), calls, unfinished, stderr.String(), err}
}
