package jsoninput

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLinesAreReadWhateverTheirEnds(t *testing.T) {
	long := strings.Repeat("x", 3*readBuffer+1)
	for _, test := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"no end", "a", []string{"a"}},
		{"LF", "a\nb\n", []string{"a", "b"}},
		{"CR LF", "a\r\nb\r\n", []string{"a", "b"}},
		{"mixed, and no last end", "a\r\nb\nc", []string{"a", "b", "c"}},
		{"empty lines are counted", "\n\na\n\n", []string{"", "", "a", ""}},
		{"a CR inside", "a\rb\n", []string{"a\rb"}},
		{"byte order mark", "\uFEFFa\nb\n", []string{"a", "b"}},
		{"byte order mark alone", "\uFEFF", []string{""}},
		{"byte order mark later", "a\n\uFEFFb\n", []string{"a", "\uFEFFb"}},
		{"longer than the buffer", long + "\n" + long, []string{long, long}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.DataErrReader(strings.NewReader(test.in))} {
				l := newLineReader(in)
				for i, want := range test.want {
					line, err := l.next()
					if err != nil || string(line) != want || l.number != i+1 {
						t.Fatalf("line %d: %.40q (number %d), %v; want %.40q", i+1, line, l.number, err, want)
					}
				}
				if line, err := l.next(); !errors.Is(err, io.EOF) {
					t.Fatalf("after the last line: %q, %v; want EOF", line, err)
				}
				if l.read != int64(len(test.in)) {
					t.Errorf("read %d bytes, want %d", l.read, len(test.in))
				}
			}
		})
	}
}

func TestALineMayHave16MiBAndNoMore(t *testing.T) {
	most := bytes.Repeat([]byte("x"), MaxBytes)
	in := bytes.Join([][]byte{most, append(most, 'x'), append(most, "yyy"...), []byte("after")}, []byte("\r\n"))
	l := newLineReader(bytes.NewReader(in))
	if line, err := l.next(); err != nil || len(line) != MaxBytes {
		t.Errorf("line of %d bytes: %d bytes, %v", MaxBytes, len(line), err)
	}
	for range 2 {
		if line, err := l.next(); !errors.Is(err, ErrTooLong) || line != nil {
			t.Errorf("line %d, which is too long: %d bytes, %v; want ErrTooLong", l.number, len(line), err)
		}
	}
	if line, err := l.next(); err != nil || string(line) != "after" || l.number != 4 {
		t.Errorf("the line after: %.10q (number %d), %v", line, l.number, err)
	}
}

func TestAFailureToReadIsNoLine(t *testing.T) {
	broken := errors.New("cable pulled")
	l := newLineReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	if line, err := l.next(); err != nil || string(line) != "a" {
		t.Fatalf("first line: %q, %v", line, err)
	}
	if line, err := l.next(); !errors.Is(err, broken) {
		t.Fatalf("second line: %q, %v; want the failure", line, err)
	}
}
