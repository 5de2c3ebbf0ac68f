// Package querytest makes random events, and random queries for them. Tests ask the same queries in
// different ways, and compare the answers.
package querytest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
)

// Now is the clock of the stores that the events are for.
var Now = time.Date(2026, 2, 25, 18, 30, 0, 0, time.UTC)

// Zones has places with half hours and 45 minutes, with changes of the clock of
// an hour, of half an hour and at midnight, on both halves of the earth, and
// with none.
var Zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
	"Pacific/Chatham", "Asia/Beirut", "America/Asuncion", "Pacific/Kiritimati", "Pacific/Marquesas",
}

// Zone returns one of Zones.
func Zone(rng *rand.Rand) *time.Location {
	loc, err := time.LoadLocation(Zones[rng.IntN(len(Zones))])
	if err != nil {
		panic(err)
	}
	return loc
}

// Some returns some of the values, often none.
func Some[T any](rng *rand.Rand, values ...T) (chosen []T) {
	for range max(0, rng.IntN(5)-2) {
		chosen = append(chosen, values[rng.IntN(len(values))])
	}
	return chosen
}

// Maybe returns true, false or, mostly, nil.
func Maybe(rng *rand.Rand) *bool {
	switch rng.IntN(8) {
	case 0:
		return new(true)
	case 1:
		return new(false)
	}
	return nil
}

// Time returns a time in the months around a change of the clock, with
// many that are equal, on a quarter hour or at midnight.
func Time(rng *rand.Rand) time.Time {
	t := Now.Add(-time.Duration(rng.IntN(130*24*60)) * time.Minute) // from the end of October
	switch rng.IntN(4) {
	case 0:
		t = t.Truncate(15 * time.Minute)
	case 1:
		t = t.Truncate(24 * time.Hour)
	case 2:
		t = t.Add(time.Duration(rng.IntN(1e9))).Add(-time.Duration(rng.IntN(1e9)))
	}
	return t
}

// Event returns an event that has little in common with the one before:
// times go back and forth, and some are equal.
func Event(rng *rand.Rand) doorlog.Event {
	e := doorlog.Event{
		Camera:      fmt.Sprint("camera", rng.IntN(3)),
		RecordedAt:  Time(rng),
		Type:        []doorlog.EventType{doorlog.Motion, doorlog.Ding, "noise"}[rng.IntN(3)],
		Door:        doorlog.DoorAction(rng.IntN(7)),
		Method:      []doorlog.Method{"", "", doorlog.MethodFace, doorlog.MethodKeypad, "voice"}[rng.IntN(5)],
		RecordingID: []string{"", fmt.Sprint("rec", rng.IntN(500))}[rng.IntN(2)],
		Person:      []string{"", "alice", "bob"}[rng.IntN(3)],
		AlertSent:   rng.IntN(2) == 0, UnlockGranted: rng.IntN(3) == 0, Pinned: rng.IntN(4) == 0, Reviewed: rng.IntN(4) == 0,
	}
	if rng.IntN(3) == 0 {
		e.EndedAt = e.RecordedAt.Add(time.Duration(rng.IntN(3)) * time.Minute)
	}
	if rng.IntN(2) == 0 {
		e.Attributes = map[string]string{"zone": []string{"porch", "lawn", ""}[rng.IntN(3)]}
		for range rng.IntN(3) {
			e.Attributes[[]string{"plate", "a=b", "track"}[rng.IntN(3)]] = []string{"B AB 1", "x\x00y", LongAttribute}[rng.IntN(3)]
		}
	}
	if rng.IntN(3) == 0 {
		e.ThumbnailPath = "old/1.jpg" // which is not there: that is the producer's affair
	}
	for range rng.IntN(4) {
		e.Detections = append(e.Detections, doorlog.Detection{
			Label: fmt.Sprint("label", rng.IntN(3)), Confidence: float64(rng.IntN(101)) / 100,
		})
	}
	return e
}

// LongAttribute is a value that the index replaces by a hash.
var LongAttribute = strings.Repeat("long ", 30)

// Query asks for things that Event makes, and for some that are nowhere.
func Query(rng *rand.Rand) doorlog.Query {
	q := doorlog.Query{
		Cameras:   Some(rng, "camera0", "camera1", "camera2", "camera", "nowhere"),
		Types:     Some(rng, doorlog.Motion, doorlog.Ding, "noise", "never"),
		Doors:     Some(rng, doorlog.NoAction, doorlog.Unlocked, doorlog.Locked, doorlog.Jammed),
		Methods:   Some(rng, doorlog.MethodFace, "voice", doorlog.MethodApp),
		Reviewed:  Maybe(rng),
		Labels:    Some(rng, "label0", "label1", "label2", "label"),
		Persons:   Some(rng, "alice", "bob", "nobody"),
		AlertSent: Maybe(rng), UnlockGranted: Maybe(rng), HasThumbnail: Maybe(rng), Pinned: Maybe(rng),
		OldestFirst: rng.IntN(2) == 0, Limit: max(0, rng.IntN(40)-10), Offset: max(0, rng.IntN(30)-20),
	}
	if len(q.Persons) == 0 {
		q.Stranger = Maybe(rng)
	}
	if rng.IntN(4) == 0 {
		q.MinConfidence = float64(rng.IntN(101)) / 100
	}
	for name, values := range map[string][]string{"zone": {"porch", "lawn", "", "moon"}, "plate": {"B AB 1", "x\x00y", LongAttribute}, "a=b": {LongAttribute, "none"}} {
		if asked := Some(rng, values...); len(asked) > 0 && rng.IntN(2) == 0 {
			if q.Attributes == nil {
				q.Attributes = make(map[string][]string)
			}
			q.Attributes[name] = asked
		}
	}
	if rng.IntN(10) == 0 {
		q.RecordingID = fmt.Sprint("rec", rng.IntN(500))
	}
	if rng.IntN(2) == 0 {
		q.Since = Time(rng)
	}
	if rng.IntN(2) == 0 {
		q.Until = Time(rng)
	}
	if rng.IntN(5) == 0 {
		from := rng.IntN(24)
		q.Hours = &doorlog.Hours{From: from, Until: 1 + rng.IntN(24)}
		if q.Hours.Until == from {
			q.Hours.Until = from%24 + 1
		}
	}
	if rng.IntN(5) == 0 {
		q.Weekdays = Some(rng, time.Sunday, time.Monday, time.Friday, time.Saturday)
	}
	if rng.IntN(2) == 0 {
		q.Location = Zone(rng)
	}
	return q
}

// Scope asks for analyses of what Event makes.
func Scope(rng *rand.Rand) doorlog.Scope {
	sc := doorlog.Scope{Location: Zone(rng)}
	if rng.IntN(2) == 0 {
		sc.Camera = fmt.Sprint("camera", rng.IntN(4))
	}
	if rng.IntN(2) == 0 {
		sc.Since = Time(rng)
	}
	if rng.IntN(2) == 0 {
		sc.Until = Time(rng)
	}
	if rng.IntN(3) == 0 {
		q := Query(rng)
		sc.Methods, sc.Reviewed, sc.Attributes = q.Methods, q.Reviewed, q.Attributes
	}
	return sc
}
