package doorlog

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// A clock says how far the clock of the machine can be believed. Devices lose
// the time: a dead battery gives 1970, a faulty clock 2035, and what deletes by
// age would then delete everything. So the store keeps the latest time that it
// believes (seen), and how long the system has run since then is told by another
// clock, which nobody sets and which counts from the start of the system.
//
// A reading that is near what is expected is believed. One that is further
// ahead, or behind, is in doubt. It is believed when the clock has gone on from
// there, at the right pace, for a day of running; restarts in between do not
// matter, nor how long the device was off.
//
// While the clock is behind, events get its wrong times. Such a span is kept, with
// the time at which the clock was right again: until then nobody knows how old its
// events are, so that is when they begin to age.
//
// Its record in meta has, with all numbers big-endian, times in nanoseconds since
// 1970 (0: none), and moments in nanoseconds since the start of the system,
//
//	 16     8      8         8             8         8     per span 8      8       8
//	| boot | seen | its moment | doubt: last | its moment | ran | … | from | until | right | …
type clock struct {
	now  func() time.Time // the clock of the machine
	boot boot

	mu    sync.Mutex
	known clockState
	kept  clockState // what meta has
}

// A boot is the running of a system since it was started.
type boot struct {
	id      ID
	lasts   bool // it is that of all processes until the next start
	running func() time.Duration
}

// thisProcess is for a system that does not tell: as if it was started with the process.
func thisProcess() boot {
	start := time.Now()
	b := boot{running: func() time.Duration { return time.Since(start) }}
	_, _ = rand.Read(b.id[:]) // it never fails
	return b
}

// A clockState is what is kept of a clock.
type clockState struct {
	boot   ID            // of which the moments are
	seen   time.Time     // the latest time that is believed
	seenAt time.Duration // its moment
	doubt  time.Time     // the last reading of a clock that is in doubt; zero: it is not
	read   time.Duration // its moment
	ran    time.Duration // for how long it has proved itself
	dead   []deadSpan    // oldest first
}

// A deadSpan is a time during which the clock was behind, by its own readings.
type deadSpan struct {
	from, until time.Time
	right       time.Time // when it was right again; zero: it is not yet
}

const (
	// How far from what is expected a reading is near it: where the system has run
	// ever since, where it was started again, and where it does not tell.
	strayRunning, strayStarted, strayUnknown = 10 * time.Minute, time.Hour, farOff

	proof      = 24 * time.Hour      // of running
	longestOff = 31 * 24 * time.Hour // between two times of running that prove the same
	farOff     = 24 * time.Hour      // behind all that was seen a clock is plainly dead
	keepEvery  = time.Hour           // how old what meta has may get
	maxSpans   = 16
)

// released is before every time at which this version runs: a clock that reads
// less is dead.
var released = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// deadAhead is how far ahead of all that is known an event may lie while the clock
// of the machine is dead, and cannot say.
const deadAhead = 20 * 365 * 24 * time.Hour

// begin takes in what meta has, or, for a store that has no such record, the time
// of its newest event; zero: there is none.
func (c *clock) begin(kept clockState, newest time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.kept = kept, kept
	c.known.dead = append([]deadSpan(nil), kept.dead...)
	if c.known.seen.IsZero() {
		c.known.seen = newest
	}
	if c.known.seen.IsZero() {
		c.believe(c.now().Round(0), c.boot.running())
	}
}

// believe is called with a time that is believed, and its moment.
func (c *clock) believe(t time.Time, moment time.Duration) {
	c.known.boot, c.known.seen, c.known.seenAt = c.boot.id, t, moment
}

// A reading is what is known of the time at a moment.
type reading struct {
	wall     time.Time // what the clock of the machine says
	believed time.Time // no later than it is
	ahead    bool      // the clock is far ahead of what is believed
	seen     time.Time
	ran      time.Duration // how long it has proved itself
	dead     []deadSpan
}

