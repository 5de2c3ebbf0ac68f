package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

// A feedMessage is a server-sent event.
type feedMessage struct{ id, event, data string }

// A feedStream is a stream of changes, from the client's side.
type feedStream struct {
	resp  *http.Response
	lines *bufio.Reader
	retry string
	beats int // comments

	tellsBeats bool // next returns a message for a comment, too
	cancel     func()
}

// feedClient returns a client that connects with dial, anew for each request.
func feedClient(dial func(context.Context) (net.Conn, error)) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
}

func overSocket(path string) *http.Client {
	return feedClient(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	})
}

// openStream asks for a stream; query is what follows the question mark. The answer need not be a stream.
func openStream(t testing.TB, c *http.Client, base, query, last string, header ...string) (*feedStream, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/changes?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		cancel()
		return nil, err
	}
	return &feedStream{resp: resp, lines: bufio.NewReader(resp.Body), cancel: cancel}, nil
}

// mustStream is openStream for a stream that must be there.
func mustStream(t testing.TB, c *http.Client, base, query, last string, header ...string) *feedStream {
	t.Helper()
	s, err := openStream(t, c, base, query, last, header...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if s.resp.StatusCode != http.StatusOK || s.resp.Header.Get("Content-Type") != "text/event-stream" {
		body, err := io.ReadAll(s.resp.Body)
		t.Fatalf("%s %q %v", s.resp.Status, body, err)
	}
	return s
}

func (s *feedStream) close() {
	s.cancel()
	_ = s.resp.Body.Close()
}

var errFeedCut = errors.New("the stream ended in the middle")

// next returns the next event, and io.EOF or another error when the stream has ended.
func (s *feedStream) next() (m feedMessage, err error) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			if line != "" || m != (feedMessage{}) {
				err = errFeedCut
			}
			return feedMessage{}, err
		}
		if strings.HasPrefix(line, ":") {
			if s.beats++; s.tellsBeats {
				return feedMessage{event: "beat"}, nil
			}
			continue
		}
		switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
		case "":
			if m != (feedMessage{}) {
				return m, nil
			}
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		case "retry":
			s.retry = value
		default:
			return m, errors.New("a strange line: " + line)
		}
	}
}

// change returns the next change. It passes over messages about the place.
func (s *feedStream) change(t testing.TB) doorlog.Change {
	t.Helper()
	for {
		m, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if m.event != "at" {
			return m.change(t)
		}
	}
}

func (m *feedMessage) change(t testing.TB) (c doorlog.Change) {
	t.Helper()
	if err := json.Unmarshal([]byte(m.data), &c); err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	if m.id != c.Cursor.String() || m.event != c.Op.String() {
		t.Fatalf("the fields %s and %s are not those of %s", m.id, m.event, m.data)
	}
	return c
}
