package wire_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"github.com/doorlog/doorlog/internal/wire"
)

// What the server logs reads the same on the other side, whatever is in it.
func TestAWarningReadsTheSameOnTheOtherSide(t *testing.T) {
	var want, got bytes.Buffer
	plain := func(w *bytes.Buffer) *slog.Logger {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
	}
	var lines []string
	for _, log := range []*slog.Logger{plain(&want), wire.WarningLogger(func(line string) { lines = append(lines, line) })} {
		log.Info("of no interest")
		log.Warn("doorlog: the event is stored without a thumbnail", "event", "01KJ", "camera", "玄関 🚪", "error", errors.New("a\nb \"c\" = <d> & \x01"))
		log.Error("three", "n", int64(12345678901234567), "b", true, "z", "last", "a", "first")
	}
	for _, line := range lines {
		h := http.Header{}
		h.Set(wire.HeaderWarning, line)
		for _, b := range []byte(line) {
			if b < ' ' || b > '~' {
				t.Errorf("%q is no value of a header", line)
				break
			}
		}
		if err := wire.LogWarning(t.Context(), plain(&got), h.Get(wire.HeaderWarning)); err != nil {
			t.Error(err)
		}
	}
	wanted := bytes.SplitN(want.Bytes(), []byte("\n"), 2)[1] // without the line of no interest
	if got.String() != string(wanted) {
		t.Errorf("it reads\n%swanted\n%s", &got, wanted)
	}
}

func TestWhatIsNoWarningIsNotLogged(t *testing.T) {
	var got bytes.Buffer
	log := slog.New(slog.NewTextHandler(&got, nil))
	for _, line := range []string{"", "text", "[]", "{", `{"level":"WARN"`, `{"level":"LOUD"}`, `{"msg":"a"} {"msg":"b"}`, `{"msg":}`} {
		if err := wire.LogWarning(t.Context(), log, line); err == nil {
			t.Errorf("%q was taken", line)
		}
	}
	if got.Len() > 0 {
		t.Errorf("logged %s", &got)
	}
}
