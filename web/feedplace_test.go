package web_test

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
	"github.com/doorlog/doorlog/web"
)

// A place that is ahead of the store, because it is of another store or of a file that has been put back, is
// told at once, however few changes the store has.
func TestAPlaceAheadOfTheStoreIsReset(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(shortFolder(t), "other.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		writeMotion(t, st, "front", "")
	}
	ahead, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, openStore(t), nil)
	for _, query := range []string{"", "ids_only=true", "camera=front"} {
		stream := mustStream(t, overSocket(s.socket()), "http://doorlog", query, ahead.String())
		watchdog := time.AfterFunc(5*time.Second, stream.close)
		m, err := stream.next()
		watchdog.Stop()
		var p wire.Problem
		if err != nil || m.event != "reset" || json.Unmarshal([]byte(m.data), &p) != nil || !p.Is(doorlog.ErrGone) {
			t.Errorf("%q: %+v %v", query, m, err)
		}
	}
}

// A stream whose connection was not taken over can end while its client takes nothing.
func TestTheEndOfAStreamCutsItsWrite(t *testing.T) {
	st := openStore(t)
	ln, err := net.Listen("unix", filepath.Join(shortFolder(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	h := withoutHijack(web.Handler(st, nil))
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.ServeHTTP(w, r)
	})}
	go func() { _ = srv.Serve(ln) }()
	defer srv.Close()
	stream := mustStream(t, overSocket(ln.Addr().String()), "http://doorlog", "after=now", "")
	if m, err := stream.next(); err != nil || m.event != "at" {
		t.Fatal(m, err)
	}
	for range 20 { // far more than the buffers of a socket hold
		events := make([]doorlog.Event, 500)
		for i := range events {
			events[i] = doorlog.Event{Camera: "front", RecordedAt: feedNow, Type: doorlog.Motion, Detections: make([]doorlog.Detection, 10)}
			for j := range events[i].Detections {
				events[i].Detections[j] = doorlog.Detection{Label: "person", Confidence: 0.5}
			}
		}
		if _, err := st.WriteEvents(t.Context(), events); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the stream goes on")
	}
}
