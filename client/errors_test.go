package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/internal/wire"
)

// sentinels are all errors that callers tell apart.
var sentinels = []error{
	doorlog.ErrNotFound, doorlog.ErrExists, doorlog.ErrInvalid, doorlog.ErrTooLarge, doorlog.ErrSymlink, doorlog.ErrHardLinks, doorlog.ErrCorrupt,
	doorlog.ErrLocked, doorlog.ErrNoLocks, doorlog.ErrClosed, doorlog.ErrFull, doorlog.ErrReadOnly, doorlog.ErrNotStore, doorlog.ErrByteOrder,
	doorlog.ErrNotBackup, doorlog.ErrNewerSchema, doorlog.ErrOlderSchema, doorlog.ErrBadCursor, doorlog.ErrGone, doorlog.ErrUnknownOutcome,
	doorlog.ErrFolder, doorlog.ErrMoved, doorlog.ErrFailed, fs.ErrNotExist, errors.ErrUnsupported, context.DeadlineExceeded,
	client.ErrUnauthorized, client.ErrForbidden, client.ErrTooMany,
}

// refusing returns the address of a server that refuses everything with the error that is sent to it.
func refusing(t *testing.T) (address string, refuse func(error)) {
	t.Helper()
	var with error
	address = listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/server" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"name":"doorlog","api":1}`)
			return
		}
		p := wire.ProblemOf(with)
		w.Header().Set("Content-Type", wire.ContentTypeProblem)
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	}))
	return address, func(err error) { with = err }
}

func TestEverySentinelComesThrough(t *testing.T) {
	address, refuse := refusing(t)
	c := open(t, address, nil)
	calls := map[string]func() error{
		"a read": func() error { _, err := c.Stats(t.Context()); return err },
		"a write": func() error {
			_, err := c.WriteEvent(t.Context(), motion(1))
			return err
		},
		"a long call": func() error { _, err := c.Verify(t.Context()); return err },
		"a backup":    func() error { _, err := c.Backup(t.Context(), fullDisk{}, nil); return err },
	}
	for _, want := range sentinels {
		sent := fmt.Errorf("doorlog: do it: %w", want)
		refuse(sent)
		for what, call := range calls {
			err := call()
			if !errors.Is(err, want) || err.Error() != sent.Error() {
				t.Errorf("%s: %v, want %v", what, err, sent)
			}
			for _, other := range sentinels {
				if errors.Is(err, other) != errors.Is(sent, other) {
					t.Errorf("%s: %v is %v: %t", what, err, other, errors.Is(err, other))
				}
			}
		}
	}
	refuse(fmt.Errorf("doorlog: write: %w", &doorlog.FieldError{Field: "camera_id", Problem: "is long", TooLarge: true}))
	f, ok := errors.AsType[*doorlog.FieldError](calls["a write"]())
	if !ok || *f != (doorlog.FieldError{Field: "camera_id", Problem: "is long", TooLarge: true}) {
		t.Errorf("%+v", f)
	}
}

// The store and its client refuse the same things with the same words.
func TestErrorsReadLikeThoseOfTheStore(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	stored, err := s.WriteEvent(ctx, motion(1))
	if err != nil {
		t.Fatal(err)
	}
	ghost := newID(t, c)
	calls := refusedWrites(ctx, stored, ghost)
	maps.Copy(calls, refusedOthers(ctx, stored))
	for what, call := range calls {
		want, got := call(s.Store), call(c)
		if want == nil || got == nil || got.Error() != want.Error() {
			t.Errorf("%s:\n got %v\nwant %v", what, got, want)
		}
		for _, sentinel := range sentinels {
			if errors.Is(got, sentinel) != errors.Is(want, sentinel) {
				t.Errorf("%s: %v is %v: %t", what, got, sentinel, errors.Is(got, sentinel))
			}
		}
		wantField, _ := errors.AsType[*doorlog.FieldError](want)
		gotField, _ := errors.AsType[*doorlog.FieldError](got)
		if (wantField == nil) != (gotField == nil) || wantField != nil && *wantField != *gotField {
			t.Errorf("%s: %+v, want %+v", what, gotField, wantField)
		}
	}
}

