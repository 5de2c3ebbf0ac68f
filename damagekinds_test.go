package doorlog_test

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
)

// A fileImage is the bytes of a bolt file, to be damaged: what a disk, a cable or
// another program can do to a file that nobody has open.
type fileImage struct {
	data     []byte
	older    []byte // the file as it was some time before
	previous []byte // and before the last commit
	rng      *rand.Rand
}

const (
	pageLen    = 4096 // of the file, as it is made on the machines that run these tests
	headerLen  = 16
	elementLen = 16
	isBranch   = 1
	isLeaf     = 2
)

var native = binary.NativeEndian

// damageKinds are the kinds of damage. Each returns what it did.
var damageKinds = []struct {
	name string
	do   func(m *fileImage) string
}{
	{"bit flips", (*fileImage).flipBits},
	{"zeroed pages", (*fileImage).zero},
	{"swapped pages", (*fileImage).swap},
	{"stale pages", (*fileImage).age},
	{"truncated", (*fileImage).truncate},
	{"metas", (*fileImage).breakMetas},
	{"freelist", (*fileImage).breakFreelist},
	{"lengths", (*fileImage).breakLength},
	{"pointers", (*fileImage).breakPointer},
}

func (m *fileImage) page(id uint64) []byte { return m.data[id*pageLen : (id+1)*pageLen] }

func (m *fileImage) flags(id uint64) uint16 { return native.Uint16(m.page(id)[8:]) }
func (m *fileImage) count(id uint64) int    { return int(native.Uint16(m.page(id)[10:])) }

// pages are what the tail of a file can lack: the high-water mark.
func (m *fileImage) pages() uint64 { return native.Uint64(m.meta(m.newest())[40:]) }

func (m *fileImage) meta(id uint64) []byte { return m.page(id)[headerLen : headerLen+64] }

func (m *fileImage) newest() uint64 {
	if native.Uint64(m.meta(1)[48:]) > native.Uint64(m.meta(0)[48:]) {
		return 1
	}
	return 0
}

// element returns the bytes of an element of a page, or of a page in a value.
func element(page []byte, i int) []byte { return page[headerLen+i*elementLen:][:elementLen] }

// leafValue returns the key and the value of an element of a leaf.
func leafValue(page []byte, i int) (key, value []byte) {
	from := headerLen + i*elementLen + int(native.Uint32(element(page, i)[4:]))
	k, v := int(native.Uint32(element(page, i)[8:])), int(native.Uint32(element(page, i)[12:]))
	return page[from:][:k], page[from+k:][:v]
}

