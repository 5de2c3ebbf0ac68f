package apitest_test

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/apitest"
)

// never has the answers that the walk does not get, by their status or the operation as well, and why.
var never = map[string]string{
	"408":              "a client would have to be slow for 20 seconds",
	"501":              "only systems that cannot replace an open file answer so",
	"compact 507":      "only a disk without room is too full for it",
	"erasePerson 507":  "as with compact, which is a part of it",
	"putConsumer 507":  "a full store has a reserve for it",
	"ackConsumer 507":  "a full store has a reserve for it",
	"recordBackup 507": "a full store has a reserve for it",
	"verify 500":       "it tells the damage that it finds; only a disk that fails ends it",
	"info 500":         "it tells the damage",
}

func isNever(op *apitest.Operation, status string) bool {
	return never[status] != "" || never[op.ID+" "+status] != ""
}

// A walker asks for each documented answer of each operation.
type walker struct {
	doc      *apitest.Document
	recorder *apitest.Recorder
}

// Each documented status of each operation is answered, and all answers are as the document says.
func TestEveryAnswerIsAsDocumented(t *testing.T) {
	doc := load(t)
	w := &walker{doc, apitest.NewRecorder(doc)}
	t.Run("good requests", w.good)
	t.Run("special requests", w.special)
	t.Run("unchanged", w.unchanged)
	t.Run("not let in", w.notLetIn)
	t.Run("bad requests", w.badRequests)
	t.Run("too many tokens", w.tooMany)
	t.Run("full", w.full)
	t.Run("a second name", w.secondName)
	t.Run("read-only", w.readOnly)
	t.Run("closed", w.closed)
	t.Run("damaged", w.damaged)
	seen := w.recorder.Seen()
	for _, op := range doc.Operations {
		for _, text := range op.Statuses() {
			status, _ := strconv.Atoi(text)
			if seen[apitest.Seen{Method: op.Method, Pattern: op.Pattern, Status: status}] == 0 && !isNever(op, text) {
				t.Errorf("%s: the documented status %d was never answered", op.ID, status)
			}
		}
	}
}

// expect makes a request, and fails the test if the answer has another status.
func (w *walker) expect(t *testing.T, s *server, status int, a ask) reply {
	t.Helper()
	r := s.ask(t, a)
	if r.status != status && status != 0 {
		t.Errorf("%s %s as %q: status %d, want %d: %.300s", a.method, a.path, a.as, r.status, status, r.body)
	}
	w.recorder.Report(t)
	return r
}

// each calls fn with each operation that documents a status, and a good request of it.
func (w *walker) each(t *testing.T, s *server, status int, fn func(op *apitest.Operation, a ask)) {
	t.Helper()
	all := good(t, s)
	for _, op := range w.doc.Operations {
		a, has := all[op.ID]
		switch {
		case !has:
			t.Errorf("%s: there is no good request", op.ID)
		case op.Has(status) && !isNever(op, strconv.Itoa(status)):
			fn(op, a.ask)
		}
	}
}

func (w *walker) good(t *testing.T) {
	for _, op := range w.doc.Operations {
		s := newServer(t, w.recorder, nil)
		step := good(t, s)[op.ID]
		if op.ID == "recordBackup" {
			backup := s.ask(t, good(t, s)["backup"].ask)
			step.body = backup.trailer.Get("Doorlog-Backup-Info")
		}
		w.expect(t, s, step.status, step.ask)
		if op.Method == http.MethodGet {
			head := step.ask
			head.method = http.MethodHead
			w.expect(t, s, step.status, head)
		}
	}
}

func (w *walker) special(t *testing.T) {
	for _, step := range special(t) {
		s := newServer(t, w.recorder, nil)
		if step.twice {
			w.expect(t, s, 0, step.ask)
		}
		w.expect(t, s, step.status, step.ask)
	}
	s := newServer(t, w.recorder, nil)
	if err := os.RemoveAll(s.dir + "/thumbnails"); err != nil {
		t.Fatal(err)
	}
	w.expect(t, s, http.StatusNotFound, get(of("/thumbnail")))
}

func (w *walker) unchanged(t *testing.T) {
	s := newServer(t, w.recorder, nil)
	w.each(t, s, http.StatusNotModified, func(_ *apitest.Operation, a ask) {
		tag := w.expect(t, s, http.StatusOK, a).header.Get("ETag")
		w.expect(t, s, http.StatusNotModified, a.with("If-None-Match", tag))
	})
}

// notLetIn asks without a token, with one that does not allow the request, from a page of another site, and
// for another host.
func (w *walker) notLetIn(t *testing.T) {
	s := newServer(t, w.recorder, nil)
	w.each(t, s, http.StatusUnauthorized, func(op *apitest.Operation, a ask) {
		if op.ID == "login" {
			return // 401 is for its body
		}
		a.remote = true
		w.expect(t, s, http.StatusUnauthorized, a)
	})
	w.each(t, s, http.StatusForbidden, func(op *apitest.Operation, a ask) {
		need, _ := op.Needs()
		a.as = map[string]string{"read": "writer", "write": "reader", "admin": "writer"}[need]
		if need == "public" {
			a.remote = true
			a = a.with("Sec-Fetch-Site", "cross-site").with("Origin", "http://elsewhere.example")
		}
		w.expect(t, s, http.StatusForbidden, a)
	})
	w.each(t, s, http.StatusMisdirectedRequest, func(_ *apitest.Operation, a ask) {
		a.remote, a.host = true, "elsewhere.example"
		w.expect(t, s, http.StatusMisdirectedRequest, a)
	})
	a := post("/v1/events", strings.Replace(event, "front_door", "garage", 1))
	a.as = "camera"
	w.expect(t, s, http.StatusForbidden, a)
}

