package apitest

import (
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
)

// A Recorder checks each exchange that passes it, and remembers which operations have answered with which
// status. It is safe for concurrent use.
type Recorder struct {
	doc  *Document
	open sync.WaitGroup // exchanges that have begun at a handler

	mu     sync.Mutex
	seen   map[Seen]int
	faults []error
}

// A Seen is an operation, by its method and pattern, and a status.
type Seen struct {
	Method, Pattern string
	Status          int
}

// NewRecorder returns a recorder that compares with the document.
func NewRecorder(doc *Document) *Recorder { return &Recorder{doc: doc, seen: make(map[Seen]int)} }

// Seen returns how often each status of each operation was seen.
func (r *Recorder) Seen() map[Seen]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.seen)
}

// Wait waits until all exchanges that have begun at a handler are over.
func (r *Recorder) Wait() { r.open.Wait() }

// Faults returns what was wrong since the last call.
func (r *Recorder) Faults() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	faults := r.faults
	r.faults = nil
	return faults
}

// Report fails the test for what was wrong since the last call.
func (r *Recorder) Report(t testing.TB) {
	t.Helper()
	for _, err := range r.Faults() {
		t.Error(err)
	}
}

func (r *Recorder) check(x *Exchange) {
	op, err := r.doc.Check(x)
	r.mu.Lock()
	defer r.mu.Unlock()
	if op != nil {
		r.seen[Seen{op.Method, op.Pattern, x.Status}]++
	}
	if err != nil {
		r.faults = append(r.faults, err)
	}
}

// mostBody is how much of a body is kept. What is longer is checked as far as that is possible.
const mostBody = 16 << 20

// A kept is what has passed of a body. A transport may still send one when its answer has come.
type kept struct {
	mu   sync.Mutex
	text []byte
	cut  bool
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.text)+len(p) > mostBody {
		k.cut = true
	} else {
		k.text = append(k.text, p...)
	}
	return len(p), nil
}

// all returns what has passed so far, and whether something was left out.
func (k *kept) all() (text []byte, cut bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text, k.cut
}

// RoundTripper returns a transport that checks what passes through next.
func (r *Recorder) RoundTripper(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		var sent kept
		if request.Body != nil && request.Body != http.NoBody {
			request = request.Clone(request.Context())
			request.Body = readCloser{io.TeeReader(request.Body, &sent), request.Body}
		}
		answer, err := next.RoundTrip(request)
		if err != nil {
			return nil, err
		}
		body := &checkedBody{ReadCloser: answer.Body}
		body.done = func(ended bool) {
			asked, askedCut := sent.all()
			got, gotCut := body.got.all()
			r.check(&Exchange{
				Method: request.Method, URL: request.URL, Header: request.Header, RequestBody: asked,
				Status: answer.StatusCode, Answer: answer.Header, Body: got, Trailer: answer.Trailer,
				Cut: !ended || gotCut || askedCut,
			})
		}
		answer.Body = body
		return answer, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type readCloser struct {
	io.Reader
	io.Closer
}

// A checkedBody is the body of an answer, which is checked when it ends or is closed.
type checkedBody struct {
	io.ReadCloser
	got  kept
	once sync.Once
	done func(ended bool)
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	_, _ = b.got.Write(p[:n]) // a kept takes everything
	if err != nil {
		b.once.Do(func() { b.done(err == io.EOF) })
	}
	return n, err
}

func (b *checkedBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.done(false) })
	return err
}