// refusedWrites are calls that change events, and fail.
func refusedWrites(ctx context.Context, stored doorlog.Event, ghost doorlog.ID) map[string]func(st store) error {
	other, early := stored, stored
	other.Person, early.RecordedAt = "bob", noon.Add(-time.Hour)
	return map[string]func(st store) error{
		"no event": func(st store) error { _, err := st.Event(ctx, ghost); return err },
		"zero ID":  func(st store) error { _, err := st.Event(ctx, doorlog.ID{}); return err },
		"no camera": func(st store) error {
			_, err := st.WriteEvent(ctx, doorlog.Event{RecordedAt: noon, Type: "x"})
			return err
		},
		"no time": func(st store) error { _, err := st.WriteEvent(ctx, doorlog.Event{Camera: "a", Type: "x"}); return err },
		"not UTF-8": func(st store) error {
			_, err := st.WriteEvent(ctx, doorlog.Event{Camera: "\xff", RecordedAt: noon, Type: "x"})
			return err
		},
		"exists": func(st store) error { _, err := st.WriteEvent(ctx, other); return err },
		"the third": func(st store) error {
			_, err := st.WriteEvents(ctx, []doorlog.Event{motion(1), motion(2), {Camera: "a"}})
			return err
		},
		"frames": func(st store) error {
			_, err := st.WriteEventsWithFrames(ctx, []doorlog.Event{motion(1)}, [][]byte{nil, nil})
			return err
		},
		"once without ID":    func(st store) error { _, _, err := st.WriteEventOnce(ctx, motion(1), nil); return err },
		"update of none":     func(st store) error { return st.UpdateEvent(ctx, doorlog.Event{ID: ghost, Camera: "a", Type: "x"}) },
		"update of the time": func(st store) error { return st.UpdateEvent(ctx, early) },
		"delete of none":     func(st store) error { return st.DeleteEvent(ctx, ghost) },
		"pin of none":        func(st store) error { return st.Pin(ctx, ghost) },
		"alert of none":      func(st store) error { return st.MarkAlertSent(ctx, ghost) },
		"review of none":     func(st store) error { return st.MarkReviewed(ctx, stored.ID, ghost) },
		"updates of none": func(st store) error {
			_, err := st.UpdateEvents(ctx, []doorlog.ID{stored.ID, ghost}, func(*doorlog.Event) error { return nil })
			return err
		},
		"updates that fail": func(st store) error {
			_, err := st.UpdateEvents(ctx, []doorlog.ID{stored.ID}, func(*doorlog.Event) error { return fs.ErrPermission })
			return err
		},
		"updates of the ID": func(st store) error {
			_, err := st.UpdateEvents(ctx, []doorlog.ID{stored.ID}, func(e *doorlog.Event) error { e.ID = ghost; return nil })
			return err
		},
		"too many updates": func(st store) error {
			_, err := st.UpdateEvents(ctx, make([]doorlog.ID, doorlog.MaxUpdates+1), func(*doorlog.Event) error { return nil })
			return err
		},
	}
}

// refusedOthers are other calls that fail.
func refusedOthers(ctx context.Context, stored doorlog.Event) map[string]func(st store) error {
	return map[string]func(st store) error{
		"no thumbnail":   func(st store) error { _, err := st.Thumbnail(ctx, stored.ID); return err },
		"empty camera":   func(st store) error { _, err := st.Count(ctx, doorlog.Query{Cameras: []string{""}}); return err },
		"negative limit": func(st store) error { _, err := st.Count(ctx, doorlog.Query{Limit: -1}); return err },
		"no hours": func(st store) error {
			_, err := st.Count(ctx, doorlog.Query{Hours: &doorlog.Hours{From: 30}})
			return err
		},
		"no number": func(st store) error { _, err := st.Count(ctx, doorlog.Query{MinConfidence: math.NaN()}); return err },
		"no values": func(st store) error {
			_, err := st.Count(ctx, doorlog.Query{Attributes: map[string][]string{"a": nil}})
			return err
		},
		"bad cursor": func(st store) error { _, err := st.Page(ctx, doorlog.Query{}, "nonsense"); return err },
		"long camera": func(st store) error {
			_, err := st.Summary(ctx, doorlog.Scope{Camera: strings.Repeat("x", 300)})
			return err
		},
		"no person":        func(st store) error { _, err := st.Person(ctx, "nobody"); return err },
		"no person to go":  func(st store) error { return st.DeletePerson(ctx, "nobody") },
		"no person to let": func(st store) error { return st.SetAutoUnlock(ctx, "nobody", true) },
		"unnamed person":   func(st store) error { _, err := st.PutPerson(ctx, doorlog.PersonInput{}); return err },
		"no recording":     func(st store) error { _, err := st.EventByRecording(ctx, "front", "none"); return err },
		"no rename":        func(st store) error { _, err := st.RenameCamera(ctx, "none", "other"); return err },
		"empty rename":     func(st store) error { _, err := st.RenamePerson(ctx, "", ""); return err },
		"bad policy":       func(st store) error { _, err := st.Prune(ctx, doorlog.Policy{MaxEvents: -1}); return err },
		"recent":           func(st store) error { _, err := st.Recent(ctx, -1); return err },
	}
}

