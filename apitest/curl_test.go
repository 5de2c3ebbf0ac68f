package apitest_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/apitest"
	"github.com/doorlog/doorlog/web"
)

// An example is a block of the manual that a shell can run.
type example struct{ heading, source string }

// examples returns the blocks of a manual, each with the heading above it.
func examples(t *testing.T, path string) (list []example) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	heading, inside := "", false
	for line := range strings.Lines(string(text)) {
		switch {
		case line == "```sh\n":
			inside = true
			list = append(list, example{heading: heading})
		case line == "```\n":
			inside = false
		case inside:
			list[len(list)-1].source += line
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return list
}

// Each example in the manual of the API can be run as it stands. What it asks for is below its heading, is
// served, and is answered as the document says.
func TestExamplesOfTheManual(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIP: there is no curl")
	}
	doc := load(t)
	list := examples(t, "../docs/api.md")
	for _, op := range doc.Operations {
		has := false
		for _, e := range list {
			has = has || e.heading == op.Method+" "+op.Pattern
		}
		if !has {
			t.Errorf("%s %s has no example", op.Method, op.Pattern)
		}
	}
	for _, e := range list {
		recorder := apitest.NewRecorder(doc)
		s := openServer(t, recorder, nil)
		stop := s.listen(t)
		out, err := s.shell(t, e.source)
		exit, failed := errors.AsType[*exec.ExitError](err)
		const tooLong = 28 // what curl ends with after --max-time
		if cut := failed && exit.ExitCode() == tooLong && strings.Contains(e.source, "--max-time"); err != nil && !cut {
			t.Errorf("%s: %v\n%s\n%s", e.heading, err, e.source, out)
		}
		stop(t)
		recorder.Wait()
		recorder.Report(t)
		asked := recorder.Seen()
		found := false
		for seen := range asked {
			found = found || seen.Method+" "+seen.Pattern == e.heading
			if seen.Status >= http.StatusBadRequest {
				t.Errorf("%s: %s %s is answered with %d:\n%s\n%s", e.heading, seen.Method, seen.Pattern, seen.Status, e.source, out)
			}
		}
		if !found && (len(asked) == 0 || strings.Contains(e.heading, " /")) {
			t.Errorf("%s: the example does not ask for that:\n%s\n%s", e.heading, e.source, out)
		}
	}
}

// listen serves the store over a socket and a port as serve does, but with the recorder on this side.
func (s *server) listen(t *testing.T) (stop func(*testing.T)) {
	t.Helper()
	h := &http.Server{Handler: s.recorder.Handler(web.Handler(s.store, nil))}
	ended := make(chan error, 2)
	var config net.ListenConfig
	for network, address := range map[string]string{"unix": filepath.Join(s.dir, "events.db.sock"), "tcp": "127.0.0.1:0"} {
		listener, err := config.Listen(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		if network == "tcp" {
			s.address = listener.Addr().String()
		}
		go func() { ended <- h.Serve(listener) }()
	}
	return func(t *testing.T) {
		t.Helper()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}
	}
}

// shell runs a script beside the socket, with what a reader of the manual is told to have.
func (s *server) shell(t *testing.T, script string) (out string, err error) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "frame.jpg"), frame(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, ".curlrc"), []byte("silent\nshow-error\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "sh", "-e", "-c", strings.ReplaceAll(script, "127.0.0.1:7780", s.address))
	c.Dir = s.dir
	c.Env = append(os.Environ(), "CURL_HOME="+s.dir, "TOKEN="+s.tokens["phone"])
	b, err := c.CombinedOutput()
	return string(b), err
}
