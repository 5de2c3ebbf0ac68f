package doorlog

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

var errPayload = fmt.Errorf("%w: payload cannot be read", ErrCorrupt)

// A decoder reads the msgpack of a payload. It accepts only the forms that an encoder may
// write, and checks every length before it uses it. After the first error it returns zero
// values; finish returns the error.
//
// The decoder of the msgpack library does the same (a fuzz test compares the two), but takes
// longer than the rest of a read.
type decoder struct {
	b   []byte
	at  int // index of the next byte in b
	mem *arena
	bad bool
}

// invalidCode is the only byte with which no msgpack value begins.
const invalidCode = 0xc1

func (d *decoder) fail() { d.at, d.bad = len(d.b), true }

// finish skips the given number of values, which a later version has added, and returns the
// error of the decoder.
func (d *decoder) finish(unknown int) error {
	d.skip(unknown)
	if d.bad || d.at < len(d.b) {
		return errPayload
	}
	return nil
}

// peek returns the code of the next value without stepping over it.
func (d *decoder) peek() byte {
	if d.at < len(d.b) {
		return d.b[d.at]
	}
	return invalidCode
}

func (d *decoder) code() byte {
	if d.at < len(d.b) {
		c := d.b[d.at]
		d.at++
		return c
	}
	d.fail()
	return invalidCode
}

// take returns the next n bytes, which stay part of the payload.
func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b)-d.at {
		d.fail()
		return nil
	}
	d.at += n
	return d.b[d.at-n : d.at]
}

// big reads a big-endian number of 1, 2, 4 or 8 bytes.
func (d *decoder) big(n int) uint64 {
	b := d.take(n)
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// isNil steps over a nil, if the next value is one.
func (d *decoder) isNil() bool {
	if d.peek() != msgpcode.Nil {
		return false
	}
	d.at++
	return true
}

func (d *decoder) boolean() bool {
	switch d.code() {
	case msgpcode.True:
		return true
	case msgpcode.False:
	default:
		d.fail()
	}
	return false
}

// length checks a number of elements. Each element takes at least one byte.
func (d *decoder) length(n uint64) int {
	if n > uint64(len(d.b)-d.at) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) array() int {
	switch c := d.code(); {
	case msgpcode.IsFixedArray(c):
		return d.length(uint64(c & msgpcode.FixedArrayMask))
	case c == msgpcode.Array16:
		return d.length(d.big(2))
	case c == msgpcode.Array32:
		return d.length(d.big(4))
	}
	d.fail()
	return 0
}

func (d *decoder) mapping() int {
	switch c := d.code(); {
	case msgpcode.IsFixedMap(c):
		return d.length(2*uint64(c&msgpcode.FixedMapMask)) / 2
	case c == msgpcode.Map16:
		return d.length(2*d.big(2)) / 2
	case c == msgpcode.Map32:
		return d.length(2*d.big(4)) / 2
	}
	d.fail()
	return 0
}

// text returns the bytes of a string. They are a part of the payload.
func (d *decoder) text() []byte {
	switch c := d.code(); {
	case msgpcode.IsFixedString(c):
		return d.take(int(c & msgpcode.FixedStrMask))
	case c == msgpcode.Str8:
		return d.take(int(d.big(1)))
	case c == msgpcode.Str16:
		return d.take(int(d.big(2)))
	case c == msgpcode.Str32:
		return d.take(d.length(d.big(4)))
	}
	d.fail()
	return nil
}

func (d *decoder) optionalText() string {
	if d.isNil() {
		return ""
	}
	return d.mem.text(d.text())
}

// name reads a string that many records have.
func (d *decoder) name() string { return d.mem.name(d.text()) }

func (d *decoder) optionalName() string {
	if d.isNil() {
		return ""
	}
	return d.name()
}

// integer reads a whole number in any of msgpack's forms.
func (d *decoder) integer() int64 {
	c := d.code()
	if msgpcode.IsFixedNum(c) {
		return int64(int8(c))
	}
	switch c {
	case msgpcode.Uint8:
		return int64(d.big(1))
	case msgpcode.Uint16:
		return int64(d.big(2))
	case msgpcode.Uint32:
		return int64(d.big(4))
	case msgpcode.Uint64:
		if v := d.big(8); v <= math.MaxInt64 {
			return int64(v)
		}
	case msgpcode.Int8:
		return int64(int8(d.big(1)))
	case msgpcode.Int16:
		return int64(int16(d.big(2)))
	case msgpcode.Int32:
		return int64(int32(d.big(4)))
	case msgpcode.Int64:
		return int64(d.big(8))
	}
	d.fail()
	return 0
}

// uintBelow reads a whole number that is less than limit and not negative.
func (d *decoder) uintBelow(limit uint64) uint64 {
	v := d.integer()
	if v < 0 || uint64(v) >= limit {
		d.fail()
		return 0
	}
	return uint64(v)
}

// number reads a float in either size, or a whole number.
func (d *decoder) number() float64 {
	switch d.peek() {
	case msgpcode.Double:
		d.at++
		return math.Float64frombits(d.big(8))
	case msgpcode.Float:
		d.at++
		return float64(math.Float32frombits(uint32(d.big(4))))
	}
	return float64(d.integer())
}

func (d *decoder) optionalNumber() (v float64, there bool) {
	if d.isNil() {
		return 0, false
	}
	return d.number(), true
}

// skip steps over n values of any kind. It does not recurse, so no nesting is too deep for
// it.
func (d *decoder) skip(n int) {
	for left := n; left > 0 && !d.bad; left-- {
		c := d.code()
		switch {
		case msgpcode.IsFixedNum(c), c == msgpcode.Nil, c == msgpcode.False, c == msgpcode.True:
		case msgpcode.IsFixedString(c):
			d.take(int(c & msgpcode.FixedStrMask))
		case msgpcode.IsFixedArray(c):
			left += d.length(uint64(c & msgpcode.FixedArrayMask))
		case msgpcode.IsFixedMap(c):
			left += d.length(2 * uint64(c&msgpcode.FixedMapMask))
		default:
			left += d.skipSized(c)
		}
	}
}

// skipSized steps over the rest of a value with code c, and returns the number of values
// that it contains.
func (d *decoder) skipSized(c byte) (inner int) {
	switch c {
	case msgpcode.Uint8, msgpcode.Int8:
		d.take(1)
	case msgpcode.Uint16, msgpcode.Int16, msgpcode.FixExt1:
		d.take(2)
	case msgpcode.FixExt2:
		d.take(1 + 2)
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		d.take(4)
	case msgpcode.FixExt4:
		d.take(1 + 4)
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		d.take(8)
	case msgpcode.FixExt8:
		d.take(1 + 8)
	case msgpcode.FixExt16:
		d.take(1 + 16)
	case msgpcode.Str8, msgpcode.Bin8:
		d.take(d.length(d.big(1)))
	case msgpcode.Str16, msgpcode.Bin16:
		d.take(d.length(d.big(2)))
	case msgpcode.Str32, msgpcode.Bin32:
		d.take(d.length(d.big(4)))
	case msgpcode.Ext8:
		d.take(d.length(d.big(1) + 1))
	case msgpcode.Ext16:
		d.take(d.length(d.big(2) + 1))
	case msgpcode.Ext32:
		d.take(d.length(d.big(4) + 1))
	case msgpcode.Array16:
		return d.length(d.big(2))
	case msgpcode.Array32:
		return d.length(d.big(4))
	case msgpcode.Map16:
		return d.length(2 * d.big(2))
	case msgpcode.Map32:
		return d.length(2 * d.big(4))
	default:
		d.fail()
	}
	return 0
}
