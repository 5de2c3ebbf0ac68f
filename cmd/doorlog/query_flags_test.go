package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func TestParseHours(t *testing.T) {
	for in, want := range map[string]doorlog.Hours{
		"22-6": {From: 22, Until: 6}, "0-24": {From: 0, Until: 24}, "08-17": {From: 8, Until: 17}, "23-0": {From: 23, Until: 24}, "6-22": {From: 6, Until: 22},
	} {
		if got, ok := parseHours(in); !ok || got != want {
			t.Errorf("%q: %v, %v, want %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "-", "22", "22-", "-6", "24-6", "22-25", "6-6", "0-0", "a-b", "22-6-7", "-1-5", "22:00-6:00", "1--1"} {
		if got, ok := parseHours(in); ok {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func TestParseWeekdays(t *testing.T) {
	for in, want := range map[string][]time.Weekday{
		"sat": {6}, "Sunday": {0}, "THURS": {4}, "mon-fri": {1, 2, 3, 4, 5}, "fri-mon": {5, 6, 0, 1}, "tue-tue": {2},
	} {
		if got, ok := parseWeekdays(in); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v, want %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "s", "su", "sx", "sundays", "mon-", "-fri", "mon-fri-sat", "1", "-"} {
		if got, ok := parseWeekdays(in); ok {
			t.Errorf("%q is %v", in, got)
		}
	}
}

// parseQuery returns the query of a command line.
func parseQuery(t *testing.T, loc *time.Location, args ...string) (doorlog.Query, error) {
	t.Helper()
	var q queryFlags
	cmd := &cobra.Command{}
	q.addTo(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return q.query(cmd.Flags().Changed, noon, loc)
}

func TestEachFlagIsAFieldOfTheQuery(t *testing.T) {
	berlin := zoneOf(t, "Europe/Berlin")
	const limit = doorlog.DefaultPageLimit
	yes, no := new(true), new(false)
	for _, test := range []struct {
		args []string
		want doorlog.Query
	}{
		{nil, doorlog.Query{}},
		{[]string{"--camera", "a,b", "--camera", "c"}, doorlog.Query{Cameras: []string{"a", "b", "c"}}},
		{[]string{"--person", `"Smith, Al"`}, doorlog.Query{Persons: []string{"Smith, Al"}}},
		{[]string{"--label", "dog", "--min-confidence", "0.5"}, doorlog.Query{Labels: []string{"dog"}, MinConfidence: 0.5}},
		{[]string{"--type", "ding,motion"}, doorlog.Query{Types: []doorlog.EventType{doorlog.Ding, doorlog.Motion}}},
		{[]string{"--door", "none,locked"}, doorlog.Query{Doors: []doorlog.DoorAction{doorlog.NoAction, doorlog.Locked}}},
		{[]string{"--stranger"}, doorlog.Query{Stranger: yes}},
		{[]string{"--known"}, doorlog.Query{Stranger: no}},
		{[]string{"--known=false"}, doorlog.Query{Stranger: yes}},
		{[]string{"--known", "--person", "a"}, doorlog.Query{Stranger: no, Persons: []string{"a"}}},
		{[]string{"--unlocked"}, doorlog.Query{UnlockGranted: yes}},
		{[]string{"--unlocked=false"}, doorlog.Query{UnlockGranted: no}},
		{[]string{"--alerted"}, doorlog.Query{AlertSent: yes}},
		{[]string{"--unalerted"}, doorlog.Query{AlertSent: no}},
		{[]string{"--has-thumbnail"}, doorlog.Query{HasThumbnail: yes}},
		{[]string{"--has-thumbnail=false"}, doorlog.Query{HasThumbnail: no}},
		{[]string{"--pinned"}, doorlog.Query{Pinned: yes}},
		{[]string{"--pinned=false"}, doorlog.Query{Pinned: no}},
		{[]string{"--door", "jammed,failed"}, doorlog.Query{Doors: []doorlog.DoorAction{doorlog.Jammed, doorlog.Failed}}},
		{[]string{"--method", "keypad,voice"}, doorlog.Query{Methods: []doorlog.Method{doorlog.MethodKeypad, "voice"}}},
		{[]string{"--attribute", "zone=porch", "--attribute", "zone=lawn, back", "--attribute", "plate=a=b", "--attribute", "note="}, doorlog.Query{
			Attributes: map[string][]string{"zone": {"porch", "lawn, back"}, "plate": {"a=b"}, "note": {""}},
		}},
		{[]string{"--reviewed"}, doorlog.Query{Reviewed: yes}},
		{[]string{"--unreviewed"}, doorlog.Query{Reviewed: no}},
		{[]string{"--recording", "r1"}, doorlog.Query{RecordingID: "r1"}},
		{[]string{"--since", "1d", "--until", "2026-02-25"}, doorlog.Query{
			Since: noon.AddDate(0, 0, -1), Until: time.Date(2026, 2, 25, 0, 0, 0, 0, berlin),
		}},
		{[]string{"--hours", "22-6"}, doorlog.Query{Hours: &doorlog.Hours{From: 22, Until: 6}, Location: berlin}},
		{[]string{"--weekdays", "sat,sun"}, doorlog.Query{Weekdays: []time.Weekday{6, 0}, Location: berlin}},
		{[]string{"--oldest-first", "--offset", "7"}, doorlog.Query{OldestFirst: true, Offset: 7}},
	} {
		test.want.Limit = limit
		got, err := parseQuery(t, berlin, test.args...)
		// Nothing given is an empty list of pflag's, which is the same to the store.
		for _, names := range []*[]string{&got.Cameras, &got.Persons, &got.Labels} {
			if len(*names) == 0 {
				*names = nil
			}
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %+v, %v, want %+v", test.args, got, err, test.want)
		}
	}
}

func TestAQueryThatContradictsItselfIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--stranger", "--known"},
		{"--stranger", "--person", "a"},
		{"--known=false", "--person", "a"},
		{"--alerted", "--unalerted"},
		{"--reviewed", "--unreviewed"},
		{"--method", ""},
		{"--attribute", "zone"},
		{"--attribute", "=porch"},
		{"--attribute", ""},
		{"--since", "1d", "--until", "2d"},
		{"--since", "2026-02-26", "--until", "2026-02-25"},
		{"--since", ""},
		{"--until", "soon"},
		{"--hours", "6-6"},
		{"--hours", ""},
		{"--weekdays", "someday"},
		{"--weekdays", ""},
		{"--camera", ""},
		{"--camera", "a,,b"},
		{"--recording", ""},
		{"--door", "ajar"},
		{"--min-confidence", "1.1"},
		{"--min-confidence", "NaN"},
		{"--limit", "0"},
		{"--offset", "-1"},
	} {
		if q, err := parseQuery(t, time.UTC, args...); !isMisuse(err) {
			t.Errorf("%q: %+v, %v; want misuse", args, q, err)
		}
	}
}
