package terminal

import (
	"io"

	"github.com/doorlog/doorlog/internal/printable"
)

// Printable is [printable.Text]: a terminal acts on nothing in it.
func Printable(s string) string { return printable.Text(s) }

// PrintableLines is [printable.Lines].
func PrintableLines(s string) string { return printable.Lines(s) }

// WriteJSON is [printable.WriteJSON].
func WriteJSON(w io.Writer, v any, indent bool) error { return printable.WriteJSON(w, v, indent) }
