package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// A flaky handler loses requests, answers and parts of answers. It tells which by calling lose.
type flaky struct {
	http.Handler
	lose func(*http.Request) loss
}

type loss int

const (
	none       loss = iota
	request         // the connection breaks before the request is served
	answer          // it breaks when the request has been served
	halfAnswer      // it breaks within the answer
	overload        // a proxy in between says that it has no server
)

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	how := f.lose(r)
	switch how {
	case none:
		f.Handler.ServeHTTP(w, r)
		return
	case request:
		panic(http.ErrAbortHandler)
	case overload:
		http.Error(w, "<html>Bad gateway</html>", http.StatusBadGateway)
		return
	}
	served := httptest.NewRecorder()
	f.Handler.ServeHTTP(served, r)
	if how == halfAnswer && served.Body.Len() > 1 {
		maps.Copy(w.Header(), served.Header())
		w.Header().Set("Content-Length", fmt.Sprint(served.Body.Len()))
		w.WriteHeader(served.Code)
		_, _ = w.Write(served.Body.Bytes()[:served.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}

// listenAt serves a handler on a Unix socket, and returns its address.
func listenAt(t testing.TB, h http.Handler) string {
	t.Helper()
	path := shortDir(t) + "/f.sock"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	t.Cleanup(func() {
		if err := errors.Join(srv.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "unix:" + path
}

// loseSome returns a flaky.lose that loses most requests in one way or another, all but those to open.
func loseSome(seed uint64) func(*http.Request) loss {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 1))
	return func(r *http.Request) loss {
		if r.URL.Path == "/v1/server" {
			return none
		}
		mu.Lock()
		defer mu.Unlock()
		if how := loss(rng.IntN(8)); how <= overload {
			return how
		}
		return none
	}
}

// Four writers lose half of their requests and answers. What they are told is what is stored.
func TestWhatIsSentAgainIsStoredOnce(t *testing.T) {
	s := serve(t, nil)
	address := listenAt(t, &flaky{web.Handler(s.Store, nil), loseSome(uint64(time.Now().UnixNano()))})
	picture := frame(t)
	acknowledged := make([][]doorlog.ID, 4)
	var all sync.WaitGroup
	for w := range acknowledged {
		c := open(t, address, nil)
		all.Go(func() { acknowledged[w] = writeAll(t, c, w, picture) })
	}
	all.Wait()
	var told, stored []doorlog.ID
	for _, ids := range acknowledged {
		told = append(told, ids...)
	}
	for e, err := range s.Events(t.Context(), doorlog.Query{OldestFirst: true}) {
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, e.ID)
	}
	slices.SortFunc(told, doorlog.ID.Compare)
	if !slices.Equal(told, stored) {
		t.Errorf("%d events are stored, and %d were acknowledged", len(stored), len(told))
	}
}

// writeAll writes events in every way, and returns the IDs of those that are to be there in the end.
func writeAll(t *testing.T, c *client.Client, w int, picture []byte) (ids []doorlog.ID) {
	ctx := t.Context()
	for i := range 4 {
		e := motion(100*w + i)
		stored, err := c.WriteEventWithFrame(ctx, e, picture)
		if err != nil {
			t.Error(err)
			return nil
		}
		e.RecordingID = fmt.Sprintf("%d-%d", w, i)
		once, existed, err := c.WriteEventOnce(ctx, e, nil)
		if err != nil || existed {
			t.Errorf("once: existed: %t, %v", existed, err)
		}
		again, existed, err := c.WriteEventOnce(ctx, e, nil)
		if err != nil || !existed || again.ID != once.ID {
			t.Errorf("once more: existed: %t, %v", existed, err)
		}
		many, existeds, err := c.WriteEventsOnce(ctx, []doorlog.Event{motion(w), e}, nil)
		if !errors.Is(err, doorlog.ErrInvalid) { // the first has nothing that identifies it
			t.Errorf("many: %v, %v, %v", many, existeds, err)
		}
		other := e
		other.RecordingID += " other"
		many, existeds, err = c.WriteEventsOnce(ctx, []doorlog.Event{other, e}, nil)
		if err != nil || !slices.Equal(existeds, []bool{false, true}) {
			t.Errorf("many: %v, %v", existeds, err)
			return nil
		}
		if err := c.DeleteEvent(ctx, stored.ID); err != nil {
			t.Error(err)
		}
		ids = append(ids, once.ID, many[0].ID)
	}
	return ids
}

// Each of ten additions counts once, although half of the requests and answers are lost.
func TestAnUpdateThatIsSentAgainCountsOnce(t *testing.T) {
	s := serve(t, nil)
	f := &flaky{web.Handler(s.Store, nil), loseSome(uint64(time.Now().UnixNano()))}
	c := open(t, listenAt(t, f), nil)
	var ids []doorlog.ID
	for i := range 3 {
		e, err := s.WriteEvent(t.Context(), motion(i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	const additions = 10
	for range additions {
		_, err := c.UpdateEvents(t.Context(), ids, func(e *doorlog.Event) error {
			e.Person += "x"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids {
		if e, err := s.Event(t.Context(), id); err != nil || len(e.Person) != additions {
			t.Errorf("%d additions, want %d, %v", len(e.Person), additions, err)
		}
	}
}

// After all attempts the caller knows that it does not know.
func TestAWriteWithoutAnAnswerHasAnUnknownOutcome(t *testing.T) {
	s := serve(t, nil)
	f := &flaky{web.Handler(s.Store, nil), func(r *http.Request) loss {
		if r.Method == http.MethodPost {
			return answer
		}
		return none
	}}
	address := listenAt(t, f)
	c := open(t, address, &client.Options{Retry: 100 * time.Millisecond})
	_, err := c.WriteEvent(t.Context(), motion(1))
	if !errors.Is(err, doorlog.ErrUnknownOutcome) || !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), address) {
		t.Error(err)
	}
	if n, err := s.Count(t.Context(), doorlog.Query{}); err != nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
	if _, err := c.Compact(t.Context()); !errors.Is(err, doorlog.ErrUnknownOutcome) {
		t.Error(err)
	}
	if _, err := c.Verify(t.Context()); errors.Is(err, doorlog.ErrUnknownOutcome) || !errors.Is(err, client.ErrUnreachable) {
		t.Error(err)
	}
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	for _, address := range []string{"unix:" + shortDir(t) + "/none.sock", "http://" + freePort(t)} {
		_, err := client.Open(t.Context(), address, nil)
		if !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), address) || errors.Is(err, doorlog.ErrUnknownOutcome) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"", "127.0.0.1:7780", "unix:", "ftp://x", "http://", "http://a?b=c", "http://u:p@a", "http://a#b", ":", "http://%zz"} {
		if _, err := client.Open(t.Context(), address, nil); !errors.Is(err, doorlog.ErrInvalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// freePort returns an address of loopback at which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = ln.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// A server that goes away is waited for by writes, for as long as the options say, and not by reads.
func TestAWriteWaitsForAServer(t *testing.T) {
	s := serve(t, nil)
	path := shortDir(t) + "/s.sock"
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: web.Handler(s.Store, nil), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	c := open(t, "unix:"+path, nil)
	if err := errors.Join(srv.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
		t.Fatal(err)
	}
	if _, err := c.Stats(t.Context()); !errors.Is(err, client.ErrUnreachable) {
		t.Error(err)
	}
	impatient := open2(t, "unix:"+path, &client.Options{Retry: -1}, s)
	if _, err := impatient.WriteEvent(t.Context(), motion(1)); !errors.Is(err, client.ErrUnreachable) || errors.Is(err, doorlog.ErrUnknownOutcome) {
		t.Error(err)
	}
	written := make(chan error)
	go func() {
		_, err := c.WriteEvent(t.Context(), motion(1))
		written <- err
	}()
	s.listen(t, "unix", path)
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// open2 returns a client of a socket that has no server now, but had one when it was opened.
func open2(t *testing.T, address string, options *client.Options, s *served) *client.Client {
	t.Helper()
	path := strings.TrimPrefix(address, "unix:")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: web.Handler(s.Store, nil), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	c := open(t, address, options)
	if err := errors.Join(srv.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
		t.Fatal(err)
	}
	return c
}

// The error of a call whose context ends says so. A write may have been stored by then.
func TestACallEndsWithItsContext(t *testing.T) {
	s := serve(t, nil)
	began := make(chan struct{})
	h := web.Handler(s.Store, nil)
	address := listenAt(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/server" {
			h.ServeHTTP(w, r)
			return
		}
		began <- struct{}{}
		<-r.Context().Done()
	}))
	c := open(t, address, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if _, err := c.Stats(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrUnreachable) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if err := c.Pin(ctx, newID(t, c)); !errors.Is(err, context.Canceled) || !errors.Is(err, doorlog.ErrUnknownOutcome) {
		t.Error(err)
	}
	silent := open(t, address, &client.Options{IdleTimeout: 20 * time.Millisecond})
	go func() { <-began }()
	if _, err := silent.Stats(t.Context()); !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), "for too long") {
		t.Error(err)
	}
}

func newID(t *testing.T, c *client.Client) doorlog.ID {
	t.Helper()
	id, err := c.NewID(noon)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
