package jsoninput

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzLines looks for input that makes the reader of lines lose count.
func FuzzLines(f *testing.F) {
	f.Add([]byte("\uFEFF{\"camera_id\":\"a\"}\r\n\n{\"id\":\"b\"}\nnull\n"))
	f.Add([]byte("{}\n[]\n\xff\n\x1f\x8b\n{\"a\":1}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		lines := newLineReader(bytes.NewReader(input))
		for {
			if _, err := lines.next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		ends := bytes.Count(input, []byte("\n"))
		if !bytes.HasSuffix(input, []byte("\n")) && len(input) > 0 {
			ends++
		}
		if lines.number-1 != ends || lines.read != int64(len(input)) { // the end is counted as well
			t.Errorf("%d lines of %d bytes, want %d of %d", lines.number-1, lines.read, ends, len(input))
		}
	})
}

// FuzzValues looks for input that makes the reader panic or not end.
func FuzzValues(f *testing.F) {
	f.Add([]byte("[{},{}]\n{\"events\":[{}],\"next\":null}\n{}\n{\n\"a\":1\n}"))
	f.Fuzz(func(t *testing.T, input []byte) {
		r, err := New(bytes.NewReader(input))
		if err != nil {
			return
		}
		for range len(input) + 2 {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				return
			}
			if r.Taken() > int64(len(input)) {
				t.Fatalf("%d bytes of %d were taken", r.Taken(), len(input))
			}
		}
		t.Error("there are more values than bytes")
	})
}
