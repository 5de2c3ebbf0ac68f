package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// importFlags are the flags of import.
type importFlags struct {
	once    bool
	mend    bool
	rejects string
}

func newImportCommand(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Import events from JSON",
		Long: `Import events from a file, or with - from standard input: one JSON object on each
line, or whatever this program prints with --json: an array, or an object with an array
"events". An object may have several lines, and one kind may follow the other. The
names of an event are those that --json prints:

  camera_id, recorded_at (RFC 3339, with the offset as +01 or +0100 too; UTC if it
  has none; or a number of unix seconds or milliseconds) and event_type, which are
  required; id, recording_id, person_name, face_confidence,
  face_distance, unlock_granted, door_action, thumbnail_path, frame_width,
  frame_height, alert_sent, pinned, created_at, attributes, and detections, an
  array of objects with label, confidence, bbox_x1, bbox_y1, bbox_x2, bbox_y2

A line {"person": {"name": …, "display_name": …, "auto_unlock": …, "created_at": …}},
as "doorlog export" writes it, is a person, who gets these values; so is an object
{"name": …} as "doorlog persons list" prints it.

What is null or left out is absent. A line has at most 16 MiB; empty lines are
passed over. The database is made if it does not exist. Lines from a pipe are
written as they come. Until the import ends no other process can open the database.

A line with the id of an event that is there is passed over if it is the same event,
and cannot be taken if it is another one.

All that is said of a line holds for an object of an array, too. What is nothing of
ours, such as the JSON of another system, CSV or a picture, is one error.

A line that cannot be taken ends the import: the error names its number and the
field, all before it is kept, nothing after it is written, and the exit code is 1.
With --rejects the import goes on instead, puts a copy of each such line into that
file (a line that is too long is only counted), and the exit code is 1 only if no
line at all could be taken.

With --mend-detections a detection that cannot be stored does not cost its event: a
confidence just outside of 0 to 1 is clamped, exchanged corners of a box are put in
order, any other such box or detection is left out, and each change is told.

With --once an event whose camera_id and recording_id are there already, or whose
id is, is not written again, nor a person of that name changed, so that an import may
be repeated. A line with neither recording_id nor id cannot be taken then.`,
		Example: `  doorlog import events.jsonl
  doorlog import --once --rejects bad.jsonl events.jsonl
  zcat old.jsonl.gz | doorlog import - --json`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case cmd.Flags().Changed("rejects") && f.rejects == "":
				return misuse("--rejects is empty")
			case f.rejects == "-":
				return misuse("--rejects - is no file: standard output is for the summary")
			}
			return a.importFile(cmd.Context(), args[0], f)
		},
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "pass over events that are there already")
	cmd.Flags().BoolVar(&f.mend, "mend-detections", false, "keep events with detections that cannot be stored, and mend these")
	cmd.Flags().StringVar(&f.rejects, "rejects", "", "go on after a bad line, and put it into this `file`")
	return cmd
}

// importFile imports the file, or standard input for "-", and prints what came of it.
func (a *app) importFile(ctx context.Context, name string, f importFlags) error {
	in, size, err := a.openInput(name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	rejects, err := a.openRejects(f.rejects, in)
	if err != nil {
		return err
	}
	from := &batchReader{mend: f.mend, goOn: rejects != nil}
	to := &batchWriter{once: f.once, rejects: rejects, errOut: a.err}
	began := a.now()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	first, err := from.start(reading, in)
	if err == nil {
		err = a.withStore(creates, func(st *doorlog.Store) error {
			if err := rejects.begin(); err != nil {
				return err
			}
			to.st = st
			to.bar = a.progress(size, "importing")
			defer to.bar.Done()
			return to.run(ctx, from, first)
		})
	}
	to.sum.Seconds = a.now().Sub(began).Seconds()
	if cerr := rejects.close(); err == nil {
		err = cerr
	}
	if to.st != nil { // else nothing was begun
		if serr := a.emitImport(to.sum); err == nil {
			err = serr
		}
	}
	if err == nil && to.sum.Rejected > 0 && to.sum.Imported+to.sum.Existed+to.sum.Persons == 0 {
		err = cmp.Or(to.foreign, errors.New("no line could be taken"))
	}
	if err != nil {
		return fmt.Errorf("import %s: %w", name, plainError{err})
	}
	return nil
}

// openInput returns the input and its size, -1 if that is not known.
func (a *app) openInput(name string) (io.ReadCloser, int64, error) {
	f, isFile := a.in.(*os.File)
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return nil, 0, fmt.Errorf("import: %w", err)
		}
	} else if !isFile {
		return io.NopCloser(a.in), -1, nil
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a folder", name)
	case info.Mode().IsRegular():
		return f, info.Size(), nil
	default:
		return f, -1, nil
	}
	_ = f.Close()
	return nil, 0, fmt.Errorf("import: %w", err)
}

// An importSummary tells what an import did.
type importSummary struct {
	Imported int64   `json:"imported"` // written now
	Existed  int64   `json:"existed"`  // passed over: were there already
	Rejected int64   `json:"rejected"`
	Persons  int64   `json:"persons"` // put now, or as they were
	Mended   int64   `json:"mended"`  // changes to detections
	Seconds  float64 `json:"seconds"`
}

func (a *app) emitImport(s importSummary) error {
	return a.emit(s, func(io.Writer) error {
		_, err := fmt.Fprintln(a.err, s)
		return err
	})
}

// String returns, for instance,
// "imported 1,234 events (12 were there already, 3 rejected) in 0.8 s, 1,542/s".
func (s importSummary) String() string {
	var notes []string
	if s.Existed > 0 {
		notes = append(notes, humanize.Comma(s.Existed)+wereThere(s.Existed))
	}
	if s.Rejected > 0 {
		notes = append(notes, humanize.Comma(s.Rejected)+" rejected")
	}
	if s.Mended > 0 {
		notes = append(notes, plural(int(s.Mended), "detection")+" mended")
	}
	text := "imported " + plural(int(s.Imported), "event")
	if s.Persons > 0 {
		text += " and " + plural(int(s.Persons), "person")
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	text += fmt.Sprintf(" in %.1f s", s.Seconds)
	if s.Imported > 0 && s.Seconds > 0 {
		text += fmt.Sprintf(", %s/s", humanize.Comma(int64(float64(s.Imported)/s.Seconds)))
	}
	return text
}
