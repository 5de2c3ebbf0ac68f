package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// exportFlags are the flags of export.
type exportFlags struct {
	query                queryFlags
	output, format       string
	force, withoutPeople bool
	mark                 bool // begin CSV with a byte order mark
}

func newExportCommand(a *app) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write events and persons as JSON lines, or as CSV",
		Long: `Write the events that the flags select, oldest first, to a file, or with -o - to
standard output. Without flags it writes all events. The file appears when it is whole.
A file that exists is replaced only with --force.

JSON lines are what "doorlog import" reads without loss: first a line for each person,
as {"person": {"name": …}}, unless --no-persons is given, then a line for each event with
all of its fields. Pictures are not included, only their paths: "doorlog backup" includes
them too.

CSV (--format csv) is for spreadsheets: a header and a line for each event. Times are in
--tz, detections look like "person 0.95; dog 0.50", and attributes are JSON. recorded_at,
ended_at and created_at have the offset from UTC, as 2026-02-25T08:30:00.000+01:00. The last
column, local_time, has no offset, so that spreadsheets read it as a time. Persons are
not included. A text that begins with =, +, - or @ gets a ' before it, because a
spreadsheet would run it as a formula. A line break is written as \n. CSV begins with a
byte order mark, because Excel reads it as UTF-8 only then; --bom=false leaves the mark
out. CSV cannot be imported.

An export is UTF-8 in any locale, so that the same store gives the same file. Only JSON
lines on a terminal are ASCII where the locale is.

The flags that select events are those of "doorlog events".`,
		Example: `  doorlog export -o events.jsonl
  doorlog export --since 2026-01-01 --format csv -o january.csv
  doorlog export -o - | gzip > events.jsonl.gz`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.export(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.output, "output", "o", "-", "the `file`; - is standard output")
	flags.StringVar(&f.format, "format", formatJSONL, "the `format`: jsonl or csv")
	flags.BoolVar(&f.force, "force", false, "replace a file that exists")
	flags.BoolVar(&f.withoutPeople, "no-persons", false, "leave the persons out")
	flags.BoolVar(&f.mark, "bom", true, "begin CSV with a byte order mark")
	f.query.addConditions(cmd)
	a.completeEventFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatJSONL, formatCSV}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

const formatJSONL, formatCSV = "jsonl", "csv"

// export writes the persons and the events that the flags select.
func (a *app) export(ctx context.Context, f *exportFlags, given func(flag string) bool) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	toFile := f.output != "-"
	switch {
	case f.output == "":
		return misuse("--output is empty")
	case f.format != formatJSONL && f.format != formatCSV:
		return misuse("--format %q is neither jsonl nor csv", f.format)
	case given("bom") && f.format != formatCSV:
		return misuse("--bom is for --format csv")
	case f.force && !toFile:
		return misuse("--force is for a file")
	case !toFile && a.flags.json, !toFile && a.flags.jsonl && f.format == formatCSV:
		return misuse("with -o - the export goes to standard output, in the form that --format says")
	}
	f.query.limit = 1 // must be valid, and is not used
	q, err := f.query.query(given, a.now(), loc)
	if err != nil {
		return err
	}
	q.Limit, q.OldestFirst = 0, true
	sum := exportSummary{}
	err = a.withStore(ctx, reads, func(ctx context.Context, st store) error {
		return a.writeOutput(f.output, f.force, func(w io.Writer, _ func() error) error {
			sum = exportSummary{}
			x := exporter{ctx: ctx, st: st, w: w, loc: loc, sum: &sum, bar: a.progress(-1, "exporting")}
			defer x.bar.Done()
			if f.format == formatCSV {
				return x.csv(q, f.mark)
			}
			x.ascii = !toFile && a.toTerminal() && a.screen.ASCII
			return x.jsonl(q, !f.withoutPeople)
		})
	})
	if err != nil && !toFile && sum != (exportSummary{}) {
		err = fmt.Errorf("%w; the export on standard output is incomplete", err)
	}
	if err != nil {
		return fromFlags(err)
	}
	if sum.Events == 0 && (!toFile || !a.flags.json && !a.flags.jsonl) {
		fmt.Fprintln(a.err, noMatch)
	}
	if !toFile {
		return nil
	}
	return a.emit(sum, func(io.Writer) error {
		_, err := fmt.Fprintf(a.err, "exported %s and %s\n", plural(sum.Events, "event"), plural(sum.Persons, "person"))
		return err
	})
}

// An exportSummary says what an export wrote.
type exportSummary struct {
	Events  int `json:"events"`
	Persons int `json:"persons"`
}

