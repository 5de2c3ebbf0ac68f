package main

import (
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

// backupFlags are the flags of backup.
type backupFlags struct{ force, verify bool }

func newBackupCommand(a *app) *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Write the store, with its thumbnails, to one file",
		Long: `Write the database and the thumbnails of its events to one file, or with - to standard
output: a tar archive with checksums, which "doorlog restore" reads. The file appears when
it is whole. A file that exists is replaced only with --force. Even then an old backup
stays, and the new one is dropped, if thumbnails cannot be read, if all are missing, or if
more are missing or have changed than in the old one: perhaps their folder is not mounted.

The database is verified first, so that a damaged one does not pass for a good backup.
--verify=false is faster. During the backup no other process can open the database. But if
a server has it open, writes go on meanwhile. If the database cannot be written, it is
backed up as well, but does not remember the time of the backup.

The exit code is 3 if the database is damaged; then nothing is written. It is also 3 if
the backup is incomplete: thumbnails are missing, cannot be read, have changed, or lie
behind a symbolic link, which is not followed. Then the backup is made with what is there,
unless an old one stays for the reasons above.

With --json it prints an object with store_id, time, events, persons, thumbnails, changed
(thumbnails that are not as they were saved), missing (thumbnails that are not in the
backup), linked (those of them behind a symbolic link), unreadable (those of them that
exist and cannot be read), and bytes.`,
		Example: `  doorlog backup /mnt/stick/2026-02-25.backup
  doorlog backup - | ssh nas 'cat > doorlog.backup'`,
		Args: takes("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), args[0], f) },
	}
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a file that exists")
	cmd.Flags().BoolVar(&f.verify, "verify", true, "verify the database first")
	return cmd
}

// backup writes a backup and prints what is in it.
func (a *app) backup(ctx context.Context, name string, f backupFlags) error {
	switch {
	case name == "":
		return misuse("FILE is empty")
	case name == "-" && f.force:
		return misuse("--force is for a file")
	case name == "-" && (a.flags.json || a.flags.jsonl):
		return misuse("with - the backup goes to standard output, so --json cannot")
	case name == "-" && a.toTerminal():
		return misuse("standard output is a terminal, and a backup is no text: give a FILE, or use a pipe")
	}
	if _, _, err := a.pair(); err != nil {
		return err
	}
	st, err := a.reach(ctx, changesPictures, &doorlog.Options{Scrub: -1})
	if errors.Is(err, os.ErrPermission) || isReadOnlyDisk(err) {
		st, err = a.reach(ctx, readsPictures, &doorlog.Options{Scrub: -1})
	}
	if err != nil {
		return err
	}
	var info *doorlog.BackupInfo
	err = a.with(ctx, st, func(ctx context.Context, st store) error {
		return a.writeOutput(name, f.force, func(w io.Writer, finish func() error) (err error) {
			options := &doorlog.BackupOptions{Verify: f.verify}
			options.Finish = func(info *doorlog.BackupInfo) error {
				if old, there := oldBackup(name); there {
					if why := fallsBehind(info, old); why != "" {
						return fmt.Errorf("%s %w: %s; fix that, or back up to another file", name, errStays, why)
					}
				}
				return finish()
			}
			info, err = st.Backup(ctx, w, options)
			return err
		})
	})
	if errors.Is(err, errStays) {
		fmt.Fprintf(a.err, "doorlog: %s\n", terminal.PrintableLines(plain(err)))
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

// oldBackup returns what is in the backup of this name. there is false if there is no backup.
// If there is one that cannot be read, old is nil.
func oldBackup(name string) (old *doorlog.BackupInfo, there bool) {
	f, err := os.Open(name) // writeOutput has checked that it is a regular file
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

// fallsBehind says why a backup must not replace an old one, or "" if it may: it lacks more
// thumbnails, as if their folder was not mounted. An old backup of another store, or one
// that cannot be read, counts as complete.
func fallsBehind(fresh, old *doorlog.BackupInfo) string {
	if old == nil || old.StoreID != fresh.StoreID {
		old = &doorlog.BackupInfo{Thumbnails: 1}
	}
	switch {
	case fresh.Unreadable > 0:
		return plural(fresh.Unreadable, "thumbnail") + " cannot be read"
	case fresh.Thumbnails == 0 && fresh.Missing > 0 && old.Thumbnails > 0:
		return "all thumbnails (" + count(fresh.Missing) + ") are missing"
	case fresh.Missing > old.Missing:
		return fmt.Sprintf("%s missing, %d in the old backup", plural(fresh.Missing, "thumbnail"), old.Missing)
	case fresh.Changed > old.Changed:
		return fmt.Sprintf("%s changed, %d in the old backup", plural(fresh.Changed, "thumbnail"), old.Changed)
	}
	return ""
}

// drawBackup says what is in a backup.
func drawBackup(w io.Writer, info *doorlog.BackupInfo, done string) {
	fmt.Fprintf(w, "%s %s, %s and %s: %s\n", done, plural(info.Events, "event"), plural(info.Persons, "person"),
		plural(info.Thumbnails, "thumbnail"), size(info.Bytes))
	if missing := info.Missing - info.Linked - info.Unreadable; missing > 0 {
		fmt.Fprintf(w, "%s missing, and not in the backup\n", plural(missing, "thumbnail"))
	}
	if info.Unreadable > 0 {
		fmt.Fprintf(w, "%s not readable, and not in the backup\n", plural(info.Unreadable, "thumbnail"))
	}
	if info.Linked > 0 {
		fmt.Fprintf(w, "%s behind a symbolic link, which is not followed, and not in the backup\n", plural(info.Linked, "thumbnail"))
	}
	if info.Changed > 0 {
		fmt.Fprintf(w, "%s changed since they were saved; the backup has them as they are now\n", plural(info.Changed, "thumbnail"))
	}
}
