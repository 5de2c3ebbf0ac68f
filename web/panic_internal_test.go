package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// net/http recovers from a panic of a handler, and not from one of a goroutine that the handler has started.
func TestAPanicOfALongCallIsItsError(t *testing.T) {
	var log bytes.Buffer
	s := &server{opt: Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
	c := &call{server: s, w: &response{ResponseWriter: httptest.NewRecorder()}, r: httptest.NewRequest(http.MethodPost, "/v1/verify", nil)}
	err := longLines(c, func(context.Context) (*int, error) { panic("of the call") })
	if !strings.Contains(err.Error(), errPanicked.Error()) || strings.Contains(err.Error(), "of the call") || !strings.Contains(log.String(), "of the call") {
		t.Errorf("%v\n%s", err, log.String())
	}
	err = nil
	func() {
		defer s.catch("a test", &err)
		panic("again")
	}()
	if !errors.Is(err, errPanicked) {
		t.Error(err)
	}
}
