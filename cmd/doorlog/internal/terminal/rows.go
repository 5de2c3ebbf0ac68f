package terminal

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// widestCell is how many columns a cell of a row may have before it shifts those behind it.
const widestCell = 24

// Rows writes the rows of a table a few at a time, when the later ones are not known yet. A
// column is as wide as its widest cell so far.
type Rows struct{ widths []int }

// Write writes rows. A line that does not fit the screen is wrapped.
func (r *Rows) Write(w io.Writer, rows ...[]string) error {
	sc := screenFor(w)
	cells := make([][]string, len(rows))
	for i, row := range rows {
		for c, cell := range row {
			cell = sc.text(cmp.Or(Printable(cell), None))
			cells[i] = append(cells[i], cell)
			if c == len(r.widths) {
				r.widths = append(r.widths, 0)
			}
			r.widths[c] = max(r.widths[c], min(uniseg.StringWidth(cell), widestCell))
		}
	}
	for _, row := range cells {
		var line strings.Builder
		for c, cell := range row {
			line.WriteString(cell)
			if c < len(row)-1 {
				line.WriteString(strings.Repeat(" ", max(0, r.widths[c]-uniseg.StringWidth(cell))+columnGap))
			}
		}
		if _, err := fmt.Fprintln(w, line.String()); err != nil {
			return err
		}
	}
	return nil
}
