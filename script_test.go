package doorlog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
)

// A script is what a workload does. Both sides know it: the process that does
// it, and the test that looks at what is left of it.
type script struct {
	parts [][][]*step // for each opening of the store the lanes, which run at the same time
	steps int

	// histories have the values that each event and person has had, by a name
	// of it. Lanes have no event in common, so the order is that of the steps.
	histories map[string][]value
	framed    map[string]int // the step that gave an event its thumbnail
	piecemeal map[int]bool   // steps that are several transactions, and go on when they are done again
	pictures  []picture
	backup    *step
	forgets   []int // steps that remove thumbnails by hand, and have the store forget them
	about     int   // the step that a short script is about; 0: it is about all of them

	unchecked bool // the invariants are not checked: bolt's own check cannot bear a damaged file
}

// A value is what an event or a person is after a step; nil: it is gone.
type value struct {
	step int
	is   any // a doorlog.Event or a doorlog.Person
}

// A picture is the thumbnail of an event of somebody whom a step erases.
type picture struct {
	step        int
	event, path string
}

func eventName(id doorlog.ID) string { return "event " + id.String() }
func personName(name string) string  { return "person " + name }

// scripts are small, to be done a thousand times, and large.
var scripts = map[string]func() *script{
	"small":  func() *script { return writeScript(25, 0) },
	"large":  func() *script { return writeScript(80, 4) },
	"lanes":  func() *script { return writeScript(2, 3) },
	"erase":  eraseScript,
	"backup": backupScript,
	"forget": forgetScript,

	restoreScript: func() *script { return &script{} }, // restore_test.go
}

// A scriptWriter makes up a script.
type scriptWriter struct {
	*script
	rng    *rand.Rand
	events int // that were made up
	living []doorlog.Event
}

func newScriptWriter(seed int) *scriptWriter {
	return &scriptWriter{
		script: &script{histories: make(map[string][]value), framed: make(map[string]int), piecemeal: make(map[int]bool)},
		rng:    rand.New(rand.NewPCG(1, uint64(seed))),
	}
}

// writeScript makes a script of three parts: alone, several writers at once if
// there are lanes, and alone.
func writeScript(length, lanes int) *script {
	w := newScriptWriter(length)
	first := []*step{w.put("alice"), w.put("bob"), w.write(writeFrame), w.batch(doorlog.FoldAt - 12)}
	defer func() {
		last := w.parts[len(w.parts)-1]
		last[0] = append(last[0], w.step(compactFile), w.erase("dave", doorlog.EraseName))
		if lanes > 3 { // of small ones it would be the most
			last[0] = append(last[0], w.put("bob"), w.write(writeFrame), w.erase("bob", doorlog.EraseEvents))
		}
		last[0] = append(last[0], w.put("erwin"))
	}()
	w.parts = append(w.parts, [][]*step{w.mixed(first, length)})
	if lanes > 0 {
		part := make([][]*step, lanes)
		all := w.living
		for i := range part {
			w.living = nil // a lane touches its own events alone
			part[i] = w.mixed([]*step{w.write(writeFrame)}, length/3+8)
			for range 3 {
				if i == 0 { // while the others write
					part[i] = w.mixed(append(part[i], w.step(compactFile)), 1)
				}
			}
			all = append(all, w.living...)
		}
		w.living = all
		w.parts = append(w.parts, part)
	}
	last := []*step{w.late(), w.late(), w.removeFramed(), w.pin(0), w.pin(len(w.living) - 1), w.prune()}
	last = append(last, w.forget("bob"), w.batch(doorlog.FoldAt/2), w.put("carol"))
	w.parts = append(w.parts, [][]*step{w.mixed(last, length)})
	return w.script
}

// eraseScript makes a script of little more than to erase two persons, one of
// them with the events.
func eraseScript() *script {
	w := newScriptWriter(0)
	steps := []*step{w.put("bob"), w.batch(3 * doorlog.FoldAt)}
	for range 6 {
		steps = append(steps, w.write(writeFrame))
	}
	for i := range 3 {
		steps = append(steps, w.updateOf(len(w.living)-1-i))
	}
	w.about = w.steps
	steps = append(steps, w.erase("bob", doorlog.EraseEvents), w.write(writeEvent), w.erase("dave", doorlog.EraseName), w.put("erwin"))
	w.parts = [][][]*step{{steps}}
	return w.script
}

