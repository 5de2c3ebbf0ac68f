package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// The table has each state at each size, with bytes of which nothing is left out: no
// engine can store an event without giving a page to a write call.
func TestWritesAreMeasuredInEachState(t *testing.T) {
	dir := t.TempDir()
	r := newWritesRun(io.Discard)
	r.sizes, r.runs, r.slice, r.dir = []int{1000, 2000}, 2, 5*time.Millisecond, dir
	all, err := r.measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(r.sizes)*len(writeStates) {
		t.Fatalf("%d states", len(all))
	}
	for _, c := range all {
		for writer, rounds := range c.slices {
			cost := c.of(writer)
			if len(rounds) != r.runs || cost.count < r.runs || cost.median <= 0 || cost.high < cost.median || cost.mean <= 0 {
				t.Errorf("%d events, %s, writer %d: %+v in %d rounds", c.events, c.state, writer, cost, len(rounds))
			}
			if _, err := os.Stat("/proc/self/io"); err == nil && cost.bytes < 4096 {
				t.Errorf("%d events, %s, writer %d: %v bytes", c.events, c.state, writer, cost.bytes)
			}
		}
	}
	var table bytes.Buffer
	if err := r.table(&table, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 1,000 | just loaded |", "| 2,000 | compacted |", "| 2,000 | bbolt, meanwhile |", "Over all states: "} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in\n%s", want, &table)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestCancelledWritesLeaveNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	err := command(ctx, []string{"writes", "-dir", dir}, io.Discard, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestWritesRefuseWrongArguments(t *testing.T) {
	for _, args := range []string{"-events 10", "-events x", "-runs 0", "-slice 0s", "more", "-engines doorlog"} {
		if err := command(t.Context(), append([]string{"writes"}, strings.Fields(args)...), io.Discard, io.Discard); err == nil {
			t.Errorf("%s is taken", args)
		}
	}
}

// A stall of one round changes a ratio no more than any other round does.
func TestCostsOfWrites(t *testing.T) {
	const ms = time.Millisecond
	var hundred writeSlice
	for i := range 100 {
		hundred.took = append(hundred.took, time.Duration(100-i)*ms)
	}
	hundred.bytes = 100 * 8192
	if c := costOf(hundred); c.count != 100 || c.median != 0.051 || c.high != 0.1 || c.mean != 0.0505 || c.bytes != 8192 {
		t.Errorf("%+v", c)
	}
	slice := func(took ...time.Duration) writeSlice { return writeSlice{took: took} }
	c := writeCosts{slices: [writerCount][]writeSlice{
		byDoorlog: {slice(2*ms, 2*ms), slice(3 * ms), slice(900 * ms)},
		byBolt:    {slice(1 * ms), slice(1 * ms), slice(1 * ms)},
	}}
	if ratio := c.ratio(byBolt, byMean); ratio != 3 {
		t.Error(ratio)
	}
}
