package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/newfile"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// noMatch is what stands in the place of a table of events that is empty.
const noMatch = "no events match"

// timeLayout is how tables show a time.
const timeLayout = "2006-01-02 15:04:05 MST"

// writeOutput has write produce the file of this name, or for "-" standard output: see
// [newfile.Write]. The file must not be the database.
func (a *app) writeOutput(name string, force bool, write func(w io.Writer, finish func() error) error) error {
	if name == "-" {
		w := bufio.NewWriterSize(a.out, 256<<10)
		if err := write(w, w.Flush); err != nil {
			return err
		}
		return w.Flush()
	}
	db, err := a.dbPath()
	if err != nil {
		return err
	}
	if isSameFile(statOf(name), statOf(db)) {
		return misuse("%s is the database", name)
	}
	err = newfile.Write(name, force, write)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: use --force to replace it", name)
	}
	return err
}

// A statFunc returns what is known of a file.
type statFunc func() (os.FileInfo, error)

func statOf(name string) statFunc {
	return func() (os.FileInfo, error) { return os.Stat(name) }
}

// isSameFile reports whether both files are there and are the same.
func isSameFile(a, b statFunc) bool {
	ai, aerr := a()
	bi, berr := b()
	return aerr == nil && berr == nil && os.SameFile(ai, bi)
}

const maxLabels = 5 // labels of an event that a table shows

// emit prints one result: v in the JSON form that was asked for, else what
// text writes.
func (a *app) emit(v any, text func(io.Writer) error) error {
	if a.flags.json || a.flags.jsonl {
		return terminal.WriteJSON(a.screen.JSON(a.out), v, a.flags.json)
	}
	return a.screen.Print(a.out, text)
}

// tell writes a text for people to standard error, before a question.
func (a *app) tell(text func(io.Writer) error) error { return a.bars().Screen().Print(a.err, text) }

// emitList prints results: one array, a line each, or what text writes.
func emitList[T any](a *app, items []T, text func(io.Writer) error) error {
	if !a.flags.jsonl {
		if items == nil {
			items = []T{} // JSON: [], not null
		}
		return a.emit(items, text)
	}
	w := bufio.NewWriter(a.out)
	for _, item := range items {
		if err := terminal.WriteJSON(a.screen.JSON(w), item, false); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeEventTable writes a row for each event, with times in loc, or says that there
// is none.
func writeEventTable(w io.Writer, events []doorlog.Event, loc *time.Location) error {
	if len(events) == 0 {
		_, err := fmt.Fprintln(w, noMatch)
		return err
	}
	rows := make([][]string, len(events))
	for i := range events {
		e := &events[i]
		door := ""
		if e.Door != doorlog.NoAction {
			door = e.Door.String()
		}
		rows[i] = []string{
			e.RecordedAt.In(loc).Format(timeLayout), e.Camera, string(e.Type), e.Person, door,
			labels(e), yesNo(e.ThumbnailPath != ""), e.ID.String(),
		}
	}
	return terminal.WriteTable(w, []string{"TIME", "CAMERA", "TYPE", "PERSON", "DOOR", "LABELS", "THUMBNAIL", "ID"}, rows)
}

// labels returns each label of the event once, with its best confidence, the
// surest first.
func labels(e *doorlog.Event) string {
	var best []doorlog.Detection
	for _, d := range e.Detections {
		at := slices.IndexFunc(best, func(b doorlog.Detection) bool { return b.Label == d.Label })
		if at < 0 {
			best = append(best, d)
		} else {
			best[at].Confidence = max(best[at].Confidence, d.Confidence)
		}
	}
	slices.SortStableFunc(best, func(a, b doorlog.Detection) int { return cmp.Compare(b.Confidence, a.Confidence) })
	var parts []string
	for i, d := range best {
		if i == maxLabels {
			parts = append(parts, fmt.Sprintf("%d more", len(best)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %.2f", d.Label, d.Confidence))
	}
	return strings.Join(parts, ", ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// A stickyWriter remembers the first error of its writer and passes nothing on
// after it, so that one look at the end tells whether all was written.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.w.Write(p)
	}
	return n, s.err
}
