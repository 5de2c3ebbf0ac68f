package main

import (
	"github.com/dustin/go-humanize"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// bars returns standard error as what shows progress bars.
func (a *app) bars() *terminal.ErrorWriter {
	if w, ok := a.err.(*terminal.ErrorWriter); ok {
		return w
	}
	return terminal.NewErrorWriter(a.err, terminal.Screen{}, false)
}

// progress shows a bar for total steps, or a spinner if total is -1.
func (a *app) progress(total int64, label string) terminal.Bar {
	return a.bars().Progress(total, label)
}

// byteProgress returns what shows in the label of a spinner how many bytes are done. A total
// of less than 0 is not known.
func byteProgress(bar terminal.Bar, doing string) func(done, total int64) {
	return func(done, total int64) {
		text := doing + ": " + humanize.IBytes(uint64(max(0, done)))
		if total >= 0 {
			text += " of " + humanize.IBytes(uint64(total))
		}
		bar.Label(text)
		bar.Add(0) // draws it
	}
}
