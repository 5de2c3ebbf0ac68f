package doorlog

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// An arena is where the parts of decoded events come from. With chunk set, the
// events of one read share larger allocations, since allocating is most of
// what reading many costs; an event that the caller keeps then keeps its
// neighbours' parts in memory as well, a few kilobytes at most. The zero
// arena allocates each part by itself. An arena is used by one goroutine.
type arena struct {
	names *interner // nil: names are not shared
	chunk int       // number of parts that are allocated at once

	recent     [16]string // names that were met; see name
	texts      strings.Builder
	detections []Detection
	boxes      []Box
	numbers    []float64
}

// readChunk is the chunk of a read of many events.
const readChunk = 64

// take cuts n parts off an allocation, and makes a new one if too few are left.
func take[T any](free *[]T, n, chunk int) []T {
	if n > len(*free) {
		*free = make([]T, max(n, chunk))
	}
	parts := (*free)[:n:n]
	*free = (*free)[n:]
	return parts
}

func (a *arena) someDetections(n int) []Detection { return take(&a.detections, n, a.chunk) }
func (a *arena) someBoxes(n int) []Box            { return take(&a.boxes, n, a.chunk) }
func (a *arena) twoNumbers() []float64            { return take(&a.numbers, 2, a.chunk) }

// name returns the shared string of a name. Neighbouring events mostly have the
// same few, so it looks among those that it returned before it asks the interner.
func (a *arena) name(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	slot := &a.recent[(len(b)+int(b[0])+int(b[len(b)-1]))%len(a.recent)]
	if *slot != string(b) {
		*slot = a.names.intern(b)
	}
	return *slot
}

// text copies b into a string.
func (a *arena) text(b []byte) string {
	const bytesPerText = 16
	if a.chunk == 0 {
		return string(b)
	}
	if a.texts.Cap()-a.texts.Len() < len(b) {
		a.texts = strings.Builder{} // strings that were cut off the old one keep it
		a.texts.Grow(max(len(b), a.chunk*bytesPerText))
	}
	begin := a.texts.Len()
	a.texts.Write(b)
	return a.texts.String()[begin:]
}

// An interner keeps one copy of each of the strings that most records share,
// so that reading a record does not allocate them. It is safe for concurrent
// use, and reading from it takes no lock.
type interner struct {
	mu    sync.Mutex
	names atomic.Pointer[map[string]string]
}

// maxInterned bounds the interner: a store has few cameras, labels and
// residents, and one that has more still works.
const maxInterned = 1024

func (in *interner) intern(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if in == nil {
		return string(b)
	}
	if m := in.names.Load(); m != nil {
		if s, ok := (*m)[string(b)]; ok {
			return s
		}
		if len(*m) >= maxInterned {
			return string(b)
		}
	}
	return in.add(string(b))
}

// add puts s into a copy of the map, as readers may be in the one that is there.
func (in *interner) add(s string) string {
	in.mu.Lock()
	defer in.mu.Unlock()
	grown := make(map[string]string)
	if m := in.names.Load(); m != nil {
		grown = maps.Clone(*m)
	}
	grown[s] = s
	in.names.Store(&grown)
	return s
}
