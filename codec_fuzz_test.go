package doorlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// decodedFactor is how many bytes of memory a byte of a payload may take: what
// is decoded has at least 2 bytes there, and in memory the shortest things are
// the slots of a map, which grows by doubling.
const decodedFactor = 40

// allocatesLittle fails if fn, which decodes a payload of n bytes, takes more
// memory than that is worth. What others allocate meanwhile is no part of it,
// so the least of several goes counts.
func allocatesLittle(t *testing.T, n int, fn func()) {
	t.Helper()
	const fixed = 16 << 10 // a rollup has 3 KiB of quarter hours, whatever is in it
	limit := uint64(decodedFactor*n + fixed)
	used := uint64(math.MaxUint64)
	for try := 0; try < 5 && used > limit; try++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fn()
		runtime.ReadMemStats(&after)
		used = min(used, after.TotalAlloc-before.TotalAlloc)
	}
	if used > limit {
		t.Fatalf("%d bytes of payload took %d bytes of memory", n, used)
	}
}

// wantSameBytes fails if encoding what was decoded from a record does not give that record again.
func wantSameBytes(t *testing.T, rec, again []byte) {
	t.Helper()
	if !bytes.Equal(rec, again) {
		t.Fatalf("a record\n%x was read, and written as\n%x", rec, again)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	id := makeID(goldenTime, 1)
	for _, r := range goldenRecords() {
		f.Add(encodeEvent(&r)[recordHeader:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var got record
		var err error
		allocatesLittle(t, len(payload), func() { err = decodeEventPayload(id, payload, &arena{}, &got) })
		want, wantErr := read(func() record { return newReference(payload).event(id) })
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("ours: %v, the library's: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		got2, want2 := got, want // pointers print as addresses
		got2.FaceConfidence, got2.FaceDistance, want2.FaceConfidence, want2.FaceDistance = nil, nil, nil, nil
		if !same(got2, want2) || number(got.FaceConfidence) != number(want.FaceConfidence) || number(got.FaceDistance) != number(want.FaceDistance) {
			t.Fatalf("\nours         %s\nthe library's %s", dump(got), dump(want))
		}
		rec := encodeEvent(&got)
		var again record
		if err := decodeEvent(id[:], rec, &arena{}, &again); err != nil {
			t.Fatal(err)
		}
		wantSameBytes(t, rec, encodeEvent(&again))
	})
}

func FuzzDecodeDetections(f *testing.F) {
	for _, r := range goldenRecords() {
		f.Add(encodeDetections(r.ID, r.Detections)[recordHeader:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var got []Detection
		var err error
		allocatesLittle(t, len(payload), func() { got, err = decodeDetectionsPayload(payload, &arena{}) })
		want, wantErr := read(func() []Detection { return newReference(payload).detections() })
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("ours: %v, the library's: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if !same(got, want) {
			t.Fatalf("\nours         %s\nthe library's %s", dump(got), dump(want))
		}
		rec := encodeDetections(ID{}, got)
		key := ID{}
		again, err := decodeDetections(key[:], rec, &arena{}, len(got))
		if err != nil {
			t.Fatal(err)
		}
		wantSameBytes(t, rec, encodeDetections(ID{}, again))
	})
}

func (d *reference) person(name string) Person {
	n := d.array()
	if n < personFields {
		panic(errReference)
	}
	p := Person{name, d.text(), d.boolean(), time.Unix(0, d.integer()).UTC(), ID{}}
	if n > personFields {
		key := d.text()
		if len(key) != idLen {
			panic(errReference)
		}
		p.Key = ID([]byte(key))
	}
	d.rest(max(0, n-personFields-1))
	d.end()
	return p
}

func FuzzDecodePerson(f *testing.F) {
	for _, p := range []Person{{"bob", "", false, time.Unix(0, 0), ID{}}, {"mary_ann", "Mary Ann", true, goldenTime, ID{1, 2, 3}}} {
		f.Add(encodePerson(&p)[recordHeader:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var got Person
		var err error
		allocatesLittle(t, len(payload), func() { got, err = decodePersonPayload("bob", payload) })
		want, wantErr := read(func() Person { return newReference(payload).person("bob") })
		if (err == nil) != (wantErr == nil) || err == nil && got != want {
			t.Fatalf("ours: %+v, %v; the library's: %+v, %v", got, err, want, wantErr)
		}
		if err != nil {
			return
		}
		again, err := decodePerson(got.Name, encodePerson(&got))
		if err != nil || again != got {
			t.Fatalf("%+v came back as %+v, %v", got, again, err)
		}
	})
}

// someRollup counts events of every kind.
func someRollup(rng *rand.Rand, events int) *rollup {
	r := new(rollup)
	for range events {
		r.addEvent(someRecord(rng), 1)
	}
	return r
}

func FuzzDecodeRollup(f *testing.F) {
	key := rollupKey{"garage", 20509}.bytes()
	for _, events := range []int{0, 1, 5} {
		f.Add(encodeRollup(key, someRollup(rand.New(rand.NewPCG(1, 1)), events))[recordHeader:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		rec := rollupRecord.encode(key, func(e *encoder) { e.buf.Write(payload) })
		var got *rollup
		var err error
		allocatesLittle(t, len(payload), func() { got, err = decodeRollup(key, rec) })
		if err != nil {
			return
		}
		for _, c := range got.quarters {
			if min(c.events, c.known, c.strangers, c.unlocks) < 0 {
				return // it came twice, and the sum is more than 2^63
			}
		}
		rec = encodeRollup(key, got)
		again, err := decodeRollup(key, rec)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(again, got) {
			t.Fatalf("\n%+v came back as\n%+v", got, again)
		}
	})
}

// someRecord returns an event with any of what an event may have.
func someRecord(rng *rand.Rand) *record {
	text := func(most int) string {
		b := make([]rune, rng.IntN(most))
		for i := range b {
			b[i] = []rune("ab_-.é✓𝄞 \n")[rng.IntN(10)]
		}
		return string(b)
	}
	sometimes := func(v float64) *float64 {
		if rng.IntN(2) == 0 {
			return nil
		}
		return &v
	}
	at := goldenTime.Add(time.Duration(rng.Int64N(int64(24 * time.Hour))))
	r := &record{Event: Event{
		ID: makeID(at, rng.Uint64()), RecordedAt: at, CreatedAt: goldenTime.Add(time.Duration(rng.Int64N(1 << 40))),
		Camera: text(20), Type: EventType(text(10)), Person: text(40), RecordingID: text(300),
		Door: DoorAction(rng.IntN(len(doorActions))), UnlockGranted: rng.IntN(2) == 0, AlertSent: rng.IntN(2) == 0, Pinned: rng.IntN(2) == 0,
		FaceConfidence: sometimes(rng.Float64()), FaceDistance: sometimes(rng.ExpFloat64()),
		FrameWidth: rng.IntN(maxFrameEdge + 1), FrameHeight: rng.IntN(4000),
	}}
	if rng.IntN(3) == 0 {
		r.EndedAt = at.Add(time.Duration(rng.Int64N(1 << 40)))
	}
	if rng.IntN(3) == 0 {
		r.Method = Method(text(20))
	}
	r.Reviewed = rng.IntN(3) == 0
	switch rng.IntN(3) {
	case 0:
		r.ThumbnailPath = thumbnailPath(r.ID)
		r.thumb = fileSum{known: true, size: rng.Int64N(1 << 40), crc: rng.Uint32()}
	case 1:
		r.ThumbnailPath = "a/" + text(50)
	}
	for range rng.IntN(4) {
		if r.Attributes == nil {
			r.Attributes = map[string]string{}
		}
		r.Attributes[text(30)] = text(5000)
	}
	for range rng.IntN(20) {
		d := Detection{Label: text(20), Confidence: float64(rng.Float32())}
		if rng.IntN(2) == 0 {
			d.Box = &Box{rng.NormFloat64(), float64(rng.IntN(4000)), math.Exp(500 * rng.Float64()), rng.Float64()}
		}
		r.Detections = append(r.Detections, d)
	}
	r.detections = len(r.Detections)
	return r
}

// Whatever is stored comes back as it was.
func FuzzRecordsComeBack(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, fmt.Sprint(seed), "motion", 1.0/float64(seed), int64(seed)<<40)
	}
	f.Fuzz(func(t *testing.T, seed uint64, name, text string, value float64, whole int64) {
		rng := rand.New(rand.NewPCG(seed, 7))
		want := someRecord(rng)
		want.Camera, want.Person, want.Type = name, text, EventType(text)
		want.CreatedAt = time.Unix(0, whole).UTC()
		if value == value { // nothing is equal to NaN, which is refused before it is stored
			want.FaceDistance = &value
			want.Detections = append(want.Detections, Detection{Label: name, Confidence: value, Box: &Box{-value, value, value, value}})
			want.detections++
		}
		var got record
		if err := decodeEvent(want.ID[:], encodeEvent(want), &arena{names: new(interner), chunk: readChunk}, &got); err != nil {
			t.Fatal(err)
		}
		detections, err := decodeDetections(want.ID[:], encodeDetections(want.ID, want.Detections), &arena{}, want.detections)
		if err != nil {
			t.Fatal(err)
		}
		if got.Detections = detections; !reflect.DeepEqual(&got, want) {
			t.Fatalf("%+v came back as\n%+v", want, got)
		}
		p := Person{name, text, seed%2 == 0, want.CreatedAt, ID{byte(seed)}}
		if got, err := decodePerson(name, encodePerson(&p)); err != nil || got != p {
			t.Fatalf("%+v came back as %+v, %v", p, got, err)
		}
		key := rollupKey{name, uint32(whole)}.bytes()
		sum := someRollup(rng, int(seed%50))
		rec := encodeRollup(key, sum)
		if got, err := decodeRollup(key, rec); err != nil || seed%50 > 0 && !reflect.DeepEqual(got, sum) {
			t.Fatalf("%+v came back as\n%+v, %v", sum, got, err)
		}
	})
}

// A fuzzer does not make long payloads, in which numbers of elements could lie most.
func TestWhatIsDecodedTakesMemoryInProportion(t *testing.T) {
	const n = 200_000
	ev := goldenRecords()["plain"]
	head := encodeEvent(&ev)[recordHeader:]
	head = head[:len(head)-1] // without its attributes, which are nil
	counted := func(before []byte, code byte, elements int, element func(i int) []byte) []byte {
		out := binary.BigEndian.AppendUint32(append(bytes.Clone(before), code), uint32(elements))
		for i := range n {
			out = append(out, element(i)...)
		}
		return out
	}
	name := func(i int) []byte { return []byte{0xa3, byte(i), byte(i >> 8), byte(i >> 16)} }
	empty := func(int) []byte { return []byte{0xa0, 0xa0} }
	event := func(payload []byte) error {
		return decodeEventPayload(ev.ID, payload, &arena{}, new(record))
	}
	detections := func(payload []byte) error {
		_, err := decodeDetectionsPayload(payload, &arena{})
		return err
	}
	sums := func(payload []byte) error {
		key := rollupKey{"garage", 1}.bytes()
		rec := rollupRecord.encode(key, func(e *encoder) { e.buf.Write(payload) })
		_, err := decodeRollup(key, rec)
		return err
	}
	rollupHead := []byte{0x98, 0, 0, 0, 0, 0xc4, 0}
	for _, c := range []struct {
		name    string
		payload []byte
		decode  func([]byte) error
		good    bool
	}{
		{"attributes", counted(head, msgpcode.Map32, n, func(i int) []byte { return append(name(i), 0xa0) }), event, true},
		{"attributes of one name", counted(head, msgpcode.Map32, n, empty), event, true},
		{"more attributes than there are", counted(head, msgpcode.Map32, n+1, empty), event, false},
		{"detections", counted(nil, msgpcode.Array32, n, func(int) []byte { return []byte{0x92, 0xa0, 0} }), detections, true},
		{"detections with boxes", counted(nil, msgpcode.Array32, n, func(int) []byte { return []byte{0x96, 0xa0, 0, 0, 0, 0, 0} }), detections, true},
		{"more detections than there are", counted(nil, msgpcode.Array32, 2*n, func(int) []byte { return []byte{0x92, 0xa0, 0} }), detections, false},
		{"types", append(counted(rollupHead, msgpcode.Array32, 2*n, func(i int) []byte { return append(name(i), 1) }), 0x90, 0x90), sums, true},
		{"labels", counted(append(rollupHead, 0x90, 0x90), msgpcode.Array32, 4*n, func(i int) []byte { return append(name(i), 1, 1, 1) }), sums, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			allocatesLittle(t, len(c.payload), func() { err = c.decode(c.payload) })
			if (err == nil) != c.good {
				t.Errorf("error is %v", err)
			}
		})
	}
}
