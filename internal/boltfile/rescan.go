package boltfile

import (
	"context"
)

// A rescanGuard keeps bolt from reading damaged pages after a commit has failed.
//
// After a failed commit bolt rebuilds its list of free pages. No commit writes that list,
// so bolt reads every page of the mapped file, in a goroutine of its own. There a damaged
// page would end the process, or make bolt take used pages for free ones.
//
// Before it starts, bolt logs the failure. So the guard is bolt's logger: when bolt logs an
// error, the guard compares all pages with their sums. If one differs or cannot be read, the
// guard panics with an error that is [fault.ErrCorrupt], and bolt does not start. The caller
// of Commit converts the panic to an error.
type rescanGuard struct{ f *File }

func (g rescanGuard) Errorf(string, ...any) {
	if g.f.db == nil || g.f.table == nil { // bolt is still opening the file, or the file is being made
		return
	}
	// The commit is still in progress, so nobody else writes: the pages that differ can be
	// compared again at once.
	err := g.f.Scrub(context.Background(), nil, func(again func() error) error { return again() })
	if err != nil {
		g.f.table.tell(err)
		panic(err)
	}
}

func (rescanGuard) Debug(...any) {}

func (rescanGuard) Debugf(string, ...any) {}

func (rescanGuard) Error(...any) {}

func (rescanGuard) Info(...any) {}

func (rescanGuard) Infof(string, ...any) {}

func (rescanGuard) Warning(...any) {}

func (rescanGuard) Warningf(string, ...any) {}

func (rescanGuard) Fatal(...any) {}

func (rescanGuard) Fatalf(string, ...any) {}

func (rescanGuard) Panic(...any) {}

func (rescanGuard) Panicf(string, ...any) {}
