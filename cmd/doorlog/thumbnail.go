package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// thumbnailFlags are the flags of thumbnail.
type thumbnailFlags struct {
	output string
	force  bool
}

func newThumbnailCommand(a *app) *cobra.Command {
	var f thumbnailFlags
	cmd := &cobra.Command{
		Use:   "thumbnail ID",
		Short: "Write the picture of an event to a file",
		Long: `Write the thumbnail of an event, a JPEG picture, to a file, or with -o - to standard
output. A file that exists is replaced only with --force.

The exit code is 1 if the event has no thumbnail or its file is missing, and 3 if the
file has changed. Nothing is written then.

With --json it prints an object with id, file and bytes.`,
		Example: `  doorlog thumbnail 01JMXQ5Z8G00000000000000AB -o face.jpg
  doorlog thumbnail 01JMXQ5Z8G00000000000000AB -o - | display`,
		Args:              takes("ID"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.thumbnail(cmd.Context(), args, &f) },
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "the `file`; - is standard output; required")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a file that exists")
	return cmd
}

// thumbnail writes the thumbnail of an event.
func (a *app) thumbnail(ctx context.Context, args []string, f *thumbnailFlags) error {
	ids, err := parseIDs(args)
	if err != nil {
		return err
	}
	toFile := f.output != "-"
	switch {
	case f.output == "":
		return misuse("-o is missing: it names the file to write; - is standard output")
	case !toFile && f.force:
		return misuse("--force is for a file")
	case !toFile && (a.flags.json || a.flags.jsonl):
		return misuse("with -o - the picture goes to standard output, so --json cannot")
	case !toFile && a.toTerminal():
		return misuse("standard output is a terminal, and a picture is no text: give a file, or use a pipe")
	}
	var picture []byte
	err = a.withStore(ctx, readsPictures, func(ctx context.Context, st store) error {
		picture, err = st.Thumbnail(ctx, ids[0])
		return err
	})
	if err != nil {
		return err
	}
	err = a.writeOutput(f.output, f.force, func(w io.Writer, _ func() error) error {
		_, err := w.Write(picture)
		return err
	})
	if err != nil || !toFile {
		return err
	}
	written := struct {
		ID    doorlog.ID `json:"id"`
		File  string     `json:"file"`
		Bytes int        `json:"bytes"`
	}{ids[0], f.output, len(picture)}
	return a.emit(written, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s\n", terminal.Printable(f.output), size(int64(len(picture))))
		return err
	})
}
