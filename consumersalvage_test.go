package doorlog_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

// A salvage keeps the consumers and no changes. So a consumer gets ErrGone, even if whoever makes it
// would have it begin at the last change.
func TestConsumersAreToldOfASalvage(t *testing.T) {
	s := newStore(t)
	s.changePersons(t, 10)
	for name, from := range map[string]doorlog.Cursor{"began": {}, "acked": s.cursor(t)} {
		if _, err := s.Consumer(t.Context(), name, &doorlog.ConsumerOptions{From: from, Hold: 77}); err != nil {
			t.Fatal(err)
		}
	}
	s.changePersons(t, 10) // which no consumer gets
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "events.db")
	if r, err := doorlog.Salvage(t.Context(), s.path, fresh, nil); err != nil || !r.Complete {
		t.Fatalf("%+v, %v", r, err)
	}
	st, err := doorlog.Open(fresh, &s.options)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Check(t.Context()); err != nil {
		t.Error(err)
	}
	at, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"began", "acked"} {
		c, err := st.Consumer(t.Context(), name, &doorlog.ConsumerOptions{From: at})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range c.Changes(t.Context(), nil) {
			if !errors.Is(err, doorlog.ErrGone) {
				t.Errorf("%s gets %v, want ErrGone", name, err)
			}
			break
		}
	}
	list, err := st.Consumers(t.Context())
	if err != nil || len(list) != 2 || !list[0].Gone || !list[1].Gone || list[0].Hold != 77 {
		t.Errorf("%+v, %v", list, err)
	}
}
