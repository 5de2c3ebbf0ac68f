//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// servedVariable has the file in which each command notes how many requests it has made. With it
// the command "doorlog" of the scripts has a server open the database before it runs.
const servedVariable = "DOORLOG_TEST_SERVED"

// TestScriptsThroughASocket runs the scripts again. Each command finds the database open in a server, and
// must print the same bytes. By itself the test runs a third of the scripts, with -long all.
func TestScriptsThroughASocket(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if !*long { // CI runs all of them
		for i := range slices.Backward(files) {
			if i%3 != 0 {
				files = slices.Delete(files, i, i+1)
			}
		}
	}
	notes := filepath.Join(t.TempDir(), "notes")
	t.Run("scripts", func(t *testing.T) { runScripts(t, files, servedVariable+"="+notes) })
	text, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	served, not := 0, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var requests int
		var name string
		if _, err := fmt.Sscanf(line, "%d %s", &requests, &name); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if requests > 0 {
			served++
		} else {
			not[strings.TrimSpace(line)] = true
		}
	}
	for line := range not {
		t.Errorf("a command has made no request, although a server had the database open: %s", line)
	}
	if served == 0 {
		t.Error("no command went through a socket")
	}
}

// servedMain is main with a server that has the database open. Of several commands on one database at
// the same time the first one has the server, until the last one has ended.
func servedMain(notes string) {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	command := func() int { return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr) }
	path, thumbnails := databaseOf(os.Args[1:])
	if path == "" {
		os.Exit(command())
	}
	others := enterTurn(path)
	var requests atomic.Int64
	st, end := serve(path, thumbnails, &requests)
	code := command()
	if st != nil && code == exitOK {
		note(notes, fmt.Sprintf("%d %q\n", requests.Load(), os.Args[1:]))
	}
	if st != nil {
		others.wait()
	}
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, "the server of the test:", err)
		code = 100
	}
	os.Exit(code)
}

// databaseOf returns the database of a command, and its thumbnails. It is empty if the command has none that
// a server could have open.
func databaseOf(args []string) (path, thumbnails string) {
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, now: time.Now}
	root := newRootCommand(a)
	cmd, rest, err := root.Find(args)
	if err != nil || cmd.HasSubCommands() || cmd.ParseFlags(rest) != nil || cmd.Flags().Changed("help") {
		return "", ""
	}
	// These are not about the events of an open database, and some of them are groups of commands.
	without := []string{"help", "version", "completion", "demo", "restore", "repair", "salvage", "serve", "config", "token"}
	for at := cmd; at != nil; at = at.Parent() {
		if slices.Contains(without, at.Name()) {
			return "", ""
		}
	}
	path, err = a.dbPath()
	if err == nil {
		thumbnails, err = a.thumbnailDir()
	}
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", ""
	}
	return path, thumbnails
}

// A turn is a lock that all commands on one database share.
type turn struct{ *os.File }

// enterTurn waits until no server on this database is about to end.
func enterTurn(path string) turn {
	file := must(filepath.EvalSymlinks(must(filepath.Abs(path))))
	name := fnv.New64()
	_, _ = name.Write([]byte(file)) // never fails
	t := turn{must(os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("turn-%x", name.Sum64())), os.O_CREATE|os.O_RDWR, 0o600))}
	t.lock(unix.LOCK_SH)
	return t
}

// wait waits until the other commands, which use the server of this one, have ended. The next one waits for
// this process to end. If the others follow changes, they do not end before this one: then they have to do
// without this server.
func (t turn) wait() {
	t.lock(unix.LOCK_UN) // a lock is not changed at once
	const pause, patience = 5 * time.Millisecond, time.Second
	for waited := time.Duration(0); waited < patience; waited += pause {
		if unix.Flock(int(t.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			return
		}
		time.Sleep(pause)
	}
}

func (t turn) lock(how int) {
	for {
		err := unix.Flock(int(t.Fd()), how)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			panic(err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// serve opens a store and serves it at its socket. st is nil if it cannot be opened, or another process has
// done so.
func serve(path, thumbnails string, requests *atomic.Int64) (st *doorlog.Store, end func() error) {
	none := func() error { return nil }
	st, err := doorlog.Open(path, &doorlog.Options{ThumbnailDir: thumbnails, LockTimeout: -1, Scrub: -1})
	if err != nil {
		return nil, none
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	options := &web.ServeOptions{Addresses: []string{""}, Ready: func([]net.Addr) { close(ready) }, Drain: time.Second}
	options.Observe = func(string, string, int, time.Duration) { requests.Add(1) }
	go func() { ended <- web.Serve(ctx, st, options) }()
	select {
	case <-ready:
	case err := <-ended:
		panic(err)
	}
	return st, func() error {
		stop()
		if err := <-ended; err != nil {
			return err
		}
		return st.Close()
	}
}

func note(file, line string) {
	f := must(os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600))
	must(f.WriteString(line))
	if err := f.Close(); err != nil {
		panic(err)
	}
}