// backupScript makes a script of little more than to back the store up, during
// which thumbnails go and events come.
func backupScript() *script {
	w := newScriptWriter(0)
	steps := []*step{w.put("bob"), w.batch(doorlog.FoldAt - 2)}
	for range 6 {
		steps = append(steps, w.write(writeFrame))
	}
	w.about = w.steps
	w.backup = w.step(backupStore)
	last := len(w.living) - 1
	w.backup.during = []*step{w.removeFramed(), w.write(writeFrame), w.update(), w.remove(last), w.batch(5), w.removeFramed(), w.alert()}
	steps = append(steps, w.backup, w.removeFramed(), w.write(writeFrame), w.put("erwin"))
	w.parts = [][][]*step{{steps}}
	return w.script
}

// forgetScript makes a script of little more than to remove pictures by hand, and to
// have the store forget them.
func forgetScript() *script {
	w := newScriptWriter(0)
	steps := []*step{w.put("bob"), w.batch(doorlog.FoldAt - 2)}
	for range 8 {
		steps = append(steps, w.write(writeFrame))
	}
	w.about = w.steps
	steps = append(steps, w.forgetMissing(3), w.write(writeFrame), w.batch(doorlog.FoldAt), w.forgetMissing(2), w.put("erwin"))
	w.parts = [][][]*step{{steps}}
	return w.script
}

// forgetMissing removes the pictures of so many events, which lose their names.
func (w *scriptWriter) forgetMissing(n int) *step {
	s := w.step(forgetMissing)
	w.piecemeal[s.n] = true
	w.forgets = append(w.forgets, s.n)
	for i := range w.living {
		if e := &w.living[i]; e.ThumbnailPath != "" && len(s.paths) < n {
			s.paths = append(s.paths, e.ThumbnailPath)
			e.ThumbnailPath = ""
			w.becomes(s, *e)
		}
	}
	return s
}

// mixed adds so many steps of all kinds.
func (w *scriptWriter) mixed(steps []*step, n int) []*step {
	for range n {
		var s *step
		switch at := w.rng.IntN(20); {
		case at < 9:
			s = w.write(writeEvent)
		case at < 11:
			s = w.write(writeFrame)
		case at < 13:
			s = w.batch(2 + w.rng.IntN(6))
		case at < 14:
			s = w.late()
		case at < 16:
			s = w.update()
		case at < 18:
			s = w.alert()
		default:
			s = w.remove(w.rng.IntN(len(w.living)))
		}
		steps = append(steps, s)
	}
	return steps
}

func (w *scriptWriter) step(kind stepKind, events ...doorlog.Event) *step {
	s := &step{n: w.steps, kind: kind, events: events}
	w.steps++
	return s
}

// becomes notes what an event is after a step.
func (w *scriptWriter) becomes(s *step, e doorlog.Event) {
	name := eventName(e.ID)
	w.histories[name] = append(w.histories[name], value{s.n, e})
}

// made makes up an event, each a few minutes after the one before, so that they
// lie in several days.
func (w *scriptWriter) made() doorlog.Event {
	return w.madeAt(now.Add(-60 * time.Hour).Add(time.Duration(w.events) * 7 * time.Minute))
}

func (w *scriptWriter) madeAt(t time.Time) doorlog.Event {
	w.events++
	e := motion(fmt.Sprint("camera", w.events%3), 0)
	if w.events%3 == 1 {
		e = fullEvent()
		e.AlertSent, e.Person, e.RecordingID = false, "bob", fmt.Sprint("rec-", w.events)
	}
	e.ID, e.RecordedAt, e.CreatedAt = eventID(t, w.events), t, now
	return e
}

func (w *scriptWriter) write(kind stepKind) *step {
	e := w.made()
	s := w.step(kind, e)
	if kind == writeFrame {
		e.ThumbnailPath = e.RecordedAt.Format("2006/01/02/") + e.ID.String() + ".jpg"
		e.FrameWidth, e.FrameHeight = frameWidth, frameHeight
		s.events[0] = e
		w.framed[eventName(e.ID)] = s.n
	}
	w.lives(s, e)
	return s
}

func (w *scriptWriter) lives(s *step, events ...doorlog.Event) {
	for _, e := range events {
		w.becomes(s, e)
	}
	w.living = append(w.living, events...)
}

func (w *scriptWriter) batch(n int) *step {
	events := make([]doorlog.Event, n)
	for i := range events {
		events[i] = w.made()
	}
	s := w.step(writeBatch, events...)
	w.lives(s, events...)
	return s
}

