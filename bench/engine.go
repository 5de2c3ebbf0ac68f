package main

import (
	"errors"

	"github.com/doorlog/doorlog"
)

// An engine is a store that answers the questions. Lists of events are newest
// first, and come with their detections. Everything but Load, Settle and Close
// may be called by several goroutines.
type engine interface {
	// Load stores one batch of a bulk load, of which the first is event n, in
	// whatever way the engine recommends for many events.
	Load(batch []doorlog.Event, n int) error

	// Settle does what the engine recommends after a bulk load.
	Settle() error

	// Write stores event n, by itself.
	Write(e *doorlog.Event, n int) error

	Event(r ref) (doorlog.Event, error)
	Newest(limit int) ([]doorlog.Event, error)
	NewestWithLabel(label string, limit int) ([]doorlog.Event, error)
	Pair(camera, person string, limit int) ([]doorlog.Event, error)

	// PageAt returns the page after the first depth events, the last of which
	// is after: an engine goes by whichever of the two it can.
	PageAt(depth int, after ref, limit int) ([]doorlog.Event, error)

	CountCamera(camera string) (int, error)
	Heatmap(s span) (doorlog.Heatmap, error)
	Timeline(s span) ([]doorlog.DayCount, error)
	Breakdown(s span) ([]doorlog.LabelCount, error)

	Close() error
}

// errUnasked is what an engine returns that is not asked a question.
var errUnasked = errors.New("this engine is not asked that")

// How much of what an engine has acknowledged can be gone after a power cut.
const (
	durable = "durable"
	lossy   = "can lose acknowledged events at a power cut"
)

// A spec describes an engine.
type spec struct {
	Name       string `json:"name"`
	About      string `json:"about"`
	Durability string `json:"durability"`
	Floor      bool   `json:"floor,omitempty"` // does the least that a question needs, and answers few
	embed      string // the program under embed/ whose size is its own
	module     string // whose version is given
	open       func(dir string) (engine, error)
}

// specs are the engines, in the order of the tables. What needs cgo is added
// where there is cgo.
var specs = []spec{
	{"doorlog", "as it comes", durable, false, "doorlog", "github.com/doorlog/doorlog", openDoorlog},
	{"bbolt", "the floor: bare records and cursors", durable, true, "bbolt", "go.etcd.io/bbolt", openFloor},
	{"modernc-full", "modernc.org/sqlite, the original's schema and queries, synchronous=FULL", durable, false, "modernc", "modernc.org/sqlite", openSQLite(modernc, "FULL")},
	{"modernc-normal", "modernc.org/sqlite, the original's schema and queries, synchronous=NORMAL", lossy, false, "modernc", "modernc.org/sqlite", openSQLite(modernc, "NORMAL")},
	{"modernc-expert", "modernc.org/sqlite, an expert's schema and queries, synchronous=FULL", durable, false, "modernc", "modernc.org/sqlite", openExpert(modernc)},
	{"bolthold", "typed records over bbolt", durable, false, "bolthold", "github.com/timshannon/bolthold", openBolthold},
	{"badger", "SyncWrites, one record an event and secondary keys", durable, false, "badger", "github.com/dgraph-io/badger/v4", openBadger},
	{"pebble", "Sync, one record an event and secondary keys", durable, false, "pebble", "github.com/cockroachdb/pebble/v2", openPebble},
}

func specOf(name string) *spec {
	for i := range specs {
		if specs[i].Name == name {
			return &specs[i]
		}
	}
	return nil
}
