package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// "A week ago" is another moment when the next page is asked for.
func TestACursorKeepsTheMomentFromWhichAgesCount(t *testing.T) {
	var times []time.Time
	for i := range 5 {
		times = append(times, noon.Add(time.Duration(i-5)*24*time.Hour))
	}
	storeOf(t, times...)
	pages := []string{"events", "--since", "4d", "--limit", "2", "--oldest-first", "--json"}
	type page struct {
		Events     []doorlog.Event
		Next, Prev string
	}
	read := func(now time.Time, args ...string) (p page) {
		t.Helper()
		out, err := runAt(t, now, append(pages, args...)...)
		if err == nil {
			err = json.Unmarshal([]byte(out), &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := read(noon)
	second := read(noon.Add(48*time.Hour+1), "--cursor", first.Next)
	back := read(noon.Add(49*time.Hour), "--cursor", second.Prev)
	for i, test := range []struct {
		page page
		at   []time.Time
	}{{first, times[1:3]}, {second, times[3:5]}, {back, times[1:3]}} {
		if len(test.page.Events) != len(test.at) {
			t.Fatalf("page %d has %d events, want %d", i, len(test.page.Events), len(test.at))
		}
		for j, e := range test.page.Events {
			if !e.RecordedAt.Equal(test.at[j]) {
				t.Errorf("page %d: event %d is of %s, want %s", i, j, e.RecordedAt, test.at[j])
			}
		}
	}
	if first.Prev != "" || second.Next != "" || back.Prev != "" {
		t.Errorf("cursors beyond the ends: %q, %q, %q", first.Prev, second.Next, back.Prev)
	}

	bare, _, _ := strings.Cut(first.Next, ".")
	for _, args := range [][]string{
		{"--since", "3d", "--cursor", first.Next},                   // another age
		{"--since", "4d", "--cursor", bare},                         // without its moment
		{"--since", "4d", "--cursor", first.Next + "1"},             // another moment
		{"--since", "4d", "--cursor", bare + ".moment!"},            // no moment
		{"--since", "4d", "--cursor", "x" + first.Next},             // damaged
		{"--since", "4d", "--cursor", first.Next + ".0"},            // damaged
		{"--until", "4d", "--cursor", first.Next},                   // another query
		{"--since", "4d", "--cursor", "nonsense"},                   // no cursor
		{"--since", "4d", "--cursor", "."},                          // nothing
		{"--since", "4d", "--cursor", bare + ".zzzzzzzzzzzzzzzzzz"}, // beyond time
	} {
		if out, err := runAt(t, noon.Add(time.Hour), append([]string{"events", "--oldest-first"}, args...)...); !isMisuse(err) {
			t.Errorf("%q: %s, %v; want misuse", args, out, err)
		}
	}
}
