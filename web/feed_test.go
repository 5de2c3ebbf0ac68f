package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

// feedNow is a time at which events of the tests happen.
var feedNow = time.Now().Add(-time.Hour).Truncate(time.Second)

func writeMotion(t testing.TB, st *doorlog.Store, camera, person string) doorlog.Event {
	t.Helper()
	e, err := st.WriteEvent(t.Context(), doorlog.Event{Camera: camera, RecordedAt: feedNow, Type: doorlog.Motion, Person: person})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What a stream says is the JSON of the library, whether the changes were there before or come while it is open.
func TestAStreamTellsTheChangesOfTheLibrary(t *testing.T) {
	for name, hide := range map[string]bool{"taken over": false, "through the server": true} {
		t.Run(name, func(t *testing.T) {
			st := openStore(t)
			h := web.Handler(st, nil)
			if hide {
				h = withoutHijack(h)
			}
			ts := httptest.NewServer(h)
			defer ts.Close()
			writeMotion(t, st, "front", "alice")
			whole := mustStream(t, ts.Client(), ts.URL, "", "")
			ids := mustStream(t, ts.Client(), ts.URL, "ids_only=true", "")
			some := mustStream(t, ts.Client(), ts.URL, "camera=back", "")
			for i := range 50 {
				if whole.change(t); i == 0 {
					ids.change(t)
				}
				e := writeMotion(t, st, []string{"front", "back"}[i%2], "")
				if _, err := st.PutPerson(t.Context(), doorlog.PersonInput{Name: fmt.Sprint("p", i)}); err != nil {
					t.Fatal(err)
				}
				if i%3 == 0 {
					if err := st.DeleteEvent(t.Context(), e.ID); err != nil {
						t.Fatal(err)
					}
					whole.change(t)
				}
				whole.change(t)
			}
			wantStream(t, st, mustStream(t, ts.Client(), ts.URL, "", ""), nil)
			wantStream(t, st, mustStream(t, ts.Client(), ts.URL, "ids_only=true", ""), &doorlog.ChangeOptions{IDsOnly: true})
			wantStream(t, st, mustStream(t, ts.Client(), ts.URL, "camera=back", ""), &doorlog.ChangeOptions{Query: &doorlog.Query{Cameras: []string{"back"}}})
			some.close()
			whole.close()
			ids.close()
		})
	}
}

// wantStream fails unless a stream from the beginning tells what the store does.
func wantStream(t *testing.T, st *doorlog.Store, s *feedStream, options *doorlog.ChangeOptions) {
	t.Helper()
	page, err := st.ChangePage(t.Context(), doorlog.Cursor{}, 0, options)
	if err != nil || page.More || len(page.Changes) < 25 {
		t.Fatal(len(page.Changes), err)
	}
	for i := range page.Changes {
		m, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(&page.Changes[i])
		if err != nil || m.data != string(want) || m.id != page.Changes[i].Cursor.String() || m.event != page.Changes[i].Op.String() {
			t.Fatalf("%+v, and the change is %s (%v)", m, want, err)
		}
	}
	s.close()
}

// withoutHijack hides that the connection could be taken over, as HTTP/2 does.
func withoutHijack(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&noHijack{w, http.NewResponseController(w)}, r)
	})
}

type noHijack struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func (w *noHijack) FlushError() error                   { return w.rc.Flush() }
func (w *noHijack) SetWriteDeadline(at time.Time) error { return w.rc.SetWriteDeadline(at) }
func (w *noHijack) SetReadDeadline(at time.Time) error  { return w.rc.SetReadDeadline(at) }

// A reader that begins with now and is cut off before it has seen a change goes on from where it began.
func TestAStreamFromNowSaysWhereThatIs(t *testing.T) {
	st := openStore(t)
	s := start(t, st, nil)
	writeMotion(t, st, "front", "")
	first := mustStream(t, overSocket(s.socket()), "http://doorlog", "after=now", "")
	m, err := first.next()
	if err != nil || m.event != "at" || m.data != fmt.Sprintf(`{"cursor":%q}`, m.id) || first.retry == "" || first.beats == 0 {
		t.Fatalf("%+v %v, retry %q", m, err, first.retry)
	}
	first.close()
	e := writeMotion(t, st, "back", "")
	if c := mustStream(t, overSocket(s.socket()), "http://doorlog", "after=now", m.id).change(t); c.ID != e.ID {
		t.Errorf("it goes on with %+v", c)
	}
}

