package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/internal/wire"
)

// Python takes at most 100 headers, and many a proxy 8 KiB of them. An answer that has more looks as if the
// events had not been stored.
func TestThereAreNotTooManyWarnings(t *testing.T) {
	s := newSite(t)
	var parts []string
	for i := range 120 {
		parts = append(parts, fmt.Sprintf("frame.%d", i), "no picture")
	}
	list := strings.Repeat(small+"},", 119) + small + "}"
	body, kind := form(t, append([]string{"events", "[" + list + "]"}, parts...)...)
	a := s.ask(t, "POST", "/v1/events", body, "Content-Type", kind).wants(t, http.StatusOK, nil)
	lines, bytes := 0, 0
	for name, values := range a.header {
		for _, value := range values {
			lines, bytes = lines+1, bytes+len(name)+len(": \r\n")+len(value)
		}
	}
	if told := len(a.header.Values(wire.HeaderWarning)); told == 0 || lines > 60 || bytes > 8<<10 {
		t.Errorf("%d warnings, %d headers of %d bytes", told, lines, bytes)
	}
}
