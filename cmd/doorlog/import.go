package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// importFlags are the flags of import.
type importFlags struct {
	once    bool
	mend    bool
	rejects string
}

const importHelp = `Import events from a file, or with - from standard input: one JSON object on each
line, or what this program prints with --json, which is an array, or an object with an
array "events". An object may take several lines, and the forms may follow one another.
The fields of an event have the names that --json prints:

  required: camera_id, recorded_at and event_type. A recorded_at is in RFC 3339,
  also with an offset such as +01 or +0100, and in UTC if it has none; or it is a
  number of unix seconds or milliseconds.

  optional: id, ended_at, recording_id, person_name, face_confidence,
  face_distance, unlock_granted, door_action, method, thumbnail_path,
  frame_width, frame_height, alert_sent, pinned, reviewed, created_at,
  attributes, and detections, an array of objects with label, confidence,
  bbox_x1, bbox_y1, bbox_x2, bbox_y2

A line {"person": {"name": …, "display_name": …, "auto_unlock": …, "created_at": …}},
as "doorlog export" writes it, sets these values of a person. So does an object
{"name": …} as "doorlog persons list" prints it.

A field that is null counts as left out. A line has at most 16 MiB; empty lines are
skipped. The database is made if it does not exist. Lines from a pipe are written as
they come. Until the import ends no other process can open the database, unless a server
has it open.

If a line has the id of an event in the store and is the same event, it is skipped. If
it is another event, it is bad.

What is said of a line here also holds for an object in an array. An input of another
kind, such as the JSON of another system, CSV or a picture, is one error.

A bad line, which cannot be stored, ends the import. The error names the line and the
field. The lines before it are kept, no line after it is written, and the exit code is 1.
With --rejects the import goes on instead and copies each bad line into that file, except
lines that are too long. Then the exit code is 1 only if no line at all could be taken.

With --mend-detections a bad detection does not make its event bad: a confidence just
outside of 0 to 1 is moved to 0 or 1, swapped corners of a box are put in order, and any
other bad box or detection is left out. Each change is printed.

With --once an import can be repeated: an event is skipped if its id, or its camera_id
and recording_id, are in the store already, and persons who are there stay unchanged. A
line with neither recording_id nor id is bad then.`

func newImportCommand(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Import events from JSON",
		Long:  importHelp,
		Example: `  doorlog import events.jsonl
  doorlog import --once --rejects bad.jsonl events.jsonl
  zcat old.jsonl.gz | doorlog import - --json`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case cmd.Flags().Changed("rejects") && f.rejects == "":
				return misuse("--rejects is empty")
			case f.rejects == "-":
				return misuse("--rejects needs a file: standard output is for the summary")
			}
			return a.importFile(cmd.Context(), args[0], f)
		},
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "skip events that the store has already")
	cmd.Flags().BoolVar(&f.mend, "mend-detections", false, "mend or drop detections that cannot be stored, and keep their events")
	cmd.Flags().StringVar(&f.rejects, "rejects", "", "go on after a bad line, and copy it to this `file`")
	return cmd
}

// importFile imports the file, or standard input for "-", and prints a summary.
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
		err = a.withStore(ctx, creates, func(ctx context.Context, st store) error {
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
	if to.st != nil { // the store was opened
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

// openInput returns the input and its size, or -1 if the size is not known.
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

func (a *app) emitImport(s importSummary) error {
	return a.emit(s, func(io.Writer) error {
		_, err := fmt.Fprintln(a.err, s)
		return err
	})
}
