package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
)

// format writes a value with three digits.
func format(u unit, v float64) string {
	switch u {
	case inSeconds:
		return formatSeconds(v)
	case perSecond:
		return formatCount(v) + "/s"
	case perEvent:
		if v < 10_000 {
			return formatCount(v) + " B"
		}
	}
	return humanize.IBytes(uint64(v))
}

func formatSeconds(v float64) string {
	for _, u := range []struct {
		name string
		of   float64
	}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
		if v >= u.of {
			return threeDigits(v/u.of) + " " + u.name
		}
	}
	return threeDigits(v*1e9) + " ns"
}

func formatCount(v float64) string {
	if v < 1000 {
		return threeDigits(v)
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	return humanize.Comma(int64(math.Round(v/unit) * unit))
}

func threeDigits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func formatRatio(v float64) string {
	if v == 0 {
		return ""
	}
	if v >= 100 {
		return "× " + formatCount(v)
	}
	return "× " + threeDigits(v)
}

// engineOf returns the engine of a result as the report has it.
func (r *report) engineOf(name string) *spec {
	for _, s := range r.Engines {
		if s.Name == name {
			return s
		}
	}
	return &spec{Name: name}
}

// engineLabel is the name of an engine with what has to be known of it.
func engineLabel(s *spec) string {
	switch {
	case s.Floor:
		return s.Name + " (floor)"
	case s.Durability == lossy:
		return s.Name + " (lossy)"
	}
	return s.Name
}

// row is one engine's line of a table.
func (r *report) row(q *question, res *result) []string {
	name := engineLabel(r.engineOf(res.Engine))
	if res.Cut != "" {
		return []string{name, res.Cut, "", ""}
	}
	return []string{name, format(q.Unit, res.Median), format(q.Unit, res.Min) + " – " + format(q.Unit, res.Max), formatRatio(res.Ratio)}
}

// tables calls fn with the lines of each table, of a question at a size.
func (r *report) tables(fn func(events int, q *question, rows [][]string)) {
	for _, events := range r.Events {
		for _, q := range r.Questions {
			var rows [][]string
			for _, s := range r.Engines {
				if res := r.result(events, s.Name, q.Name); res != nil {
					rows = append(rows, r.row(q, res))
				}
			}
			if rows != nil {
				fn(events, q, rows)
			}
		}
	}
}

// text writes the tables for a terminal.
func (r *report) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	r.tables(func(events int, q *question, rows [][]string) {
		fmt.Fprintf(w, "\n%s events: %s\n", humanize.Comma(int64(events)), q.About)
		for _, row := range rows {
			fmt.Fprintf(w, "  %s\n", strings.Join(row, "\t"))
		}
	})
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\n%s events: %s %s\n", humanize.Comma(int64(n.Events)), n.Engine, n.Text)
	}
	fmt.Fprintln(w, "\n× is how many times as much as doorlog it costs; lossy: "+lossy)
	return w.Flush()
}

// markdown writes the same, with the plots.
func (r *report) markdown(w io.Writer, plots string) {
	fmt.Fprintf(w, "# Beside its peers, %s\n\n%s\n", r.Date.Format(time.DateOnly), r.circumstances())
	fmt.Fprintf(w, "\n× is how many times as much as doorlog it costs. The spread is that of the rounds.\n")
	fmt.Fprintf(w, "\n| engine | what it is | version | an acknowledged event |\n| --- | --- | --- | --- |\n")
	for _, s := range r.Engines {
		version := r.Commit
		if known := specOf(s.Name); known != nil && known.Name != baseline {
			version = r.Versions[known.module]
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", s.Name, s.About, version, s.Durability)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "\nAt %s events, %s %s.\n", humanize.Comma(int64(n.Events)), n.Engine, n.Text)
	}
	size := 0
	r.tables(func(events int, q *question, rows [][]string) {
		if events != size {
			fmt.Fprintf(w, "\n## %s events\n", humanize.Comma(int64(events)))
			size = events
		}
		fmt.Fprintf(w, "\n### %s\n\n| engine | median | spread | × doorlog |\n| --- | ---: | ---: | ---: |\n", capital(q.About))
		for _, row := range rows {
			fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		}
		fmt.Fprintf(w, "\n![%s](%s/%s)\n", q.Name, plots, barFile(q.Name, events))
		if growth := growthFile(q.Name); len(r.Events) > 1 && events == r.Events[len(r.Events)-1] {
			fmt.Fprintf(w, "\n![%s, by the number of events](%s/%s)\n", q.Name, plots, growth)
		}
	})
}

// circumstances says on what, with what and how it was measured.
func (r *report) circumstances() string {
	m := r.Machine
	parts := []string{fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)}
	if m.CPU == "" {
		parts[0] = fmt.Sprintf("%d cores", m.Cores)
	}
	if m.Memory > 0 {
		parts = append(parts, humanize.IBytes(uint64(m.Memory))+" of memory")
	}
	if m.FileSystem != "" {
		parts = append(parts, m.FileSystem)
	}
	system := m.OS
	if m.Kernel != "" {
		system += " " + m.Kernel
	}
	parts = append(parts, system, r.Go)
	return fmt.Sprintf("%s. Medians of %d rounds of %s, in which all engines took turns.", strings.Join(parts, ", "), r.Runs, r.Slice)
}

func capital(text string) string {
	runes := []rune(text)
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}