// read reads the clock.
func (c *clock) read() reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, moment := c.now().Round(0), c.boot.running()
	k := &c.known
	running := k.boot == c.boot.id && moment >= k.seenAt
	expected, stray := k.seen, strayStarted
	switch {
	case running:
		expected, stray = expected.Add(moment-k.seenAt), strayRunning
	case !c.boot.lasts:
		stray = strayUnknown
	}
	off := wall.Sub(expected)
	if (off > stray || off < -stray) && c.prove(wall, moment, running) {
		expected, off = wall, 0
	}
	r := reading{wall: wall, believed: wall}
	switch {
	case off > stray:
		r.ahead, r.believed, r.ran = true, expected, k.ran
		c.believe(expected, moment)
	case off < -stray:
		c.believe(expected, moment)
		c.extendSpan(wall)
	default:
		k.doubt, k.read, k.ran = time.Time{}, 0, 0
		c.believe(maxTime(wall, expected), moment)
		if wall.Before(released) {
			c.extendSpan(wall)
		} else {
			c.closeSpans(wall)
		}
	}
	r.seen = k.seen
	r.dead = append([]deadSpan(nil), k.dead...)
	return r
}

// prove takes in a reading that is far off, and reports whether the clock has proved
// itself. running: the system has run ever since the last reading.
func (c *clock) prove(wall time.Time, moment time.Duration, running bool) bool {
	k := &c.known
	expected, stray := k.doubt, longestOff // how long it was off is not known
	if running {
		expected, stray = expected.Add(moment-k.read), strayRunning
	}
	off := wall.Sub(expected)
	switch {
	case k.doubt.IsZero() || off < -strayStarted || off > stray:
		k.ran = 0
	case running:
		k.ran += moment - k.read
	}
	k.doubt, k.read = wall, moment
	return k.ran >= proof
}

// extendSpan notes that the clock is behind.
func (c *clock) extendSpan(wall time.Time) {
	k := &c.known
	if n := len(k.dead); n > 0 && k.dead[n-1].right.IsZero() {
		last := &k.dead[n-1]
		last.from, last.until = minTime(last.from, wall), maxTime(last.until, wall)
		return
	}
	if len(k.dead) == maxSpans { // the two oldest become one, which ages from the later
		a, b := k.dead[0], k.dead[1]
		k.dead = append(k.dead[:0], k.dead[1:]...)
		k.dead[0] = deadSpan{minTime(a.from, b.from), maxTime(a.until, b.until), maxTime(a.right, b.right)}
	}
	k.dead = append(k.dead[:len(k.dead):len(k.dead)], deadSpan{from: wall, until: wall})
}

// closeSpans notes that the clock is right.
func (c *clock) closeSpans(wall time.Time) {
	if n := len(c.known.dead); n > 0 && c.known.dead[n-1].right.IsZero() {
		c.known.dead = append([]deadSpan(nil), c.known.dead...) // others may be reading it
		c.known.dead[n-1].right = wall
	}
}

// trust believes what the clock says now: a person has looked at it.
func (c *clock) trust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.believe(c.now().Round(0), c.boot.running())
}

// isDead reports whether the clock is plainly wrong: it is before this version was
// released, or far behind what has been seen.
func (c *clock) isDead(wall time.Time) (dead bool, seen time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wall.Before(released) || wall.Before(c.known.seen.Add(-farOff)), c.known.seen
}

// latest is the last time at which an event may lie now. A dead clock is no reason
// to refuse one.
func (c *clock) latest(skew time.Duration) time.Time {
	wall := c.now()
	latest := wall.Add(skew)
	if dead, seen := c.isDead(wall); dead {
		latest = maxTime(latest, maxTime(seen, released).Add(deadAhead))
	}
	return latest
}

