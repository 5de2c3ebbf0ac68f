package boltfile

import (
	"context"
)

// A rescanGuard stands between a commit that fails and bolt, which then looks for its free
// pages anew: as no commit writes a list of them, it goes over every page of the mapped
// file, in a goroutine of its own, where a page that is damaged would end the process, or
// have pages taken for free that are in use. bolt tells its logger of the failure first.
// So this is bolt's logger, and all pages are compared with their sums before. If one
// differs, or cannot be read, the guard panics with an ErrCorrupt, which whoever has
// called Commit makes an error of, and bolt does not come to look.
type rescanGuard struct{ f *File }

func (g rescanGuard) Errorf(string, ...any) {
	if g.f.db == nil || g.f.table == nil { // bolt has not opened the file yet, or it is being made
		return
	}
	// Whoever commits is the only one who writes.
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
