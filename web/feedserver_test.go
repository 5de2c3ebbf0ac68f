package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A server in a process of its own, whose memory is measured from outside. Its standard input has one
// command a line: "write N" writes N events one after the other, and prints how long each took, in
// nanoseconds, as a JSON list.

const (
	feedServerVariable = "DOORLOG_TEST_FEED_SERVER" // the folder
	feedBeatVariable   = "DOORLOG_TEST_FEED_BEAT"   // Options.Heartbeat
)

func isFeedServer() bool { return os.Getenv(feedServerVariable) != "" }

func runFeedServer() int {
	if err := feedServerMain(os.Getenv(feedServerVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func feedServerMain(dir string) error {
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		return err
	}
	defer st.Close()
	beat, err := time.ParseDuration(os.Getenv(feedBeatVariable))
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(dir, "s")) // of a server that was killed
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: web.Handler(st, &web.Options{Heartbeat: beat}), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		n, err := strconv.Atoi(strings.TrimPrefix(in.Text(), "write "))
		if err != nil {
			return err
		}
		took := make([]time.Duration, 0, n)
		for range n {
			began := time.Now()
			if _, err := st.WriteEvent(context.Background(), feedEvent(began)); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		if err := json.NewEncoder(os.Stdout).Encode(took); err != nil {
			return err
		}
	}
	return nil
}

// feedEvent returns an event as a camera would write it.
func feedEvent(at time.Time) doorlog.Event {
	return doorlog.Event{
		Camera: "front_door", RecordedAt: at, Type: doorlog.Motion, RecordingID: fmt.Sprint("rec-", at.UnixNano()),
		Detections: []doorlog.Detection{{Label: "person", Confidence: 0.9}, {Label: "dog", Confidence: 0.5}},
	}
}

// A feedProcess is such a server, from outside.
type feedProcess struct {
	cmd    *exec.Cmd
	socket string
	in     io.Writer
	out    *bufio.Reader
}

func startFeedProcess(t testing.TB) *feedProcess {
	t.Helper()
	dir, err := os.MkdirTemp("", "dl") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return startFeedProcessIn(t, dir, 15*time.Second)
}

// kill ends the server as kill -9 does.
func (p *feedProcess) kill(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // killed
}

// startFeedProcessIn starts a server of the store in a folder.
func startFeedProcessIn(t testing.TB, dir string, beat time.Duration) *feedProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), feedServerVariable+"="+dir, feedBeatVariable+"="+beat.String()), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &feedProcess{cmd, filepath.Join(dir, "s"), in, bufio.NewReader(out)}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // killed, or ended by itself
	})
	if line, err := p.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return p
}

// write lets the server write so many events, and returns how long each took.
func (p *feedProcess) write(t testing.TB, n int) (took []time.Duration) {
	t.Helper()
	fmt.Fprintf(p.in, "write %d\n", n)
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &took)
	}
	if err != nil {
		t.Fatal(err)
	}
	return took
}

var rssOfStatus = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// memory returns the resident set of the server, in bytes.
func (p *feedProcess) memory(t testing.TB) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("SKIP: this system does not tell the memory of a process: ", err)
	}
	found := rssOfStatus.FindSubmatch(status)
	if found == nil {
		t.Fatalf("no VmRSS in %s", status)
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
