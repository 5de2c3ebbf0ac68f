// Package household makes up a family with four cameras, and the events of its days with
// their pictures.
package household

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// A Household is made from its seed: the same seed, in zones with the same offsets from
// UTC, gives the same days. It is safe for concurrent use.
type Household struct {
	seed   int64
	loc    *time.Location
	studio *scene.Studio
}

// New returns a household whose days begin at midnight in loc.
func New(seed int64, loc *time.Location) *Household {
	return &Household{seed: seed, loc: loc, studio: scene.NewStudio()}
}

// Residents returns the persons whom the cameras know.
func Residents() []doorlog.PersonInput {
	var persons []doorlog.PersonInput
	for _, r := range residents {
		persons = append(persons, doorlog.PersonInput{Name: r.name, AutoUnlock: new(r.autoUnlock)})
	}
	return persons
}

// Picture draws the sighting: a JPEG, and what was detected in it.
func (h *Household) Picture(s *Sighting) (frame []byte, detections []doorlog.Detection, err error) {
	frame, found, err := h.studio.Shoot(s.scene)
	for _, f := range found {
		detections = append(detections, doorlog.Detection{Label: f.Label, Confidence: f.Confidence, Box: new(doorlog.Box(f.Box))})
	}
	return frame, detections, err
}

// Days returns the sightings of the last n calendar days up to now, one day at a time.
// The oldest come first.
func (h *Household) Days(n int, now time.Time) iter.Seq[[]Sighting] {
	return func(yield func([]Sighting) bool) {
		year, month, today := now.In(h.loc).Date()
		for i := n - 1; i >= 0; i-- {
			seen := h.day(time.Date(year, month, today-i, 0, 0, 0, 0, h.loc))
			seen = slices.DeleteFunc(seen, func(s Sighting) bool { return s.Event.RecordedAt.After(now) })
			for i := range seen {
				if e := &seen[i].Event; e.EndedAt.After(now) { // it still goes on
					e.EndedAt = time.Time{}
				}
			}
			if !yield(seen) {
				return
			}
		}
	}
}

// day returns the sightings of the calendar day that begins at date, ordered by time.
// They depend on the seed, the date and its offset from UTC alone. So a later run makes
// the same ones again, and a run in another zone makes others under other names.
func (h *Household) day(date time.Time) []Sighting {
	name := fmt.Sprintf("demo-%d-%s", h.seed, date.Format("20060102Z0700"))
	d := &diary{date: date, dice: diceOf(name), later: diceOf(name + ", details")}
	if weekday := date.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		d.weekend()
	} else {
		d.workday()
	}
	d.everyDay()
	d.atNight()
	day := d.finish(name)
	more := &diary{date: date, dice: diceOf(name + ", incidents"), later: diceOf(name + ", details of incidents")}
	more.incidents(day)
	incidents := more.finish(name + "-x")
	for i := range incidents {
		incidents[i].showParcels(day)
	}
	day = append(day, incidents...)
	slices.SortStableFunc(day, func(a, b Sighting) int { return a.compare(&b) })
	return day
}
