//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// serve opens the database in a server. It returns what ends the server.
func (c *cli) serve() (end func()) {
	c.t.Helper()
	st, stop := serve(c.db, os.Getenv("THUMBNAILS_DIR"), new(atomic.Int64))
	if st == nil {
		c.t.Fatal("the server cannot open the database")
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		if err := stop(); err != nil {
			c.t.Error(err)
		}
	}
	c.t.Cleanup(end)
	return end
}

// impatient is run without waiting for locks.
func (c *cli) impatient(code int, args ...string) {
	c.t.Helper()
	c.printed.Reset()
	c.errors.Reset()
	a := &app{in: c.in, out: c.out, err: &c.errors, now: time.Now, patience: -1}
	root := newRootCommand(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(c.t.Context())
	if got := report(c.t.Context(), a.err, cmd, err); got != code {
		c.t.Fatalf("doorlog %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, c.errors.String())
	}
}

// says checks what was printed on standard error.
func (c *cli) says(text string) {
	c.t.Helper()
	if !strings.Contains(c.errors.String(), text) {
		c.t.Errorf("it says %q, and not %q", c.errors.String(), text)
	}
}

func TestACommandGoesThroughTheSocketWhereverThePathLeads(t *testing.T) {
	c := newCLI(t)
	c.write("porch")
	dir := t.TempDir()
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(c.db, link); err != nil {
		t.Fatal(err)
	}
	c.serve()
	t.Chdir(filepath.Dir(c.db))
	for _, path := range []string{c.db, "events.db", "./events.db", link} {
		for _, how := range [][]string{{}, {"--socket"}, {"--socket=" + c.db + ".sock"}} {
			c.impatient(exitOK, append([]string{"recent", "--jsonl", "--db", path}, how...)...)
			if !strings.Contains(c.printed.String(), "porch") {
				t.Errorf("%s: printed %q", path, &c.printed)
			}
		}
	}
	c.impatient(exitFailed, "recent", "--file")
	c.says("locked by another process")
	t.Setenv("SOCKET_PATH", "off")
	c.impatient(exitFailed, "recent")
	c.says("locked by another process")
	c.impatient(exitFailed, "recent", "--socket")
	c.says("--socket: no server answers: SOCKET_PATH is off")
	t.Setenv("SOCKET_PATH", c.db+".sock")
	c.impatient(exitOK, "recent", "--socket", "--db", "elsewhere.db")
	c.impatient(exitMisuse, "recent", "--socket", "--file")
	c.impatient(exitMisuse, "recent", "--socket=")
}

func TestWithoutAServerTheSocketIsNotNeeded(t *testing.T) {
	c := newCLI(t)
	c.write("porch")
	c.impatient(exitFailed, "recent", "--socket")
	c.says("--socket: no server answers at " + c.db + ".sock: start \"doorlog serve\"")
	ln, err := net.Listen("unix", c.db+".sock")
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil { // as a server that was killed leaves it behind
		t.Fatal(err)
	}
	c.impatient(exitOK, "recent")
	c.impatient(exitFailed, "recent", "--socket")
	c.says("no server answers")
	other := c.writer()
	c.impatient(exitFailed, "recent")
	c.says("locked by another process, which has it open: wait for it to end")
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	c.impatient(exitOK, "recent")
}

// The server opens the database first and then its socket: a command that comes in between waits.
func TestACommandWaitsForAServerThatStarts(t *testing.T) {
	c := newCLI(t)
	c.write("porch")
	st := c.writer()
	ended := make(chan int)
	go func() {
		ended <- run(t.Context(), []string{"recent", "--jsonl"}, strings.NewReader(""), &c.printed, &c.errors)
	}()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- web.Serve(ctx, st, &web.ServeOptions{Addresses: []string{""}}) }()
	if code := <-ended; code != exitOK || !strings.Contains(c.printed.String(), "porch") {
		t.Errorf("exit code %d: %s%s", code, &c.printed, &c.errors)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// A server that ends between two requests of a command that reads does not make it fail: it goes on with the file.
func TestAReadGoesOnWithTheFileWhenTheServerEnds(t *testing.T) {
	for _, args := range [][]string{{"recent"}, {"events"}, {"stats"}, {"info"}, {"cameras", "list"}, {"export"}, {"delete", "--camera", "porch", "--dry-run"}} {
		c := newCLI(t)
		c.write("porch")
		c.impatient(exitOK, args...)
		want := c.printed.String()
		st := c.writer()
		ln, err := net.Listen("unix", c.db+".sock")
		if err != nil {
			t.Fatal(err)
		}
		h := web.Handler(st, nil)
		server := &http.Server{ReadHeaderTimeout: time.Second}
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/server" {
				h.ServeHTTP(w, r)
				return
			}
			if err := errors.Join(st.Close(), ln.Close()); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		})
		go func() { _ = server.Serve(ln) }()
		c.impatient(exitOK, args...)
		if got := c.printed.String(); got != want && args[0] != "info" {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
		_ = server.Close()
	}
}

func TestWhatIsNoServerOfThisVersionIsNamed(t *testing.T) {
	for answer, says := range map[string]string{
		`{"name":"doorlog","version":"v9.0.0","store_id":"01KJ9V8T6000000000000000AB","api":2,"grant":{"read":true,"write":true,"admin":true}}`: "the server speaks version 2 of the API",
		`<html>`: "not a doorlog server",
		`{}`:     "not a doorlog server",
	} {
		c := newCLI(t)
		c.write("porch")
		other := c.writer()
		ln, err := net.Listen("unix", c.db+".sock")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
		})}
		go func() { _ = server.Serve(ln) }()
		c.impatient(exitFailed, "recent")
		c.says(says)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheThumbnailsAreThoseOfTheServer(t *testing.T) {
	c := newCLI(t)
	c.write("porch")
	folder := os.Getenv("THUMBNAILS_DIR")
	c.serve()
	t.Setenv("THUMBNAILS_DIR", filepath.Join(t.TempDir(), "elsewhere"))
	for _, args := range [][]string{{"verify"}, {"info"}, {"verify", "--thumbnails", folder}, {"verify", "--thumbnails", folder + "/../thumbnails"}} {
		c.impatient(exitOK, args...)
		if !strings.Contains(c.printed.String(), "thumbnails") || strings.Contains(c.printed.String(), "elsewhere") {
			t.Errorf("%v: it is not the folder of the server in\n%s", args, &c.printed)
		}
	}
	for _, args := range [][]string{{"verify"}, {"info"}, {"prune", "--max-age", "9y", "--yes"}, {"write", "--camera", "c", "--frame", os.DevNull}} {
		c.impatient(exitMisuse, append(args, "--thumbnails", "other")...)
		c.says("--thumbnails other: the server that has the database open uses " + folder)
	}
	c.impatient(exitOK, "recent", "--thumbnails", "other") // needs no thumbnails
}

