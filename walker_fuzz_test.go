package doorlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// Whatever bytes a file has, to verify and to salvage it ends soon, with little
// memory and no panic; what is found sound can be used; and what is salvaged is
// sound. The bytes are the file, or, if changes is set, changes of the file of a
// small store (applyChanges).
func FuzzWalker(f *testing.F) {
	sound := keptStore(f)
	m := fileImage{data: sound}
	root := byte(native.Uint64(m.meta(m.newest())[16:]))
	f.Add(false, []byte(nil))
	f.Add(false, sound[:3*pageLen])
	f.Add(true, []byte(nil))
	for kind := range byte(changeKinds) { // each change once, in the root page and in another
		f.Add(true, []byte{kind, root, 1, 0, 16, 0, 0, 0})
		f.Add(true, []byte{kind, 7, 2, 0, 1, 0, 0, 0})
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, changes bool, data []byte) {
		want := changes && len(data) < changeLen
		if changes {
			data = applyChanges(bytes.Clone(sound), data)
		}
		if len(data) > 4<<20 {
			t.Skip("larger files take their time")
		}
		if got := judgeBytes(t, dir, data); want && !got {
			t.Error("the store is not sound as it is")
		}
	})
}

// keptStore returns the file of a store of some hundred events. It is kept,
// because bolt does not lay out the same writes alike each time, and a list of
// changes is to mean the same. Remove it to have it made anew.
func keptStore(f *testing.F) []byte {
	f.Helper()
	needLittleEndian(f)
	const name = "testdata/small.db.gz"
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		m := fileImage{data: newSpecimen(f, 9, 120, nil).file}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write(m.data[:m.pages()*pageLen])
		if err := errors.Join(err, w.Close(), os.WriteFile(name, packed.Bytes(), 0o600)); err != nil {
			f.Fatal(err)
		}
	}
	r, err := gzip.NewReader(bytes.NewReader(readFile(f, name)))
	if err != nil {
		f.Fatal(err)
	}
	file, err := io.ReadAll(r)
	if err != nil {
		f.Fatal(err)
	}
	return file
}

// changeKinds is the number of kinds of change that applyChanges knows.
const changeKinds = 8

const changeLen = 1 + 1 + 2 + 4

// applyChanges changes a file as a list says, whose entries are a kind, a page,
// a place in it and a value:
//
//	 1      1      2       4
//	| kind | page | place | value |
func applyChanges(file, list []byte) []byte {
	m := fileImage{data: file}
	for ; len(list) >= changeLen; list = list[changeLen:] {
		pages := len(m.data) / pageLen
		if pages < 2 {
			break
		}
		id := uint64(list[1]) % uint64(pages)
		page, place, value := m.page(id), int(native.Uint16(list[2:])), native.Uint32(list[4:])
		switch list[0] % changeKinds {
		case 0:
			page[place%pageLen] = byte(value)
		case 1:
			native.PutUint32(page[place%1024*4:], value)
		case 2: // a field of the header
			native.PutUint16(page[place%8*2:], uint16(value))
		case 3: // a field of an element
			native.PutUint32(page[headerLen+place%200*4:], value)
		case 4: // another page in its place, with its id mended
			copy(page, m.page(uint64(value)%uint64(pages)))
			native.PutUint64(page, id)
		case 5:
			clear(page[place%pageLen:])
		case 6: // a meta page, with its checksum mended
			meta := m.meta(id % 2)
			native.PutUint64(meta[place%8*8:], uint64(value))
			seal(meta)
		case 7:
			m.data = m.data[:value%uint32(len(m.data))]
		}
	}
	return m.data
}

// saysWhatItIs reports whether an error is of a file that is not one to be read.
func saysWhatItIs(err error) bool {
	return errors.Is(err, doorlog.ErrNotStore) || errors.Is(err, doorlog.ErrNewerSchema) || errors.Is(err, doorlog.ErrByteOrder)
}

// judgeBytes reports whether the file is sound.
func judgeBytes(t *testing.T, dir string, data []byte) (sound bool) {
	t.Helper()
	path, fresh := filepath.Join(dir, "events.db"), filepath.Join(dir, "fresh.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(fresh) // of the time before
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)

	v, err := doorlog.Verify(ctx, path, damageOptions())
	sound = err == nil && v.Sound()
	if err != nil && !saysWhatItIs(err) {
		t.Errorf("verify: %v", err)
	}
	_, err = doorlog.Salvage(ctx, path, fresh, nil)
	if err != nil && !saysWhatItIs(err) {
		t.Fatalf("salvage: %v", err)
	}
	runtime.ReadMemStats(&after)
	if got, enough := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+64*len(data)); got > enough {
		t.Errorf("%d bytes of memory for a file of %d", got, len(data))
	}
	if err == nil {
		checkFuzzed(t, fresh, true)
	}
	checkFuzzed(t, path, sound)
	return sound
}

// checkFuzzed checks that a file can be used, if it is sound.
func checkFuzzed(t *testing.T, path string, sound bool) {
	t.Helper()
	st, err := doorlog.Open(path, damageOptions())
	if sound != (err == nil) {
		t.Errorf("%s is sound: %v, and opens: %v", filepath.Base(path), sound, err)
	}
	if err != nil {
		return
	}
	for range 2 {
		if _, err := st.WriteEvents(t.Context(), someEvents()); err != nil {
			t.Errorf("write: %v", err)
		}
	}
	if err := st.Check(t.Context()); err != nil {
		t.Errorf("after writes: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func someEvents() []doorlog.Event {
	events := make([]doorlog.Event, 70)
	for i := range events {
		events[i] = motion("garage", 7000*i)
		events[i].Detections = []doorlog.Detection{{Label: "cat", Confidence: 0.5}}
	}
	return events
}
