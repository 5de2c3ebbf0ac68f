package doorlog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

var update = flag.Bool("update", false, "write the golden files anew")

var goldenTime = time.Date(2026, 2, 25, 7, 30, 0, 123456789, time.UTC)

// goldenRecords are records of every shape, by the name of their golden file.
func goldenRecords() map[string]record {
	id := makeID(goldenTime, 0x0123456789abcde)
	plain := record{Event: Event{ID: id, Camera: "garage", RecordedAt: goldenTime, Type: Motion, CreatedAt: goldenTime.Add(time.Second)}}
	full := plain
	full.Person, full.RecordingID = "alice", "rec-1"
	full.Door, full.UnlockGranted, full.AlertSent = Locked, true, true
	full.FaceConfidence, full.FaceDistance = new(0.1), new(0.0)
	full.FrameWidth, full.FrameHeight = 1920, 1080
	full.Attributes = map[string]string{"b": "2", "a": "1"}
	full.ThumbnailPath, full.thumb = thumbnailPath(id), fileSum{true, 34567, 0xdeadbeef}
	full.Detections = []Detection{
		{Label: "person", Confidence: 0.1, Box: &Box{1, 2.5, 1000, 1e300}},
		{Label: "dog", Confidence: 0.5},
	}
	full.detections = len(full.Detections)
	foreign := plain
	foreign.ThumbnailPath = "old/1.jpg"
	foreign.FaceConfidence = new(1.0)
	pinned := full
	pinned.Pinned = true
	ended := plain
	ended.EndedAt = goldenTime.Add(90 * time.Second)
	unlocked := full
	unlocked.EndedAt, unlocked.Method = ended.EndedAt, MethodKeypad
	jammed := plain
	jammed.Door, jammed.Method = Jammed, "voice"
	reviewed := plain
	reviewed.Reviewed = true
	all := unlocked
	all.Door, all.Pinned, all.Reviewed = Failed, true, true
	return map[string]record{
		"plain": plain, "full": full, "foreign": foreign, "pinned": pinned,
		"ended": ended, "unlocked": unlocked, "jammed": jammed, "reviewed": reviewed, "all": all,
	}
}