// An exporter writes the contents of a store. The store is open read-only, which keeps all
// writers out.
type exporter struct {
	ctx context.Context
	st  store
	w   io.Writer
	loc *time.Location
	bar terminal.Bar
	sum *exportSummary

	ascii bool // write JSON in ASCII
}

// A personLine is the line of a person. Its field tells import that it is no event.
type personLine struct {
	Person *doorlog.Person `json:"person"`
}

func (x *exporter) jsonl(q doorlog.Query, persons bool) error {
	w := bufio.NewWriter(x.w)
	line := io.Writer(w)
	if x.ascii {
		line = terminal.Screen{ASCII: true}.JSON(w)
	}
	if persons {
		list, err := x.st.Persons(x.ctx)
		if err != nil {
			return err
		}
		for i := range list {
			list[i].Key = doorlog.ID{} // another store gives keys of its own
			if err := terminal.WriteJSON(line, personLine{&list[i]}, false); err != nil {
				return err
			}
		}
		x.sum.Persons = len(list)
	}
	for e, err := range x.st.Events(x.ctx, q) {
		if err != nil {
			return err
		}
		if err := terminal.WriteJSON(line, e, false); err != nil {
			return err
		}
		x.count()
	}
	return w.Flush()
}

func (x *exporter) count() {
	const step = 1000
	if x.sum.Events++; x.sum.Events%step == 0 {
		x.bar.Label("exporting: " + plural(x.sum.Events, "event"))
		x.bar.Add(0)
	}
}

var csvHeader = []string{
	"id", "recorded_at", "camera_id", "event_type", "person_name", "door_action", "unlock_granted", "detections",
	"recording_id", "face_confidence", "face_distance", "alert_sent", "pinned", "thumbnail_path", "frame_width", "frame_height",
	"created_at", "attributes", "ended_at", "method", "reviewed", "local_time",
}

const byteOrderMark = "\uFEFF"

func (x *exporter) csv(q doorlog.Query, mark bool) error {
	if mark {
		if _, err := io.WriteString(x.w, byteOrderMark); err != nil {
			return err
		}
	}
	w := csv.NewWriter(x.w)
	if err := w.Write(csvHeader); err != nil {
		return err
	}
	for e, err := range x.st.Events(x.ctx, q) {
		if err != nil {
			return err
		}
		row, err := x.row(&e)
		if err != nil {
			return err
		}
		if err := w.Write(row); err != nil {
			return err
		}
		x.count()
	}
	w.Flush()
	return w.Error()
}

func (x *exporter) row(e *doorlog.Event) ([]string, error) {
	const (
		layout = "2006-01-02T15:04:05.000-07:00" // the offset tells apart an hour that comes twice in autumn
		local  = "2006-01-02 15:04:05.000"       // spreadsheets read this as a time
	)
	at, ended := e.RecordedAt.In(x.loc), ""
	if !e.EndedAt.IsZero() {
		ended = e.EndedAt.In(x.loc).Format(layout)
	}
	attributes := ""
	if len(e.Attributes) > 0 {
		var text strings.Builder
		if err := terminal.WriteJSON(&text, e.Attributes, false); err != nil {
			return nil, err
		}
		attributes = strings.TrimSuffix(text.String(), "\n")
	}
	detections := make([]string, len(e.Detections))
	for i, d := range e.Detections {
		detections[i] = fmt.Sprintf("%s %.2f", d.Label, d.Confidence)
	}
	return []string{
		e.ID.String(), at.Format(layout), cell(e.Camera), cell(string(e.Type)), cell(e.Person),
		e.Door.String(), strconv.FormatBool(e.UnlockGranted), cell(strings.Join(detections, "; ")), cell(e.RecordingID),
		number(e.FaceConfidence), number(e.FaceDistance), strconv.FormatBool(e.AlertSent), strconv.FormatBool(e.Pinned), cell(e.ThumbnailPath),
		strconv.Itoa(e.FrameWidth), strconv.Itoa(e.FrameHeight), e.CreatedAt.In(x.loc).Format(layout), cell(attributes),
		ended, cell(string(e.Method)), strconv.FormatBool(e.Reviewed), at.Format(local),
	}, nil
}

// cell makes a text harmless: no spreadsheet runs it as a formula, and no terminal acts on
// it. Anybody who can send events can choose names (OWASP, CSV Injection). Line breaks are
// escaped as well, so that each event has one line.
func cell(text string) string {
	text = terminal.Printable(text)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(text, unicode.IsSpace))
	if strings.ContainsRune("=+-@＝＋－＠", first) {
		return "'" + text
	}
	return text
}