func (w *walker) badRequests(t *testing.T) {
	s := newServer(t, w.recorder, nil)
	w.each(t, s, http.StatusBadRequest, func(_ *apitest.Operation, a ask) {
		mark := "?"
		if strings.Contains(a.path, "?") {
			mark = "&"
		}
		a.path += mark + "no-such-parameter=1"
		w.expect(t, s, http.StatusBadRequest, a)
	})
	w.each(t, s, http.StatusUnsupportedMediaType, func(_ *apitest.Operation, a ask) {
		w.expect(t, s, http.StatusUnsupportedMediaType, a.with("Content-Type", "text/plain"))
	})
	w.each(t, s, http.StatusRequestEntityTooLarge, func(_ *apitest.Operation, a ask) {
		a.body = `{"x":"` + strings.Repeat("x", 2<<20) + `"}`
		w.expect(t, s, http.StatusRequestEntityTooLarge, a)
	})
}

// tooMany sends tokens that are not valid until the server has enough of them.
func (w *walker) tooMany(t *testing.T) {
	s := newServer(t, w.recorder, nil)
	w.each(t, s, http.StatusTooManyRequests, func(op *apitest.Operation, a ask) {
		a.as = "doorlog_wrong"
		if op.ID == "login" {
			a.body = `{"token":"doorlog_wrong"}`
		}
		for range 30 {
			if s.ask(t, a).status == http.StatusTooManyRequests {
				return
			}
		}
		t.Errorf("%s: tokens that are not valid can be tried for ever", op.ID)
	})
	w.recorder.Report(t)
}

// full fills the store until it takes nothing.
func (w *walker) full(t *testing.T) {
	s := newServer(t, w.recorder, &doorlog.Options{MaxSize: 4 << 20})
	asks := good(t, s)
	w.expect(t, s, http.StatusNoContent, bare(http.MethodPut, "/v1/events/"+otherID+"/pin")) // so that there is something to unpin
	for size := 1 << 18; size > 0; {
		e := doorlog.Event{Camera: "garage", RecordedAt: time.Now(), Type: doorlog.Motion, Attributes: make(map[string]string)}
		for i := range size / doorlog.MaxAttributeValue {
			e.Attributes[strconv.Itoa(i)] = strings.Repeat("x", doorlog.MaxAttributeValue)
		}
		_, err := s.store.WriteEvent(t.Context(), e)
		switch {
		case errors.Is(err, doorlog.ErrFull):
			size /= 2
		case err != nil:
			t.Fatal(err)
		}
	}
	w.each(t, nil, http.StatusInsufficientStorage, func(op *apitest.Operation, _ ask) {
		w.expect(t, s, http.StatusInsufficientStorage, asks[op.ID].ask)
	})
}

// secondName gives the file of the store another name: then it cannot be replaced.
func (w *walker) secondName(t *testing.T) {
	s := newServer(t, w.recorder, nil)
	if err := os.Link(s.store.Path(), s.store.Path()+".link"); err != nil {
		t.Skip("SKIP: ", err)
	}
	w.expect(t, s, http.StatusConflict, good(t, s)["compact"].ask)
}

// readOnly serves a store that was opened read-only. What changes it is refused.
func (w *walker) readOnly(t *testing.T) {
	s := newServer(t, w.recorder, &doorlog.Options{ReadOnly: true})
	for id, step := range good(t, s) {
		if r := w.expect(t, s, 0, step.ask); r.status >= http.StatusBadRequest && r.status != http.StatusConflict {
			t.Errorf("%s: status %d: %.300s", id, r.status, r.body)
		}
	}
}

// closed closes the store. The tokens are in a file of their own, which is damaged.
func (w *walker) closed(t *testing.T) {
	s := newServer(t, w.recorder, nil)
	asks := good(t, s)
	if err := os.WriteFile(s.store.Path()+".tokens", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.each(t, nil, http.StatusServiceUnavailable, func(op *apitest.Operation, _ ask) {
		a := asks[op.ID].ask
		if strings.HasPrefix(op.Pattern, "/v1/tokens") {
			w.expect(t, s, http.StatusInternalServerError, a)
			a.as = "phone"
		}
		w.expect(t, s, http.StatusServiceUnavailable, a)
	})
}

// damaged overwrites the file while it is open, and lets the server find that.
func (w *walker) damaged(t *testing.T) {
	s := newServer(t, w.recorder, &doorlog.Options{Scrub: -1})
	asks := good(t, s)
	file, err := os.OpenFile(s.store.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	size, err := file.Seek(0, 2)
	if err != nil {
		t.Fatal(err)
	}
	page := int64(os.Getpagesize())
	if _, err := file.WriteAt(make([]byte, size-2*page), 2*page); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	w.expect(t, s, http.StatusOK, asks["verify"].ask)
	w.each(t, nil, http.StatusInternalServerError, func(op *apitest.Operation, _ ask) {
		if !strings.HasPrefix(op.Pattern, "/v1/tokens") { // they have a file of their own
			w.expect(t, s, http.StatusInternalServerError, asks[op.ID].ask)
		}
	})
}
