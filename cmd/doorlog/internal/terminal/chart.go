package terminal

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	barWidth  = 40 // columns of a bar, at most
	nameWidth = 20 // columns of a name in a chart, at most

	hoursADay = 24
)

// A style has the characters of charts.
type style struct {
	shades []rune // of a heatmap, from nothing to the most
	fills  []rune // of a cell of a bar, from empty to full
	frame  string // at the sides of a heatmap
}

var (
	blocks = style{shades: []rune(" ░▒▓█"), fills: []rune(" ▏▎▍▌▋▊▉█"), frame: "│"}
	ascii  = style{shades: []rune(" .:-=+*#"), fills: []rune(" #"), frame: "|"}
)

// bar returns a bar for n. The bar for most would have so many cells. If n is not 0 the bar
// has at least a part of a cell.
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

// from returns the least number with a shade, which must not be the first. The number most
// has the last one.
func (s *style) from(shade, most int) int {
	return int(int64(shade-1)*int64(most)/int64(len(s.shades)-1)) + 1
}

// shade returns the shade of n.
func (s *style) shade(n, most int) rune {
	at := 0
	for at+1 < len(s.shades) && n > 0 && n >= s.from(at+1, most) {
		at++
	}
	return s.shades[at]
}

// style returns the characters of charts on the screen.
func (sc Screen) style() *style {
	if sc.ASCII {
		return &ascii
	}
	return &blocks
}

// Clip makes a name printable, and cuts it if it is too long for a chart.
func (sc Screen) Clip(name string) string {
	return sc.cut(sc.text(Printable(name)), nameWidth)
}

// A Chart is a table with a bar at the end of each row. The first column is text, the others
// are numbers.
type Chart struct {
	Header []string
	rows   [][]string
	values []int // of the bars
}

// Add adds a row, and the value of its bar.
func (c *Chart) Add(value int, cells ...string) {
	c.rows, c.values = append(c.rows, cells), append(c.values, value)
}

// WriteChart writes a chart for the screen. On a narrow one it has no bars.
func (sc Screen) WriteChart(w io.Writer, c *Chart) {
	t := table{Screen: Screen{Columns: sc.Width(), ASCII: sc.ASCII}, right: true, fixed: make([]bool, len(c.Header))}
	t.add(c.Header)
	for i := range t.fixed {
		t.fixed[i] = i > 0 // numbers
	}
	for _, row := range c.rows {
		t.add(row)
	}
	room := t.Columns - sum(t.widths) - columnGap*len(t.widths)
	if room < 0 { // rows have several lines
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
	i := -1 // the header
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if i >= 0 {
			line += "  " + sc.style().bar(c.values[i], most, min(room, barWidth))
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
		i++
	}
}

// heatmapSides is how many columns a heatmap has apart from the hours.
const heatmapSides = len("Mon ||") + 1 + 8

// WriteHeatmap writes numbers by weekday, from Sunday, and hour. There is a line for each
// day, with one or two columns for each hour, and a legend of the shades.
func (sc Screen) WriteHeatmap(w io.Writer, h *[7][hoursADay]int) {
	s := sc.style()
	const hoursALabel = 3
	cell := 2 // columns of an hour
	for ; sc.Width() < hoursADay*cell+heatmapSides; cell-- {
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
		day := time.Weekday((i + 1) % len(h)) // the week begins on Monday
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
			continue // it stands for no number
		}
		legend += fmt.Sprintf(" %c %-*d", shade, len(strconv.Itoa(most)), from)
	}
	fmt.Fprintln(w, strings.TrimRight(legend, " "))
}