func TestWhatNeedsTheDatabaseItselfSaysSo(t *testing.T) {
	c := newCLI(t)
	c.write("porch")
	end := c.serve()
	demo := filepath.Dir(c.db)
	for doing, args := range map[string][]string{
		"repair": {"repair", "--yes"}, "salvage": {"salvage", filepath.Join(demo, "new.db")}, "demo": {"demo", "--days", "1", "--dir", demo},
	} {
		t.Setenv("THUMBNAILS_DIR", "")
		c.impatient(exitFailed, args...)
		c.says(doing + ": a server has " + c.db + " open, and this works on the database itself: end the server before (")
		c.impatient(exitMisuse, append(args, "--socket")...)
		c.says(doing + " works on the database itself, and not through a server: leave --socket out")
	}
	c.impatient(exitMisuse, "restore", "backup", "--to", demo, "--socket")
	c.says("leave --socket out")
	end()
	c.impatient(exitOK, "repair", "--yes")
}

// A command that follows is told by the server, and goes on with the file when the server has ended.
func TestFollowGoesFromAServerToTheFileAndBack(t *testing.T) {
	c := newCLI(t)
	c.write("one")
	end := c.serve()
	turn := 0
	c.out = writerFunc(func(p []byte) (int, error) {
		switch turn++; turn {
		case 1:
			c.impatientWrite("two")
		case 2:
			end()
			c.write("three")
		case 3:
			end = c.serve()
			c.impatientWrite("four")
		}
		return c.printed.Write(p)
	})
	c.run(t.Context(), exitOK, "changes", "--follow", "--every", "20ms", "--consumer", "fleet", "--jsonl", "--limit", "4")
	if got := c.cameras(); got != "one two three four" {
		t.Errorf("printed %s; it says %s", got, &c.errors)
	}
	end()
	if n := c.behind("fleet"); n != 0 {
		t.Errorf("the consumer is %d behind", n)
	}
}