// late writes an event that is older than all others.
func (w *scriptWriter) late() *step {
	e := w.madeAt(now.Add(-200*time.Hour - time.Duration(w.events)*time.Minute))
	s := w.step(writeEvent, e)
	w.lives(s, e)
	return s
}

func (w *scriptWriter) update() *step { return w.updateOf(w.rng.IntN(len(w.living))) }

func (w *scriptWriter) updateOf(at int) *step {
	e := &w.living[at]
	e.Type, e.Person = doorlog.EventType(fmt.Sprint("type", w.steps)), "dave"
	e.Detections = append(slices.Clone(e.Detections), doorlog.Detection{Label: "cat", Confidence: 0.5})
	if w.rng.IntN(4) == 0 {
		*e = withoutThumbnail(*e)
	}
	s := w.step(updateEvent, *e)
	w.becomes(s, *e)
	return s
}

func (w *scriptWriter) alert() *step {
	e := &w.living[w.rng.IntN(len(w.living))]
	e.AlertSent = true
	s := w.step(markAlert, *e)
	w.becomes(s, *e)
	return s
}

func (w *scriptWriter) removeFramed() *step {
	return w.remove(slices.IndexFunc(w.living, func(e doorlog.Event) bool { return e.ThumbnailPath != "" }))
}

func (w *scriptWriter) pin(at int) *step {
	e := &w.living[at]
	e.Pinned = true
	s := w.step(pinEvent, *e)
	w.becomes(s, *e)
	return s
}

// prune deletes the events of the late ones' time and of the first hours after
// that, in several transactions, and the thumbnails of some hours more.
func (w *scriptWriter) prune() *step {
	s := w.step(prune)
	s.policy = doorlog.Policy{MaxAge: 56 * time.Hour, ThumbnailAge: 50 * time.Hour}
	w.piecemeal[s.n] = true
	old := func(e doorlog.Event, age time.Duration) bool { return !e.Pinned && e.RecordedAt.Before(now.Add(-age)) }
	w.living = slices.DeleteFunc(w.living, func(e doorlog.Event) bool {
		if old(e, s.policy.MaxAge) {
			w.gone(s, e)
			return true
		}
		return false
	})
	for i := range w.living {
		if e := &w.living[i]; e.ThumbnailPath != "" && old(*e, s.policy.ThumbnailAge) {
			e.ThumbnailPath = ""
			w.becomes(s, *e)
		}
	}
	return s
}

// gone notes that an event is not there after a step.
func (w *scriptWriter) gone(s *step, e doorlog.Event) {
	name := eventName(e.ID)
	w.histories[name] = append(w.histories[name], value{s.n, nil})
}

func (w *scriptWriter) remove(at int) *step {
	e := w.living[at]
	w.living = slices.Delete(w.living, at, at+1)
	s := w.step(deleteEvent, e)
	w.gone(s, e)
	return s
}

func (w *scriptWriter) put(person string) *step {
	s := w.step(putPerson)
	s.person = person
	p := doorlog.Person{Name: person, DisplayName: string(person[0]-'a'+'A') + person[1:], AutoUnlock: true, CreatedAt: now}
	w.histories[personName(person)] = append(w.histories[personName(person)], value{s.n, p})
	return s
}

// erase erases a person, whose name and picture go from the events, or with them.
func (w *scriptWriter) erase(person string, how doorlog.Erasure) *step {
	s := w.step(erasePerson)
	s.person, s.how = person, how
	w.piecemeal[s.n] = true
	if name := personName(person); len(w.histories[name]) > 0 {
		w.histories[name] = append(w.histories[name], value{s.n, nil})
	}
	var living []doorlog.Event
	for _, e := range w.living {
		if e.Person != person {
			living = append(living, e)
			continue
		}
		if e.ThumbnailPath != "" {
			w.pictures = append(w.pictures, picture{s.n, eventName(e.ID), e.ThumbnailPath})
		}
		if how == doorlog.EraseEvents {
			w.gone(s, e)
			continue
		}
		e.Person, e.ThumbnailPath = "", ""
		w.becomes(s, e)
		living = append(living, e)
	}
	w.living = living
	return s
}

// forget deletes a person, whose events keep the name.
func (w *scriptWriter) forget(person string) *step {
	s := w.step(deletePerson)
	s.person = person
	w.histories[personName(person)] = append(w.histories[personName(person)], value{s.n, nil})
	return s
}
