package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
)

// The household that the demo writes down: who lives there, what a day is
// like, and what the cameras make of it.

// The cameras.
const (
	frontDoor = "front_door" // looks at the porch
	driveway  = "driveway"   // looks from the house to the street
	garage    = "garage"     // inside
	backyard  = "backyard"
)

// A resident is somebody whom the cameras know.
type resident struct {
	name       string
	autoUnlock bool
	look       look
}

var (
	alice   = resident{"alice", true, look{coat: 0xb8475f, legs: 0x2f3e5c, hair: 0x5a3825, skin: 0xe8b896, size: 0.94}}
	bob     = resident{"bob", true, look{coat: 0x3f6f8f, legs: 0x4a4540, hair: 0x2b2320, skin: 0xc98f68}}
	maryAnn = resident{"mary_ann", true, look{coat: 0xe0a63c, legs: 0x3b4a6b, hair: 0xa8642f, skin: 0xeec3a2, size: 0.8, bag: true}}
	// The grandfather visits; somebody opens for him.
	grandpa = resident{"grandpa_joe", false, look{coat: 0x6f7a55, legs: 0x5b5148, hair: 0xd5d3ce, skin: 0xe2b08e, size: 0.93}}

	residents = []resident{alice, bob, maryAnn, grandpa}
)

var (
	courierLook  = look{coat: 0x6b4a2f, legs: 0x3d2f24, hair: 0x2b2320, skin: 0xb07a55, cap: true, parcel: true}
	postmanLook  = look{coat: 0x35507a, legs: 0x2a3344, hair: 0x6b4a2f, skin: 0xe2b08e, cap: true}
	prowlerLook  = look{coat: 0x2f3136, legs: 0x25272b, hair: 0x1c1c1e, skin: 0xc79b7c}
	familyDog    = look{coat: 0xb07a45}
	catLooks     = []look{{coat: 0x5f5a55}, {coat: 0xc98445}}
	bobsCar      = look{coat: 0x8c2f35}
	leafLook     = look{coat: 0xb5862f}
	parcelLook   = look{coat: 0xb98a55}
	paints       = []uint32{0x4b6f9a, 0xd5d7da, 0x2f3338, 0x9aa3a8, 0x7d2b30, 0x4f6b52}
	vanPaints    = []uint32{0xe6e2d8, 0x6b4a2f, 0xd8a13a}
	coats        = []uint32{0x6d8f4e, 0x8a6fa8, 0x4f5a66, 0xc2703d, 0x3f8a86, 0xa8a29a}
	trousers     = []uint32{0x2f3e5c, 0x4a4540, 0x6b6558, 0x26282b}
	hairs        = []uint32{0x2b2320, 0x5a3825, 0xa8642f, 0xc9a35a, 0x8b8680}
	skins        = []uint32{0xeec3a2, 0xe2b08e, 0xc98f68, 0x9a6a48, 0x6f4a34}
	quietCameras = []string{driveway, backyard, backyard, frontDoor, garage}
)

// A sighting is an event and the scene of its frame, which has the detections.
type sighting struct {
	event doorlog.Event
	scene scene

	leaves bool // a parcel stays on the porch
	takes  bool // and somebody takes in what lies there
}

// A household is made of its seed: the same seed lives the same days.
type household struct {
	seed int64
	loc  *time.Location
}

// days returns the sightings of the last n calendar days up to now, a day at
// a time, the oldest first.
func (h household) days(n int, now time.Time) iter.Seq[[]sighting] {
	return func(yield func([]sighting) bool) {
		year, month, today := now.In(h.loc).Date()
		for i := n - 1; i >= 0; i-- {
			seen := h.day(time.Date(year, month, today-i, 0, 0, 0, 0, h.loc))
			seen = slices.DeleteFunc(seen, func(s sighting) bool { return s.event.RecordedAt.After(now) })
			if !yield(seen) {
				return
			}
		}
	}
}

// day returns the sightings of the calendar day that begins at date, in the
// order of their times. Nothing but the seed and the date, with its offset from
// UTC, makes them, so that a later run finds the same ones again, and one in
// another zone no other ones under their names.
func (h household) day(date time.Time) []sighting {
	name := fmt.Sprintf("demo-%d-%s", h.seed, date.Format("20060102Z0700"))
	d := &diary{date: date, rng: rand.New(rand.NewChaCha8(sha256.Sum256([]byte(name))))}
	if weekday := date.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		d.weekend()
	} else {
		d.workday()
	}
	d.everyDay()
	d.atNight()
	return d.finish(name)
}

