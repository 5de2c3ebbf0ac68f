package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newRestoreCommand(a *app) *cobra.Command {
	to := ""
	cmd := &cobra.Command{
		Use:   "restore FILE|- --to DIR",
		Short: "Make the store of a backup again",
		Long: `Make the folder DIR with the store of a backup in it, DIR/events.db and
DIR/thumbnails, from a file, or with - from standard input. DIR must not exist, or be
empty; the folder that it is in must exist. Nothing is overwritten.

Everything is verified before DIR appears, all at once: nothing is left of a restore
that fails or is interrupted. The other commands look at it with --db DIR/events.db.

The exit code is 3 if the backup is damaged, that is changed, cut off, or not of one
piece: then nothing is made. It is 3, too, if thumbnails were missing or had changed when
the backup was made: then the store is made without them, or with them as they were.

With --json it is an object as that of "doorlog backup".`,
		Example: `  doorlog restore /mnt/stick/2026-02-25.backup --to restored
  ssh nas 'cat doorlog.backup' | doorlog restore - --to /var/lib/doorlog`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case args[0] == "":
				return misuse("FILE is empty")
			case !cmd.Flags().Changed("to"):
				return misuse("say with --to which folder is to be made")
			case to == "":
				return misuse("--to is empty")
			}
			return a.restore(cmd.Context(), args[0], to)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the `folder` that is to be made")
	_ = cmd.MarkFlagDirname("to")
	return cmd
}

// restore restores a backup and prints what it holds.
func (a *app) restore(ctx context.Context, name, dir string) error {
	in := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	} else if a.canAsk() {
		return misuse("standard input is a terminal, and a backup is no text: say a FILE, or send it here")
	}
	told, end := a.follow()
	info, err := doorlog.Restore(ctx, dir, bufio.NewReader(in), &doorlog.RestoreOptions{Progress: told})
	end()
	switch {
	case errors.Is(err, doorlog.ErrInvalid):
		return asMisuse(err)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: restore overwrites nothing", plain(err))
	case errors.Is(err, doorlog.ErrCorrupt): // of the backup: there is nothing to verify
		fmt.Fprintf(a.err, "doorlog: %s\n", printableLines(plain(err)))
		return errDamage
	case err != nil:
		return err
	}
	return a.emitDamage(info, !info.Complete(), func(w io.Writer) { drawBackup(w, info, "restored") })
}
