package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
)

// A writeCost is what a write of one writer costs.
type writeCost struct {
	count              int
	median, high, mean float64 // seconds; high is the 99th percentile
	bytes              float64 // given to write calls; 0: the system does not say
}

// costOf returns what a write costs in several slices together.
func costOf(parts ...writeSlice) (c writeCost) {
	var took []time.Duration
	var sum time.Duration
	var bytes int64
	for i := range parts {
		took = append(took, parts[i].took...)
		bytes += parts[i].bytes
	}
	for _, d := range took {
		sum += d
	}
	slices.Sort(took)
	c.count = len(took)
	c.median, c.high = took[c.count/2].Seconds(), took[c.count*99/100].Seconds()
	c.mean = (sum / time.Duration(c.count)).Seconds()
	c.bytes = float64(bytes) / float64(c.count)
	return c
}

// of returns what a write of one writer costs.
func (c *writeCosts) of(writer int) writeCost { return costOf(c.slices[writer]...) }

// ratio returns how many times as much as another writer's a write of doorlog's costs.
// It is the median of the ratios of the rounds.
func (c *writeCosts) ratio(other int, by func(writeCost) float64) float64 {
	var all []float64
	for i := range c.slices[byDoorlog] {
		all = append(all, by(costOf(c.slices[byDoorlog][i]))/by(costOf(c.slices[other][i])))
	}
	return median(all)
}

func byMedian(c writeCost) float64 { return c.median }
func byMean(c writeCost) float64   { return c.mean }

// table writes the costs as Markdown.
func (r *writesRun) table(out io.Writer, all []*writeCosts) error {
	about := &report{Machine: thisMachine(r.dir), Go: runtime.Version(), Runs: r.runs, Slice: r.slice.String()}
	fmt.Fprintf(out, "%s\n\n", about.circumstances())
	fmt.Fprintln(out, "| events | state of the store | median | 99th percentile | mean | written per event | "+
		"median, × bolt's | events a second, × SQLite's | written, × SQLite's |")
	fmt.Fprintln(out, "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	var most writesSummary
	for i, c := range all {
		d := c.of(byDoorlog)
		toBolt, toSQLite := c.ratio(byBolt, byMedian), 1/c.ratio(bySQLite, byMean)
		most.add(d, toBolt, toSQLite)
		row(out, c.events, c.state, d)
		fmt.Fprintf(out, " %.2f | %.2f | %s |\n", toBolt, toSQLite, formatTimes(d.bytes, c.of(bySQLite).bytes))
		if i+1 == len(all) || all[i+1].events != c.events {
			for _, writer := range [...]int{byBolt, bySQLite} {
				row(out, c.events, r.writers[writer].spec.Name+", meanwhile", meanwhile(all, c.events, writer))
				fmt.Fprintln(out, " | | |")
			}
		}
	}
	_, err := fmt.Fprint(out, "\n", most.text())
	return err
}

// meanwhile returns what a write of one of the others costs beside all states of a size.
func meanwhile(all []*writeCosts, events, writer int) writeCost {
	var parts []writeSlice
	for _, c := range all {
		if c.events == events {
			parts = append(parts, c.slices[writer]...)
		}
	}
	return costOf(parts...)
}

// row writes the first cells of a line.
func row(out io.Writer, events int, name string, c writeCost) {
	fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |", humanize.Comma(int64(events)), name,
		formatSeconds(c.median), formatSeconds(c.high), formatSeconds(c.mean), formatKiB(c.bytes))
}

func formatKiB(bytes float64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f KiB", bytes/1024)
}

func formatTimes(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// A writesSummary has the bounds of all states.
type writesSummary struct {
	bytes, median, toBolt, toSQLite [2]float64 // least and most
}

func (s *writesSummary) add(c writeCost, toBolt, toSQLite float64) {
	for _, b := range []struct {
		bounds *[2]float64
		value  float64
	}{{&s.bytes, c.bytes}, {&s.median, c.median}, {&s.toBolt, toBolt}, {&s.toSQLite, toSQLite}} {
		if b.bounds[1] == 0 {
			b.bounds[0] = b.value
		}
		b.bounds[0], b.bounds[1] = min(b.bounds[0], b.value), max(b.bounds[1], b.value)
	}
}

func (s *writesSummary) text() string {
	return fmt.Sprintf("Over all states: %s to %s an event (× %s), a median of %s to %s (× %s), %.2f to %.2f × bolt's (× %s), "+
		"and %.2f to %.2f × as many events a second as SQLite.\n",
		formatKiB(s.bytes[0]), formatKiB(s.bytes[1]), formatTimes(s.bytes[1], s.bytes[0]),
		formatSeconds(s.median[0]), formatSeconds(s.median[1]), formatTimes(s.median[1], s.median[0]),
		s.toBolt[0], s.toBolt[1], formatTimes(s.toBolt[1], s.toBolt[0]), s.toSQLite[0], s.toSQLite[1])
}