// stale returns what meta is to have, and whether that is worth writing: at the end
// more is.
func (c *clock) stale(end bool) (state clockState, worth bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, old := &c.known, &c.kept
	every := keepEvery
	if end {
		every = time.Minute
	}
	worth = old.seen.IsZero() || k.seen.Before(old.seen) || k.seen.Sub(old.seen) >= every ||
		k.doubt.IsZero() != old.doubt.IsZero() || k.ran < old.ran || k.ran-old.ran >= every || len(k.dead) != len(old.dead)
	if n := len(k.dead); !worth && n > 0 {
		a, b := k.dead[n-1], old.dead[n-1]
		worth = !a.right.Equal(b.right) || a.from.Before(b.from) || a.until.Sub(b.until) >= every
	}
	state = *k
	state.dead = append([]deadSpan(nil), k.dead...)
	return state, worth
}

// keep notes that meta has a state.
func (c *clock) keep(state clockState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = state
}

// agesFrom returns the moment from which an event ages: when it happened, but for
// one with the time of a dead clock, which ages from when it was written, or from
// when the clock was right again. never: the clock is not right yet.
func (r *reading) agesFrom(e *Event) (from time.Time, never bool) {
	from = e.RecordedAt
	if from.Before(earliest) {
		from = maxTime(from, e.CreatedAt)
	}
	for _, d := range r.dead {
		written := e.CreatedAt.After(d.from.Add(-keepEvery)) && e.CreatedAt.Before(d.until.Add(keepEvery))
		if !written || e.RecordedAt.After(d.until.Add(farOff)) {
			continue
		}
		if d.right.IsZero() {
			return from, true
		}
		from = maxTime(from, d.right)
	}
	return from, false
}

// earliest is before every event of a camera whose clock was set.
var earliest = time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC)

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// The length of the record without its spans, and of each.
const clockLen, spanLen = 16 + 5*8, 3 * 8

func (s *clockState) encode() []byte {
	b := append(make([]byte, 0, clockLen+spanLen*len(s.dead)), s.boot[:]...)
	putTime := func(t time.Time) {
		n := int64(0)
		if t.After(time.Unix(0, 0)) {
			n = minTime(t, maxCreatedAt).UnixNano()
		}
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	put := func(d time.Duration) { b = binary.BigEndian.AppendUint64(b, uint64(d)) }
	putTime(s.seen)
	put(s.seenAt)
	putTime(s.doubt)
	put(s.read)
	put(s.ran)
	for _, d := range s.dead {
		putTime(d.from)
		putTime(d.until)
		putTime(d.right)
	}
	return stateRecord.encode(metaClock, func(e *encoder) { e.buf.Write(b) })
}

func decodeClock(rec []byte) (s clockState, err error) {
	b, err := stateRecord.open(metaClock, rec)
	if err == nil && (len(b) < clockLen || (len(b)-clockLen)%spanLen != 0 || len(b) > clockLen+spanLen*maxSpans) {
		err = fmt.Errorf("%w: %d bytes", ErrCorrupt, len(b))
	}
	if err != nil {
		return s, fmt.Errorf("meta clock: %w", err)
	}
	get := func() int64 {
		n := int64(binary.BigEndian.Uint64(b))
		b = b[8:]
		return n
	}
	getTime := func() (t time.Time) {
		if n := get(); n != 0 {
			t = time.Unix(0, n).UTC()
		}
		return t
	}
	s.boot, b = ID(b), b[len(ID{}):]
	s.seen, s.seenAt = getTime(), time.Duration(get())
	s.doubt, s.read, s.ran = getTime(), time.Duration(get()), time.Duration(get())
	for len(b) > 0 {
		s.dead = append(s.dead, deadSpan{getTime(), getTime(), getTime()})
	}
	return s, nil
}

// readClock returns what meta has of the clock; zero if it has nothing.
func readClock(from getter) (clockState, error) {
	rec := from.Get(metaNumber, metaClock)
	if rec == nil {
		return clockState{}, nil
	}
	return decodeClock(rec)
}