// The bytes of version 1 are fixed: a store that was written with them must
// always be readable.
func TestGoldenRecords(t *testing.T) {
	check := func(name string, got []byte) {
		file := filepath.Join("testdata", "golden", "v1", name+".hex")
		if *update {
			if err := os.WriteFile(file, []byte(hex.EncodeToString(got)+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%s: got %x, want %s", name, got, want)
		}
	}
	for name, want := range goldenRecords() {
		rec := encodeEvent(&want)
		check("event-"+name, rec)
		var got record
		if err := decodeEvent(want.ID[:], rec, &arena{}, &got); err != nil {
			t.Fatal(err)
		}
		if want.detections > 0 {
			rec := encodeDetections(want.ID, want.Detections)
			check("detections-"+name, rec)
			var err error
			if got.Detections, err = decodeDetections(want.ID[:], rec, &arena{}, want.detections); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
	p := Person{Name: "mary_ann", DisplayName: "Mary Ann", AutoUnlock: true, CreatedAt: goldenTime}
	rec := encodePerson(&p)
	check("person", rec)
	if got, err := decodePerson(p.Name, rec); err != nil || got != p {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRecordIsBoundToItsPlace(t *testing.T) {
	r := goldenRecords()["full"]
	rec := encodeEvent(&r)
	other := makeID(goldenTime, 7)
	var got record
	if err := decodeEvent(other[:], rec, &arena{}, &got); !errors.Is(err, ErrCorrupt) {
		t.Errorf("under another key: %v", err)
	}
	if _, err := detectionsRecord.open(r.ID[:], rec); !errors.Is(err, ErrCorrupt) {
		t.Errorf("in another bucket: %v", err)
	}
	for bit := range 8 * len(rec) {
		bad := bytes.Clone(rec)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := decodeEvent(r.ID[:], bad, &arena{}, &got); !errors.Is(err, ErrCorrupt) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	}
	for n := range rec {
		if err := decodeEvent(r.ID[:], rec[:n], &arena{}, &got); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// grow changes the length of the array with which a payload begins, and
// appends values of every kind: first nil for those of the known fields that it lacks.
func grow(t *testing.T, payload []byte, known int) []byte {
	t.Helper()
	var more bytes.Buffer
	enc := msgpack.NewEncoder(&more)
	values := []any{
		nil, true, -7, 300, int64(math.MinInt64), uint64(math.MaxUint64), 1.5, float32(0.1), "text", strings.Repeat("x", 300),
		[]byte{1, 2, 3},
		[]any{1, []any{"deep", map[string]any{"k": []int{1, 2}}}},
		map[string]int{"a": 1},
		goldenTime,
	}
	n, rest := int(payload[0]&msgpcode.FixedArrayMask), payload[1:]
	if payload[0] == msgpcode.Array16 {
		n, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
	}
	values = append(make([]any, max(0, known-n)), values...)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := msgpack.NewEncoder(&out).EncodeArrayLen(n + len(values)); err != nil {
		t.Fatal(err)
	}
	out.Write(rest)
	out.Write(more.Bytes())
	return out.Bytes()
}

func TestFieldsOfALaterVersionArePassedOver(t *testing.T) {
	for name, want := range goldenRecords() {
		var got record
		if err := decodeEventPayload(want.ID, grow(t, encodeEvent(&want)[recordHeader:], reviewedField), &arena{}, &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got.Detections = want.Detections
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
	p := Person{Name: "bob", DisplayName: "Bob", CreatedAt: goldenTime, Key: ID{7}}
	if got, err := decodePersonPayload("bob", grow(t, encodePerson(&p)[recordHeader:], 0)); err != nil || got != p {
		t.Errorf("person: %+v, %v", got, err)
	}
	one := encodeDetections(ID{1}, []Detection{{Label: "dog", Confidence: 0.5, Box: &Box{1, 2, 3, 4}}})[recordHeader:]
	grown := append([]byte{one[0]}, grow(t, one[1:], 0)...)
	if got, err := decodeDetectionsPayload(grown, &arena{}); err != nil || len(got) != 1 || *got[0].Box != (Box{1, 2, 3, 4}) {
		t.Errorf("detections: %+v, %v", got, err)
	}
}

// What shares an allocation must not share contents.
func TestEventsOfOneReadDoNotOverlap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	mem := arena{names: new(interner), chunk: readChunk}
	var got, want []record
	for i := range 500 {
		r := record{Event: Event{
			ID: makeID(goldenTime, uint64(i)), RecordedAt: goldenTime, CreatedAt: goldenTime,
			Camera: fmt.Sprint("camera", rng.IntN(5)), Type: EventType(strings.Repeat("t", 1+rng.IntN(200))),
			RecordingID: strings.Repeat("r", rng.IntN(255)), FaceDistance: new(rng.Float64()),
		}}
		for range rng.IntN(100) {
			d := Detection{Label: fmt.Sprint("label", rng.IntN(3000)), Confidence: rng.Float64()}
			if rng.IntN(2) == 0 {
				d.Box = &Box{rng.Float64(), rng.Float64(), rng.Float64(), rng.Float64()}
			}
			r.Detections = append(r.Detections, d)
		}
		r.detections = len(r.Detections)
		var back record
		if err := decodeEvent(r.ID[:], encodeEvent(&r), &mem, &back); err != nil {
			t.Fatal(err)
		}
		if r.detections > 0 {
			var err error
			back.Detections, err = decodeDetections(r.ID[:], encodeDetections(r.ID, r.Detections), &mem, r.detections)
			if err != nil {
				t.Fatal(err)
			}
			back.Detections = append(back.Detections, Detection{Label: "appended"})[:r.detections]
		}
		got, want = append(got, back), append(want, r)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("event %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

// A reference decoder made of the msgpack library. It takes the same forms as
// ours and lets the library read them.
type reference struct {
	*msgpack.Decoder
	r *bytes.Reader
}

var errReference = errors.New("not a form that an encoder writes")

func newReference(payload []byte) *reference {
	r := bytes.NewReader(payload)
	return &reference{msgpack.NewDecoder(r), r}
}

func (d *reference) is(codes ...func(byte) bool) error {
	c, err := d.PeekCode()
	if err != nil {
		return err
	}
	for _, code := range codes {
		if code(c) {
			return nil
		}
	}
	return errReference
}

func one(codes ...byte) func(byte) bool {
	return func(c byte) bool { return bytes.IndexByte(codes, c) >= 0 }
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (d *reference) require(codes ...func(byte) bool) { must(0, d.is(codes...)) }

func (d *reference) array() int {
	d.require(msgpcode.IsFixedArray, one(msgpcode.Array16, msgpcode.Array32))
	return d.fits(must(d.DecodeArrayLen()), 1)
}

// fits refuses numbers of elements that the rest of the payload cannot hold.
func (d *reference) fits(n, size int) int {
	if n > d.r.Len()/size {
		panic(errReference)
	}
	return n
}

func (d *reference) text() string {
	d.require(msgpcode.IsFixedString, one(msgpcode.Str8, msgpcode.Str16, msgpcode.Str32))
	return must(d.DecodeString())
}

func (d *reference) boolean() bool {
	d.require(one(msgpcode.True, msgpcode.False))
	return must(d.DecodeBool())
}

func (d *reference) integer() int64 {
	d.require(msgpcode.IsFixedNum, one(msgpcode.Uint8, msgpcode.Uint16, msgpcode.Uint32, msgpcode.Uint64,
		msgpcode.Int8, msgpcode.Int16, msgpcode.Int32, msgpcode.Int64))
	if c := must(d.PeekCode()); c == msgpcode.Uint64 {
		if v := must(d.DecodeUint64()); v > math.MaxInt64 {
			panic(errReference)
		} else {
			return int64(v)
		}
	}
	return must(d.DecodeInt64())
}

func (d *reference) below(limit int64) int64 {
	v := d.integer()
	if v < 0 || v >= limit {
		panic(errReference)
	}
	return v
}

func (d *reference) number() float64 {
	if d.is(one(msgpcode.Float, msgpcode.Double)) == nil {
		return must(d.DecodeFloat64())
	}
	return float64(d.integer())
}

func (d *reference) null() bool {
	if d.is(one(msgpcode.Nil)) != nil {
		return false
	}
	must(0, d.DecodeNil())
	return true
}

func (d *reference) optional() string {
	if d.null() {
		return ""
	}
	return d.text()
}

func (d *reference) optionalNumber() *float64 {
	if d.null() {
		return nil
	}
	return new(d.number())
}

func (d *reference) rest(n int) {
	for range n {
		must(0, d.Skip())
	}
}

func (d *reference) end() {
	if d.r.Len() > 0 {
		panic(errReference)
	}
}

func (d *reference) event(id ID) (r record) {
	n := d.array()
	if n < eventFields {
		panic(errReference)
	}
	r.ID, r.RecordedAt = id, id.Time()
	r.Camera, r.Type, r.Person = d.text(), EventType(d.text()), d.optional()
	r.Door = DoorAction(d.below(7))
	r.UnlockGranted, r.AlertSent = d.boolean(), d.boolean()
	r.RecordingID = d.optional()
	r.detections = int(d.below(math.MaxInt32))
	if !d.null() {
		n := d.array()
		if n < thumbnailFields {
			panic(errReference)
		}
		if d.is(one(msgpcode.True)) == nil {
			d.boolean()
			r.ThumbnailPath = thumbnailPath(id)
		} else {
			r.ThumbnailPath = d.text()
		}
		if d.null() {
			d.rest(1)
		} else {
			r.thumb = fileSum{true, d.below(math.MaxInt64), uint32(d.below(1 << 32))}
		}
		d.rest(n - thumbnailFields)
	}
	r.CreatedAt = time.Unix(0, d.integer()).UTC()
	r.FaceConfidence, r.FaceDistance = d.optionalNumber(), d.optionalNumber()
	r.FrameWidth, r.FrameHeight = int(d.below(maxFrameEdge+1)), int(d.below(maxFrameEdge+1))
	if !d.null() {
		d.require(msgpcode.IsFixedMap, one(msgpcode.Map16, msgpcode.Map32))
		if n := d.fits(must(d.DecodeMapLen()), 2); n > 0 {
			r.Attributes = make(map[string]string)
			for range n {
				name := d.text()
				r.Attributes[name] = d.text()
			}
		}
	}
	more := n - eventFields
	next := func() bool { // there is another field, and it is not nil
		more--
		return more >= 0 && !d.null()
	}
	if next() {
		r.Pinned = d.boolean()
	}
	if next() {
		r.EndedAt = time.Unix(0, d.integer()).UTC()
	}
	if next() {
		r.Method = Method(d.text())
	}
	if next() {
		r.Reviewed = d.boolean()
	}
	d.rest(more)
	d.end()
	return r
}

func (d *reference) detections() (detections []Detection) {
	for range d.array() {
		n := d.array()
		if n < labelFields {
			panic(errReference)
		}
		det := Detection{Label: d.text(), Confidence: d.number()}
		if n < boxFields {
			d.rest(n - labelFields)
		} else {
			det.Box = &Box{d.number(), d.number(), d.number(), d.number()}
			d.rest(n - boxFields)
		}
		detections = append(detections, det)
	}
	d.end()
	return detections
}

// read runs fn, whose panics are errors.
func read[T any](fn func() T) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return fn(), nil
}

// same is DeepEqual that takes NaN for equal to itself.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || fmt.Sprintf("%+v", dump(a)) == fmt.Sprintf("%+v", dump(b))
}

func dump(v any) string {
	switch v := v.(type) {
	case record:
		return fmt.Sprintf("%+v %s %s", v, number(v.FaceConfidence), number(v.FaceDistance))
	case []Detection:
		var b strings.Builder
		for _, d := range v {
			fmt.Fprintf(&b, "%q %x %s;", d.Label, math.Float64bits(d.Confidence), fmt.Sprint(d.Box))
		}
		return b.String()
	}
	return fmt.Sprint(v)
}

func number(v *float64) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprintf("%x", math.Float64bits(*v))
}
