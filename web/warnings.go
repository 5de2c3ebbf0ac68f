package web

import (
	"net/http"
	"sync"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// warnings are what a call has logged, and its caller should know: that the frame of an event could
// not be read, for example. They go into the header of the response, and into its trailer after that.
type warnings struct {
	mu    sync.Mutex
	lines []string
	bytes int // of lines
	told  int // how many are in the header
}

// A response has at most so many lines, of so many bytes in all. Clients and proxies take a limited number of
// headers (Python's 100), and of bytes (8 KiB), and believe that the call has failed when there are more.
const mostWarnings, warningBytes = 30, 6 << 10

// listen returns r with a context that collects what its call logs.
func (w *warnings) listen(r *http.Request) *http.Request {
	return r.WithContext(doorlog.WithLogger(r.Context(), wire.WarningLogger(func(line string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.lines) < mostWarnings && w.bytes+len(line) <= warningBytes {
			w.lines, w.bytes = append(w.lines, line), w.bytes+len(line)
		}
	})))
}

// tell adds the lines that have come since the last call to a header, under their name with a prefix.
func (w *warnings) tell(h http.Header, prefix string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines[w.told:] {
		h.Add(prefix+wire.HeaderWarning, line)
	}
	w.told = len(w.lines)
}
