package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
)

// doorlogEngine is doorlog with default options.
type doorlogEngine struct {
	*doorlog.Store
	path string

	mu      sync.Mutex
	ids     map[int]doorlog.ID // of the events that were asked for: a caller has the ID
	cursors map[ref]string     // likewise: of the page before
}

func openDoorlog(dir string) (engine, error) {
	path := filepath.Join(dir, "events.db")
	st, err := doorlog.Open(path, nil)
	if err != nil {
		return nil, err
	}
	return &doorlogEngine{Store: st, path: path, ids: make(map[int]doorlog.ID), cursors: make(map[ref]string)}, nil
}

// reopen closes the store and opens it with other options. nil means defaults.
func (d *doorlogEngine) reopen(opt *doorlog.Options) error {
	if err := d.Close(); err != nil {
		return err
	}
	st, err := doorlog.Open(d.path, opt)
	if err == nil {
		d.Store = st
	}
	return err
}

func (d *doorlogEngine) Load(batch []doorlog.Event, _ int) error {
	_, err := d.WriteEvents(context.Background(), batch)
	return err
}

func (d *doorlogEngine) Settle() error { return nil }

func (d *doorlogEngine) Write(e *doorlog.Event, _ int) error {
	_, err := d.WriteEvent(context.Background(), *e)
	return err
}

func (d *doorlogEngine) Event(r ref) (doorlog.Event, error) {
	id, err := d.idOf(r)
	if err != nil {
		return doorlog.Event{}, err
	}
	return d.Store.Event(context.Background(), id)
}

// idOf returns the ID of an event, which it looks for by its time when it is
// first asked: that is before anything is timed.
func (d *doorlogEngine) idOf(r ref) (doorlog.ID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, ok := d.ids[r.n]; ok {
		return id, nil
	}
	found, err := d.list(doorlog.Query{Since: r.at, Until: r.at.Add(time.Nanosecond)})
	if err != nil {
		return doorlog.ID{}, err
	}
	if len(found) != 1 {
		return doorlog.ID{}, fmt.Errorf("%d events at %s", len(found), r.at)
	}
	d.ids[r.n] = found[0].ID
	return found[0].ID, nil
}

func (d *doorlogEngine) Newest(limit int) ([]doorlog.Event, error) {
	return d.Recent(context.Background(), limit)
}

func (d *doorlogEngine) NewestWithLabel(label string, limit int) ([]doorlog.Event, error) {
	return d.list(doorlog.Query{Labels: []string{label}, Limit: limit})
}

func (d *doorlogEngine) Pair(camera, person string, limit int) ([]doorlog.Event, error) {
	return d.list(doorlog.Query{Cameras: []string{camera}, Persons: []string{person}, Limit: limit})
}

func (d *doorlogEngine) list(q doorlog.Query) (list []doorlog.Event, err error) {
	for e, err := range d.Events(context.Background(), q) {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (d *doorlogEngine) PageAt(depth int, after ref, limit int) ([]doorlog.Event, error) {
	cursor, err := d.cursorAfter(depth, after)
	if err != nil {
		return nil, err
	}
	p, err := d.Page(context.Background(), doorlog.Query{Limit: limit}, cursor)
	return p.Events, err
}

func (d *doorlogEngine) cursorAfter(depth int, after ref) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cursor, ok := d.cursors[after]; ok {
		return cursor, nil
	}
	p, err := d.Page(context.Background(), doorlog.Query{Limit: depth}, "")
	if err != nil {
		return "", err
	}
	d.cursors[after] = p.Next
	return p.Next, nil
}

func (d *doorlogEngine) CountCamera(camera string) (int, error) {
	return d.Count(context.Background(), doorlog.Query{Cameras: []string{camera}})
}

func (d *doorlogEngine) Heatmap(s span) (doorlog.Heatmap, error) {
	return d.Store.Heatmap(context.Background(), scope(s))
}

func (d *doorlogEngine) Timeline(s span) ([]doorlog.DayCount, error) {
	return d.Store.Timeline(context.Background(), scope(s))
}

func (d *doorlogEngine) Breakdown(s span) ([]doorlog.LabelCount, error) {
	return d.LabelBreakdown(context.Background(), scope(s))
}

func scope(s span) doorlog.Scope { return doorlog.Scope{Since: s.since, Until: s.until} }
