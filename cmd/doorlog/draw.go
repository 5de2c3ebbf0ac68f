package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"

	"github.com/doorlog/doorlog"
)

const (
	drawWidth = 80 // columns that every terminal has
	barWidth  = 40 // at most
	nameWidth = 20 // of a name in a drawing; longer ones are cut
)

// A style is the characters that drawings are made of.
type style struct {
	shades   []rune // of a heatmap, from nothing to the most
	fills    []rune // of a cell of a bar, from nothing to full
	frame    string // at the sides of a heatmap
	ellipsis string
}

var (
	blocks = style{shades: []rune(" ░▒▓█"), fills: []rune(" ▏▎▍▌▋▊▉█"), frame: "│", ellipsis: "…"}
	ascii  = style{shades: []rune(" .:-=+*#"), fills: []rune(" #"), frame: "|", ellipsis: "..."}
)

// drawStyle returns what the terminal can show, as the locale says.
func drawStyle() style {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	locale = strings.ToUpper(strings.ReplaceAll(locale, "-", ""))
	if strings.Contains(locale, "UTF8") || locale == "" && runtime.GOOS == "windows" { // which has no such variables
		return blocks
	}
	return ascii
}

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
	name = printable(name)
	if uniseg.StringWidth(name) <= nameWidth {
		return name
	}
	var b strings.Builder
	room := nameWidth - len([]rune(s.ellipsis))
	for rest, state := name, -1; rest != ""; {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if room -= width; room < 0 {
			break
		}
		b.WriteString(cluster)
	}
	return b.String() + s.ellipsis
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
	widths := make([]int, len(c.header))
	for _, row := range append([][]string{c.header}, c.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	room := drawWidth
	for _, width := range widths {
		room -= width + 2
	}
	most := 0
	for _, n := range c.values {
		most = max(most, n)
	}
	line := func(row []string, bar string) {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell))
			if i == 0 {
				b.WriteString(cell + pad + "  ")
			} else {
				b.WriteString(pad + cell + "  ")
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String()+bar, " "))
	}
	line(c.header, "")
	for i, row := range c.rows {
		line(row, s.bar(c.values[i], most, min(room, barWidth)))
	}
}

// heatmap draws a line for each day of the week, two columns for each hour,
// and below it the number with which each shade begins.
func (s *style) heatmap(w io.Writer, h *doorlog.Heatmap) {
	const hoursALabel = 3
	most := 0
	for _, hours := range h {
		for _, n := range hours {
			most = max(most, n)
		}
	}
	var head strings.Builder
	for hour := 0; hour < hoursADay; hour += hoursALabel {
		fmt.Fprintf(&head, "%-*d", 2*hoursALabel, hour)
	}
	fmt.Fprintf(w, "     %s   EVENTS\n", head.String())
	for i := range h {
		day := weekdayAt(i)
		var cells strings.Builder
		sum := 0
		for _, n := range h[day] {
			shade := s.shade(n, most)
			cells.WriteRune(shade)
			cells.WriteRune(shade)
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
