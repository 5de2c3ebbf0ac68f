package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

// The figures in the README are between these lines, and made from the newest
// results.
const (
	figuresBegin = "<!-- figures: made by \"go run ./bench readme\", do not edit -->\n"
	figuresEnd   = "<!-- figures end -->\n"
)

// readmeEngines are those that the README has room for.
var readmeEngines = []string{"doorlog", "sqlite-expert", "sqlite-full", "sqlite-normal", "bolthold", "badger", "pebble"}

// rewriteReadme puts the figures of the newest results into the README. With
// check it changes nothing, and fails if that would.
func rewriteReadme(readme, results string, check bool) error {
	name, r, err := newestReport(results)
	if err != nil {
		return err
	}
	figures := "" // as long as there are no results
	if r != nil {
		figures = r.figures(name)
	}
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	changed, err := withFigures(old, figures)
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	if bytes.Equal(old, changed) {
		return nil
	}
	if check {
		return fmt.Errorf("%s does not have the figures of the newest results, %q: run \"go run ./bench readme\"", readme, name)
	}
	return os.WriteFile(readme, changed, 0o644) //nolint:gosec // it is for everybody
}

// newestReport reads the newest results, nil if there are none: their names are
// their dates.
func newestReport(dir string) (name string, r *report, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return "", nil, err
	}
	name = slices.Max(files)
	r, err = readReport(name)
	return name, r, err
}

func withFigures(readme []byte, figures string) ([]byte, error) {
	begin, end := bytes.Index(readme, []byte(figuresBegin)), bytes.Index(readme, []byte(figuresEnd))
	if begin < 0 || end < begin {
		return nil, errors.New("it has no place for the figures")
	}
	return slices.Concat(readme[:begin+len(figuresBegin)], []byte(figures), readme[end:]), nil
}

// figures is the table of the README: all questions at one size, doorlog's own
// figure and how many times as much the others cost.
func (r *report) figures(name string) string {
	events := r.readmeSize()
	var engines []*spec
	for _, s := range r.Engines {
		if slices.Contains(readmeEngines, s.Name) {
			engines = append(engines, s)
		}
	}
	slices.SortStableFunc(engines, func(a, b *spec) int {
		return slices.Index(readmeEngines, a.Name) - slices.Index(readmeEngines, b.Name)
	})
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s events. %s\n× is how many times as much as doorlog it costs; below 1 doorlog loses.\n", humanize.Comma(int64(events)), r.circumstances())
	b.WriteString("\n| |")
	for _, s := range engines {
		b.WriteString(" " + s.Name)
		if s.Durability == lossy {
			b.WriteString(" (lossy)")
		}
		b.WriteString(" |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(engines)) + "\n")
	for _, q := range r.Questions {
		if r.result(events, baseline, q.Name) == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s |", q.About)
		for _, s := range engines {
			b.WriteString(" " + r.cell(q, r.result(events, s.Name, q.Name)) + " |")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nlossy: %s. All engines, their spread and the plots: [%s](%s).\n", lossy, filepath.Base(name), markdownOf(name))
	return b.String()
}

func (r *report) cell(q *question, res *result) string {
	switch {
	case res == nil:
		return "–"
	case res.Cut != "":
		return res.Cut
	case res.Engine == baseline:
		return format(q.Unit, res.Median)
	}
	return formatRatio(res.Ratio)
}

// markdownOf returns the path of the tables, as the README names it.
func markdownOf(results string) string {
	return "bench/results/" + strings.TrimSuffix(filepath.Base(results), ".json") + ".md"
}

// readmeSize is the largest size at which doorlog and what it takes the place of,
// the original's SQLite, answered every question; else the smallest.
func (r *report) readmeSize() int {
	best := r.Events[0]
	for _, events := range r.Events {
		answered := map[string]int{}
		for _, res := range r.Results {
			if res.Events == events && res.Cut == "" {
				answered[res.Engine]++
			}
		}
		if n := answered["doorlog"]; n > 0 && answered["sqlite-full"] == n {
			best = max(best, events)
		}
	}
	return best
}
