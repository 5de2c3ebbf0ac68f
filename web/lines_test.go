package web_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/unixsock"
	"github.com/doorlog/doorlog/internal/wire"
)

type lineResult struct {
	Line    int           `json:"line"`
	ID      doorlog.ID    `json:"id"`
	Existed *bool         `json:"existed"`
	Error   *wire.Problem `json:"error"`
}

// resultsOf reads the results of lines.
func resultsOf(t testing.TB, body string) (results []lineResult) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(body)); ; {
		var r lineResult
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return results
		} else if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		results = append(results, r)
	}
}

const lines = "application/x-ndjson"

func TestEachLineGetsItsResult(t *testing.T) {
	s := newSite(t)
	id, err := s.NewID(now.Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	own := `{"id":"` + id.String() + `","camera_id":"door","event_type":"ding"}`
	long := strings.Repeat(" ", 1<<20) + small + "}"
	body := strings.Join([]string{
		small + `}`,
		``,
		`{"camera":1}`,
		own,
		own + "\r",
		strings.Replace(own, "ding", "motion", 1),
		`{"camera_id":`,
		`null`,
		long,
		small + `,"face_confidence":7}`,
		`{"camera_id":"` + "\xff" + `"}`,
		small + `}`, // without a newline at the end
	}, "\n")
	a := s.ask(t, "POST", "/v1/events", body, "Content-Type", lines).wants(t, http.StatusOK, nil)
	var got []string
	for _, r := range resultsOf(t, a.body) {
		switch {
		case r.Error != nil:
			got = append(got, fmt.Sprintf("%d %d %s", r.Line, r.Error.Status, r.Error.Field))
		case !r.ID.IsZero():
			got = append(got, fmt.Sprintf("%d %v", r.Line, *r.Existed))
		}
	}
	want := []string{"1 false", "3 400 camera", "4 false", "5 true", "6 409 ", "7 400 json", "8 400 json", "9 413 json", "10 400 face_confidence", "11 400 json", "12 false"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("got  %q\nwant %q\n%s", got, want, a.body)
	}
	if n, err := s.Count(t.Context(), doorlog.Query{}); n != 3 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
	a = s.ask(t, "POST", "/v1/events?once=true", small+`,"recording_id":"r"}`+"\n"+small+`,"recording_id":"r"}`+"\n"+small+"}", "Content-Type", lines)
	if r := resultsOf(t, a.body); len(r) != 3 || *r[0].Existed || !*r[1].Existed || r[2].Error == nil || r[2].Error.Field != "recording_id" || r[0].ID != r[1].ID {
		t.Errorf("%s", a.body)
	}
	s.ask(t, "POST", "/v1/events?camera=x", small, "Content-Type", lines).refused(t, http.StatusBadRequest, doorlog.ErrInvalid, "camera")
	if a := s.ask(t, "POST", "/v1/events", "\n\n", "Content-Type", lines); a.status != http.StatusOK || a.body != "" {
		t.Errorf("%+v", a)
	}
}

// dial opens a connection to a site and sends the beginning of a request with lines.
func (s *site) dial(t testing.TB) (conn *net.UnixConn, in *bufio.Reader) {
	t.Helper()
	c, err := unixsock.Dial(t.Context(), s.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.UnixConn), bufio.NewReader(c)
}

func send(t testing.TB, w io.Writer, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(w, format, args...); err != nil {
		t.Fatal(err)
	}
}

func sendChunk(t testing.TB, w io.Writer, text string) {
	t.Helper()
	send(t, w, "%x\r\n%s\r\n", len(text), text)
}

const linesHead = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"

// A result comes when its event is durable, while the client goes on sending.
func TestResultsComeWhileLinesAreSent(t *testing.T) {
	s := newSite(t)
	conn, in := s.dial(t)
	send(t, conn, linesHead)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	results := json.NewDecoder(res.Body)
	for i := range 5 {
		sendChunk(t, conn, small+"}\n")
		var r lineResult
		if err := results.Decode(&r); err != nil || r.Line != i+1 {
			t.Fatalf("%+v, %v", r, err)
		}
		if _, err := s.Event(t.Context(), r.ID); err != nil {
			t.Error(err)
		}
	}
	sendChunk(t, conn, small[:20])
	sendChunk(t, conn, small[20:]+"}") // one line in pieces, with no newline
	send(t, conn, "0\r\n\r\n")
	if err := conn.CloseWrite(); err != nil { // it still wants its answer
		t.Fatal(err)
	}
	var r lineResult
	if err := results.Decode(&r); err != nil || r.Line != 6 || r.Error != nil {
		t.Errorf("%+v, %v", r, err)
	}
	if err := results.Decode(&r); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}

// A line that was cut off is no line, even if it is well-formed.
func TestALineThatIsCutOffIsNotWritten(t *testing.T) {
	s := newSite(t)
	conn, in := s.dial(t)
	send(t, conn, linesHead)
	sendChunk(t, conn, small+"}\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	var r lineResult
	results := json.NewDecoder(res.Body)
	if err := results.Decode(&r); err != nil {
		t.Fatal(err)
	}
	sendChunk(t, conn, strings.Replace(small, "door", "cut", 1)+"}")
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := results.Decode(&r); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the answer ends as if all had been written: %v", err)
	}
	if n, err := s.Count(t.Context(), doorlog.Query{}); n != 1 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
}

// A client may send everything before it reads anything.
func TestAClientMaySendAllLinesFirst(t *testing.T) {
	s := newSite(t)
	conn, in := s.dial(t)
	send(t, conn, linesHead)
	var chunk strings.Builder
	for range 1000 {
		chunk.WriteString(small + "}\n")
	}
	const chunks = 10
	for range chunks {
		sendChunk(t, conn, chunk.String())
	}
	send(t, conn, "0\r\n\r\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range resultsOf(t, string(text)) {
		if r.Line != i+1 || r.Error != nil {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	if n, err := s.Count(t.Context(), doorlog.Query{}); n != chunks*1000 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
}

// A client that has sent its request and closed its side gets its answer.
func TestAHalfClosedConnectionIsAnswered(t *testing.T) {
	s := newSite(t)
	s.write(t, motion("garage", 1))
	for range 20 {
		for _, request := range []string{
			"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(small)+1) + "\r\n\r\n" + small + "}",
		} {
			conn, in := s.dial(t)
			send(t, conn, "%s", request)
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode >= 300 {
				t.Fatalf("%d %s %v", res.StatusCode, text, err)
			}
			_ = conn.Close()
		}
	}
}
