//go:build unix

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// randomStore fills a database with events in which random flags find some.
func randomStore(t *testing.T, c *cli, rnd *rand.Rand) {
	t.Helper()
	c.withWriter(func(st *doorlog.Store) error {
		pick := func(texts ...string) string { return texts[rnd.IntN(len(texts))] }
		for range 2 {
			events := make([]doorlog.Event, 1000)
			for i := range events {
				e := &events[i]
				e.Camera, e.Type = pick("porch", "garage", "Hof Süd", "玄関", "a&b=c"), doorlog.EventType(pick("motion", "ding", "a+b"))
				e.RecordedAt = day.Add(time.Duration(rnd.Int64N(int64(60 * 24 * time.Hour))))
				e.Person, e.RecordingID = pick("", "", "alice", "José"), pick("", strconv.Itoa(rnd.IntN(500)))
				e.Door, e.Method = doorlog.DoorAction(rnd.IntN(4)), doorlog.Method(pick("", "face", "keypad"))
				e.UnlockGranted, e.AlertSent, e.Pinned, e.Reviewed = rnd.IntN(2) == 0, rnd.IntN(3) == 0, rnd.IntN(9) == 0, rnd.IntN(2) == 0
				if rnd.IntN(2) == 0 {
					e.Attributes = map[string]string{pick("zone", "a=b"): pick("porch", "x%3Dy", "ü ö")}
				}
				for range rnd.IntN(3) {
					e.Detections = append(e.Detections, doorlog.Detection{Label: pick("person", "dog", "car"), Confidence: float64(rnd.IntN(101)) / 100})
				}
			}
			events = slices.CompactFunc(events, func(a, b doorlog.Event) bool { return a.RecordedAt.Equal(b.RecordedAt) })
			if _, err := st.WriteEvents(t.Context(), events); err != nil {
				return err
			}
		}
		_, err := st.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"})
		return err
	})
}

// randomFlags returns flags of "doorlog events". Some are not valid, or exclude each other.
func randomFlags(rnd *rand.Rand) (args []string) {
	days := func() string { return day.AddDate(0, 0, rnd.IntN(60)).Format(time.DateOnly) }
	flags := []func() string{
		func() string {
			return "--camera=" + []string{"porch", "garage,玄関", "Hof Süd", "a&b=c", "none"}[rnd.IntN(5)]
		},
		func() string { return "--person=" + []string{"alice", "José", "Jose\u0301", "bob"}[rnd.IntN(4)] },
		func() string { return "--label=" + []string{"person", "dog,car", "cat"}[rnd.IntN(3)] },
		func() string { return "--type=" + []string{"motion", "ding", "a+b"}[rnd.IntN(3)] },
		func() string { return "--door=" + []string{"none", "unlocked", "locked,opened", "ajar"}[rnd.IntN(4)] },
		func() string { return "--method=" + []string{"face", "keypad,face"}[rnd.IntN(2)] },
		func() string {
			return "--attribute=" + []string{"zone=porch", "a=b=ü ö", "zone=x%3Dy", "zone"}[rnd.IntN(4)]
		},
		func() string { return "--min-confidence=" + []string{"0.5", "1", "0.333333333333"}[rnd.IntN(3)] },
		func() string { return "--recording=" + strconv.Itoa(rnd.IntN(500)) },
		func() string { return "--since=" + days() },
		func() string { return "--until=" + days() },
		func() string { return "--since=" + strconv.Itoa(1+rnd.IntN(400)) + "d" },
		func() string { return fmt.Sprintf("--hours=%d-%d", rnd.IntN(24), rnd.IntN(26)) },
		func() string { return "--weekdays=" + []string{"mon-fri", "sat,sun", "wed"}[rnd.IntN(3)] },
		func() string {
			return "--tz=" + []string{"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", "Asia/Kathmandu", "UTC"}[rnd.IntN(4)]
		},
		func() string { return "--stranger" }, func() string { return "--known" }, func() string { return "--unlocked" },
		func() string { return "--unlocked=false" }, func() string { return "--alerted" }, func() string { return "--unalerted" },
		func() string { return "--pinned" }, func() string { return "--pinned=false" }, func() string { return "--has-thumbnail=false" },
		func() string { return "--reviewed" }, func() string { return "--unreviewed" }, func() string { return "--oldest-first" },
		func() string { return "--offset=" + strconv.Itoa(rnd.IntN(30)) },
	}
	for _, i := range rnd.Perm(len(flags))[:rnd.IntN(4)] {
		args = append(args, flags[i]())
	}
	switch rnd.IntN(8) {
	case 0:
		return append(args, "--count")
	case 1:
		return append(args, "--explain")
	}
	return append(args, "--limit="+strconv.Itoa(1+rnd.IntN(60)))
}

// Whatever the flags are, a command prints the same through a socket as of the file.
func TestRandomFlagsFindTheSameThroughASocket(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 300))
	c := newCLI(t)
	randomStore(t, c, rnd)
	type result struct {
		args        []string
		code        int
		out, errOut string
	}
	now := time.Now() // of both runs, so that an AGE is the same time
	do := func(args []string) result {
		var out, errOut bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &errOut, now: func() time.Time { return now }, patience: -1}
		root := newRootCommand(a)
		root.SetArgs(args)
		cmd, err := root.ExecuteContextC(t.Context())
		return result{args, report(t.Context(), &errOut, cmd, err), out.String(), errOut.String()}
	}
	queries := 300
	if *long {
		queries = 2000
	}
	var results []result
	found := 0
	for range queries {
		form := []string{"--json", "--json", "--jsonl", "--tz=UTC"}[rnd.IntN(4)]
		args := append([]string{"events"}, randomFlags(rnd)...)
		if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--tz") }) || form != "--tz=UTC" {
			args = append(args, form)
		}
		r := do(args)
		if len(r.out) > 100 {
			found++
		}
		results = append(results, r)
	}
	if found < 100 {
		t.Fatalf("only %d of the queries found something", found)
	}
	var requests atomic.Int64
	st, end := serve(c.db, "", &requests)
	if st == nil {
		t.Fatal("the server cannot open the database")
	}
	for _, want := range results {
		if got := do(want.args); got.code != want.code || got.out != want.out || got.errOut != want.errOut {
			t.Errorf("doorlog %q ended with %d and printed\n%.2000s%s\nof the file it was %d and\n%.2000s%s",
				want.args, got.code, got.out, got.errOut, want.code, want.out, want.errOut)
		}
	}
	if n := int(requests.Load()); n < found {
		t.Errorf("%d requests were made", n)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}
