package household

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// A diary is a day that is being made up. Times are minutes since midnight.
type diary struct {
	dice
	later dice // for detail
	date  time.Time
	seen  []*Sighting
	porch []scene.Prop // the parcels that lie there
}

// see adds what a camera saw at a minute of the day. The props stand side by side.
func (d *diary) see(camera string, minute float64, props ...scene.Prop) *Sighting {
	year, month, date := d.date.Date()
	ms := int(math.Mod(minute+24*60, 24*60) * 60_000)
	at := time.Date(year, month, date, 0, 0, ms/1000, ms%1000*int(time.Millisecond), d.date.Location())
	for i, place := range d.rng.Perm(len(props)) {
		p := &props[i]
		p.U = (float64(place) + 0.2 + 0.6*d.rng.Float64()) / float64(len(props))
		p.V, p.Flip = d.rng.Float64(), d.chance(0.5)
		p.Confidence = d.confidence(at)
	}
	s := &Sighting{
		Event: doorlog.Event{
			Camera: camera, RecordedAt: at, Type: doorlog.Motion, FrameWidth: scene.Width, FrameHeight: scene.Height,
		},
		scene: scene.Scene{Camera: camera, At: at, Props: props},
	}
	d.seen = append(d.seen, s)
	return s
}

// confidence returns how sure the detector is. At night it is less sure.
func (d *diary) confidence(at time.Time) float64 {
	mean := 0.91
	if scene.IsNight(at) {
		mean = 0.8
	}
	return decimals(min(max(mean+0.055*d.rng.NormFloat64(), 0.42), 0.995))
}

// recognise says that the face was compared and is that of a resident.
func (d *diary) recognise(s *Sighting, r resident) {
	s.Event.Person = r.name
	d.face(s, min(max(0.36+0.06*d.rng.NormFloat64(), 0.18), 0.52))
}

// noMatch says that the face was compared and is nobody's of the residents.
func (d *diary) noMatch(s *Sighting) {
	d.face(s, min(max(0.76+0.07*d.rng.NormFloat64(), 0.61), 0.98))
}

// face records the distance of the face, and the confidence that follows from it.
func (d *diary) face(s *Sighting, distance float64) {
	s.Event.FaceDistance = new(decimals(distance))
	s.Event.FaceConfidence = new(decimals(1 / (1 + math.Exp(14*(distance-0.56)))))
}

func decimals(v float64) float64 { return math.Round(v*1000) / 1000 }

// finish returns the day in order, with all that is said of its events.
func (d *diary) finish(name string) []Sighting {
	d.inOrder()
	day := make([]Sighting, len(d.seen))
	for i, s := range d.seen {
		d.complete(s, fmt.Sprintf("%s-%03d", name, i+1))
		day[i] = *s
	}
	return day
}

// inOrder sorts what was seen by time, and adds what depends on that.
func (d *diary) inOrder() {
	slices.SortStableFunc(d.seen, func(a, b *Sighting) int { return a.compare(b) })
	d.parcels()
}

// compare orders sightings by time.
func (s *Sighting) compare(o *Sighting) int {
	return cmp.Or(s.Event.RecordedAt.Compare(o.Event.RecordedAt), cmp.Compare(s.scene.Camera, o.scene.Camera))
}

// complete adds what is said of each event, whatever it is about.
func (d *diary) complete(s *Sighting, recordingID string) {
	s.Event.RecordingID = recordingID
	hour := s.scene.At.Hour()
	s.Event.AlertSent = s.showsStranger() && (hour < 6 || hour >= 22)
	if d.chance(0.3) {
		s.Event.Attributes = map[string]string{"battery": fmt.Sprint(d.battery(s.Event.Camera))}
	}
	d.detail(s)
}

// parcels adds the parcels on the porch to each picture of the porch, from the delivery
// until a resident takes them in.
func (d *diary) parcels() {
	for _, s := range d.seen {
		if s.leaves {
			p := d.prop(scene.Parcel, parcelLook)
			p.U, p.V = 0.9-0.16*float64(len(d.porch)), 0.85
			d.porch = append(d.porch, p)
		}
		if s.Event.Camera != scene.FrontDoor {
			continue
		}
		for _, p := range d.porch {
			p.Confidence = d.confidence(s.scene.At)
			s.scene.Props = append(s.scene.Props, p)
		}
		if s.takes {
			d.porch = nil
		}
	}
}

// showParcels adds the parcels that lie on the porch by then, as the pictures of the day have them.
func (s *Sighting) showParcels(day []Sighting) {
	if s.Event.Camera != scene.FrontDoor {
		return
	}
	for _, before := range slices.Backward(day) {
		if before.Event.Camera != scene.FrontDoor || !before.Event.RecordedAt.Before(s.Event.RecordedAt) {
			continue
		}
		for _, p := range before.scene.Props {
			if p.Kind == scene.Parcel && !before.takes {
				s.scene.Props = append(s.scene.Props, p)
			}
		}
		return
	}
}

// battery returns a camera's charge in percent. It falls by 1 a day, and is charged again.
func (d *diary) battery(camera string) int {
	days := int(d.date.Unix() / (24 * 60 * 60))
	return 98 - (days+7*len(camera))%61
}

func (d *diary) prop(k scene.Kind, l scene.Look) scene.Prop { return scene.Prop{Kind: k, Look: l} }

func (d *diary) fromBehind(l scene.Look) scene.Prop {
	return scene.Prop{Kind: scene.Person, Look: l, Away: true}
}

func (d *diary) stranger() scene.Look {
	return scene.Look{
		Coat: choose(d.dice, coats), Legs: choose(d.dice, trousers), Hair: choose(d.dice, hairs), Skin: choose(d.dice, skins),
		Size: 0.9 + 0.12*d.rng.Float64(),
	}
}