// A store is what both have.
type store interface {
	Event(ctx context.Context, id doorlog.ID) (doorlog.Event, error)
	EventByRecording(ctx context.Context, camera, recording string) (doorlog.Event, error)
	Recent(ctx context.Context, n int) ([]doorlog.Event, error)
	Count(ctx context.Context, q doorlog.Query) (int, error)
	Page(ctx context.Context, q doorlog.Query, at string) (doorlog.Page, error)
	Summary(ctx context.Context, sc doorlog.Scope) (doorlog.Summary, error)
	Thumbnail(ctx context.Context, id doorlog.ID) ([]byte, error)
	WriteEvent(ctx context.Context, e doorlog.Event) (doorlog.Event, error)
	WriteEvents(ctx context.Context, events []doorlog.Event) ([]doorlog.Event, error)
	WriteEventsWithFrames(ctx context.Context, events []doorlog.Event, frames [][]byte) ([]doorlog.Event, error)
	WriteEventOnce(ctx context.Context, e doorlog.Event, frame []byte) (doorlog.Event, bool, error)
	UpdateEvent(ctx context.Context, e doorlog.Event) error
	UpdateEvents(ctx context.Context, ids []doorlog.ID, change func(*doorlog.Event) error) ([]doorlog.Event, error)
	DeleteEvent(ctx context.Context, id doorlog.ID) error
	Pin(ctx context.Context, id doorlog.ID) error
	MarkAlertSent(ctx context.Context, id doorlog.ID) error
	MarkReviewed(ctx context.Context, ids ...doorlog.ID) error
	Person(ctx context.Context, name string) (doorlog.Person, error)
	PutPerson(ctx context.Context, in doorlog.PersonInput) (doorlog.Person, error)
	DeletePerson(ctx context.Context, name string) error
	SetAutoUnlock(ctx context.Context, name string, on bool) error
	RenameCamera(ctx context.Context, from, to string) (*doorlog.Renamed, error)
	RenamePerson(ctx context.Context, from, to string) (*doorlog.Renamed, error)
	Prune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error)
}

func TestAnotherServerIsRecognised(t *testing.T) {
	for what, test := range map[string]struct {
		status      int
		media, text string
		want        error
	}{
		"a page":         {http.StatusOK, "text/html", "<html>", client.ErrNotServer},
		"nothing there":  {http.StatusNotFound, "text/plain", "404 page not found", client.ErrNotServer},
		"a redirect":     {http.StatusFound, "text/plain", "", client.ErrNotServer},
		"another API":    {http.StatusOK, "application/json", `{"name":"caddy"}`, client.ErrNotServer},
		"not JSON":       {http.StatusOK, "application/json", `{`, client.ErrNotServer},
		"a newer server": {http.StatusOK, "application/json", `{"name":"doorlog","api":2,"more":true}`, client.ErrVersion},
		"a lost server":  {http.StatusBadGateway, "text/html", "<html>", client.ErrUnreachable},
	} {
		address := listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", test.media)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.text)
		}))
		if _, err := client.Open(t.Context(), address, nil); !errors.Is(err, test.want) || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
