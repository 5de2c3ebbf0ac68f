package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog/internal/unixsock"
	"github.com/doorlog/doorlog/web"
)

// connect opens a connection to a server. It is closed when the test ends.
func connect(t testing.TB, s *running) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.tcp()) //nolint:noctx // on loopback
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// wantDropped fails unless the server closes a connection by itself. It returns what was sent before.
func wantDropped(t testing.TB, conn net.Conn) string {
	t.Helper()
	text, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open: %q", text)
	}
	return string(text)
}

// wantAlive fails unless the server answers others, over the socket and over loopback.
func wantAlive(t testing.TB, s *running) {
	t.Helper()
	wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/v1/server"), 200)
	wantStatus(t, get(t, newClient(t, ""), s.url("/v1/server")), 200)
}

// Many who send half a request hold nobody else up, and are dropped.
func TestSlowlorisIsDropped(t *testing.T) {
	s := serving(t, openStore(t), nil, impatient(time.Second, 1000))
	var all []net.Conn
	for i := range 300 {
		conn := connect(t, s)
		half := []string{
			"", "G", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", "POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
			"POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", "GET /v1/server HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
			"POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
			"POST /v1/tokens HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 100\r\n\r\n{",
			"GET /v1/server HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
		}[i%10]
		if _, err := io.WriteString(conn, half); err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	wantAlive(t, s)
	for _, conn := range all {
		wantDropped(t, conn)
	}
	wantAlive(t, s)
}

// A body that comes byte by byte is cut off, and one that comes in pieces, fast enough, is not.
func TestABodyThatComesTooSlowlyIsCutOff(t *testing.T) {
	const patience = 1500 * time.Millisecond
	s := serving(t, openStore(t), nil, impatient(patience, 100))
	conn := connect(t, s)
	if _, err := io.WriteString(conn, "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() { // a byte each few milliseconds
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if _, err := conn.Write([]byte(" ")); err != nil {
					return
				}
			}
		}
	})
	began := time.Now()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		wantProblem(t, resp, http.StatusRequestTimeout, "too slowly")
	} else if errors.Is(err, os.ErrDeadlineExceeded) { // a reset may overtake the answer, because the client is still sending
		t.Error(err)
	}
	close(stop)
	writer.Wait()
	if took := time.Since(began); took > 10*patience {
		t.Errorf("it took %v", took)
	}
	// 2 KiB at a time, for longer than one read may take.
	conn = connect(t, s)
	body := `{"name":"slow","read":true` + strings.Repeat(" ", 40<<10) + "}"
	if _, err := fmt.Fprintf(conn, "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body)); err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(patience / 15); body != ""; <-tick.C {
		part := body[:min(len(body), 2<<10)]
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatalf("%v, %d bytes before the end", err, len(body))
		}
		body = body[len(part):]
	}
	if resp, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, resp, http.StatusCreated)
}

// endless is a handler that writes until it fails.
func endless(failed chan<- error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				failed <- err
				return
			}
		}
	})
}

// A client that takes nothing of its answer is dropped. One that waits for a long time, as a stream does, is not.
func TestAReaderThatTakesNothingIsDropped(t *testing.T) {
	const patience = 300 * time.Millisecond
	failed := make(chan error, 1)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("a"))
		_ = http.NewResponseController(w).Flush()
		select { // nothing is written for longer than a write may take
		case <-time.After(3 * patience):
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte("b"))
	})
	s := serving(t, openStore(t), &web.ServeOptions{Extra: map[string]http.Handler{"/endless": endless(failed), "/slow": slow}}, impatient(patience, 100))
	got := fetch(t, s.url("/slow"))
	conn := connect(t, s)
	if _, err := io.WriteString(conn, "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the handler still writes")
	}
	if text := <-got; text != "ab" {
		t.Errorf("the slow answer is %q", text)
	}
}

// The time limit of an answer is over when the next request of its connection is answered, also for what
// net/http writes by itself.
func TestTheTimeLimitOfAnAnswerIsNotThatOfTheNext(t *testing.T) {
	const patience = 300 * time.Millisecond
	late := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(2 * patience):
		case <-r.Context().Done():
		}
		text, err := io.ReadAll(r.Body) // which asks the client for it
		fmt.Fprintf(w, "%s %v", text, err)
	})
	s := serving(t, openStore(t), &web.ServeOptions{Extra: map[string]http.Handler{"/late": late}}, impatient(patience, 100))
	conn := connect(t, s)
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"+
		"POST /late HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var answers strings.Builder
	buf := make([]byte, 4096)
	for asked := false; ; {
		n, err := conn.Read(buf)
		answers.Write(buf[:n])
		if err != nil {
			break
		}
		if !asked && strings.Contains(answers.String(), "HTTP/1.1 100 Continue\r\n") {
			asked = true
			if _, err := io.WriteString(conn, "hi"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := answers.String(); strings.Count(got, "HTTP/1.1 200 OK\r\n") != 2 || !strings.HasSuffix(got, "hi <nil>") {
		t.Errorf("%q", got)
	}
}

func TestHeadersAreLimited(t *testing.T) {
	s := start(t, openStore(t), nil)
	for name, request := range map[string]string{
		"one of a million bytes":       "GET /v1/server HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"a hundred thousand":           "GET /v1/server HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: y\r\n", 100_000) + "\r\n",
		"a million of different names": "GET /v1/server HTTP/1.1\r\nHost: localhost\r\n" + manyHeaders(1_000_000) + "\r\n",
		"a path of a million bytes":    "GET /v1/" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a method of a million bytes":  strings.Repeat("G", 1<<20) + " / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if answer := sendRaw(t, s.tcp(), request); answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 431") && !strings.HasPrefix(answer, "HTTP/1.1 400") {
				t.Errorf("%.200q", answer)
			}
		})
	}
	long := "GET /v1/events/" + strings.Repeat("x", 60_000) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	if answer := sendRaw(t, s.tcp(), long); !strings.HasPrefix(answer, "HTTP/1.1 400") || len(answer) > 4000 {
		t.Errorf("%d bytes: %.200q", len(answer), answer)
	}
	wantAlive(t, s)
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-%d: y\r\n", i)
	}
	return b.String()
}

