package main

import (
	"sync"

	"github.com/doorlog/doorlog"
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

// follow returns what shows the progress of a long call ([doorlog.Options]), with a bar for
// each thing that the call does, and what takes the last bar away. After that nothing is
// shown any more.
func (a *app) follow() (told func(doorlog.Progress), end func()) {
	var mu sync.Mutex // a store may tell of several calls at once
	var bar terminal.Bar
	var last doorlog.Progress
	ended := false
	told = func(p doorlog.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return
		}
		if p.Doing != last.Doing || p.Total != last.Total || p.Done < last.Done {
			bar.Done()
			bar, last = a.progress(p.Total, p.Doing), doorlog.Progress{}
		}
		if p.Total < 0 {
			bar.Label(p.Doing + ": " + amount(p))
		}
		bar.Add(p.Done - last.Done)
		last = p
	}
	return told, func() {
		mu.Lock()
		defer mu.Unlock()
		bar.Done()
		ended = true
	}
}

// amount returns how much is done.
func amount(p doorlog.Progress) string {
	if p.Bytes {
		return size(p.Done)
	}
	return count(int(p.Done))
}
