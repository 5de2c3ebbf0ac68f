package doorlog

import (
	"context"
	"testing"
	"time"
	"unicode"
)

// WriteAsBefore stores an event as a version did that knew of no normal form.
func WriteAsBefore(t testing.TB, s *Store, e Event) ID {
	t.Helper()
	id, err := s.ids.next(e.RecordedAt)
	if err != nil {
		t.Fatal(err)
	}
	e.ID, e.CreatedAt = id, s.opt.Now()
	in := insertion{record: record{Event: e}}
	in.encode()
	err = s.commits.submit(context.Background(), func(w *writeTx) error {
		_, err := w.write(&in, false)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// PutPersonAsBefore stores a person in the same way.
func PutPersonAsBefore(t testing.TB, s *Store, name string, autoUnlock bool) {
	t.Helper()
	p := Person{Name: name, DisplayName: name, AutoUnlock: autoUnlock, CreatedAt: time.Unix(1, 0).UTC()}
	err := s.commits.submit(context.Background(), func(w *writeTx) error {
		return w.put(personsSum, []byte(name), encodePerson(&p))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestASCIIThatHasOtherSpellings(t *testing.T) {
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if name := normalName(string(r)); name[0] < 0x80 && hasOneSpelling(name[:1]) && len(name) == 1 {
			t.Errorf("%U is %q", r, name)
		}
	}
}
