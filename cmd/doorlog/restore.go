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
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newRestoreCommand(a *app) *cobra.Command {
	to := ""
	cmd := &cobra.Command{
		Use:   "restore FILE|- --to DIR",
		Short: "Restore the store of a backup",
		Long: `Restore the store of a backup into the folder DIR, as DIR/events.db and DIR/thumbnails,
from a file, or with - from standard input. DIR must be empty or not exist; its parent
folder must exist. Nothing is overwritten.

Everything is verified before DIR appears as a whole. A restore that fails or is
interrupted leaves nothing. To use the restored store, give the other commands --db
DIR/events.db.

The exit code is 3 if the backup is damaged: changed, cut off, or mixed from several.
Then nothing is restored. It is also 3 if thumbnails were missing or had changed when the
backup was made. Then the store is restored without them, or with them as they were.

With --json it prints an object as "doorlog backup" does.`,
		Example: `  doorlog restore /mnt/stick/2026-02-25.backup --to restored
  ssh nas 'cat doorlog.backup' | doorlog restore - --to /var/lib/doorlog`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case args[0] == "":
				return misuse("FILE is empty")
			case !cmd.Flags().Changed("to"):
				return misuse("--to is missing: it says into which folder to restore")
			case to == "":
				return misuse("--to is empty")
			case a.flags.db != "" || a.flags.thumbnails != "":
				return misuse("restore makes a store of its own: say where with --to, not with --db or --thumbnails")
			}
			if a.flags.socket != "" {
				return needsNoServer("restore")
			}
			return a.restore(cmd.Context(), args[0], to)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the `folder` to restore into")
	_ = cmd.MarkFlagDirname("to")
	return cmd
}

// restore restores a backup and prints what was in it.
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
		return misuse("standard input is a terminal, and a backup is no text: give a FILE, or use a pipe")
	}
	told, end := a.follow()
	info, err := doorlog.Restore(ctx, dir, bufio.NewReader(in), &doorlog.RestoreOptions{Progress: told})
	end()
	switch {
	case errors.Is(err, doorlog.ErrInvalid):
		return asMisuse(err)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: restore overwrites nothing", plain(err))
	case errors.Is(err, doorlog.ErrCorrupt): // the backup is damaged, and "doorlog verify" cannot help
		fmt.Fprintf(a.err, "doorlog: %s\n", terminal.PrintableLines(plain(err)))
		return errDamage
	case err != nil:
		return err
	}
	return a.emitDamage(info, !info.Complete(), func(w io.Writer) { drawBackup(w, info, "restored") })
}
