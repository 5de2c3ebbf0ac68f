package main

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/doorlog/doorlog"
)

// The workload is a household: an event each half minute from four cameras,
// one in three of a known person, one in 2,000 of a rare visitor, each with one
// to three detections. Event n depends on n alone, so every engine is given the
// same ones, in any order and by any number of writers, and nobody keeps them.
const (
	interval  = 30 * time.Second
	batchSize = 1000 // events of one transaction of the bulk load
	seed      = 2026
)

var (
	workloadBegin = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)

	cameras = []string{"front_door", "driveway", "garage", "backyard"}
	persons = []string{"alice", "bob", "mary_ann"}
	labels  = []string{"person", "car", "dog", "cat", "package"}
)

// event returns event n.
func event(n int) doorlog.Event {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	at := timeOf(n, rng)
	e := doorlog.Event{
		Camera:      cameras[rng.IntN(len(cameras))],
		RecordedAt:  at,
		CreatedAt:   at.Add(2 * time.Second),
		Type:        doorlog.Motion,
		RecordingID: "rec-" + strconv.Itoa(n),
	}
	if rng.IntN(4) == 0 {
		e.Type = doorlog.Ding
	}
	if rng.IntN(3) == 0 {
		e.Person = persons[rng.IntN(len(persons))]
		e.FaceConfidence, e.FaceDistance = new(rng.Float64()), new(rng.Float64())
		e.UnlockGranted, e.Door = true, doorlog.Unlocked
	}
	if rng.IntN(2000) == 0 {
		e.Person = "visitor"
	}
	for range 1 + rng.IntN(3) {
		x, y := float64(rng.IntN(1600)), float64(rng.IntN(900))
		e.Detections = append(e.Detections, doorlog.Detection{
			Label:      labels[rng.IntN(len(labels))],
			Confidence: rng.Float64(),
			Box:        &doorlog.Box{X1: x, Y1: y, X2: x + 120, Y2: y + 160},
		})
	}
	return e
}

// timeOf returns the time of event n, the first thing that its rng is asked for.
func timeOf(n int, rng *rand.Rand) time.Time {
	return workloadBegin.Add(time.Duration(n)*interval + time.Duration(rng.IntN(1e9)))
}

// events returns the events from until just before until.
func events(from, until int) []doorlog.Event {
	list := make([]doorlog.Event, 0, until-from)
	for n := from; n < until; n++ {
		list = append(list, event(n))
	}
	return list
}

// A ref names an event to every engine: by its number, and by its time, which
// those take that keep their events under it.
type ref struct {
	n  int
	at time.Time
}

func refOf(n int) ref {
	return ref{n, timeOf(n, rand.New(rand.NewPCG(seed, uint64(n))))}
}

// A span bounds the time of events; zero is no bound.
type span struct{ since, until time.Time }

func (s span) all() bool { return s.since.IsZero() }

func (s span) contains(t time.Time) bool {
	return s.all() || !t.Before(s.since) && t.Before(s.until)
}

// A plan says what is asked of a store that holds the first so many events.
type plan struct {
	events  int
	samples []ref // whom Event(id) asks for
	limit   int
	label   string
	camera  string
	person  string // together with camera a rare pair
	depth   int    // events before the deep page
	last    ref    // the last event before the deep page
	month   span   // the 30 days until the last event
}

const (
	sampleCount = 1000
	pageLimit   = 20
	pageDepth   = 10_000
)

func newPlan(events int) *plan {
	p := &plan{events: events, limit: pageLimit, label: "dog", camera: "garage", person: "visitor"}
	const enough = 20_000
	if events < enough {
		p.person = persons[0] // there are too few of the visitor to ask for
	}
	rng := rand.New(rand.NewPCG(seed, 1<<32))
	for range sampleCount {
		p.samples = append(p.samples, refOf(rng.IntN(events)))
	}
	p.depth = min(pageDepth, events/2)
	p.last = refOf(events - p.depth)
	end := workloadBegin.Add(time.Duration(events) * interval)
	p.month = span{end.AddDate(0, 0, -30), end}
	return p
}
