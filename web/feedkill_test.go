package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// putUntilDone stores an event under its ID, and sends it again until the server says that it is there.
func putUntilDone(ctx context.Context, c *http.Client, e doorlog.Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://doorlog/v1/events/"+e.ID.String(), bytes.NewReader(text))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(r)
		if err != nil { // it was killed
			if ctx.Err() != nil {
				return ctx.Err()
			}
			time.Sleep(time.Millisecond)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusCreated) {
			return nil
		}
		if err == nil && resp.StatusCode < 500 {
			return fmt.Errorf("%s: %s", resp.Status, body)
		}
	}
}

// putAll writes events as one client does, so many and then more until enough is set, and returns their IDs.
func putAll(ctx context.Context, t *testing.T, socket string, client, events int, enough *atomic.Bool) (ids []doorlog.ID) {
	c := overSocket(socket)
	for i := 0; i < events || !enough.Load(); i++ {
		id, err := doorlog.RandomID(feedNow)
		if err == nil {
			err = putUntilDone(ctx, c, doorlog.Event{
				ID: id, Camera: fmt.Sprint("camera", client), RecordedAt: id.Time(), Type: doorlog.Motion, RecordingID: fmt.Sprint(client, "-", i),
			})
		}
		if err != nil {
			t.Error(err)
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// hasOnce fails unless the reader has got a change of each of these events, and one only.
func (r *feedReader) hasOnce(ids []doorlog.ID) {
	times := make(map[doorlog.ID]int)
	for _, c := range r.got {
		times[c.ID]++
	}
	for _, id := range ids {
		if times[id] != 1 {
			r.t.Errorf("a reader has %s %d times", id, times[id])
		}
	}
}

// A server is killed again and again while clients write, and send what was not acknowledged again under
// the same ID, and while readers follow. Each event is there once, and each reader has it once.
func TestAServerThatIsKilledLosesNothing(t *testing.T) {
	kills, events := 3, 150
	if *long {
		kills, events = 25, 2000
	}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	dir := shortFolder(t)
	p := startFeedProcessIn(t, dir, 10*time.Millisecond)
	socket := p.socket
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var writing, reading sync.WaitGroup
	var killed atomic.Bool // for the last time: until then somebody writes, so that each kill can cut something off
	ids := make([][]doorlog.ID, 4)
	for w := range ids {
		writing.Go(func() { ids[w] = putAll(ctx, t, socket, w, events, &killed) })
	}
	done := make(chan doorlog.Cursor, 2)
	m := &feedModel{tick: make(chan struct{})}
	readers := make([]*feedReader, 2)
	for i := range readers {
		readers[i] = &feedReader{feedModel: m, socket: socket, t: t, rng: rand.New(rand.NewPCG(uint64(i), 7)), query: "ids_only=true"}
		reading.Go(func() { readers[i].follow(done) })
	}
	defer func() { cancel(); writing.Wait() }()
	for range kills {
		time.Sleep(time.Duration(50+rng.IntN(150)) * time.Millisecond)
		p.kill(t)
		if found, err := doorlog.Verify(t.Context(), filepath.Join(dir, "events.db"), nil); err != nil || !found.Sound() {
			t.Fatalf("%+v %v", found, err)
		}
		p = startFeedProcessIn(t, dir, 10*time.Millisecond)
	}
	killed.Store(true)
	writing.Wait()
	p.kill(t)
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	end, err := st.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := st.Count(t.Context(), doorlog.Query{})
	acknowledged := slices.Concat(ids...)
	if err != nil || n != len(acknowledged) {
		t.Errorf("%d events are there, and %d were acknowledged (%v)", n, len(acknowledged), err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	done <- end
	done <- end
	startFeedProcessIn(t, dir, 10*time.Millisecond)
	reading.Wait()
	for _, r := range readers {
		r.hasOnce(acknowledged)
		t.Logf("%d kills, %d events: a reader got %d changes over %d connections", kills, n, len(r.got), r.cuts)
	}
}
