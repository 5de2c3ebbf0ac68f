package main

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// An errorWriter is standard error, and the progress bar's place if that is a
// terminal: what is written takes the bar's line, which comes back below it.
// It is safe for concurrent use.
type errorWriter struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // nil: none is shown
}

func newErrorWriter(w io.Writer) *errorWriter {
	f, ok := w.(*os.File)
	return &errorWriter{w: w, terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (e *errorWriter) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.bar != nil {
		_ = e.bar.Clear() // a bar that cannot be drawn is no reason to fail
	}
	return e.w.Write(p)
}

// A progressBar shows how far a command is. It is safe for concurrent use.
type progressBar struct{ on *errorWriter } // on nil: there is nothing to draw on

// progress shows a bar for total steps, or, if total is -1, a sign of life whose
// Label may tell how far it is. Unless standard error is a terminal it shows
// nothing.
func (a *app) progress(total int64, label string) progressBar {
	w, ok := a.err.(*errorWriter)
	if !ok || !w.terminal || total == 0 {
		return progressBar{}
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w.w),
		progressbar.OptionSetDescription(label),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
	}
	if total < 0 {
		options = append(options, progressbar.OptionSpinnerType(14))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bar = progressbar.NewOptions64(total, options...)
	return progressBar{on: w}
}

// Add moves the bar on by n steps.
func (b progressBar) Add(n int64) {
	b.draw(func(bar *progressbar.ProgressBar) { _ = bar.Add64(n) })
}

// Label changes the words before the bar.
func (b progressBar) Label(text string) {
	b.draw(func(bar *progressbar.ProgressBar) { bar.Describe(text) })
}

// Done takes the bar away.
func (b progressBar) Done() {
	b.draw(func(bar *progressbar.ProgressBar) {
		_ = bar.Finish()
		b.on.bar = nil
	})
}

func (b progressBar) draw(with func(*progressbar.ProgressBar)) {
	if b.on == nil {
		return
	}
	b.on.mu.Lock()
	defer b.on.mu.Unlock()
	if b.on.bar != nil {
		with(b.on.bar)
	}
}
