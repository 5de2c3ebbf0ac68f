package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"doorlog": func() {
		if notes := os.Getenv(servedVariable); notes != "" {
			servedMain(notes)
		}
		main()
	}})
}

// TestScripts runs the command as a process of its own, as the scripts say.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	runScripts(t, files)
}

// runScripts runs scripts with these variables.
func runScripts(t *testing.T, files []string, variables ...string) {
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TZ", "UTC")
			env.Vars = append(env.Vars, variables...)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // with -race each process would take a second longer
			env.Setenv("GOVERSION", runtime.Version())
			return makeFrames(env.WorkDir)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"json":     jsonHas,
			"capture":  capture,
			"field":    field,
			"finds":    finds,
			"unread":   unread,
			"sample":   sample,
			"damage":   damage,
			"truncate": truncate,
			"old":      old,
		},
	})
}

// makeFrames makes frame.jpg, and frame.zip, which is no picture.
func makeFrames(dir string) error {
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		return err
	}
	for name, data := range map[string][]byte{"frame.jpg": picture.Bytes(), "frame.zip": []byte("PK\x03\x04 no picture")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// old FILE... makes files two hours old: prune spares files younger than an hour.
func old(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: old FILE...")
	}
	past := time.Now().Add(-2 * time.Hour)
	for _, name := range args {
		ts.Check(os.Chtimes(ts.MkAbs(name), past, past))
	}
}

// exits CODE PROGRAM [ARG...] runs a program that ends with the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as os/exec returns it
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// json FILE PATH VALUE looks into a JSON document: PATH goes down by keys and
// indexes, as in 0.detections.1.label; len is the length. FILE may
// be stdout.
func jsonHas(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var at any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &at))
	for key := range strings.SplitSeq(args[1], ".") {
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[key]
			if !ok && key != "len" {
				ts.Fatalf("there is no %q on the way of %s", key, args[1])
			}
			if at = next; key == "len" {
				at = len(v)
			}
		case []any:
			if key == "len" {
				at = len(v)
				continue
			}
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				ts.Fatalf("there is no %q in an array of %d, on the way of %s", key, len(v), args[1])
			}
			at = v[i]
		default:
			ts.Fatalf("there is nothing below %v, on the way of %s", at, args[1])
		}
	}
	if got := fmt.Sprint(at); (got == args[2]) == neg {
		ts.Fatalf("%s is %q, wanted %q (or, with !, something else)", args[1], got, args[2])
	}
}

// capture NAME sets a variable to what the last command printed.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// field FILE NAME VARIABLE sets a variable to a field of a JSON object.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: field FILE NAME VARIABLE")
	}
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &object))
	text, ok := object[args[1]].(string)
	if !ok {
		ts.Fatalf("%s is %v, no text", args[1], object[args[1]])
	}
	ts.Setenv(args[2], text)
}

// unread PROGRAM [ARG...] runs a program whose output nobody reads. It must succeed, and
// print no error.
func unread(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: unread PROGRAM [ARG...]")
	}
	r, w, err := os.Pipe()
	ts.Check(err)
	ts.Check(r.Close())
	defer w.Close()
	var errOut strings.Builder
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), w, &errOut
	if err := cmd.Run(); err != nil || errOut.Len() > 0 {
		ts.Fatalf("%v: %s", err, &errOut)
	}
}

// finds RECORDINGS [FLAG...] runs "doorlog events" with these flags. It must find the events
// of these recordings in this order.
func finds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: finds RECORDINGS [FLAG...]")
	}
	ts.Check(ts.Exec("doorlog", append([]string{"events", "--jsonl"}, args[1:]...)...))
	found := []string{}
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var e struct {
			Recording string `json:"recording_id"`
		}
		ts.Check(json.Unmarshal([]byte(line), &e))
		found = append(found, e.Recording)
	}
	if got := strings.Join(found, " "); got != args[0] {
		ts.Fatalf("found %q, wanted %q", got, args[0])
	}
}

var long = flag.Bool("long", false, "run the tests that wait, too")
