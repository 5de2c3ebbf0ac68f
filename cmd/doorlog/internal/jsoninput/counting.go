package jsoninput

import (
	"errors"
	"io"
	"slices"
)

// errLongValue means that a value is too long, and that nothing after it can be read.
var errLongValue = errors.New(ErrTooLong.Error())

// A countingReader tells on which line a byte is, and limits how far beyond the last value
// the decoder may read.
type countingReader struct {
	r     io.Reader
	read  int64
	limit int64   // reading beyond it is errLongValue
	line  int     // of the last place that lineAt was asked for
	ends  []int64 // where the lines after it end
}

// allow lets the decoder read as far as a value may reach that begins at this place.
func (c *countingReader) allow(end int64) { c.limit = end + MaxBytes + 2*readBuffer }

func (c *countingReader) Read(p []byte) (int, error) {
	if c.read >= c.limit {
		return 0, errLongValue
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.limit-c.read)])
	for i, b := range p[:n] {
		if b == '\n' {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

// lineAt returns the line of a place. Places must come in ascending order.
func (c *countingReader) lineAt(at int64) int {
	n, _ := slices.BinarySearch(c.ends, at)
	c.line += n
	c.ends = slices.Delete(c.ends, 0, n)
	return c.line
}
