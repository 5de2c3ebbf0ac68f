package doorlog

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A rollup counts the events of one camera on one UTC day. Every time zone in use is a
// multiple of 15 minutes from UTC, so days and hours anywhere are sums of quarter
// hours. All numbers are counts and fixed-point sums, so an update or a delete takes
// away exactly what was added.
//
// Like the index buckets, rollups cover the events up to indexed_through. The bucket
// has a key for each camera and day with events:
//
//	camera 0x00 | day since 1970, 4 bytes, big-endian
//
// and the payload of its record is
//
//	[events, known, strangers, unlocks, quarter hours,
//	 [type, events, …], [person, events, …],
//	 [label, events, detections, sum of confidence, …]]
//
// The quarter hours are bytes. Each quarter hour that has events is five uvarints
// (encoding/binary): its number from 0 to 95, events, known, strangers and unlocks.
// This can be read quickly, or skipped in one step.
type rollup struct {
	counts
	types, persons map[string]int64
	labels         map[string]labelCounts
	quarters       [quartersADay]counts
}

// counts are the numbers of events of each kind. A stranger is an event of type Motion
// without a person.
type counts struct{ events, known, strangers, unlocks int64 }

// labelCounts are the counts of a label. confidence is a sum in units of
// confidenceUnit.
type labelCounts struct{ events, detections, confidence int64 }

const confidenceUnit = 1e-9

const rollupFields = 8

func fixedConfidence(c float64) int64 { return int64(math.Round(c / confidenceUnit)) }

func (c *counts) add(o counts, n int64) {
	c.events += n * o.events
	c.known += n * o.known
	c.strangers += n * o.strangers
	c.unlocks += n * o.unlocks
}

func (c *counts) plus(o *counts) {
	c.events += o.events
	c.known += o.known
	c.strangers += o.strangers
	c.unlocks += o.unlocks
}

// countsOf returns the counts of a single event.
func countsOf(kind EventType, person string, unlocked bool) counts {
	c := counts{events: 1}
	if person != "" {
		c.known = 1
	} else if kind == Motion {
		c.strangers = 1
	}
	if unlocked {
		c.unlocks = 1
	}
	return c
}

// countsLike reports whether two events of the same time add the same to rollups.
func (r *record) countsLike(o *record) bool {
	return r.Camera == o.Camera && r.Type == o.Type && r.Person == o.Person && r.UnlockGranted == o.UnlockGranted &&
		sameDetections(r.Detections, o.Detections)
}

// addEvent adds an event, whose detections must be loaded, n times: n is 1 or -1.
func (r *rollup) addEvent(e *record, n int64) {
	if r.types == nil {
		r.types, r.persons, r.labels = map[string]int64{}, map[string]int64{}, map[string]labelCounts{}
	}
	c := countsOf(e.Type, e.Person, e.UnlockGranted)
	r.counts.add(c, n)
	r.quarters[quarterOf(e.RecordedAt)].add(c, n)
	r.types[string(e.Type)] += n
	if e.Person != "" {
		r.persons[e.Person] += n
	}
	addLabels(r.labels, e.Detections, n)
}

func addLabels(to map[string]labelCounts, detections []Detection, n int64) {
	for i := range detections {
		d := &detections[i]
		c := to[d.Label]
		c.detections += n
		c.confidence += n * fixedConfidence(d.Confidence)
		to[d.Label] = c
	}
	for _, label := range labelsOf(detections) {
		c := to[label]
		c.events += n
		to[label] = c
	}
}

// add adds another rollup.
func (r *rollup) add(o *rollup) {
	if r.types == nil {
		r.types, r.persons, r.labels = map[string]int64{}, map[string]int64{}, map[string]labelCounts{}
	}
	r.counts.add(o.counts, 1)
	for k, v := range o.types {
		r.types[k] += v
	}
	for k, v := range o.persons {
		r.persons[k] += v
	}
	for k, v := range o.labels {
		c := r.labels[k]
		c.events, c.detections, c.confidence = c.events+v.events, c.detections+v.detections, c.confidence+v.confidence
		r.labels[k] = c
	}
	for i := range o.quarters {
		r.quarters[i].add(o.quarters[i], 1)
	}
}

func (c counts) empty() bool { return c == counts{} }

// A rollupKey is the camera and day of a rollup.
type rollupKey struct {
	camera string
	day    uint32
}

func (k rollupKey) bytes() []byte {
	return binary.BigEndian.AppendUint32(append([]byte(k.camera), 0), k.day)
}

// rollupChanges collects what a transaction adds to rollups, so that each rollup is
// written once.
type rollupChanges map[rollupKey]*rollup

func (c rollupChanges) addEvent(e *record, n int64) {
	key := rollupKey{e.Camera, dayOf(e.RecordedAt)}
	if c[key] == nil {
		c[key] = new(rollup)
	}
	c[key].addEvent(e, n)
}

