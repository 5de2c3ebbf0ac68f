package jsoninput

import "testing"

// A document may be of any length: only a part of it is in memory.
func TestADocumentIsNotHeldInMemory(t *testing.T) {
	line := []byte(`{"camera_id":"c","recorded_at":"2026-02-25T00:00:01Z","event_type":"motion","recording_id":"1"}` + ",\n")
	const items = 100_000
	n := 0
	endless := readerFunc(func(p []byte) (int, error) {
		if n++; n == 1 {
			return copy(p, "[\n"), nil
		}
		return copy(p, line), nil
	})
	d := newDocumentReader(endless, 1, 0)
	for i := range items {
		if _, err := d.next(); err != nil {
			t.Fatal(err)
		}
		if ahead := d.in.read - d.end(); ahead > 1<<20 || len(d.in.ends) > 1<<16 {
			t.Fatalf("after item %d there are %d bytes, and %d lines, in memory", i, ahead, len(d.in.ends))
		}
	}
	if at := d.begin; at.Line != items+1 || at.Item != items {
		t.Errorf("the last is at %v", at)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
