package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/doorlog/doorlog"
)

const (
	drawWidth = 80 // columns that every terminal has
	barWidth  = 40 // at most
	nameWidth = 20 // of a name in a drawing; longer ones are cut
)

// A style is the characters that drawings are made of.
type style struct {
	shades  []rune // of a heatmap, from nothing to the most
	fills   []rune // of a cell of a bar, from nothing to full
	frame   string // at the sides of a heatmap
	ascii   bool
	columns int
}

var (
	blocks = style{shades: []rune(" ░▒▓█"), fills: []rune(" ▏▎▍▌▋▊▉█"), frame: "│", columns: drawWidth}
	ascii  = style{shades: []rune(" .:-=+*#"), fills: []rune(" #"), frame: "|", ascii: true, columns: drawWidth}
)

// bar returns a bar for n where the longest, for most, has so many cells. What
// is not nothing shows.
func (s *style) bar(n, most, cells int) string {
	if n <= 0 || most <= 0 || cells <= 0 {
		return ""
	}
	steps := len(s.fills) - 1
	long := max(int(math.Round(float64(n)/float64(most)*float64(cells*steps))), 1)
	text := strings.Repeat(string(s.fills[steps]), long/steps)
	if rest := long % steps; rest > 0 {
		text += string(s.fills[rest])
	}
	return text
}

// from returns the least number that is drawn in a shade, which is not 0,
// where most is drawn in the last.
func (s *style) from(shade, most int) int {
	return int(int64(shade-1)*int64(most)/int64(len(s.shades)-1)) + 1
}

func (s *style) shade(n, most int) rune {
	at := 0
	for at+1 < len(s.shades) && n > 0 && n >= s.from(at+1, most) {
		at++
	}
	return s.shades[at]
}

// clip cuts a name to nameWidth columns.
func (s *style) clip(name string) string {
	sc := screen{ascii: s.ascii}
	return sc.cut(sc.text(printable(name)), nameWidth)
}

// A chart is a table with a bar at the end of each row. The first column is
// text, the others are numbers.
type chart struct {
	header []string
	rows   [][]string
	values []int // a bar for each row
}

func (c *chart) add(value int, cells ...string) {
	c.rows, c.values = append(c.rows, cells), append(c.values, value)
}

func (s *style) chart(w io.Writer, c *chart) {
	t := table{screen: screen{columns: s.columns, ascii: s.ascii}, right: true, fixed: make([]bool, len(c.header))}
	t.add(c.header)
	for i := range t.fixed {
		t.fixed[i] = i > 0 // numbers
	}
	for _, row := range c.rows {
		t.add(row)
	}
	room := s.columns - sum(t.widths) - columnGap*len(t.widths)
	if room < 0 { // the terminal is narrow: rows have several lines, and no bars
		t.fit()
		var out bytes.Buffer
		t.write(&out)
		fmt.Fprint(w, out.String())
		return
	}
	most := 0
	for _, n := range c.values {
		most = max(most, n)
	}
	t.starts = []int{0}
	var out bytes.Buffer
	t.write(&out)
	i := -1 // of the header
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if i >= 0 {
			line += "  " + s.bar(c.values[i], most, min(room, barWidth))
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		i++
	}
}

// heatmapSides is how many columns a heatmap has beside the hours.
const heatmapSides = len("Mon ||") + 1 + 8

// heatmap draws a line for each day of the week, one or two columns for each hour,
// and below it the number with which each shade begins.
func (s *style) heatmap(w io.Writer, h *doorlog.Heatmap) {
	const hoursALabel = 3
	cell := 2 // columns of an hour
	for ; s.columns < hoursADay*cell+heatmapSides; cell-- {
		if cell == 1 {
			fmt.Fprintln(w, "(the terminal is too narrow)")
			return
		}
	}
	most := 0
	for _, hours := range h {
		for _, n := range hours {
			most = max(most, n)
		}
	}
	var head strings.Builder
	for hour := 0; hour < hoursADay; hour += hoursALabel {
		fmt.Fprintf(&head, "%-*d", cell*hoursALabel, hour)
	}
	fmt.Fprintf(w, "     %s   EVENTS\n", head.String())
	for i := range h {
		day := weekdayAt(i)
		var cells strings.Builder
		sum := 0
		for _, n := range h[day] {
			cells.WriteString(strings.Repeat(string(s.shade(n, most)), cell))
			sum += n
		}
		fmt.Fprintf(w, "%s %s%s%s %8s\n", day.String()[:3], s.frame, cells.String(), s.frame, humanize.Comma(int64(sum)))
	}
	legend := "from "
	for i, shade := range s.shades[1:] {
		from := s.from(i+1, most)
		if i+2 < len(s.shades) && s.from(i+2, most) == from {
			continue // there are more shades than numbers
		}
		legend += fmt.Sprintf(" %c %-*d", shade, len(strconv.Itoa(most)), from)
	}
	fmt.Fprintln(w, strings.TrimRight(legend, " "))
}