// A diary is a day while it is made up. Times are minutes since midnight.
type diary struct {
	rng  *rand.Rand
	date time.Time
	seen []*sighting
}

func clock(hour, minute float64) float64 { return hour*60 + minute }

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

// everyDay is what does not ask what day it is.
func (d *diary) everyDay() {
	for range 4 + d.times(3) {
		d.see(driveway, d.between(6.5, 21), d.prop(kindTraffic, look{coat: choose(d, paints)}))
	}
	for range 1 + d.times(2.5) { // people who walk by
		d.see(driveway, d.between(7.5, 20.5), d.prop(kindPerson, d.stranger()))
	}
	if d.chance(0.25) { // somebody sells something
		s := d.see(frontDoor, d.between(10, 19), d.prop(kindPerson, d.stranger()))
		s.event.Type = doorlog.Ding
		d.noMatch(s)
	}
	for range 1 + d.times(2.5) {
		hour := d.between(5.5, 9)
		if d.chance(0.6) {
			hour = d.between(16, 22.5)
		}
		d.see(d.pickCamera(backyard, backyard, backyard, driveway, frontDoor), hour, d.prop(kindCat, choose(d, catLooks)))
	}
	for range 1 + d.times(2) {
		d.see(backyard, d.between(9.5, 19.5), d.prop(kindDog, familyDog))
	}
	for range 2 + d.times(3) {
		d.nothing(d.between(6, 22))
	}
	for range d.times(1) { // somebody wants to know what it looks like at home
		d.see(d.pickCamera(frontDoor, backyard, garage), d.between(9, 18)).event.Type = doorlog.OnDemand
	}
}

func (d *diary) atNight() {
	for range d.times(0.8) {
		d.nothing(d.between(0, 5.5))
	}
	for range d.times(0.6) {
		d.see(d.pickCamera(backyard, driveway), d.between(0.5, 5), d.prop(kindCat, choose(d, catLooks)))
	}
	if d.chance(0.12) {
		at := d.between(1, 4.5)
		for i, camera := range []string{driveway, frontDoor, backyard}[:1+d.rng.IntN(3)] {
			d.see(camera, at+1.3*float64(i)+d.rng.Float64(), d.prop(kindPerson, prowlerLook))
		}
	}
}

// nothing is a motion in which there is nothing to detect: leaves, a shadow.
func (d *diary) nothing(minute float64) {
	var leaves []prop
	camera := d.pickCamera(quietCameras...)
	for range d.rng.IntN(5) {
		if camera != garage {
			leaves = append(leaves, d.prop(kindLeaf, leafLook))
		}
	}
	d.see(camera, minute, leaves...)
}

func (d *diary) leave(r resident, minute float64) {
	s := d.see(frontDoor, minute, d.prop(kindPerson, r.look))
	if d.chance(0.85) { // the others look at their phones
		d.recognise(s, r)
	}
	if d.chance(0.5) {
		s.event.Door = doorlog.Locked
	}
	if d.chance(0.55) {
		d.see(driveway, minute+0.3, d.fromBehind(r.look))
	}
}

func (d *diary) arrive(r resident, minute float64) {
	if d.chance(0.7) {
		s := d.see(driveway, minute-0.6, d.prop(kindPerson, r.look))
		if d.chance(0.6) {
			d.recognise(s, r)
		}
	}
	d.enter(minute, r, d.prop(kindPerson, r.look))
}

// enter is a resident at the front door, for whom it opens, or somebody opens it.
func (d *diary) enter(minute float64, r resident, props ...prop) *sighting {
	s := d.see(frontDoor, minute, props...)
	d.recognise(s, r)
	s.takes = true
	if r.autoUnlock {
		s.event.UnlockGranted, s.event.Door = true, doorlog.Unlocked
	}
	if d.chance(0.3) { // and is locked again from the sofa
		sofa := d.see(frontDoor, minute+1+2*d.rng.Float64())
		sofa.event.Type, sofa.event.Door = doorlog.OnDemand, doorlog.Locked
	}
	return s
}

