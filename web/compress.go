package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// compressFrom is how long an answer must be to be compressed.
const compressFrom = 1 << 10

var compressors = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// compressed returns the text of an answer as it is to be sent, and sets the headers that say so. An answer
// with an ETag is sent as it is: the tag is that of its bytes.
func (w *response) compressed(r *http.Request, text []byte) []byte {
	h := w.Header()
	if w.from.socket || h.Get("ETag") != "" {
		return text
	}
	h.Add("Vary", "Accept-Encoding")
	if len(text) < compressFrom || !takesGzip(r.Header.Values("Accept-Encoding")) {
		return text
	}
	var out bytes.Buffer
	z := compressors.Get().(*gzip.Writer) //nolint:forcetypeassert // there is nothing else in it
	defer compressors.Put(z)
	z.Reset(&out)
	if _, err := z.Write(text); err != nil {
		return text
	}
	if err := z.Close(); err != nil {
		return text
	}
	h.Set("Content-Encoding", "gzip")
	return out.Bytes()
}

// takesGzip reports whether Accept-Encoding headers allow gzip.
func takesGzip(headers []string) bool {
	all := false
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		_, q, weighted := strings.Cut(weight, "=")
		zero := false
		if weighted {
			value, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			zero = err != nil || value <= 0
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return !zero
		case "*":
			all = !zero
		}
	}
	return all
}
