package main

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

const (
	none         = "—" // an empty cell
	columnGap    = 2
	stackIndent  = 2  // of the lines of a row that follow the first
	leastCell    = 10 // columns to which a cell is cut for a row to have one line
	stackedCell  = 24 // and at most in a row of several
	leastValue   = 30 // columns for values beside their names
	widestMargin = 8
)

// uncut are the columns that are whole on any terminal.
var uncut = []string{"TIME", "ID", "ADDED", "OLDEST", "NEWEST"}

// writeTable writes rows in columns that are as wide as their widest cell. Without a
// header a row is a name and a value.
//
// On a terminal the lines fit: the longest cells are cut, or if that is not enough a row,
// and the header too, has several lines. Values are never cut, but wrapped.
func writeTable(w io.Writer, header []string, rows [][]string) error {
	sc := screenFor(w)
	t := table{screen: sc, fixed: make([]bool, len(header))}
	for c, name := range header {
		t.fixed[c] = slices.Contains(uncut, name)
	}
	if len(header) > 0 {
		t.add(header)
	}
	for _, row := range rows {
		t.add(row)
	}
	var out bytes.Buffer
	if len(header) == 0 && sc.columns > 0 {
		t.writeValues(&out)
	} else {
		t.fit()
		t.write(&out)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// A table is laid out for a screen.
type table struct {
	screen
	cells  [][]string
	widths []int  // of the columns
	fixed  []bool // columns that are not cut
	right  bool   // all columns but the first are numbers
	starts []int  // the columns with which the lines of a row begin
}

func (t *table) add(row []string) {
	cells := make([]string, len(row))
	for c, cell := range row {
		cells[c] = t.text(cmp.Or(printable(cell), none))
		if c == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[c] = max(t.widths[c], uniseg.StringWidth(cells[c]))
	}
	t.cells = append(t.cells, cells)
}

// room is how many columns a line may have. A margin is left, because some terminals
// take two columns for a sign such as an ellipsis.
func (t *table) room() int { return t.columns - min(t.columns/10, widestMargin) }

// fit makes the columns so wide that the lines fit, and says where rows are broken.
func (t *table) fit() {
	t.starts = []int{0}
	end := len(t.widths)
	if t.columns == 0 || t.shrink(0, end, t.room(), leastCell) {
		return
	}
	used := 0
	for c := range t.widths {
		width := t.widths[c]
		if !t.isFixed(c) {
			width = min(width, stackedCell)
		}
		if c > 0 && used+columnGap+width > t.room() {
			t.starts = append(t.starts, c)
			used = stackIndent
		} else if c > 0 {
			used += columnGap
		}
		used += width
	}
	for i, from := range t.starts {
		to, room := end, t.room()
		if i+1 < len(t.starts) {
			to = t.starts[i+1]
		}
		if i > 0 {
			room -= stackIndent
		}
		t.shrink(from, to, room, 1)
	}
}

func (t *table) isFixed(c int) bool { return c < len(t.fixed) && t.fixed[c] }

// shrink makes the widest of some columns less wide, but none less than the least, until
// all fit into the room. It changes nothing if they cannot, and returns false.
func (t *table) shrink(from, to, room, least int) bool {
	widths := slices.Clone(t.widths)
	for over := sum(widths[from:to]) + columnGap*(to-from-1) - room; over > 0; over-- {
		widest := -1
		for c := from; c < to; c++ {
			if !t.isFixed(c) && widths[c] > least && (widest < 0 || widths[c] > widths[widest]) {
				widest = c
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	t.widths = widths
	return true
}

func sum(numbers []int) (n int) {
	for _, v := range numbers {
		n += v
	}
	return n
}

// write writes the rows in their lines.
func (t *table) write(out *bytes.Buffer) {
	for _, row := range t.cells {
		for c, cell := range row {
			isStart := slices.Contains(t.starts, c)
			switch {
			case c > 0 && isStart:
				out.WriteString("\n" + strings.Repeat(" ", stackIndent))
			case c > 0:
				out.WriteString(strings.Repeat(" ", columnGap))
			}
			if !t.isFixed(c) {
				cell = t.cut(cell, t.widths[c])
			}
			pad := strings.Repeat(" ", max(0, t.widths[c]-uniseg.StringWidth(cell)))
			switch {
			case t.right && c > 0:
				out.WriteString(pad + cell)
			case c == len(row)-1 || slices.Contains(t.starts, c+1): // the last of a line
				out.WriteString(cell)
			default:
				out.WriteString(cell + pad)
			}
		}
		out.WriteByte('\n')
	}
}

// writeValues writes names and values, which are wrapped beside or below their names.
func (t *table) writeValues(out *bytes.Buffer) {
	if len(t.widths) == 0 {
		return
	}
	indent := t.widths[0] + columnGap
	below := t.columns-indent < leastValue
	if below {
		indent = stackIndent
	}
	for _, row := range t.cells {
		out.WriteString(row[0])
		if below {
			out.WriteString("\n" + strings.Repeat(" ", indent))
		} else {
			out.WriteString(strings.Repeat(" ", indent-uniseg.StringWidth(row[0])))
		}
		room := max(1, t.columns-indent)
		for i, line := range wrap(strings.Join(row[1:], " "), room, room) {
			if i > 0 {
				out.WriteString(strings.Repeat(" ", indent))
			}
			out.WriteString(line + "\n")
		}
	}
}