// impatientWrite writes an event with a command of its own.
func (c *cli) impatientWrite(camera string) {
	var errOut strings.Builder
	args := []string{"write", "--camera", camera, "--at", day.Format(time.RFC3339)}
	if code := run(c.t.Context(), args, strings.NewReader(""), io.Discard, &errOut); code != exitOK {
		c.t.Errorf("write: %d %s", code, &errOut)
	}
}

// With a long --every the server tells of a change, and nobody looks for it.
func TestFollowIsToldOfAChangeAtOnce(t *testing.T) {
	c := newCLI(t)
	c.write("one")
	c.serve()
	c.onWrite(func() { c.impatientWrite("two") })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c.run(ctx, exitOK, "changes", "--follow", "--every", "1h", "--jsonl", "--limit", "2")
	if got := c.cameras(); got != "one two" {
		t.Errorf("printed %s", got)
	}
}

// What the disk has done is told as it is of the file.
func TestDamageIsToldThroughTheSocket(t *testing.T) {
	c := newCLI(t)
	c.write("porch", "garage")
	st, end := serve(c.db, "", new(atomic.Int64))
	if st == nil {
		t.Fatal("the server cannot open the database")
	}
	f, err := os.OpenFile(c.db, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const pages = 4 // two have the place of everything else, and are read once
	if _, err := f.WriteAt(make([]byte, 8*os.Getpagesize()), int64(pages*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c.impatient(exitDamaged, "verify")
	if !strings.Contains(c.printed.String(), "damaged") || c.errors.Len() > 0 {
		t.Errorf("printed %s%s", &c.printed, &c.errors)
	}
	for _, args := range [][]string{{"recent"}, {"backup", filepath.Join(t.TempDir(), "b")}, {"write", "--camera", "c"}} {
		c.impatient(exitDamaged, args...)
		c.says("corrupt")
		c.says("try 'doorlog verify'")
	}
	_ = end() // says that the file is damaged
}

func TestALongCallTellsHowFarItIsThroughTheSocket(t *testing.T) {
	c := newCLI(t)
	randomStore(t, c, rand.New(rand.NewPCG(1, 2))) // so many events that the call takes some time
	c.serve()
	a := &app{in: c.in, out: io.Discard, err: io.Discard, now: time.Now}
	told := map[string]bool{}
	err := a.forLongCall(t.Context(), readsPictures, func(ctx context.Context, st store) error {
		_, err := st.Verify(doorlog.WithProgress(ctx, func(p doorlog.Progress) { told[p.Doing] = true }))
		return err
	})
	if err != nil || !told["verifying"] {
		t.Errorf("told of %v (%v)", told, err)
	}
}

func TestAgesOfAPolicyGrowWithTheTimeOfTheAnswer(t *testing.T) {
	p := doorlog.Policy{MaxAge: time.Hour, Rules: []doorlog.Rule{{MaxAge: math.MaxInt64 - 1}, {}}}
	before, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	got := agedBy(p, time.Minute)
	if got.MaxAge != time.Hour+time.Minute || got.ThumbnailAge != 0 || got.Rules[0].MaxAge != math.MaxInt64 || got.Rules[1].MaxAge != 0 {
		t.Errorf("got %+v", got)
	}
	if after, err := json.Marshal(p); err != nil || string(after) != string(before) {
		t.Errorf("the policy of the caller is changed (%v)", err)
	}
}
