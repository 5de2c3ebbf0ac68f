package household

import (
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// incidents adds what a log of a door is read for: codes that are mistyped, keys that do not say in whose hand
// they are, and who comes at an odd hour. day is the day without them. Incidents have dice and names of their
// own, so that the rest of the day stays the same.
func (d *diary) incidents(day []Sighting) {
	for i := range day {
		switch e := &day[i].Event; {
		case e.Door == doorlog.Unlocked && e.Method == doorlog.MethodKeypad && d.chance(0.5):
			d.refused(&day[i], doorlog.MethodKeypad)
		case e.Door == doorlog.Unlocked && e.Method == doorlog.MethodFace && d.chance(0.05):
			d.refused(&day[i], doorlog.MethodFace)
		case e.Door == doorlog.Jammed:
			d.fromAfar(minuteOf(e.RecordedAt)+0.7+d.rng.Float64(), doorlog.Locked)
		case e.Door == doorlog.Failed:
			for n := range 1 + d.rng.IntN(2) {
				d.see(scene.FrontDoor, minuteOf(e.RecordedAt)+0.35*float64(n+1), d.prop(scene.Person, prowlerLook))
			}
		case e.Type == doorlog.Ding && e.Person == grandpa.name:
			d.fromAfar(minuteOf(e.RecordedAt)+0.25+0.3*d.rng.Float64(), doorlog.Unlocked, d.prop(scene.Person, grandpa.look))
		}
	}
	switch d.date.Weekday() {
	case time.Tuesday:
		d.cleaner(d.about(clock(10, 20), 8))
	case time.Saturday, time.Sunday:
		if d.chance(0.4) {
			d.comeHomeLate(d.between(0.7, 2.4))
		}
	}
	if d.chance(0.06) { // a neighbour who has the code waters the flowers
		d.worked(d.see(scene.FrontDoor, d.between(10, 17), d.prop(scene.Person, neighbourLook)), doorlog.Unlocked, doorlog.MethodKeypad)
	}
}

// minuteOf returns the minute of the day.
func minuteOf(at time.Time) float64 {
	return clock(float64(at.Hour()), float64(at.Minute())) + at.Sub(at.Truncate(time.Minute)).Minutes()
}

// worked says how the door was worked.
func (d *diary) worked(s *Sighting, door doorlog.DoorAction, method doorlog.Method) {
	s.Event.Door, s.Event.Method, s.Event.UnlockGranted = door, method, door == doorlog.Unlocked
}

// refused adds the attempt before one that opened the door: of the same people, of whom no face was good enough.
func (d *diary) refused(opened *Sighting, method doorlog.Method) {
	var who []scene.Prop
	for _, p := range opened.scene.Props {
		if p.Kind != scene.Parcel {
			who = append(who, d.prop(p.Kind, p.Look))
		}
	}
	s := d.see(opened.Event.Camera, minuteOf(opened.Event.RecordedAt)-0.15-0.3*d.rng.Float64(), who...)
	if method == doorlog.MethodFace {
		d.noMatch(s)
	}
	d.worked(s, doorlog.Failed, method)
}

// fromAfar adds that somebody works the door with the app, who is not in the picture.
func (d *diary) fromAfar(minute float64, door doorlog.DoorAction, props ...scene.Prop) {
	s := d.see(scene.FrontDoor, minute, props...)
	s.Event.Type = doorlog.OnDemand
	d.worked(s, door, doorlog.MethodApp)
}

// cleaner adds somebody who has a key, and whom the cameras do not know.
func (d *diary) cleaner(minute float64) {
	s := d.see(scene.FrontDoor, minute, d.prop(scene.Person, cleanerLook))
	d.noMatch(s)
	d.worked(s, doorlog.Unlocked, doorlog.MethodKey)
	d.worked(d.see(scene.FrontDoor, minute+110+25*d.rng.Float64(), d.fromBehind(cleanerLook)), doorlog.Locked, doorlog.MethodKey)
}

func (d *diary) comeHomeLate(minute float64) {
	s := d.see(scene.FrontDoor, minute, d.prop(scene.Person, maryAnn.look))
	d.recognise(s, maryAnn)
	d.worked(s, doorlog.Unlocked, doorlog.MethodKeypad)
}
