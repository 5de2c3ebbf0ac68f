package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/jsoninput"
)

func indented(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

func TestDocumentsAreImportedLikeLines(t *testing.T) {
	a, b, c := jsonLine(t, 1), jsonLine(t, 2), jsonLine(t, 3)
	array := "[" + a + "," + b + "," + c + "]"
	page := `{"events":` + array + `,"next":"x","prev":null}`
	for name, text := range map[string]string{
		"array":                  array,
		"array on lines":         indented(t, array),
		"array with a mark":      "\uFEFF \n" + array,
		"arrays":                 "[" + a + "]\n[]\n[" + b + "," + c + "]",
		"page":                   page,
		"page on lines":          indented(t, page),
		"page, sorted otherwise": `{"prev":null,"next":null,"events":` + array + `}`,
		"pages":                  `{"events":[` + a + `]} {"events":[` + b + "," + c + `]}`,
		"objects on lines":       indented(t, a) + indented(t, b) + indented(t, c),
		"objects, with CR LF":    strings.ReplaceAll(indented(t, a)+indented(t, b)+indented(t, c), "\n", "\r\n"),
		"lines":                  a + "\n" + b + "\n" + c,
		"array, then page":       indented(t, "["+a+"]") + indented(t, `{"events":[`+b+"]}") + c,
		"page, then array":       `{"events":[` + a + "]}\n" + indented(t, "["+b+","+c+"]"),
		"all on one line":        "[" + a + `]{"events":[` + b + "]} " + c,
		"lines, then array":      a + "\n" + b + "\n[" + c + "]",
		"lines of arrays":        "[" + a + "]\n[]\n[]\n [" + b + "," + c + "]\n",
		"lines, then object":     a + "\n\n" + indented(t, b) + c + "\n",
		"field beside the brace": strings.Replace(indented(t, a), "{\n  ", "{", 1) + strings.Replace(indented(t, b), "{\n  ", "{ ", 1) + c,
		"blank lines before":     strings.Repeat(" \t\n\r\n", 20) + "[" + a + "]\n \n" + b + "\n  \n" + c,
	} {
		t.Run(name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
				c := newCLI(t)
				c.in = in
				c.run(t.Context(), exitOK, "import", "-", "--once")
				if got := strings.Join(c.recordings(), " "); got != "1 2 3" {
					t.Errorf("imported are %q", got)
				}
			}
		})
	}
	for name, text := range map[string]string{"empty array": "[]", "empty page": `{"events":[]}`} {
		c := newCLI(t)
		c.in = strings.NewReader(text)
		c.run(t.Context(), exitOK, "import", "-")
		if got := c.recordings(); len(got) > 0 {
			t.Errorf("%s: imported are %q", name, got)
		}
	}
}

func TestABadObjectOfADocumentIsNamedByItsPlace(t *testing.T) {
	bad := strings.Replace(jsonLine(t, 2), `"c"`, `""`, 1)
	text := indented(t, "["+jsonLine(t, 1)+","+bad+","+jsonLine(t, 3)+`,{"camera_id":7},7,`+jsonLine(t, 4)+"]")
	above, _, _ := strings.Cut(text, `"camera_id": ""`)
	line := strings.Count(above, "\n") - 1 // of its brace
	c := newCLI(t)
	c.in = strings.NewReader(text)
	c.run(t.Context(), exitFailed, "import", "-")
	if want := fmt.Sprintf("line %d, item 2: camera_id: is empty", line); !strings.Contains(c.errors.String(), want) {
		t.Errorf("it says %q, want %q", c.errors.String(), want)
	}
	if got := c.recordings(); strings.Join(got, " ") != "1" {
		t.Errorf("kept are %q", got)
	}

	c = newCLI(t)
	c.in = strings.NewReader(text)
	rejects := filepath.Join(t.TempDir(), "rejects")
	c.run(t.Context(), exitOK, "import", "-", "--rejects", rejects)
	if got := c.recordings(); strings.Join(got, " ") != "1 3 4" {
		t.Errorf("kept are %q", got)
	}
	want := bad + "\n" + `{"camera_id":7}` + "\n7\n"
	if got, err := os.ReadFile(rejects); err != nil || string(got) != want {
		t.Errorf("the rejects are %q, %v; want %q", got, err, want)
	}
}

