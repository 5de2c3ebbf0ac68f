package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// backupFlags are the flags of backup.
type backupFlags struct{ force, verify bool }

func newBackupCommand(a *app) *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Write the store, with its thumbnails, to one file",
		Long: `Write the database and the thumbnails that its events name to one file, or with - to
standard output: a tar archive with checksums, from which "doorlog restore" makes the
store again. FILE appears when it is whole; one that is there is left as it is, unless
--force is given. With --force, too, a backup that is there stays, and the new one is
removed, if thumbnails cannot be read, if all are missing, or if more are missing or have
changed than in the old one: their folder may not be mounted.

The database is verified first, so that a damaged one is not taken for good; without
that (--verify=false) it is faster. While the backup is made no other process can open
the database: a program that has it open makes backups with Store.Backup, while it
writes. Where the database may only be read it is, and the time of the backup is not
kept in it.

The exit code is 3 if the database is damaged, and nothing is written then, or if the
backup is not complete: thumbnails are missing, cannot be read, have changed, or lie
behind a symbolic link, which is not followed. Then the backup is made, with what is
there, unless it stays behind the one before it, as said above.

With --json it is an object with store_id, time, events, persons, thumbnails, changed
(thumbnails that are not what was saved), missing (thumbnails that are not in it), linked
(those of them that lie behind a symbolic link), unreadable (those of them that are there
and cannot be read), and bytes.`,
		Example: `  doorlog backup /mnt/stick/2026-02-25.backup
  doorlog backup - | ssh nas 'cat > doorlog.backup'`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0], f) },
	}
	cmd.Flags().BoolVar(&f.force, "force", false, "put the backup in the place of a file that is there")
	cmd.Flags().BoolVar(&f.verify, "verify", true, "verify the database first")
	return cmd
}

// backup writes the backup and prints what it holds.
func (a *app) backup(ctx context.Context, name string, f backupFlags) error {
	switch {
	case name == "":
		return misuse("FILE is empty")
	case name == "-" && f.force:
		return misuse("--force is for a file")
	case name == "-" && (a.flags.json || a.flags.jsonl):
		return misuse("with - standard output is for the backup: there is no place for --json")
	case name == "-" && a.toTerminal():
		return misuse("standard output is a terminal, and a backup is no text: say a FILE, or send it somewhere")
	}
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	told, end := a.follow()
	options := &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told}
	st, err := a.open(path, options)
	if errors.Is(err, os.ErrPermission) || isReadOnlyDisk(err) {
		options.ReadOnly = true
		st, err = a.open(path, options)
	}
	if err != nil {
		return err
	}
	var info *doorlog.BackupInfo
	err = a.writeOutput(name, f.force, func(w io.Writer, finish func() error) (err error) {
		options := &doorlog.BackupOptions{Verify: f.verify}
		options.Finish = func(info *doorlog.BackupInfo) error {
			if old, there := oldBackup(name); there {
				if why := fallsBehind(info, old); why != "" {
					return fmt.Errorf("%s %w: %s; mend that, or back up to another file", name, errStays, why)
				}
			}
			return finish()
		}
		info, err = st.Backup(ctx, w, options)
		return err
	})
	end()
	if cerr := st.Close(); err == nil {
		err = cerr
	}
	if errors.Is(err, errStays) {
		fmt.Fprintf(a.err, "doorlog: %s\n", printableLines(plain(err)))
		return errDamage
	}
	if err != nil {
		return err
	}
	damage := !info.Complete()
	if name == "-" {
		drawBackup(a.err, info, "backed up")
		if damage {
			return errDamage
		}
		return nil
	}
	return a.emitDamage(info, damage, func(w io.Writer) { drawBackup(w, info, "backed up") })
}

var errStays = errors.New("stays as it is")

// oldBackup returns what the backup of this name holds. there: it is one, although that
// may not be known of what it is, which is nil then.
func oldBackup(name string) (old *doorlog.BackupInfo, there bool) {
	f, err := os.Open(name) // a regular file, if it is there: writeOutput has looked
	if err != nil {
		return nil, !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close() //nolint:errcheck // it was only read
	stat, err := f.Stat()
	if err == nil {
		old, err = doorlog.ReadBackupInfo(f, stat.Size())
	}
	return old, !errors.Is(err, doorlog.ErrNotBackup) && !errors.Is(err, doorlog.ErrCorrupt)
}

// fallsBehind says why a backup is not to come into the place of an old one: it has
// fewer of its thumbnails, as if their folder was not mounted. An old one that is of
// another store, or cannot be read, counts as one that has all.
func fallsBehind(now, old *doorlog.BackupInfo) string {
	if old == nil || old.StoreID != now.StoreID {
		old = &doorlog.BackupInfo{Thumbnails: 1}
	}
	switch {
	case now.Unreadable > 0:
		return plural(now.Unreadable, "thumbnail") + " cannot be read"
	case now.Thumbnails == 0 && now.Missing > 0 && old.Thumbnails > 0:
		return "no thumbnail is there, and events name " + plural(now.Missing, "file")
	case now.Missing > old.Missing:
		return fmt.Sprintf("%s missing, and in the backup that is there %d", plural(now.Missing, "thumbnail"), old.Missing)
	case now.Changed > old.Changed:
		return fmt.Sprintf("%s other than saved, and in the backup that is there %d", plural(now.Changed, "thumbnail"), old.Changed)
	}
	return ""
}

// toTerminal reports whether standard output is a terminal.
func (a *app) toTerminal() bool { return a.screen.columns > 0 }

func drawBackup(w io.Writer, info *doorlog.BackupInfo, done string) {
	fmt.Fprintf(w, "%s %s, %s and %s: %s\n", done, plural(info.Events, "event"), plural(info.Persons, "person"),
		plural(info.Thumbnails, "thumbnail"), humanize.IBytes(uint64(info.Bytes)))
	if missing := info.Missing - info.Linked - info.Unreadable; missing > 0 {
		fmt.Fprintf(w, "%s missing, and not in it\n", plural(missing, "thumbnail"))
	}
	if info.Unreadable > 0 {
		fmt.Fprintf(w, "%s there, but not readable, and not in it\n", plural(info.Unreadable, "thumbnail"))
	}
	if info.Linked > 0 {
		fmt.Fprintf(w, "%s behind a symbolic link, which is not followed, and not in it\n", plural(info.Linked, "thumbnail"))
	}
	if info.Changed > 0 {
		fmt.Fprintf(w, "%s other than saved, and in it with the content of now\n", plural(info.Changed, "thumbnail"))
	}
}
