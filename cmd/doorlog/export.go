package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
	reporting "github.com/doorlog/doorlog/internal/report"
)

// exportFlags are the flags of export.
type exportFlags struct {
	query                queryFlags
	output, format       string
	force, withoutPeople bool
	mark                 bool // begin CSV with a byte order mark
	withoutPictures      bool
	language             string // of HTML
}

func newExportCommand(a *app) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write events and persons as JSON lines, CSV or HTML",
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

HTML (--format html) is for people who do not have the store, such as the police or a
landlord: one file that any browser opens and prints, without the network. At its
beginning it says what was asked for, the time zone, when it was made, and how often the
door did what. Then it has each event with its picture, with a box around what was seen.
A picture that is missing or cannot be read is said to be so. The last line says how many
events there are; a file without it is not whole. A picture takes about 40 KB. A report of
more than 2,000 pictures may be too large for a browser: choose a shorter range, or leave
the pictures out with --no-pictures. --lang de writes it in German.

An export is UTF-8 in any locale, so that the same store gives the same file. Only JSON
lines on a terminal are ASCII where the locale is.

The flags that select events are those of "doorlog events".`,
		Example: `  doorlog export -o events.jsonl
  doorlog export --since 2026-01-01 --format csv -o january.csv
  doorlog export --since 7d --door unlocked,failed --format html -o doors.html
  doorlog export -o - | gzip > events.jsonl.gz`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.export(cmd.Context(), &f, cmd.Flags().Changed) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.output, "output", "o", "-", "the `file`; - is standard output")
	flags.StringVar(&f.format, "format", formatJSONL, "the `format`: jsonl, csv or html")
	flags.BoolVar(&f.force, "force", false, "replace a file that exists")
	flags.BoolVar(&f.withoutPeople, "no-persons", false, "leave the persons out")
	flags.BoolVar(&f.mark, "bom", true, "begin CSV with a byte order mark")
	flags.BoolVar(&f.withoutPictures, "no-pictures", false, "leave the pictures out of HTML")
	flags.StringVar(&f.language, "lang", "en", "the `language` of HTML: en or de")
	f.query.addConditions(cmd)
	a.completeEventFlags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(reporting.Languages(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

const formatJSONL, formatCSV, formatHTML = "jsonl", reporting.FormatCSV, reporting.FormatHTML

var formats = []string{formatJSONL, formatCSV, formatHTML}

// manyPictures are so many that a browser may not show a report that has them.
const manyPictures = 2000

// check refuses what does not go together.
func (f *exportFlags) check(given func(flag string) bool, global *flags) error {
	toFile := f.output != "-"
	switch {
	case f.output == "":
		return misuse("--output is empty")
	case !slices.Contains(formats, f.format):
		return misuse("--format %q is none of jsonl, csv and html", f.format)
	case given("bom") && f.format != formatCSV:
		return misuse("--bom is for --format csv")
	case given("no-pictures") && f.format != formatHTML:
		return misuse("--no-pictures is for --format html")
	case given("lang") && f.format != formatHTML:
		return misuse("--lang is for --format html")
	case !slices.Contains(reporting.Languages(), f.language):
		return misuse("--lang %q is neither en nor de", f.language)
	case f.force && !toFile:
		return misuse("--force is for a file")
	case !toFile && global.json, !toFile && global.jsonl && f.format != formatJSONL:
		return misuse("with -o - the export goes to standard output, in the form that --format says")
	}
	return nil
}

// export writes the persons and the events that the flags select.
func (a *app) export(ctx context.Context, f *exportFlags, given func(flag string) bool) error {
	loc, err := a.location()
	if err != nil {
		return err
	}
	toFile := f.output != "-"
	if err := f.check(given, &a.flags); err != nil {
		return err
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
			if f.format != formatJSONL {
				return x.report(q, f, a.now())
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
	if sum.Missing > 0 {
		fmt.Fprintf(a.err, "%s could not be read\n", plural(sum.Missing, "picture"))
	}
	if sum.Pictures > manyPictures {
		fmt.Fprintf(a.err, "with %s it may be too large for a browser: choose a shorter range, or --no-pictures\n", plural(sum.Pictures, "picture"))
	}
	if !toFile {
		return nil
	}
	return a.emit(sum, func(io.Writer) error {
		and := plural(sum.Persons, "person")
		if f.format == formatHTML {
			and = plural(sum.Pictures, "picture")
		}
		_, err := fmt.Fprintf(a.err, "exported %s and %s\n", plural(sum.Events, "event"), and)
		return err
	})
}

// An exportSummary says what an export wrote.
type exportSummary struct {
	Events  int `json:"events"`
	Persons int `json:"persons"`

	// Of HTML. Missing is how many could not be read.
	Pictures int `json:"pictures,omitempty"`
	Missing  int `json:"missing_pictures,omitempty"`
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

// report writes CSV or HTML.
func (x *exporter) report(q doorlog.Query, f *exportFlags, now time.Time) error {
	o := &reporting.Options{Location: x.loc, Mark: f.mark, Language: f.language, Made: now, NoPictures: f.withoutPictures}
	o.Each = func(sum reporting.Sum) {
		x.sum.Pictures, x.sum.Missing = sum.Pictures, sum.Missing
		x.count()
	}
	if f.format == formatCSV {
		_, err := reporting.CSV(x.ctx, x.w, x.st, q, o)
		return err
	}
	stats, err := x.st.Stats(x.ctx)
	if err != nil {
		return err
	}
	o.StoreID = stats.StoreID.String()
	_, err = reporting.HTML(x.ctx, x.w, x.st, q, o)
	return err
}
