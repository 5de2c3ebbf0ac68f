package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

const pageSize = 4096

// A pageState is a database file after a commit, and before it.
type pageState struct {
	name         string
	number       int
	file, before []byte
	ids          []string
}

// pageStates makes a store in a folder, and returns its file after each commit.
func pageStates(t *testing.T, dir string) []pageState {
	h := &pageHistory{t: t, path: filepath.Join(dir, "events.db"), at: time.Now().Add(-100 * time.Hour).Truncate(time.Second)}
	err := errors.Join(os.MkdirAll(dir, 0o700), h.open(), h.putPerson())
	for range 14 { // enough for all of them to be in the indexes
		err = errors.Join(err, h.write(10))
	}
	if err != nil {
		t.Fatal(err)
	}
	h.last = h.file()
	h.keep("write", h.write(1))
	h.keep("write again", h.write(1))
	h.keep("close", h.st.Close())
	h.keep("open", h.open())
	h.keep("batch", h.write(20))
	h.keep("fold", h.write(50))
	h.keep("delete", h.remove())
	h.keep("write later", h.write(1))
	h.keep("close later", h.st.Close())
	return h.states
}

// A pageHistory is a store of which every state is kept.
type pageHistory struct {
	t      *testing.T
	path   string
	st     *doorlog.Store
	ids    []doorlog.ID
	at     time.Time // of the last event
	last   []byte    // the file of the last state
	states []pageState
}

func (h *pageHistory) file() []byte {
	file, err := os.ReadFile(h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	return file
}

// keep keeps the state after a step, if the step has changed the file.
func (h *pageHistory) keep(step string, err error) {
	if err != nil {
		h.t.Fatalf("%s: %v", step, err)
	}
	s := pageState{name: step, number: len(h.states), file: h.file(), before: h.last}
	for _, id := range h.ids {
		s.ids = append(s.ids, id.String())
	}
	if !bytes.Equal(s.file, h.last) {
		h.states = append(h.states, s)
	}
	h.last = s.file
}

func (h *pageHistory) open() (err error) {
	h.st, err = doorlog.Open(h.path, &doorlog.Options{Scrub: -1, MinFree: -1})
	return err
}

func (h *pageHistory) putPerson() error {
	_, err := h.st.PutPerson(h.t.Context(), doorlog.PersonInput{Name: "alice"})
	return err
}

// write writes n events in one transaction.
func (h *pageHistory) write(n int) error {
	batch := make([]doorlog.Event, n)
	for i := range batch {
		h.at = h.at.Add(time.Minute)
		batch[i] = doorlog.Event{
			Camera: []string{"front_door", "garage"}[i%2], RecordedAt: h.at, Type: doorlog.Motion,
			Person: []string{"", "alice"}[len(h.ids)/2%2], RecordingID: fmt.Sprint("rec", len(h.ids)+i),
			Detections: []doorlog.Detection{{Label: "dog", Confidence: 0.5}},
		}
	}
	stored, err := h.st.WriteEvents(h.t.Context(), batch)
	for _, e := range stored {
		h.ids = append(h.ids, e.ID)
	}
	return err
}

func (h *pageHistory) remove() error {
	err := h.st.DeleteEvent(h.t.Context(), h.ids[3])
	h.ids = slices.Delete(h.ids, 3, 4)
	return err
}

// A commandFault is a file with a fault.
type commandFault struct {
	state *pageState
	what  string
	rank  int               // the lost writes come first, because there are many others
	meta  bool              // it hits the meta page of the last transaction
	pages map[uint64][]byte // the pages that are wrong, and what they hold
}

// image returns the file with the fault.
func (f *commandFault) image() []byte {
	file := bytes.Clone(f.state.file)
	for id, content := range f.pages {
		copy(pageAt(file, id), content)
	}
	return file
}

// pageFaults returns two kinds of faults in random order. First come pages that the last
// commit of a state wrote and the disk lost; then pages with another page in their place.
func pageFaults(rng *rand.Rand, states []pageState) (faults []commandFault) {
	for i := range states {
		s := &states[i]
		newest := uint64(0)
		if txid(s.file, 1) > txid(s.file, 0) {
			newest = 1
		}
		all := make(map[uint64][]byte)
		var used []uint64
		for id := range uint64(len(s.file) / pageSize) {
			is := pageAt(s.file, id)
			if !bytes.Equal(is, make([]byte, pageSize)) {
				used = append(used, id)
			}
			if end := int(id+1) * pageSize; end > len(s.before) || bytes.Equal(is, pageAt(s.before, id)) {
				continue
			}
			if id > 1 {
				all[id] = pageAt(s.before, id)
			}
			faults = append(faults, commandFault{s, fmt.Sprint("page ", id, " lost"), 1, id == newest, map[uint64][]byte{id: pageAt(s.before, id)}})
		}
		faults = append(faults, commandFault{s, "all pages lost but the metas", 0, false, all})
		for _, id := range used[2:] {
			donor := used[rng.IntN(len(used))]
			content := bytes.Clone(pageAt(s.file, donor))
			what := fmt.Sprint("page ", donor, " in the place of page ", id)
			if rng.IntN(2) == 0 {
				binary.NativeEndian.PutUint64(content, id)
				what += ", with its id"
			}
			if donor != id {
				faults = append(faults, commandFault{s, what, 2, false, map[uint64][]byte{id: content}})
			}
		}
	}
	rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	slices.SortStableFunc(faults, func(a, b commandFault) int { return cmp.Compare(a.rank, b.rank) })
	return faults
}

func pageAt(file []byte, id uint64) []byte { return file[id*pageSize : (id+1)*pageSize] }

func txid(file []byte, meta uint64) uint64 {
	return binary.NativeEndian.Uint64(pageAt(file, meta)[64:])
}