func TestADocumentThatIsCutOffKeepsWhatIsWhole(t *testing.T) {
	whole := "[" + jsonLine(t, 1) + "," + jsonLine(t, 2)
	for text, want := range map[string]string{
		whole:                  "line 1: the document ends in the middle",
		whole + ",":            "line 1: the document ends in the middle",
		whole + ",\n{\"camera": "line 2: the document ends in the middle",
		whole + ",\n}":         "line 2: is not JSON",
		whole + "\n]\n]":       "line 3: is not JSON",
		`{"events":` + whole:   "line 1: the document ends in the middle",
		whole + "],7":          "line 1: is not JSON",
	} {
		c := newCLI(t)
		c.in = strings.NewReader(text)
		c.run(t.Context(), exitFailed, "import", "-")
		if !strings.Contains(c.errors.String(), "import -: "+want) {
			t.Errorf("%q: it says %q, want %q", text[len(whole):], c.errors.String(), want)
		}
		if got := c.recordings(); strings.Join(got, " ") != "1 2" {
			t.Errorf("%q: kept are %q", text[len(whole):], got)
		}
	}
	c := newCLI(t)
	c.in = io.MultiReader(strings.NewReader(whole), iotest.ErrReader(errors.New("cable pulled")))
	c.run(t.Context(), exitFailed, "import", "-")
	if got := c.recordings(); len(got) != 2 || !strings.Contains(c.errors.String(), "cable pulled") {
		t.Errorf("kept are %q: %s", got, c.errors.String())
	}
}

func TestWhatIsNotForImportIsOneError(t *testing.T) {
	frigate := `{"id":"1764.1-a","camera":"porch","label":"person","start_time":1764302400.1,"zones":[],"has_clip":true}`
	wide := func(text string) string { // UTF-16 without a mark
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(text)) {
			b.Write([]byte{byte(unit), byte(unit >> 8)})
		}
		return b.String()
	}
	for text, want := range map[string]string{
		strings.Repeat(frigate+"\n", 1000):             `is JSON with the fields "camera", "has_clip", "id", "label", "start_time", "zones": import takes events`,
		"[" + strings.Repeat(frigate+",", 999) + "{}]": `is JSON with the fields "camera"`,
		indented(t, "["+frigate+"]"):                   `is JSON with the fields "camera"`,
		indented(t, `{"cameras":{"porch":{}},"x":1}`):  `is JSON with the fields "cameras", "x": import takes`,
		`{"events":[` + frigate + `]}`:                 `is JSON with the fields "camera"`,
		`{"events":[],"total":5}`:                      `is an object with events, but also with the field "total"`,
		`{"events":{"a":1}}`:                           "is an object whose events are no list",
		`[1,2,3]`:                                      "is JSON, but no objects",
		`["a"]`:                                        "is JSON, but no objects",
		`[null]`:                                       "is JSON, but no objects",
		`{}`:                                           "is JSON with an empty object",
		"[{}]":                                         "is JSON with an empty object",
		`{"person":"bob","ts":1}`:                      `is JSON with the fields "person", "ts": import takes`,
		`[{"person":null}]`:                            `is JSON with the fields "person": import takes`,
		"TIME                 CAMERA  TYPE\n2026":      "is a table that doorlog prints for people: print it with --json",
		"camera;time\nporch;2026-02-25\n":              "is CSV with 2 columns",
		"id,camera,time\n1,porch,2026-02-25\n":         "is CSV with 3 columns",
		"<!DOCTYPE html>\n<html>\n":                    "is HTML or XML",
		"\xff\xd8\xff\xe0\x00\x10JFIF\n":               "is a JPEG picture",
		"PK\x03\x04\n":                                 "is zip",
		wide(jsonLine(t, 1) + "\n"):                    "is UTF-16",
		"SQLite format 3\x00\n":                        "is an SQLite database",
		"junk\x00\x01\n":                               "is no text",
	} {
		for _, mode := range [][]string{nil, {"--rejects", filepath.Join(t.TempDir(), "rejects")}} {
			c := newCLI(t)
			c.in = strings.NewReader(text)
			c.run(t.Context(), exitFailed, append([]string{"import", "-"}, mode...)...)
			if !strings.Contains(c.errors.String(), "doorlog: import -: "+want) || strings.Count(c.errors.String(), "\n") > 13 {
				t.Errorf("%.60q: it says %q, want %q", text, c.errors.String(), want)
			}
			if _, err := os.Stat(c.db); mode == nil && (err == nil || strings.Contains(c.errors.String(), "imported 0")) {
				t.Errorf("%.60q: a database was made: %s", text, c.errors.String())
			}
		}
	}
	c := newCLI(t)
	c.run(t.Context(), exitOK, "write", "--camera", "c")
	c.run(t.Context(), exitFailed, "import", c.db, "--db", c.db+".new")
	if !strings.Contains(c.errors.String(), "is a database: ") {
		t.Errorf("of a database it says %q", c.errors.String())
	}
}

