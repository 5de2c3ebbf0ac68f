package main

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A progress shows how far a run is, if standard error is a terminal.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(cfg *config) progress {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return progress{}
	}
	return progress{progressbar.NewOptions(cfg.steps(),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// steps is how many turns there are at most; engines may drop out.
func (c *config) steps() int {
	steps := loadParts + 3 // settling, the check after the writes, memory
	for _, q := range c.questions {
		switch {
		case q.ask != nil:
			steps += 1 + c.runs
		case q.Name == askOpen || q.Name == askMixed || writersOf[q.Name] > 0:
			steps += c.runs
		case q.Name == askSize:
			steps++
		}
	}
	all := steps * len(c.events)
	if c.asks(askBinary) {
		all++
	}
	return all * len(c.engines)
}

func (p progress) label(text string) {
	if p.bar != nil {
		p.bar.Describe(text)
	}
}

func (p progress) step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // a bar that cannot be drawn is no reason to fail
	}
}

func (p progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
