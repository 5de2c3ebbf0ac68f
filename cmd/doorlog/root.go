package main

import (
	"github.com/spf13/cobra"
)

const rootHelp = `doorlog keeps the events of smart locks, doorbells and edge cameras in one file,
and their thumbnails in a folder beside it.

A flag says where they are. Without the flag the environment does, and without that a
file named .env in the current folder:

  --db           DB_PATH         default ./events.db
  --thumbnails   THUMBNAILS_DIR  default "thumbnails" beside the database
  --socket       SOCKET_PATH     default the database with ".sock" at its end

They are independent: THUMBNAILS_DIR is also used if --db is given.

Flags such as --since take a TIME such as 2026-02-25T07:30:00Z, a date such as
2026-02-25, which means its first moment in --tz, or an AGE, which counts back from now.
An AGE is a length of time such as 90s, 15m, 36h, 7d, 2w or 1y, or several of them, such
as 1w2d. A day (d) has 24 hours and a year (y) 365 days.

Commands print tables for people. On a terminal the lines fit: long names are cut, or
rows have several lines. Through a pipe everything is printed. If LC_ALL, LC_CTYPE or
LANG names a locale without UTF-8, such as C, tables and JSON are ASCII. What "doorlog
export" writes to a file or a pipe is always UTF-8.

Programs should use --json (one document: an array for a list, an object for a page of
events) or --jsonl (one line for each entry). The field names will not change; those of
events are what "doorlog import" reads.

While a server ("doorlog serve", or a program with package web) has the database open, all
commands go through its socket, at the same time and beside its own work. They print what
they would print of the file. SOCKET_PATH says where the socket is; "off" means that there
is none. The thumbnails are those of the server: it does not matter what THUMBNAILS_DIR
says, and --thumbnails must not name another folder. With --file a command opens the
database itself and never goes through a server; with --socket it always does. repair,
salvage and demo only work on the database itself: end the server before.

Without a server, no other process can open the database while a command writes. Several
commands can read at the same time, but then none can write. A command waits up to 5
seconds for the others: start a long import when nothing else has to write.

The exit code is 0 if all went well, 1 if something failed, 2 if the command line
is wrong, and 3 if what the disk holds is damaged: then "doorlog verify" says what is
wrong. Errors and warnings go to standard error.`

// newRootCommand returns the command doorlog with all of its commands.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "doorlog",
		Short: "The event store of smart locks, doorbells and edge cameras",
		Long:  rootHelp,
		Example: `  doorlog import events.jsonl               # import what a producer wrote
  doorlog recent --limit 5                  # look at the latest events
  doorlog events --stranger --since 7d      # find events
  doorlog stats --days 30                   # count events by day and hour
  doorlog recent --jsonl | jq .camera_id    # use other programs
  doorlog prune --max-age 90d --dry-run     # see what prune would delete
  doorlog backup events.backup              # back up, pictures too
  doorlog verify                            # check the store
  doorlog demo                              # make up some days, in ./demo
  doorlog recent --db demo/events.db
  doorlog demo --serve                      # the same days, in a browser`,
		Version:           buildVersion(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.checkFlags(cmd) },
	}
	root.SetVersionTemplate("doorlog {{.Version}}\n")
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	a.addFlags(root)
	root.AddCommand(
		newDemoCommand(a),
		newImportCommand(a),
		newExportCommand(a),
		newWriteCommand(a),
		newGetCommand(a),
		newRecentCommand(a),
		newEventsCommand(a),
		newChangesCommand(a),
		newConsumersCommand(a),
		newThumbnailCommand(a),
		newStatsCommand(a),
		newEditCommand(a),
		newDeleteCommand(a),
		newCamerasCommand(a),
		newPersonsCommand(a),
		newReviewCommand(a),
		newPinCommand(a),
		newUnpinCommand(a),
		newPruneCommand(a),
		newVerifyCommand(a),
		newRepairCommand(a),
		newSalvageCommand(a),
		newBackupCommand(a),
		newRestoreCommand(a),
		newCompactCommand(a),
		newErasePersonCommand(a),
		newInfoCommand(a),
		newServeCommand(a),
		newConfigCommand(a),
		newTokenCommand(a),
		newVersionCommand(a),
	)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { _ = a.help(cmd) }) // a.out keeps the error
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	makeStrict(root)
	return root
}

// addFlags adds the flags that every command has.
func (a *app) addFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&a.flags.db, "db", "", "database `file` (default $DB_PATH, else "+defaultDB+")")
	f.StringVar(&a.flags.thumbnails, "thumbnails", "", "`folder` of the thumbnails (default $THUMBNAILS_DIR, else thumbnails beside the database)")
	f.StringVar(&a.flags.socket, "socket", "", "go through the server at this Unix socket (default $SOCKET_PATH, else the database with .sock), even if the database is not open")
	f.Lookup("socket").NoOptDefVal = besideFile
	f.BoolVar(&a.flags.file, "file", false, "open the database itself, and never go through a server")
	f.StringVar(&a.flags.zone, "tz", "", "time `zone` of tables, dates and hours, such as Europe/Berlin, in any form that TZ may have (default $TZ, else local time)")
	f.BoolVar(&a.flags.json, "json", false, "print one JSON document, for programs")
	f.BoolVar(&a.flags.jsonl, "jsonl", false, "print JSON lines, one for each entry, for programs")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrongFlag(err) })
	_ = root.MarkPersistentFlagDirname("thumbnails")
}

// checkFlags refuses invalid values of the flags that every command has.
func (a *app) checkFlags(cmd *cobra.Command) error {
	for _, name := range []string{"db", "thumbnails", "socket", "tz"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == "" {
			return misuse("--%s is empty", name)
		}
	}
	if a.flags.file && a.flags.socket != "" {
		return misuse("--file and --socket exclude each other")
	}
	if a.flags.json && a.flags.jsonl {
		return misuse("--json and --jsonl exclude each other")
	}
	if a.flags.zone == "" {
		return nil // only commands that need the zone warn of a wrong TZ
	}
	_, err := a.location()
	return err
}
