package terminal

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// None stands in an empty cell.
const None = "—"

const (
	columnGap    = 2
	stackIndent  = 2  // of the lines of a row after its first
	leastCell    = 10 // columns that a cell keeps when it is cut so that its row has one line
	stackedCell  = 24 // columns that a cell has at most if its row has several lines
	leastValue   = 30 // columns that values need beside their names
	widestMargin = 8
)

// uncut has the headers of columns whose cells are never cut.
var uncut = []string{"TIME", "ID", "ADDED", "OLDEST", "NEWEST"}

// WriteTable writes rows in columns that are as wide as their widest cell. Without a header
// each row is a name and a value.
//
// On a terminal the lines fit: the longest cells are cut, and if that is not enough, each row
// and the header have several lines. The values of names are wrapped and not cut.
func WriteTable(w io.Writer, header []string, rows [][]string) error {
	sc := screenFor(w)
	t := table{Screen: sc, fixed: make([]bool, len(header))}
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
	if len(header) == 0 && sc.Columns > 0 {
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
	Screen
	cells  [][]string
	widths []int  // of the columns
	fixed  []bool // the columns that are not cut
	right  bool   // all columns but the first are numbers
	starts []int  // the column with which each line of a row begins
}

func (t *table) add(row []string) {
	cells := make([]string, len(row))
	for c, cell := range row {
		cells[c] = t.text(cmp.Or(Printable(cell), None))
		if c == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[c] = max(t.widths[c], uniseg.StringWidth(cells[c]))
	}
	t.cells = append(t.cells, cells)
}

// room returns how many columns a line may have. There is a margin because some terminals
// give two columns to a sign such as an ellipsis.
func (t *table) room() int { return t.Columns - min(t.Columns/10, widestMargin) }

// fit sets the widths of the columns, and where rows are broken, so that the lines fit.
func (t *table) fit() {
	t.starts = []int{0}
	end := len(t.widths)
	if t.Columns == 0 || t.shrink(0, end, t.room(), leastCell) {
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

// shrink makes the widest of some columns narrower, down to a least width, until all fit into
// the room. If they cannot fit it changes nothing and returns false.
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

// write writes the rows.
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

// writeValues writes names and values. Values are wrapped, beside their names or below.
func (t *table) writeValues(out *bytes.Buffer) {
	if len(t.widths) == 0 {
		return
	}
	indent := t.widths[0] + columnGap
	below := t.Columns-indent < leastValue
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
		room := max(1, t.Columns-indent)
		for i, line := range wrap(strings.Join(row[1:], " "), room, room) {
			if i > 0 {
				out.WriteString(strings.Repeat(" ", indent))
			}
			out.WriteString(line + "\n")
		}
	}
}