// keys returns the keys in the order of the bucket.
func (c rollupChanges) keys() []rollupKey {
	return slices.SortedFunc(maps.Keys(c), func(a, b rollupKey) int { return bytes.Compare(a.bytes(), b.bytes()) })
}

func encodeRollup(key []byte, r *rollup) []byte {
	return rollupRecord.encode(key, func(e *encoder) {
		e.array(rollupFields)
		e.counts(r.counts)
		e.quarters(&r.quarters)
		e.tally(r.types)
		e.tally(r.persons)
		maps.DeleteFunc(r.labels, func(_ string, c labelCounts) bool { return c == labelCounts{} })
		e.array(4 * len(r.labels))
		for _, label := range slices.Sorted(maps.Keys(r.labels)) {
			c := r.labels[label]
			e.text(label)
			e.integer(c.events)
			e.integer(c.detections)
			e.integer(c.confidence)
		}
	})
}

func (e *encoder) quarters(quarters *[quartersADay]counts) {
	var b []byte
	for i, c := range quarters {
		if c.empty() {
			continue
		}
		for _, n := range [...]int64{int64(i), c.events, c.known, c.strangers, c.unlocks} {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	_ = e.enc.EncodeBytes(b)
}

func (e *encoder) counts(c counts) {
	e.integer(c.events)
	e.integer(c.known)
	e.integer(c.strangers)
	e.integer(c.unlocks)
}

func (e *encoder) tally(m map[string]int64) {
	maps.DeleteFunc(m, func(_ string, n int64) bool { return n == 0 })
	e.array(2 * len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e.text(name)
		e.integer(m[name])
	}
}

// decodeRollup decodes a whole rollup. It returns nil if rec is nil.
func decodeRollup(key, rec []byte) (*rollup, error) {
	if rec == nil {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	payload, err := rollupRecord.open(key, rec)
	if err != nil {
		return nil, err
	}
	r := &rollup{types: map[string]int64{}, persons: map[string]int64{}, labels: map[string]labelCounts{}}
	d := decoder{b: payload, mem: &arena{}}
	n := d.array()
	r.counts = d.counts()
	for quarters := d.quarters(); !quarters.ended(); {
		i, c := quarters.next()
		r.quarters[i].plus(&c)
	}
	d.tally(r.types)
	d.tally(r.persons)
	d.labelTally(r.labels)
	if n < rollupFields {
		return nil, errPayload
	}
	return r, d.finish(n - rollupFields)
}

func (d *decoder) counts() counts {
	return counts{d.integer(), d.integer(), d.integer(), d.integer()}
}

// quarters begins to decode the quarter hours of a rollup.
func (d *decoder) quarters() quarterDecoder {
	switch d.code() {
	case msgpcode.Nil:
	case msgpcode.Bin8:
		return quarterDecoder{d.take(int(d.big(1))), d}
	case msgpcode.Bin16:
		return quarterDecoder{d.take(int(d.big(2))), d}
	default:
		d.fail()
	}
	return quarterDecoder{nil, d}
}

// A quarterDecoder decodes quarter hours. If it cannot, it marks its decoder as bad.
type quarterDecoder struct {
	b []byte
	d *decoder
}

func (q *quarterDecoder) ended() bool { return len(q.b) == 0 }

// next returns a quarter hour, below quartersADay, and its counts.
func (q *quarterDecoder) next() (i int64, c counts) {
	if len(q.b) >= 5 { // mostly each number is one byte
		if b := (*[5]byte)(q.b); (b[0]|b[1]|b[2]|b[3]|b[4])&(1<<7) == 0 && b[0] < quartersADay {
			q.b = q.b[5:]
			return int64(b[0]), counts{int64(b[1]), int64(b[2]), int64(b[3]), int64(b[4])}
		}
	}
	i = q.number(quartersADay - 1)
	return i, counts{q.number(math.MaxInt64), q.number(math.MaxInt64), q.number(math.MaxInt64), q.number(math.MaxInt64)}
}

func (q *quarterDecoder) number(most uint64) int64 {
	v, n := binary.Uvarint(q.b)
	if n <= 0 || v > most {
		q.d.fail()
		q.b = nil
		return 0
	}
	q.b = q.b[n:]
	return int64(v)
}

func (d *decoder) tally(to map[string]int64) {
	for n := d.array(); n >= 2 && !d.bad; n -= 2 {
		name := string(d.text())
		to[name] += d.integer()
	}
}

func (d *decoder) labelTally(to map[string]labelCounts) {
	for n := d.array(); n >= 4 && !d.bad; n -= 4 {
		name := d.text()
		c := to[string(name)]
		c.events += d.integer()
		c.detections += d.integer()
		c.confidence += d.integer()
		to[string(name)] = c
	}
}
