package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// errHead says that a HEAD request has all that it asked for.
var errHead = errors.New("an answer to HEAD has no body")

// A response remembers what was written of it, and gives the client a time limit for each part.
type response struct {
	http.ResponseWriter
	limits *limits
	from   sender
	status int // 0: nothing yet
	isHead bool
	own    bool  // the handler sets the deadlines
	taken  bool  // the connection is not the server's any more
	body   *body // of the request; nil if it has none

	limited time.Time // when the time limit for writing was set; zero: there is none, or another

	warnings warnings
}

func newResponse(w http.ResponseWriter, r *http.Request, limits *limits) *response {
	out := &response{ResponseWriter: w, limits: limits, from: senderOf(r), isHead: r.Method == http.MethodHead}
	h := w.Header()
	h["X-Content-Type-Options"] = noSniff
	h["Content-Security-Policy"] = noContent
	h["Referrer-Policy"] = noReferrer
	h["Cross-Origin-Resource-Policy"] = sameOrigin
	h["Cache-Control"] = noStore
	return out // net/http has removed the time limit of the last request on this connection
}

// The values of headers that all answers have. They have no room to append to.
var (
	noSniff    = []string{"nosniff"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
	sameOrigin = []string{"same-origin"}
	noStore    = []string{"no-store"}
)

// control is for deadlines of the connection.
func (w *response) control() *http.ResponseController {
	return http.NewResponseController(w.ResponseWriter)
}

// limit sets the time limit for writing; none if it is 0.
func (w *response) limit(d time.Duration) {
	if w.own {
		return
	}
	var at time.Time
	w.limited = at
	if d > 0 {
		w.limited = time.Now()
		at = w.limited.Add(d)
	}
	_ = w.control().SetWriteDeadline(at) // a writer without deadlines is none of ours
}

// WriteHeader sends the status, once.
func (w *response) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status >= http.StatusOK {
		w.status = status
		w.warnings.tell(w.Header(), "")
	} else { // net/http sends it at once
		w.limit(w.limits.write)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body. For a HEAD request it returns errHead.
func (w *response) Write(p []byte) (n int, err error) {
	n, err = w.write(p)
	w.limit(0) // the time until the next part is that of the handler
	return n, err
}

// write is Write, and leaves the time limit of the last part.
func (w *response) write(p []byte) (n int, err error) {
	w.WriteHeader(http.StatusOK)
	if w.isHead {
		return 0, errHead
	}
	for len(p) > 0 && err == nil {
		var m int
		w.limit(w.limits.write)
		m, err = w.ResponseWriter.Write(p[:min(len(p), writeChunk)]) //nolint:gosec // the page has nothing of the request in it; all else is no HTML
		n, p = n+m, p[m:]
	}
	return n, err
}

// FlushError sends what was written.
func (w *response) FlushError() error {
	w.WriteHeader(http.StatusOK)
	w.limit(w.limits.write)
	err := w.control().Flush()
	w.limit(0)
	return err
}

// SetWriteDeadline is for a handler that sets all deadlines itself.
func (w *response) SetWriteDeadline(at time.Time) error {
	w.own, w.limited = true, time.Time{}
	return w.control().SetWriteDeadline(at)
}

// end adds the trailer, and gives the client a time limit for what is still to be sent when the handler has returned.
func (w *response) end() {
	if w.taken {
		return
	}
	w.own = false
	w.warnings.tell(w.Header(), http.TrailerPrefix)
	if time.Since(w.limited) > w.limits.write/20 { // it was not set just now
		w.limit(w.limits.write)
	}
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// send answers with a whole document.
func (w *response) send(status int, contentType string, text []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, err := w.write(text)
	return err
}
