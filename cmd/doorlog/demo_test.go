package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTheDemoSaysWhatCanBeTried(t *testing.T) {
	for _, test := range []struct{ exe, dir, want string }{
		{"/usr/bin/doorlog", "demo", "\nWhat to try next:\n  doorlog --db demo/events.db recent"},
		{"/usr/bin/doorlog", "my house", "  doorlog --db 'my house/events.db' recent"},
		{"/usr/bin/doorlog", "bob's", `  doorlog --db 'bob'\''s/events.db' `},
		{"/usr/bin/doorlog", "$HOME", "  doorlog --db '$HOME/events.db' "},
		{"/tmp/go-build123/b001/exe/doorlog", "demo", "\nWhat to try next, from the root of the repository:\n  go run ./cmd/doorlog --db demo/events.db "},
		{"/home/a/.cache/go-build/ab/abcd-d/doorlog", "demo", "  go run ./cmd/doorlog --db copy.db import latest.jsonl\n"},
	} {
		var out bytes.Buffer
		if err := (&demo{dir: test.dir, exe: test.exe}).report(&out, demoResult{}, nil, time.UTC); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s in %s: %s", test.exe, test.dir, out.String())
		}
	}
}

func TestTheDemoSaysHowFastItWroteIfItDid(t *testing.T) {
	for _, test := range []struct {
		result demoResult
		want   string
	}{
		{demoResult{Events: 30, Seconds: 2}, "written in 2.0 s (15 events a second)\non disk"},
		{demoResult{Seconds: 2, Existing: 1}, "written in 2.0 s\n1 event was there already\non disk"},
		{demoResult{Seconds: 2, Existing: 1234}, "\n1,234 events were there already\n"},
	} {
		var out bytes.Buffer
		if err := (&demo{dir: "demo"}).report(&out, test.result, nil, time.UTC); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%+v: %s", test.result, out.String())
		}
	}
}