func (d *diary) walkDog(r resident, minute float64) {
	out := d.see(frontDoor, minute, d.prop(kindPerson, r.look), d.prop(kindDog, familyDog))
	d.recognise(out, r)
	if d.chance(0.6) {
		d.see(driveway, minute+0.4, d.fromBehind(r.look), d.prop(kindDog, familyDog))
	}
	back := minute + 20 + 18*d.rng.Float64()
	if d.chance(0.5) {
		d.recognise(d.see(driveway, back-0.5, d.prop(kindPerson, r.look), d.prop(kindDog, familyDog)), r)
	}
	d.enter(back, r, d.prop(kindPerson, r.look), d.prop(kindDog, familyDog))
}

func (d *diary) driveOff(minute float64, driver resident, with ...resident) {
	d.inGarage(minute, driver, with)
	d.see(driveway, minute+0.9, d.prop(kindCar, bobsCar))
}

func (d *diary) driveHome(minute float64, driver resident, with ...resident) {
	d.see(driveway, minute, d.prop(kindCar, bobsCar))
	d.inGarage(minute+1.2, driver, with)
}

func (d *diary) inGarage(minute float64, driver resident, with []resident) {
	props := []prop{d.prop(kindCar, bobsCar), d.prop(kindPerson, driver.look)}
	for _, r := range with {
		props = append(props, d.prop(kindPerson, r.look))
	}
	s := d.see(garage, minute, props...)
	if d.chance(0.8) {
		d.recognise(s, driver)
	}
}

func (d *diary) delivery(minute float64) {
	if d.chance(0.7) {
		d.see(driveway, minute-1.4, d.prop(kindVan, look{coat: choose(d, vanPaints)}))
	}
	if d.chance(0.4) {
		d.see(driveway, minute-0.5, d.prop(kindPerson, courierLook))
	}
	emptyHanded := courierLook
	emptyHanded.parcel = false
	s := d.see(frontDoor, minute, d.prop(kindPerson, emptyHanded))
	s.event.Type, s.leaves = doorlog.Ding, true
	if d.chance(0.5) {
		d.noMatch(s)
	}
	if d.chance(0.5) {
		d.see(driveway, minute+0.4, d.fromBehind(emptyHanded))
	}
}

func (d *diary) mail(minute float64) {
	d.see(frontDoor, minute, d.prop(kindPerson, postmanLook))
	if d.chance(0.5) {
		d.see(driveway, minute+0.5, d.fromBehind(postmanLook))
	}
}

func (d *diary) visitOfGrandpa(minute float64) {
	d.enter(minute, grandpa, d.prop(kindPerson, grandpa.look)).event.Type = doorlog.Ding
	d.leave(grandpa, minute+100+60*d.rng.Float64())
}

func (d *diary) guests(minute float64) {
	looks := []look{d.stranger(), d.stranger()}
	s := d.see(frontDoor, minute, d.prop(kindPerson, looks[0]), d.prop(kindPerson, looks[1]))
	s.event.Type = doorlog.Ding
	d.noMatch(s)
	d.see(driveway, minute+150+45*d.rng.Float64(), d.fromBehind(looks[0]), d.fromBehind(looks[1]))
}

// play is n times one of those who are at home in the garden, often with the dog.
func (d *diary) play(n int, from, to float64, who ...resident) {
	for range n {
		r := d.pick(who...)
		props := []prop{d.prop(kindPerson, r.look)}
		if d.chance(0.5) {
			props = append(props, d.prop(kindDog, familyDog))
		}
		if s := d.see(backyard, d.between(from, to), props...); d.chance(0.6) {
			d.recognise(s, r)
		}
	}
}

// see adds what a camera saw at a minute of the day, with the props side by side.
func (d *diary) see(camera string, minute float64, props ...prop) *sighting {
	year, month, date := d.date.Date()
	ms := int(math.Mod(minute+24*60, 24*60) * 60_000)
	at := time.Date(year, month, date, 0, 0, ms/1000, ms%1000*int(time.Millisecond), d.date.Location())
	for i, place := range d.rng.Perm(len(props)) {
		p := &props[i]
		p.u = (float64(place) + 0.2 + 0.6*d.rng.Float64()) / float64(len(props))
		p.v, p.flip = d.rng.Float64(), d.chance(0.5)
		p.confidence = d.confidence(lightAt(at))
	}
	s := &sighting{
		event: doorlog.Event{
			Camera: camera, RecordedAt: at, Type: doorlog.Motion, FrameWidth: frameWidth, FrameHeight: frameHeight,
		},
		scene: scene{camera: camera, at: at, props: props},
	}
	d.seen = append(d.seen, s)
	return s
}