func TestAValueOfADocumentThatIsTooLongIsOneError(t *testing.T) {
	c := newCLI(t)
	c.in = io.MultiReader(strings.NewReader("["+jsonLine(t, 1)+`,{"camera_id":"`), strings.NewReader(strings.Repeat("x", 2*jsoninput.MaxBytes)))
	c.run(t.Context(), exitFailed, "import", "-")
	if got := c.recordings(); len(got) != 1 || !strings.HasSuffix(c.errors.String(), "import -: line 1: is longer than 16 MiB\n") {
		t.Errorf("kept are %q: %s", got, c.errors.String())
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A line that is cut off does not begin an object on several lines.
func TestALineThatIsCutOffIsOneBadLine(t *testing.T) {
	a, b := jsonLine(t, 1), jsonLine(t, 2)
	for _, cut := range []string{"{", `{"camera_id":"c",`, `{"camera_id":"c`, `{"camera_id":"c","detections":[`, `{"camera_id":`} {
		c := newCLI(t)
		c.in = strings.NewReader(a + "\n" + cut + "\n" + b + "\n" + cut)
		rejects := filepath.Join(t.TempDir(), "rejects")
		c.run(t.Context(), exitOK, "import", "-", "--rejects", rejects)
		if got := strings.Join(c.recordings(), " "); got != "1 2" {
			t.Errorf("%s: kept are %q", cut, got)
		}
		if got, err := os.ReadFile(rejects); err != nil || string(got) != cut+"\n"+cut+"\n" {
			t.Errorf("%s: rejected are %q, %v", cut, got, err)
		}
	}
}

func TestPlacesAreRightAfterADocument(t *testing.T) {
	bad := strings.Replace(jsonLine(t, 2), `"c"`, `""`, 1)
	before := jsonLine(t, 1) + "\n" + indented(t, "["+jsonLine(t, 2)+"]") + "\n"
	for text, place := range map[string]string{before + bad: "line %d: camera_id", before + indented(t, bad): "line %d: camera_id", before + "[" + bad + "]": "line %d, item 1: camera_id"} {
		c := newCLI(t)
		c.in = strings.NewReader(text)
		c.run(t.Context(), exitFailed, "import", "-")
		if want := fmt.Sprintf(place, strings.Count(before, "\n")+1); !strings.Contains(c.errors.String(), want) {
			t.Errorf("it says %q, want %q", c.errors.String(), want)
		}
	}
	c := newCLI(t)
	c.in = strings.NewReader(`[{"a":"` + strings.Repeat("x", 2*jsoninput.MaxBytes))
	c.run(t.Context(), exitFailed, "import", "-")
	if !strings.HasSuffix(c.errors.String(), "\ndoorlog: import -: line 1: is longer than 16 MiB\n") {
		t.Errorf("it says %q", c.errors.String())
	}
}

// Space before a value is read once, and not again for each byte.
func TestSpaceBeforeTheFirstValueIsReadOnce(t *testing.T) {
	for _, in := range []string{strings.Repeat(" ", 1<<20), strings.Repeat("\n", 1<<20), "{" + strings.Repeat(" ", 1<<20), "{\n" + strings.Repeat(" ", 1<<20)} {
		reads := 0
		rest := strings.NewReader(in + strings.TrimPrefix(jsonLine(t, 1), in[:strings.Count(in[:1], "{")]))
		c := newCLI(t)
		c.in = readerFunc(func(p []byte) (int, error) { reads++; return rest.Read(p) })
		c.run(t.Context(), exitOK, "import", "-")
		if got := c.recordings(); len(got) != 1 || reads > 1000 {
			t.Errorf("%q: %q after %d reads", in[:2], got, reads)
		}
	}
}
