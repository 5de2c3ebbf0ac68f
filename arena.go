package doorlog

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// An arena allocates the parts of decoded events. If chunk is set, the events of one read
// share larger allocations, because allocation is most of the cost of reading many events.
// The price: an event that the caller keeps also keeps its neighbours' parts in memory, a
// few kilobytes at most. The zero arena allocates each part by itself. An arena is used by
// one goroutine.
type arena struct {
	names *interner // nil: names are not shared
	chunk int       // number of parts in an allocation; 0: one

	recent     [16]string // names that were read lately; see name
	texts      strings.Builder
	detections []Detection
	boxes      []Box
	numbers    []float64
}

// readChunk is the chunk for a read of many events.
const readChunk = 64

// take returns n parts of an allocation. It makes a new allocation if too few are left.
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

// name returns the shared string of a name. Neighbouring events mostly have the same few
// names, so it looks at those that it returned lately before it asks the interner.
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
		a.texts = strings.Builder{} // strings that are part of the old one keep it in memory
		a.texts.Grow(max(len(b), a.chunk*bytesPerText))
	}
	begin := a.texts.Len()
	a.texts.Write(b)
	return a.texts.String()[begin:]
}

// An interner keeps one copy of each string that many records share, so that reading a
// record need not allocate it. It is safe for concurrent use. Reading from it takes no lock.
type interner struct {
	mu    sync.Mutex
	names atomic.Pointer[map[string]string]
}

// maxInterned bounds the interner. A store has few cameras, labels and residents; one that
// has more still works.
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

// add adds s to a copy of the map, because others may be reading the map itself.
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
