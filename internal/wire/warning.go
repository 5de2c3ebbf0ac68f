package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode/utf16"
)

// HeaderWarning is the header, or if the body has begun the trailer, of a response that has a line which
// the call has logged: a JSON object with level, msg and the attributes, in ASCII. There may be several.
const HeaderWarning = "Doorlog-Warning"

// WarningLogger returns a logger that passes each line, as it stands in HeaderWarning, to add.
func WarningLogger(add func(line string)) *slog.Logger { return slog.New(lineWriter(add)) }

// A lineWriter is the handler of such a logger. Most calls log nothing, so what formats the lines is made
// when it is needed.
type lineWriter func(line string)

// Enabled reports whether a line of this level is passed on.
func (add lineWriter) Enabled(_ context.Context, level slog.Level) bool { return level >= warningLevel }

// Handle passes a line on.
func (add lineWriter) Handle(ctx context.Context, r slog.Record) error {
	return add.handler().Handle(ctx, r)
}

// WithAttrs returns a handler whose lines have these attributes.
func (add lineWriter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return add.handler().WithAttrs(attrs)
}

// WithGroup returns a handler whose attributes are in a group.
func (add lineWriter) WithGroup(name string) slog.Handler { return add.handler().WithGroup(name) }

const warningLevel = slog.LevelWarn

func (add lineWriter) handler() slog.Handler {
	return slog.NewJSONHandler(add, &slog.HandlerOptions{
		Level: warningLevel,
		ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		},
	})
}

// Write gets one line of the handler.
func (add lineWriter) Write(p []byte) (int, error) {
	add(ASCII(bytes.TrimSuffix(p, []byte("\n"))))
	return len(p), nil
}

// ASCII returns a JSON text, which has no line breaks between its tokens, in printable ASCII, as a header
// needs it.
func ASCII(text []byte) string {
	var out strings.Builder
	for _, r := range string(text) {
		switch {
		case r >= ' ' && r <= '~':
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// LogWarning logs a line of HeaderWarning as the server has logged it. What is no such line is an error.
func LogWarning(ctx context.Context, log *slog.Logger, line string) error {
	record, err := recordOf(line)
	if err == nil && log.Enabled(ctx, record.Level) {
		err = log.Handler().Handle(ctx, record)
	}
	return err
}

// recordOf reads a line. The attributes keep their order.
func recordOf(line string) (r slog.Record, err error) {
	r.Time = time.Now()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if brace, err := d.Token(); err != nil || brace != json.Delim('{') {
		return r, fmt.Errorf("a warning that is no JSON object: %.40q", line)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return r, err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return r, err
		}
		switch text := fmt.Sprint(value); name {
		case slog.LevelKey:
			err = r.Level.UnmarshalText([]byte(text))
		case slog.MessageKey:
			r.Message = text
		default:
			r.AddAttrs(slog.String(fmt.Sprint(name), text))
		}
		if err != nil {
			return r, err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return r, err
	}
	if _, err := d.Token(); err != io.EOF {
		return r, fmt.Errorf("something follows a warning: %.40q", line)
	}
	return r, nil
}