// What is one request to a proxy must not be two here, and the other way round: if the length of a body is
// not clear, the connection ends.
func TestARequestHasOneEnd(t *testing.T) {
	s := start(t, openStore(t), nil)
	const second = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	for name, request := range map[string]string{
		"two lengths":             "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
		"a list of lengths":       "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, 5\r\n\r\n",
		"a negative length":       "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"a signed length":         "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n",
		"another coding":          "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"a hidden coding":         "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"a space before a colon":  "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"a bad chunk":             "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
		"two hosts":               "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
		"a host with a line in":   "POST /v1/logout HTTP/1.1\r\nHost: local\rhost\r\n\r\n",
		"a name with a line in":   "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nX\rY: z\r\n\r\n",
		"NUL in a value":          "POST /v1/logout HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
		"a line that goes on":     "POST /v1/logout HTTP/1.1\r\n Host: localhost\r\n\r\n",
		"no host":                 "POST /v1/logout HTTP/1.1\r\n\r\n",
		"HTTP/2 without asking":   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"an upgrade to HTTP/2":    "OPTIONS * HTTP/1.0\r\nHost: evil.example\r\n\r\n",
		"an absolute other place": "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"a tunnel":                "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\nConnection: close\r\n\r\n",
		"a short body": "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" +
			`{"name":"evil","admin":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			answer := sendRaw(t, s.tcp(), request+second)
			if strings.Count(answer, "HTTP/1.") > 1 || strings.Contains(answer, " 200 OK") || strings.Contains(answer, " 204 ") || strings.Contains(answer, " 201 ") {
				t.Errorf("%q", answer)
			}
		})
	}
	if answer := sendRaw(t, s.tcp(), second+second); strings.Count(answer, "HTTP/1.") != 1 || !strings.Contains(answer, "200 OK") {
		t.Errorf("%q", answer)
	}
	if list, err := tokensOf(s.store).List(); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	wantAlive(t, s)
}

// An endless body without a length is cut off at the limit, and takes no memory.
func TestAnEndlessBodyIsCutOff(t *testing.T) {
	s := start(t, openStore(t), nil)
	conn := connect(t, s)
	if _, err := io.WriteString(conn, "POST /v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	chunk := "10000\r\n" + strings.Repeat(" ", 1<<16) + "\r\n"
	sent := 0
	for ; sent < 64<<20; sent += 1 << 16 {
		if _, err := io.WriteString(conn, chunk); err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Errorf("the server took %d bytes", sent)
	}
	wantAlive(t, s)
}

// Connections beyond the limit wait. Those of the network do not take the places of the socket.
func TestThereIsALimitOfConnections(t *testing.T) {
	const most = 20
	s := serving(t, openStore(t), nil, impatient(2*time.Second, most))
	var idle []net.Conn
	for range most {
		conn := connect(t, s)
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		wantStatus(t, resp, 200)
		idle = append(idle, conn)
	}
	late := fetch(t, s.url("/healthz"))
	wantStatus(t, get(t, newClient(t, s.socket()), "http://doorlog/healthz"), 200)
	select {
	case text := <-late:
		t.Errorf("there was a place for one more: %q", text)
	default:
	}
	_ = idle[0].Close()
	if text := <-late; text != "ok\n" {
		t.Errorf("%q", text)
	}
}

// Ten thousand idle connections are no burden. They come and go over the socket, both of whose ends are in this
// process, too.
func TestThousandsOfIdleConnections(t *testing.T) {
	n := min(10_000, web.MaxConnections()*3/4)
	s := start(t, openStore(t), nil)
	var all []net.Conn
	defer func() {
		for _, conn := range all {
			_ = conn.Close()
		}
	}()
	for range n {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		conn, err := unixsock.Dial(ctx, s.socket())
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	wantAlive(t, s)
	t.Logf("%d connections", n)
}

// Clients that each send a large body, and do not end it, do not fill the memory; small events are still taken.
func TestLargeBodiesShareTheMemory(t *testing.T) {
	s := start(t, openStore(t), &web.ServeOptions{Options: web.Options{MaxBody: 1 << 20}})
	piece := strings.Repeat(" ", 1<<20-1)
	post := func(head, body string) net.Conn {
		conn := connect(t, s)
		if _, err := io.WriteString(conn, "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: "+head+"\r\n\r\n"+body); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	refused := make(chan string, 12)
	for range cap(refused) {
		conn := post("application/json\r\nContent-Length: 1048576", piece)
		go func() {
			line, _ := bufio.NewReader(conn).ReadString('\n')
			refused <- line
		}()
	}
	for range cap(refused) - 4 { // four wait for their last byte
		if line := <-refused; !strings.Contains(line, " 429 ") {
			t.Errorf("%q", line)
		}
	}
	const event = `{"camera_id":"a","event_type":"motion","recorded_at":"2026-01-01T00:00:00Z"}`
	conn := post(fmt.Sprintf("application/json\r\nConnection: close\r\nContent-Length: %d", len(event)), event)
	if text, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 201 ") {
		t.Errorf("%.200q %v", text, err)
	}
}
