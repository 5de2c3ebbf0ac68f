package household

import (
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// clock returns the minute of a time of day.
func clock(hour, minute float64) float64 { return hour*60 + minute }

// The methods below add what the cameras see.

// workday adds the routine of a working day.
func (d *diary) workday() {
	d.walkDog(d.pick(alice, bob), d.about(clock(6, 40), 12))
	d.leave(maryAnn, d.about(clock(7, 35), 6))
	d.leave(alice, d.about(clock(8, 5), 9))
	d.driveOff(d.about(clock(8, 20), 10), bob)
	d.mail(d.about(clock(11, 15), 20))
	for range d.times(1.3) {
		d.delivery(d.between(9, 18))
	}
	if d.date.Weekday() == time.Wednesday {
		d.visitOfGrandpa(d.about(clock(16, 15), 20))
	}
	d.arrive(maryAnn, d.about(clock(15, 20), 14))
	d.arrive(alice, d.about(clock(17, 35), 18))
	d.driveHome(d.about(clock(18, 10), 16), bob)
	d.walkDog(d.pick(alice, bob, maryAnn), d.about(clock(20, 15), 15))
	d.play(d.times(1.8), 16.5, 19.5, maryAnn)
}

// weekend adds the routine of a Saturday or a Sunday.
func (d *diary) weekend() {
	d.walkDog(d.pick(alice, bob), d.about(clock(8, 30), 20))
	if d.date.Weekday() == time.Saturday {
		d.driveOff(d.about(clock(10, 30), 25), bob, alice)
		d.driveHome(d.about(clock(12, 30), 20), bob, alice)
		d.mail(d.about(clock(11, 40), 20))
		for range d.times(0.7) {
			d.delivery(d.between(9, 15))
		}
	} else {
		d.visitOfGrandpa(d.about(clock(15, 0), 20))
	}
	d.leave(maryAnn, d.about(clock(13, 10), 20))
	d.arrive(maryAnn, d.about(clock(16, 40), 25))
	d.play(1+d.times(1), 9.5, 12.5, maryAnn)
	d.play(1+d.times(1), 13.5, 16, alice, bob)
	d.play(1+d.times(1), 17.25, 19.5, alice, bob, maryAnn)
	if d.chance(0.6) {
		d.guests(d.about(clock(18, 30), 20))
	}
	d.walkDog(d.pick(alice, bob, maryAnn), d.about(clock(20, 45), 20))
}

// everyDay adds what may happen on any day of the week.
func (d *diary) everyDay() {
	for range 4 + d.times(3) {
		d.see(scene.Driveway, d.between(6.5, 21), d.prop(scene.Traffic, scene.Look{Coat: choose(d.dice, paints)}))
	}
	for range 1 + d.times(2.5) { // people who walk by
		d.see(scene.Driveway, d.between(7.5, 20.5), d.prop(scene.Person, d.stranger()))
	}
	if d.chance(0.25) { // somebody sells something
		s := d.see(scene.FrontDoor, d.between(10, 19), d.prop(scene.Person, d.stranger()))
		s.Event.Type = doorlog.Ding
		d.noMatch(s)
	}
	for range 1 + d.times(2.5) {
		hour := d.between(5.5, 9)
		if d.chance(0.6) {
			hour = d.between(16, 22.5)
		}
		d.see(d.pickCamera(scene.Backyard, scene.Backyard, scene.Backyard, scene.Driveway, scene.FrontDoor), hour, d.prop(scene.Cat, choose(d.dice, catLooks)))
	}
	for range 1 + d.times(2) {
		d.see(scene.Backyard, d.between(9.5, 19.5), d.prop(scene.Dog, familyDog))
	}
	for range 2 + d.times(3) {
		d.nothing(d.between(6, 22))
	}
	for range d.times(1) { // somebody looks at a camera from afar
		d.see(d.pickCamera(scene.FrontDoor, scene.Backyard, scene.Garage), d.between(9, 18)).Event.Type = doorlog.OnDemand
	}
}

// atNight adds what may happen at night.
func (d *diary) atNight() {
	for range d.times(0.8) {
		d.nothing(d.between(0, 5.5))
	}
	for range d.times(0.6) {
		d.see(d.pickCamera(scene.Backyard, scene.Driveway), d.between(0.5, 5), d.prop(scene.Cat, choose(d.dice, catLooks)))
	}
	if d.chance(0.12) {
		at := d.between(1, 4.5)
		for i, camera := range []string{scene.Driveway, scene.FrontDoor, scene.Backyard}[:1+d.rng.IntN(3)] {
			d.see(camera, at+1.3*float64(i)+d.rng.Float64(), d.prop(scene.Person, prowlerLook))
		}
	}
}

// nothing adds a motion in which there is nothing to detect: leaves, or a shadow.
func (d *diary) nothing(minute float64) {
	var leaves []scene.Prop
	camera := d.pickCamera(scene.Driveway, scene.Backyard, scene.Backyard, scene.FrontDoor, scene.Garage)
	for range d.rng.IntN(5) {
		if camera != scene.Garage {
			leaves = append(leaves, d.prop(scene.Leaf, leafLook))
		}
	}
	d.see(camera, minute, leaves...)
}

func (d *diary) leave(r resident, minute float64) {
	s := d.see(scene.FrontDoor, minute, d.prop(scene.Person, r.look))
	if d.chance(0.85) { // otherwise the face does not show
		d.recognise(s, r)
	}
	if d.chance(0.5) {
		s.Event.Door = doorlog.Locked
	}
	if d.chance(0.55) {
		d.see(scene.Driveway, minute+0.3, d.fromBehind(r.look))
	}
}

func (d *diary) arrive(r resident, minute float64) {
	if d.chance(0.7) {
		s := d.see(scene.Driveway, minute-0.6, d.prop(scene.Person, r.look))
		if d.chance(0.6) {
			d.recognise(s, r)
		}
	}
	d.enter(minute, r, d.prop(scene.Person, r.look))
}

// enter adds a resident who comes in at the front door. It opens by itself, or somebody
// opens it.
func (d *diary) enter(minute float64, r resident, props ...scene.Prop) *Sighting {
	s := d.see(scene.FrontDoor, minute, props...)
	d.recognise(s, r)
	s.takes = true
	if r.autoUnlock {
		s.Event.UnlockGranted, s.Event.Door = true, doorlog.Unlocked
	}
	if d.chance(0.3) { // somebody locks it again from the sofa
		sofa := d.see(scene.FrontDoor, minute+1+2*d.rng.Float64())
		sofa.Event.Type, sofa.Event.Door = doorlog.OnDemand, doorlog.Locked
	}
	return s
}

func (d *diary) walkDog(r resident, minute float64) {
	out := d.see(scene.FrontDoor, minute, d.prop(scene.Person, r.look), d.prop(scene.Dog, familyDog))
	d.recognise(out, r)
	if d.chance(0.6) {
		d.see(scene.Driveway, minute+0.4, d.fromBehind(r.look), d.prop(scene.Dog, familyDog))
	}
	back := minute + 20 + 18*d.rng.Float64()
	if d.chance(0.5) {
		d.recognise(d.see(scene.Driveway, back-0.5, d.prop(scene.Person, r.look), d.prop(scene.Dog, familyDog)), r)
	}
	d.enter(back, r, d.prop(scene.Person, r.look), d.prop(scene.Dog, familyDog))
}

func (d *diary) driveOff(minute float64, driver resident, with ...resident) {
	d.inGarage(minute, driver, with)
	d.see(scene.Driveway, minute+0.9, d.prop(scene.Car, bobsCar))
}

func (d *diary) driveHome(minute float64, driver resident, with ...resident) {
	d.see(scene.Driveway, minute, d.prop(scene.Car, bobsCar))
	d.inGarage(minute+1.2, driver, with)
}

func (d *diary) inGarage(minute float64, driver resident, with []resident) {
	props := []scene.Prop{d.prop(scene.Car, bobsCar), d.prop(scene.Person, driver.look)}
	for _, r := range with {
		props = append(props, d.prop(scene.Person, r.look))
	}
	s := d.see(scene.Garage, minute, props...)
	if d.chance(0.8) {
		d.recognise(s, driver)
	}
}

func (d *diary) delivery(minute float64) {
	if d.chance(0.7) {
		d.see(scene.Driveway, minute-1.4, d.prop(scene.Van, scene.Look{Coat: choose(d.dice, vanPaints)}))
	}
	if d.chance(0.4) {
		d.see(scene.Driveway, minute-0.5, d.prop(scene.Person, courierLook))
	}
	emptyHanded := courierLook
	emptyHanded.Parcel = false
	s := d.see(scene.FrontDoor, minute, d.prop(scene.Person, emptyHanded))
	s.Event.Type, s.leaves = doorlog.Ding, true
	if d.chance(0.5) {
		d.noMatch(s)
	}
	if d.chance(0.5) {
		d.see(scene.Driveway, minute+0.4, d.fromBehind(emptyHanded))
	}
}

func (d *diary) mail(minute float64) {
	d.see(scene.FrontDoor, minute, d.prop(scene.Person, postmanLook))
	if d.chance(0.5) {
		d.see(scene.Driveway, minute+0.5, d.fromBehind(postmanLook))
	}
}

func (d *diary) visitOfGrandpa(minute float64) {
	d.enter(minute, grandpa, d.prop(scene.Person, grandpa.look)).Event.Type = doorlog.Ding
	d.leave(grandpa, minute+100+60*d.rng.Float64())
}

func (d *diary) guests(minute float64) {
	looks := []scene.Look{d.stranger(), d.stranger()}
	s := d.see(scene.FrontDoor, minute, d.prop(scene.Person, looks[0]), d.prop(scene.Person, looks[1]))
	s.Event.Type = doorlog.Ding
	d.noMatch(s)
	d.see(scene.Driveway, minute+150+45*d.rng.Float64(), d.fromBehind(looks[0]), d.fromBehind(looks[1]))
}

// play adds n times one of these residents in the garden, often with the dog.
func (d *diary) play(n int, from, to float64, who ...resident) {
	for range n {
		r := d.pick(who...)
		props := []scene.Prop{d.prop(scene.Person, r.look)}
		if d.chance(0.5) {
			props = append(props, d.prop(scene.Dog, familyDog))
		}
		if s := d.see(scene.Backyard, d.between(from, to), props...); d.chance(0.6) {
			d.recognise(s, r)
		}
	}
}