// An idle stream gets comments; one that asks for little gets its place.
func TestAnIdleStreamBeats(t *testing.T) {
	st := openStore(t)
	s := start(t, st, &web.ServeOptions{Options: web.Options{Heartbeat: 20 * time.Millisecond}})
	all := mustStream(t, overSocket(s.socket()), "http://doorlog", "", "")
	some := mustStream(t, overSocket(s.socket()), "http://doorlog", "camera=nowhere", "")
	writeMotion(t, st, "front", "")
	if m, err := some.next(); err != nil || m.event != "at" {
		t.Errorf("%+v %v", m, err)
	}
	all.change(t)
	for all.beats = 0; all.beats < 3; {
		if line, err := all.lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		} else if strings.HasPrefix(line, ":") {
			all.beats++
		}
	}
}

// A place that is gone is told as an event without an id, and then the stream ends.
func TestAStreamWhosePlaceIsGoneIsReset(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(shortFolder(t), "events.db"), &doorlog.Options{KeepChanges: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := start(t, st, nil)
	for range 300 {
		writeMotion(t, st, "front", "")
	}
	stream := mustStream(t, overSocket(s.socket()), "http://doorlog", "", "")
	m, err := stream.next()
	var p wire.Problem
	if err != nil || m.event != "reset" || m.id != "" || json.Unmarshal([]byte(m.data), &p) != nil || !p.Is(doorlog.ErrGone) {
		t.Fatalf("%+v %v", m, err)
	}
	if m, err := stream.next(); !errors.Is(err, io.EOF) {
		t.Errorf("%+v %v", m, err)
	}
	resp := get(t, overSocket(s.socket()), "http://doorlog/v1/changes")
	wantProblem(t, resp, http.StatusGone, "not kept")
}

// Changes that wait to be sent name nobody who was erased since.
func TestStreamsDoNotNameWhoWasErased(t *testing.T) {
	st := openStore(t)
	s := start(t, st, nil)
	c := overSocket(s.socket())
	at, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	live := mustStream(t, c, "http://doorlog", "after="+at.String(), "") // so that there is a window
	for range 20 {
		writeMotion(t, st, "front", "alice")
	}
	if _, err := st.PutPerson(t.Context(), doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.ErasePerson(t.Context(), "alice", doorlog.EraseName); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	end, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for live.change(t).Cursor != end { // the window has the erasure, too
	}
	late := mustStream(t, c, "http://doorlog", "after="+at.String(), "")
	for {
		m, err := late.next()
		if err != nil || strings.Contains(m.data, "alice") {
			t.Fatalf("%+v %v", m, err)
		}
		if m.id == end.String() {
			return
		}
	}
}

// There are as many readers as are allowed, and the next one hears when to come again.
func TestThereAreNotTooManyStreams(t *testing.T) {
	st := openStore(t)
	s := start(t, st, &web.ServeOptions{Options: web.Options{MaxStreams: 2}})
	c := overSocket(s.socket())
	first := mustStream(t, c, "http://doorlog", "after=now", "")
	mustStream(t, c, "http://doorlog", "after=now", "")
	third, err := openStream(t, c, "http://doorlog", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if third.resp.Header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
	wantProblem(t, third.resp, http.StatusTooManyRequests, "2 read")
	first.close()
	for {
		again, err := openStream(t, c, "http://doorlog", "", "")
		if err != nil {
			t.Fatal(err)
		}
		again.close()
		if again.resp.StatusCode == http.StatusOK {
			return
		}
	}
}

// A stream ends soon after its token was revoked.
func TestAStreamEndsWithItsToken(t *testing.T) {
	st := openStore(t)
	secret := addToken(t, st, "page", web.Grant{Read: true})
	s := start(t, st, &web.ServeOptions{Options: web.Options{RequireToken: true, Heartbeat: 40 * time.Millisecond}})
	stream := mustStream(t, &http.Client{Transport: &http.Transport{}}, s.url(""), "after=now", "", "Authorization", "Bearer "+secret)
	if _, err := stream.next(); err != nil {
		t.Fatal(err)
	}
	if err := tokensOf(st).Remove("page"); err != nil {
		t.Fatal(err)
	}
	if m, err := stream.next(); !errors.Is(err, io.EOF) {
		t.Errorf("%+v %v", m, err)
	}
}

// When the server stops, streams and those who wait end at once.
func TestStreamsEndWithTheServer(t *testing.T) {
	st := openStore(t)
	s := start(t, st, nil)
	c := overSocket(s.socket())
	stream := mustStream(t, c, "http://doorlog", "after=now", "")
	if _, err := stream.next(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if m, err := stream.next(); !errors.Is(err, io.EOF) {
		t.Errorf("%+v %v", m, err)
	}
}

// Who waits for changes hears when the server stops: there are none, as far as it knows.
func TestWaitingEndsWithTheServer(t *testing.T) {
	st := openStore(t)
	h := web.Handler(st, nil)
	polled := make(chan *http.Response)
	go func() {
		polled <- ask(t, h, sentRequest{method: http.MethodGet, path: "/v1/changes?after=now&wait=4s", local: "unix"})
	}()
	for began := time.Now(); web.FeedReaders(h) == 0; {
		if time.Since(began) > 10*time.Second {
			t.Fatal("nobody waits")
		}
	}
	web.Drain(h)
	if body := textOf(t, <-polled); !strings.Contains(body, `"changes":[]`) {
		t.Error(body)
	}
	wantProblem(t, ask(t, h, sentRequest{method: http.MethodGet, path: "/v1/changes?after=now&wait=1s", local: "unix"}), http.StatusServiceUnavailable, "end")
}

// Who waits for a page gets it as soon as there is a change, and an empty one when the time is up.
func TestAPageOfChangesCanBeWaitedFor(t *testing.T) {
	st := openStore(t)
	s := start(t, st, nil)
	c := overSocket(s.socket())
	page := func(query string) (p doorlog.ChangePage) {
		t.Helper()
		resp := get(t, c, "http://doorlog/v1/changes?"+query)
		if err := json.Unmarshal([]byte(textOf(t, resp)), &p); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status, err)
		}
		return p
	}
	empty := page("after=now&wait=20ms")
	if len(empty.Changes) != 0 || empty.Changes == nil {
		t.Errorf("%+v", empty)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			_, _ = st.WriteEvent(ctx, doorlog.Event{Camera: "front", RecordedAt: feedNow, Type: doorlog.Motion})
		}
	}()
	at := empty.Next
	for seq := at.Seq(); seq < 200; {
		p := page("wait=1m&limit=7&after=" + at.String())
		if len(p.Changes) == 0 || len(p.Changes) > 7 {
			t.Fatalf("%d changes", len(p.Changes))
		}
		for _, c := range p.Changes {
			if seq++; c.Cursor.Seq() != seq || c.Event == nil {
				t.Fatalf("change %d is %+v", seq, c)
			}
		}
		at = p.Next
	}
	if p := page("limit=1000&ids_only=true"); len(p.Changes) < 200 || p.Changes[0].Event != nil {
		t.Errorf("%d changes", len(p.Changes))
	}
}

// The parameters of changes are checked.
func TestBadParametersOfChanges(t *testing.T) {
	h := web.Handler(openStore(t), nil)
	for query, field := range map[string]string{
		"limit=0": "limit", "limit=1001": "limit", "wait=soon": "wait", "wait=-1s": "wait", "after=here": "after", "ids_only=1": "ids_only",
		"offset=1": "offset", "oldest_first=true": "oldest_first", "color=red": "color", "after=now&after=now": "after", "type=": "",
	} {
		for _, accept := range []string{"", "text/event-stream"} {
			resp := ask(t, h, sentRequest{method: http.MethodGet, path: "/v1/changes?" + query, local: "unix", header: map[string]string{"Accept": accept}})
			var p wire.Problem
			if err := json.Unmarshal([]byte(textOf(t, resp)), &p); err != nil || resp.StatusCode != http.StatusBadRequest || field != "" && p.Field != field {
				t.Errorf("%s: %s %+v", query, resp.Status, p)
			}
		}
	}
}