// confidence is the detector's, which sees less in the dark.
func (d *diary) confidence(l light) float64 {
	mean := 0.91
	if l == nightLight {
		mean = 0.8
	}
	return decimals(min(max(mean+0.055*d.rng.NormFloat64(), 0.42), 0.995))
}

// recognise is a face that was compared and found.
func (d *diary) recognise(s *sighting, r resident) {
	s.event.Person = r.name
	d.face(s, min(max(0.36+0.06*d.rng.NormFloat64(), 0.18), 0.52))
}

// noMatch is a face that was compared with those of the residents in vain.
func (d *diary) noMatch(s *sighting) {
	d.face(s, min(max(0.76+0.07*d.rng.NormFloat64(), 0.61), 0.98))
}

func (d *diary) face(s *sighting, distance float64) {
	s.event.FaceDistance = new(decimals(distance))
	s.event.FaceConfidence = new(decimals(1 / (1 + math.Exp(14*(distance-0.56)))))
}

func decimals(v float64) float64 { return math.Round(v*1000) / 1000 }

// finish brings the day into its order, and adds what depends on it.
func (d *diary) finish(name string) []sighting {
	slices.SortStableFunc(d.seen, func(a, b *sighting) int {
		return cmp.Or(a.event.RecordedAt.Compare(b.event.RecordedAt), cmp.Compare(a.scene.camera, b.scene.camera))
	})
	d.parcels()
	day := make([]sighting, len(d.seen))
	for i, s := range d.seen {
		s.event.RecordingID = fmt.Sprintf("%s-%03d", name, i+1)
		hour := s.scene.at.Hour()
		s.event.AlertSent = s.showsStranger() && (hour < 6 || hour >= 22)
		if d.chance(0.3) {
			s.event.Attributes = map[string]string{"battery": fmt.Sprint(d.battery(s.event.Camera))}
		}
		day[i] = *s
	}
	return day
}

// parcels puts what couriers left on the porch into the pictures of the porch
// until somebody who lives there takes it in.
func (d *diary) parcels() {
	var porch []prop
	for _, s := range d.seen {
		if s.leaves {
			p := d.prop(kindParcel, parcelLook)
			p.u, p.v = 0.9-0.16*float64(len(porch)), 0.85
			porch = append(porch, p)
		}
		if s.event.Camera != frontDoor {
			continue
		}
		for _, p := range porch {
			p.confidence = d.confidence(lightAt(s.scene.at))
			s.scene.props = append(s.scene.props, p)
		}
		if s.takes {
			porch = nil
		}
	}
}

// battery is a camera's charge in percent: it lasts for some weeks.
func (d *diary) battery(camera string) int {
	days := int(d.date.Unix() / (24 * 60 * 60))
	return 98 - (days+7*len(camera))%61
}

func (s *sighting) showsStranger() bool {
	return s.event.Person == "" && slices.ContainsFunc(s.scene.props, func(p prop) bool { return p.kind == kindPerson })
}

func (d *diary) prop(k kind, l look) prop { return prop{kind: k, look: l} }

func (d *diary) fromBehind(l look) prop { return prop{kind: kindPerson, look: l, away: true} }

func (d *diary) stranger() look {
	return look{
		coat: choose(d, coats), legs: choose(d, trousers), hair: choose(d, hairs), skin: choose(d, skins),
		size: 0.9 + 0.12*d.rng.Float64(),
	}
}

// times is a number of times, n on average: 0 to 2n.
func (d *diary) times(n float64) int { return int(2*n*d.rng.Float64() + 0.5) }

func (d *diary) chance(p float64) bool { return d.rng.Float64() < p }

func (d *diary) about(minute, spread float64) float64 {
	return minute + spread*min(max(d.rng.NormFloat64(), -2), 2)
}

// between returns a minute between two hours.
func (d *diary) between(from, to float64) float64 { return 60 * (from + (to-from)*d.rng.Float64()) }

func (d *diary) pick(rs ...resident) resident { return choose(d, rs) }

func (d *diary) pickCamera(cameras ...string) string { return choose(d, cameras) }

func choose[T any](d *diary, from []T) T { return from[d.rng.IntN(len(from))] }
