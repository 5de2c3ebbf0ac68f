package household

import (
	"hash/crc32"
	"maps"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// detail adds what is said of an event after it: its end, how the door was worked, and the zone in
// which something was seen. It uses dice of its own, so that the days stay the same days.
func (d *diary) detail(s *Sighting) {
	e := &s.Event
	seconds := 4 + 40*d.later.rng.Float64()
	if d.later.chance(0.95) { // else its end was not noticed
		e.EndedAt = e.RecordedAt.Add(time.Duration(1000*seconds) * time.Millisecond)
	}
	d.work(s)
	s.keep()
	if zone := d.zone(s); zone != "" && len(s.scene.Props) > 0 {
		attributes := map[string]string{"zone": zone}
		maps.Copy(attributes, e.Attributes)
		e.Attributes = attributes
	}
}

// work says how the door was worked, unless that is known. Now and then the bolt jams, and a prowler tries a code.
func (d *diary) work(s *Sighting) {
	e := &s.Event
	switch {
	case e.Method != "":
	case e.Door == doorlog.Unlocked:
		e.Method = doorlog.MethodFace
		if d.later.chance(0.12) {
			e.Method = doorlog.MethodKeypad
		}
	case e.Door == doorlog.Locked && e.Type == doorlog.OnDemand:
		e.Method = doorlog.MethodApp
	case e.Door == doorlog.Locked:
		e.Method = doorlog.MethodAuto
		if d.later.chance(0.5) {
			e.Method = doorlog.MethodKey
		}
		if d.later.chance(0.06) {
			e.Door = doorlog.Jammed
		}
	case e.Camera == scene.FrontDoor && s.shows(scene.Person, prowlerLook):
		e.Door, e.Method = doorlog.Failed, doorlog.MethodKeypad
	}
}

// keep pins what somebody would want to find again, and says what nobody has looked at yet.
func (s *Sighting) keep() {
	sum := crc32.ChecksumIEEE([]byte(s.Event.RecordingID))
	tried := s.Event.Door == doorlog.Failed && s.shows(scene.Person, prowlerLook)
	played := s.Event.Camera == scene.Backyard && s.Event.Person == maryAnn.name && s.shows(scene.Dog, familyDog)
	s.Event.Pinned = tried || played && sum%6 == 0
	s.overlooked = sum%23 == 0
}

// IsReviewed reports whether somebody has looked at it by then: most are looked at within a day or so.
func (s *Sighting) IsReviewed(now time.Time) bool {
	return !s.overlooked && s.Event.RecordedAt.Before(now.Add(-30*time.Hour))
}

// zone returns the part of the camera's view in which something was seen; empty: the camera has no
// zones.
func (d *diary) zone(s *Sighting) string {
	switch s.Event.Camera {
	case scene.FrontDoor:
		return "porch"
	case scene.Driveway:
		if slices.ContainsFunc(s.scene.Props, func(p scene.Prop) bool { return p.Kind == scene.Traffic }) {
			return "street"
		}
		return "driveway"
	case scene.Backyard:
		return choose(d.later, []string{"lawn", "patio"})
	}
	return ""
}

// shows reports whether something that looks like this is in the picture.
func (s *Sighting) shows(kind scene.Kind, look scene.Look) bool {
	return slices.ContainsFunc(s.scene.Props, func(p scene.Prop) bool { return p.Kind == kind && p.Look == look })
}
