package doorlog

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// A clock decides whether the clock of the machine can be believed. Devices lose the time: a
// dead battery gives 1970, a faulty clock 2035. Deleting by age would then delete everything.
// So the store keeps the latest time that it believes (seen). A second clock, which counts
// from the start of the system and which nobody sets, tells how long the system has run since
// then. A value of that clock is called a moment.
//
// A reading near the expected time is believed. A reading further ahead or behind is in
// doubt. It is believed after the clock has gone on from there at the right pace for a day of
// running. Restarts in between, and time during which the device was off, do not matter.
//
// While the clock is behind, events get wrong times. The store keeps each such span, with the
// time at which the clock was right again. Nobody knows how old the events of the span are,
// so they age from that time.
//
// The clock has a record in meta. All numbers are big-endian. Times are in nanoseconds since
// 1970 (0: none), moments in nanoseconds since the start of the system:
//
//	 16     8      8         8             8         8     per span 8      8       8
//	| boot | seen | its moment | doubt: last | its moment | ran | … | from | until | right | …
type clock struct {
	now  func() time.Time // the clock of the machine
	boot boot

	mu    sync.Mutex
	known clockState
	kept  clockState // the state that meta holds
}

// A boot is one run of the system, from its start to its next start.
type boot struct {
	id      ID
	lasts   bool // all processes see the same boot until the system starts again
	running func() time.Duration
}

// thisProcess returns a boot for systems that do not identify their runs: as if the system
// had started with the process.
func thisProcess() boot {
	start := time.Now()
	b := boot{running: func() time.Duration { return time.Since(start) }}
	_, _ = rand.Read(b.id[:]) // never fails
	return b
}

// A clockState is the part of a clock that is kept in meta.
type clockState struct {
	boot   ID            // the boot in which the moments count
	seen   time.Time     // the latest time that is believed
	seenAt time.Duration // its moment
	doubt  time.Time     // the last reading in doubt; zero if there is no doubt
	read   time.Duration // its moment
	ran    time.Duration // how long the clock in doubt has gone at the right pace
	dead   []deadSpan    // oldest first
}

// A deadSpan is a time during which the clock was behind. from and until are its readings.
type deadSpan struct {
	from, until time.Time
	right       time.Time // when it was right again; zero if it is still behind
}

const (
	// How far a reading may be from the expected time to be believed: if the system has
	// run ever since, if it was started again, and if that is not known.
	strayRunning, strayStarted, strayUnknown = 10 * time.Minute, time.Hour, farOff

	proof      = 24 * time.Hour      // how long a clock in doubt must run at the right pace
	longestOff = 31 * 24 * time.Hour // the longest time off that does not restart the proof
	farOff     = 24 * time.Hour      // a clock that is further behind the latest believed time is dead
	keepEvery  = time.Hour           // how far the state in meta may be behind
	maxSpans   = 16
)

// released is before this version was released. A clock that reads an earlier time is
// dead.
var released = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// deadAhead is how far ahead of the latest known time an event may lie while the clock of
// the machine is dead.
const deadAhead = 20 * 365 * 24 * time.Hour

// begin initialises the clock from the state in meta. If meta has none, it uses newest, the
// time of the newest event; zero if there is no event.
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

// believe sets the latest believed time and its moment.
func (c *clock) believe(t time.Time, moment time.Duration) {
	c.known.boot, c.known.seen, c.known.seenAt = c.boot.id, t, moment
}

// A reading is what is known about the time at one moment.
type reading struct {
	wall     time.Time // what the clock of the machine says
	believed time.Time // not later than the true time, as far as is known
	ahead    bool      // the clock is far ahead of what is believed
	seen     time.Time
	ran      time.Duration // how long it has gone at the right pace
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

// prove records a reading that is far off, and reports whether the clock has proved itself:
// it has gone at the right pace for long enough. running says that the system has run ever
// since the last reading.
func (c *clock) prove(wall time.Time, moment time.Duration, running bool) bool {
	k := &c.known
	expected, stray := k.doubt, longestOff // how long the system was off is not known
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

// extendSpan records that the clock is behind.
func (c *clock) extendSpan(wall time.Time) {
	k := &c.known
	if n := len(k.dead); n > 0 && k.dead[n-1].right.IsZero() {
		last := &k.dead[n-1]
		last.from, last.until = minTime(last.from, wall), maxTime(last.until, wall)
		return
	}
	if len(k.dead) == maxSpans { // merge the two oldest; their events age from the later of both times
		a, b := k.dead[0], k.dead[1]
		k.dead = append(k.dead[:0], k.dead[1:]...)
		k.dead[0] = deadSpan{minTime(a.from, b.from), maxTime(a.until, b.until), maxTime(a.right, b.right)}
	}
	k.dead = append(k.dead[:len(k.dead):len(k.dead)], deadSpan{from: wall, until: wall})
}

// closeSpans records that the clock is right again.
func (c *clock) closeSpans(wall time.Time) {
	if n := len(c.known.dead); n > 0 && c.known.dead[n-1].right.IsZero() {
		c.known.dead = append([]deadSpan(nil), c.known.dead...) // others may be reading it
		c.known.dead[n-1].right = wall
	}
}

// trust believes what the clock says now, because a person has checked it.
func (c *clock) trust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.believe(c.now().Round(0), c.boot.running())
}

// isDead reports whether the clock is plainly wrong: it is before released, or more than
// farOff behind the latest believed time, which is also returned.
func (c *clock) isDead(wall time.Time) (dead bool, seen time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wall.Before(released) || wall.Before(c.known.seen.Add(-farOff)), c.known.seen
}

// latest returns the latest time that an event may have now. A dead clock is no reason to
// refuse an event, so it allows deadAhead then.
func (c *clock) latest(skew time.Duration) time.Time {
	wall := c.now()
	latest := wall.Add(skew)
	if dead, seen := c.isDead(wall); dead {
		latest = maxTime(latest, maxTime(seen, released).Add(deadAhead))
	}
	return latest
}

// stale returns the state for meta, and whether it differs enough from the state in meta to
// be written. end says that the store is about to be closed: then smaller differences count.
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

// keep records that meta holds a state.
func (c *clock) keep(state clockState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = state
}

// agesFrom returns the time from which an event ages. That is when it happened. If its time
// comes from a dead clock, it is when the event was written, or when the clock was right
// again. never says that the clock is still wrong, so the event does not age yet.
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

// The length of the record without spans, and of one span.
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

// readClock returns the state of the clock in meta; zero if there is none.
func readClock(from getter) (clockState, error) {
	rec := from.Get(metaNumber, metaClock)
	if rec == nil {
		return clockState{}, nil
	}
	return decodeClock(rec)
}
