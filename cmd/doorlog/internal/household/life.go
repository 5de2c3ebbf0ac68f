package household

import (
	"fmt"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// A Life is how a household goes on while somebody watches: faster than its days, but with what belongs to
// the hour. The same seed, watched at the same moments, lives the same. It is not safe for concurrent use.
type Life struct {
	diary
	house *Household
	name  string
	n     int
	soon  []*Sighting // what still belongs to what was seen last
}

// Life begins at a moment, which tells the recordings of one life from those of another.
func (h *Household) Life(began time.Time) *Life {
	name := fmt.Sprintf("demo-%d-live", h.seed)
	return &Life{
		diary: diary{dice: diceOf(name), later: diceOf(name + ", details")},
		house: h,
		name:  name + began.UTC().Format("-20060102T150405.000"),
	}
}

// Wait returns how long it takes until the next sighting, if they are about so far apart: less if it belongs to the
// one before.
func (l *Life) Wait(every time.Duration) time.Duration {
	share := 0.7 + 1.2*l.rng.Float64()
	if len(l.soon) > 0 {
		share = 0.25 + 0.35*l.rng.Float64()
	}
	return time.Duration(share * float64(every))
}

// Next returns what is seen now, and how long it will go on.
func (l *Life) Next(now time.Time) (s Sighting, lasts time.Duration) {
	now = now.In(l.house.loc).Truncate(time.Millisecond)
	for len(l.soon) == 0 {
		l.think(now)
	}
	s, l.soon = *l.soon[0], l.soon[1:]
	l.n++
	e := &s.Event
	e.RecordedAt, s.scene.At = now, now
	l.complete(&s, fmt.Sprintf("%s-%04d", l.name, l.n))
	if !e.EndedAt.IsZero() {
		lasts = e.EndedAt.Sub(e.RecordedAt)
	}
	e.EndedAt, e.Pinned = time.Time{}, false // nobody has had the time to pin it
	return s, lasts
}

// think makes up what happens next.
func (l *Life) think(now time.Time) {
	year, month, day := now.Date()
	l.date, l.seen = time.Date(year, month, day, 0, 0, 0, 0, now.Location()), nil
	doings := l.byHour(now.Hour())
	sum, at := 0, min(max(minuteOf(now), 10), 24*60-10) // so that all of it is on this day
	for _, d := range doings {
		sum += d.weight
	}
	pick := l.rng.IntN(sum)
	for _, d := range doings {
		if pick -= d.weight; pick < 0 {
			d.do(at)
			break
		}
	}
	l.seen = slices.DeleteFunc(l.seen, func(s *Sighting) bool { return minuteOf(s.Event.RecordedAt) > at+atOnce && len(l.seen) > 1 })
	l.inOrder()
	l.soon = l.seen
}

// atOnce is how many minutes belong together. Who goes out does not come back while somebody watches.
const atOnce = 5

// A doing is something that may happen, and how often compared with others.
type doing struct {
	weight int
	do     func(minute float64)
}

func (l *Life) byHour(hour int) []doing {
	switch {
	case hour < 6 || hour >= 22:
		return []doing{{4, l.cat}, {4, l.nothing}, {3, l.prowl}, {2, l.passBy}, {2, l.comeHomeLate}, {1, l.lookAtACamera}, {1, l.traffic}}
	case hour < 9:
		return []doing{{5, l.goOut}, {3, l.dog}, {2, l.traffic}, {2, l.cat}, {1, l.nothing}, {1, l.mistype}, {1, l.carry}}
	case hour < 15:
		return []doing{
			{4, l.carry}, {3, l.passBy}, {3, l.traffic}, {2, l.post}, {2, l.sell}, {2, l.garden}, {2, l.comeHome}, {1, l.cleaner}, {1, l.cat}, {1, l.lookAtACamera},
		}
	}
	return []doing{
		{5, l.comeHome}, {3, l.mistype}, {3, l.dog}, {2, l.carry}, {2, l.guests}, {2, l.garden}, {2, l.traffic}, {2, l.jam}, {1, l.cat}, {1, l.grandfather}, {1, l.passBy},
	}
}

func (l *Life) someone() resident { return l.pick(alice, bob, maryAnn) }

func (l *Life) comeHome(minute float64) { l.arrive(l.someone(), minute) }
func (l *Life) goOut(minute float64)    { l.leave(l.someone(), minute) }
func (l *Life) dog(minute float64)      { l.walkDog(l.someone(), minute) }
func (l *Life) garden(float64)          { l.play(1, 12, 13, l.someone()) }

func (l *Life) grandfather(minute float64) {
	rang := l.enter(minute, grandpa, l.prop(scene.Person, grandpa.look))
	rang.Event.Type = doorlog.Ding
	l.fromAfar(minute+0.5, doorlog.Unlocked, l.prop(scene.Person, grandpa.look))
}

func (l *Life) cat(minute float64) {
	l.see(l.pickCamera(scene.Backyard, scene.Backyard, scene.Driveway, scene.FrontDoor), minute, l.prop(scene.Cat, choose(l.dice, catLooks)))
}

func (l *Life) traffic(minute float64) {
	l.see(scene.Driveway, minute, l.prop(scene.Traffic, scene.Look{Coat: choose(l.dice, paints)}))
}

func (l *Life) passBy(minute float64) {
	l.see(scene.Driveway, minute, l.prop(scene.Person, l.stranger()))
}

func (l *Life) lookAtACamera(minute float64) {
	l.see(l.pickCamera(scene.FrontDoor, scene.Backyard, scene.Garage), minute).Event.Type = doorlog.OnDemand
}

// carry brings a parcel, unless there are several on the porch.
func (l *Life) carry(minute float64) {
	if len(l.porch) >= 3 {
		l.comeHome(minute)
		return
	}
	l.delivery(minute)
}

func (l *Life) post(minute float64) { l.mail(minute) }

// sell rings, and is seen by the camera beside it.
func (l *Life) sell(minute float64) {
	look := l.stranger()
	l.see(scene.Driveway, minute, l.prop(scene.Person, look))
	s := l.see(scene.FrontDoor, minute+0.4, l.prop(scene.Person, look))
	s.Event.Type = doorlog.Ding
	l.noMatch(s)
}

// prowl tries a code at night, and goes on.
func (l *Life) prowl(minute float64) {
	for i, camera := range []string{scene.Driveway, scene.FrontDoor, scene.FrontDoor, scene.Backyard}[:2+l.rng.IntN(3)] {
		l.see(camera, minute+0.4*float64(i), l.prop(scene.Person, prowlerLook))
	}
}

// mistype comes home at the second attempt.
func (l *Life) mistype(minute float64) {
	r := l.someone()
	l.worked(l.see(scene.FrontDoor, minute, l.prop(scene.Person, r.look)), doorlog.Failed, doorlog.MethodKeypad)
	s := l.see(scene.FrontDoor, minute+0.3, l.prop(scene.Person, r.look))
	l.recognise(s, r)
	s.takes = true
	l.worked(s, doorlog.Unlocked, doorlog.MethodKeypad)
}

// jam is a bolt that does not close, until somebody has it try again.
func (l *Life) jam(minute float64) {
	r := l.someone()
	s := l.see(scene.FrontDoor, minute, l.fromBehind(r.look))
	l.worked(s, doorlog.Jammed, doorlog.MethodAuto)
	l.fromAfar(minute+0.5, doorlog.Locked)
}
