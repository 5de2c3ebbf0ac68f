package main

import (
	"github.com/doorlog/doorlog"
)

// A question is something that is measured.
type question struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Unit  unit   `json:"unit"`
	Floor bool   `json:"floor,omitempty"` // bare bbolt is asked as well

	// ask answers a question that is timed and compared; i tells repetitions
	// apart. It is nil for those that are measured in another way.
	ask func(e engine, p *plan, i int) (any, error)
}

// A unit is what a question is measured in.
type unit string

const (
	inSeconds unit = "s"          // an answer; less is better
	perSecond unit = "1/s"        // more is better
	inBytes   unit = "B"          // less is better
	perEvent  unit = "B an event" // less is better
)

// The questions that are measured in ways of their own.
const (
	askLoad       = "load"
	askLoadDevice = "load-device"
	askSize       = "size"
	askOpen       = "open"
	askWrite1     = "write-1"
	askWrite16    = "write-16"
	askWrite64    = "write-64"
	askDevice     = "device"
	askMixed      = "mixed-reads"
	askMixedWrite = "mixed-writes"
	askRSS        = "rss"
	askAnonymous  = "rss-anonymous"
	askBinary     = "binary"
)

// questions are all of them, in the order in which they are asked: those that
// write come last, so that all others see the same events.
var questions = []question{
	{askLoad, "bulk load of everything, in batches of 1,000 events", perSecond, true, nil},
	{askLoadDevice, "bytes written to the device by the bulk load", perEvent, true, nil},
	{askSize, "size of the files after the bulk load", perEvent, true, nil},
	{"event", "Event(id) with its detections", inSeconds, true, func(e engine, p *plan, i int) (any, error) {
		return one(e.Event(p.samples[i%len(p.samples)]))
	}},
	{"newest", "the newest 20 events with their detections", inSeconds, true, func(e engine, p *plan, _ int) (any, error) {
		return list(e.Newest(p.limit))
	}},
	{"label", "the newest 20 events with a label", inSeconds, false, func(e engine, p *plan, _ int) (any, error) {
		return list(e.NewestWithLabel(p.label, p.limit))
	}},
	{"pair", "the newest 20 events of a camera and a person, a rare pair", inSeconds, false, func(e engine, p *plan, _ int) (any, error) {
		return list(e.Pair(p.camera, p.person, p.limit))
	}},
	{"page", "a page of 20 events after 10,000", inSeconds, true, func(e engine, p *plan, _ int) (any, error) {
		return list(e.PageAt(p.depth, p.last, p.limit))
	}},
	{"count", "the number of events of a camera", inSeconds, false, func(e engine, p *plan, _ int) (any, error) {
		return e.CountCamera(p.camera)
	}},
	{"heatmap-30d", "events by weekday and hour, of 30 days", inSeconds, false, func(e engine, p *plan, _ int) (any, error) {
		return e.Heatmap(p.month)
	}},
	{"heatmap-all", "events by weekday and hour, of everything", inSeconds, false, func(e engine, _ *plan, _ int) (any, error) {
		return e.Heatmap(span{})
	}},
	{"timeline-30d", "events, strangers, visits and unlocks by day, of 30 days", inSeconds, false, func(e engine, p *plan, _ int) (any, error) {
		return e.Timeline(p.month)
	}},
	{"timeline-all", "events, strangers, visits and unlocks by day, of everything", inSeconds, false, func(e engine, _ *plan, _ int) (any, error) {
		return e.Timeline(span{})
	}},
	{"breakdown-30d", "detections and their confidence by label, of 30 days", inSeconds, false, func(e engine, p *plan, _ int) (any, error) {
		return e.Breakdown(p.month)
	}},
	{"breakdown-all", "detections and their confidence by label, of everything", inSeconds, false, func(e engine, _ *plan, _ int) (any, error) {
		return e.Breakdown(span{})
	}},
	{askOpen, "open of a closed store, and an event out of it", inSeconds, true, nil},
	{askMixed, "reads a second of 8 readers while a writer writes", perSecond, false, nil},
	{askMixedWrite, "events a second of that writer", perSecond, false, nil},
	{askWrite1, "durable single writes, 1 writer", perSecond, true, nil},
	{askDevice, "bytes written to the device by each of these", perEvent, true, nil},
	{askWrite16, "durable single writes, 16 writers", perSecond, false, nil},
	{askWrite64, "durable single writes, 64 writers", perSecond, false, nil},
	{askRSS, "peak resident memory, with what is mapped of the files", inBytes, true, nil},
	{askAnonymous, "peak resident memory without that", inBytes, true, nil},
	{askBinary, "size of a program that embeds it", inBytes, true, nil},
}

func questionOf(name string) *question {
	for i := range questions {
		if questions[i].Name == name {
			return &questions[i]
		}
	}
	return nil
}

// list takes the IDs away, of which every engine has its own kind.
func list(events []doorlog.Event, err error) ([]doorlog.Event, error) {
	if events == nil {
		events = []doorlog.Event{} // as JSON, nil is something else
	}
	for i := range events {
		events[i].ID = doorlog.ID{}
	}
	return events, err
}

func one(e doorlog.Event, err error) (doorlog.Event, error) {
	e.ID = doorlog.ID{}
	return e, err
}
