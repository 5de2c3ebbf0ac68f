package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// tagOf returns the strong ETag of a content: a hash of it.
func tagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// eventTag returns the ETag of an event: that of its JSON.
func eventTag(e *doorlog.Event) (string, error) {
	text, err := e.AppendJSON(nil)
	return tagOf(text), err
}

// tags are the ETags of an If-Match or If-None-Match. A weak one begins with W/.
type tags struct {
	any  bool // *
	list []string
}

// parseTags reads the values of such a header. It returns nil if there is none.
func (c *call) parseTags(header string) (*tags, error) { return parseTags(c.r, header) }

func parseTags(r *http.Request, header string) (*tags, error) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return nil, nil
	}
	t := &tags{}
	rest := strings.Join(values, ",")
	if strings.TrimSpace(rest) == "*" {
		t.any = true
		return t, nil
	}
	for {
		rest = strings.TrimLeft(rest, ", \t")
		if rest == "" && len(t.list) > 0 {
			return t, nil
		}
		begin := 0
		if strings.HasPrefix(rest, "W/") {
			begin = len("W/")
		}
		length := -1
		if strings.HasPrefix(rest[begin:], `"`) {
			length = strings.IndexByte(rest[begin+1:], '"')
		}
		if length < 0 {
			return nil, invalid(header, "%.60q is no list of ETags in quotes", strings.Join(values, ","))
		}
		end := begin + 1 + length + 1
		t.list, rest = append(t.list, rest[:end]), rest[end:]
	}
}

// has reports whether a strong ETag is among them. A weak one never equals it, unless weak is set.
func (t *tags) has(tag string, weak bool) bool {
	for _, one := range t.list {
		if one == tag || weak && one == "W/"+tag {
			return true
		}
	}
	return t.any
}

// check returns ErrChanged unless an event is as t asks. A nil t asks for nothing.
func (t *tags) check(e *doorlog.Event) error {
	if t == nil || t.any {
		return nil
	}
	tag, err := eventTag(e)
	if err == nil && !t.has(tag, false) {
		err = wire.ErrChanged
	}
	return err
}