// used are the pages of the trees, and of the freelist, with their overflow.
func (m *fileImage) used() []uint64 {
	seen := make(map[uint64]bool)
	var walk func(id uint64, root bool)
	walk = func(id uint64, root bool) {
		end := (id + 1 + uint64(native.Uint32(m.page(id)[12:]))) * pageLen
		for i := id; i < end/pageLen; i++ {
			seen[i] = true
		}
		page := m.data[id*pageLen : end]
		for i := range m.count(id) {
			if m.flags(id) == isBranch {
				walk(native.Uint64(element(page, i)[8:]), root)
			} else if root {
				if _, v := leafValue(page, i); native.Uint64(v) != 0 {
					walk(native.Uint64(v), false)
				}
			}
		}
	}
	meta := m.meta(m.newest())
	walk(native.Uint64(meta[16:]), true)
	freelist := native.Uint64(meta[32:])
	for i := range uint64(native.Uint32(m.page(freelist)[12:])) + 1 {
		seen[freelist+i] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

func (m *fileImage) usedPage() uint64 { used := m.used(); return used[m.rng.IntN(len(used))] }

// usedWith returns a page of the trees that has at least an element, a branch
// every other time: there are few.
func (m *fileImage) usedWith(flags ...uint16) uint64 {
	flag := flags[m.rng.IntN(len(flags))]
	of := slices.DeleteFunc(m.used(), func(id uint64) bool {
		return m.flags(id) != flag || native.Uint64(m.page(id)) != id || m.count(id) == 0
	})
	return of[m.rng.IntN(len(of))]
}

func (m *fileImage) bytes(b []byte) {
	for i := range b {
		b[i] = byte(m.rng.Uint32())
	}
}

func (m *fileImage) flipBits() string {
	from, n := 0, int(m.pages())*pageLen
	what := "anywhere"
	switch m.rng.IntN(4) {
	case 0, 1:
		id := m.usedPage()
		from, n = int(id)*pageLen, pageLen
		what = "in a page"
	case 2: // where the keys and page numbers of a branch are
		id := m.usedWith(isBranch)
		from, n = int(id)*pageLen, headerLen+m.count(id)*(elementLen+16)
		what = "in a branch"
	}
	for range 1 + m.rng.IntN(4) {
		m.data[from+m.rng.IntN(n)] ^= 1 << m.rng.IntN(8)
	}
	return what
}

func (m *fileImage) zero() string {
	page := m.page(m.usedPage())
	switch m.rng.IntN(3) {
	case 0:
		clear(page)
		return "a page"
	case 1:
		at := m.rng.IntN(8) * 512
		clear(page[at : at+512])
		return "a sector"
	}
	m.bytes(page)
	return "noise in the place of a page"
}

func (m *fileImage) swap() string {
	a, b := m.usedPage(), m.usedPage()
	if m.rng.IntN(8) == 0 {
		a, b = 0, 1
	}
	pa, pb := bytes.Clone(m.page(a)), bytes.Clone(m.page(b))
	what := "as they are"
	if m.rng.IntN(2) == 0 {
		what = "with their ids mended"
		native.PutUint64(pa, b)
		native.PutUint64(pb, a)
	}
	copy(m.page(a), pb)
	copy(m.page(b), pa)
	return what
}

func (m *fileImage) age() string {
	older, what := m.older, "a page"
	if m.rng.IntN(2) == 0 {
		older, what = m.previous, "a page, as before the last commit"
	}
	var changed []uint64
	for _, id := range append(m.used(), 0, 1) {
		if end := int(id+1) * pageLen; end <= len(older) && !bytes.Equal(m.page(id), older[end-pageLen:end]) {
			changed = append(changed, id)
		}
	}
	id := changed[m.rng.IntN(len(changed))]
	copy(m.page(id), older[int(id)*pageLen:])
	if m.rng.IntN(3) == 0 { // what another state of the tree had there may have moved
		native.PutUint64(m.page(id), id)
		what += ", with its id mended"
	}
	return what
}

func (m *fileImage) truncate() string {
	end := m.rng.IntN(len(m.data))
	what := "anywhere"
	switch m.rng.IntN(4) {
	case 0:
		end = end / pageLen * pageLen
		what = "between pages"
	case 1:
		end = int(m.pages())*pageLen - m.rng.IntN(3)*pageLen
		what = "near the high-water mark"
	case 2:
		end = len(m.data) - 1 - m.rng.IntN(pageLen)
		what = "by less than a page"
	}
	m.data = m.data[:end]
	return what
}

// seal gives a meta page the checksum that it should have.
func seal(meta []byte) {
	sum := fnv.New64a()
	_, _ = sum.Write(meta[:56])
	native.PutUint64(meta[56:], sum.Sum64())
}

func (m *fileImage) breakMetas() string {
	one := m.rng.Uint64N(2)
	switch m.rng.IntN(7) {
	case 0:
		m.meta(one)[m.rng.IntN(64)] ^= 1 << m.rng.IntN(8)
		return "a bit of one"
	case 1:
		for id := range uint64(2) {
			m.meta(id)[8+m.rng.IntN(56)] ^= 1 << m.rng.IntN(8)
		}
		return "a bit of both"
	case 2:
		clear(m.page(one))
		return "one zeroed"
	case 3:
		clear(m.data[:2*pageLen])
		return "both zeroed"
	case 4:
		field := []int{8, 16, 32, 40, 48}[m.rng.IntN(5)] // page size, root, freelist, high water, transaction
		native.PutUint32(m.meta(one)[field:], m.rng.Uint32()>>m.rng.IntN(32))
		seal(m.meta(one))
		return "a field of one, with its checksum mended"
	case 5:
		native.PutUint64(m.meta(one)[16:], m.usedPage())
		seal(m.meta(one))
		return "the root of one, with its checksum mended"
	}
	copy(m.page(one), m.page(1-one))
	return "one over the other"
}

func (m *fileImage) breakFreelist() string {
	id := native.Uint64(m.meta(m.newest())[32:])
	page, count := m.page(id), m.count(id)
	at := page[headerLen+8*m.rng.IntN(max(1, min(count, 500))):][:8]
	switch m.rng.IntN(7) {
	case 0:
		native.PutUint64(at, m.usedPage())
		return "a page that is in use"
	case 1:
		native.PutUint64(at, m.rng.Uint64()>>m.rng.IntN(64))
		return "a page that is not there"
	case 2:
		native.PutUint16(page[10:], uint16(m.rng.Uint32()))
		return "any count"
	case 3:
		native.PutUint16(page[10:], uint16(max(0, count+m.rng.IntN(5)-2)))
		return "a count near by"
	case 4:
		native.PutUint16(page[10:], 0xffff)
		native.PutUint64(page[16:], m.rng.Uint64()>>m.rng.IntN(64))
		return "a long count"
	case 5:
		page[m.rng.IntN(headerLen)] ^= 1 << m.rng.IntN(8)
		return "a bit of its header"
	}
	page[headerLen+m.rng.IntN(8*max(count, 1))] ^= 1 << m.rng.IntN(8)
	return "a bit of its entries"
}

// near returns another number, often a small step away.
func (m *fileImage) near(n uint32) uint32 {
	switch m.rng.IntN(4) {
	case 0:
		return n + 1
	case 1:
		return n - 1
	case 2:
		return n ^ 1<<m.rng.IntN(32)
	}
	return m.rng.Uint32() >> m.rng.IntN(32)
}

func (m *fileImage) breakLength() string {
	page := m.page(m.usedWith(isLeaf, isBranch))
	count := int(native.Uint16(page[10:]))
	e := element(page, m.rng.IntN(min(count, 200)))
	branch := native.Uint16(page[8:]) == isBranch
	field, what := e[8:], "a key size"
	if branch {
		field = e[4:]
	}
	switch m.rng.IntN(4) {
	case 0:
		native.PutUint16(page[10:], uint16(m.near(uint32(count))))
		return "a count"
	case 1:
		field, what = page[12:], "an overflow"
	case 2:
		if !branch {
			field, what = e[12:], "a value size"
		}
	}
	native.PutUint32(field, m.near(native.Uint32(field)))
	return what
}

func (m *fileImage) breakPointer() string {
	page := m.page(m.usedWith(isLeaf, isBranch))
	e := element(page, m.rng.IntN(min(int(native.Uint16(page[10:])), 200)))
	branch := native.Uint16(page[8:]) == isBranch
	target := m.usedPage()
	if m.rng.IntN(3) == 0 {
		target = m.rng.Uint64N(m.pages() + 3)
	}
	switch {
	case m.rng.IntN(3) == 0:
		root := m.page(native.Uint64(m.meta(m.newest())[16:]))
		if native.Uint16(root[8:]) != isLeaf {
			break
		}
		_, value := leafValue(root, m.rng.IntN(int(native.Uint16(root[10:]))))
		native.PutUint64(value, target)
		return "the root of a bucket"
	case m.rng.IntN(2) == 0 && branch:
		native.PutUint64(e[8:], target)
		return "a child"
	}
	field := e[4:]
	if branch {
		field = e
	}
	native.PutUint32(field, m.near(native.Uint32(field)))
	return "a position"
}
