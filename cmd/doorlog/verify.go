package main

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newVerifyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Say whether the store is sound",
		Long: `Read the whole database and its thumbnails, and say what is wrong: damaged pages and
records, missing entries, indexes and sums that do not match the events, and thumbnails
that are missing or have changed. Nothing is changed. The database may be damaged in any
way. Meanwhile others can read it, but not write. If a server has it open, the server
verifies it, and writes go on. Then thumbnails of no event are listed only if they are an
hour old: the events of others may be about to be written.

Thumbnails that belong to no event are listed, but are no damage: a crash at the wrong
moment leaves one. If another store uses the folder too, or if the store has lost
records, such thumbnails may be needed; verify says so. --thumbnails says where the
thumbnails are. Thumbnails behind a symbolic link in that folder are not read. That is no
damage either, and the link is named.

The exit code is 0 if the store is sound, 3 if it is damaged, and 1 if verify could not
find out. The last line says what to do next. A finding begins with the number of the
violated invariant in design/schema.md.

With --json it prints an object with sound; remedy (what mends the store: nothing, repair,
salvage, or restore if only thumbnails are damaged); events, detections, persons,
thumbnails and missing (thumbnails); findings, orphans and links (at most 100 of each);
found and orphaned (the number of all findings and of all orphans); linked (thumbnails
behind links); folder (state is own, absent, unclaimed, shared or forgotten, claimed says
whether the store has saved thumbnails there, and others has the IDs of other stores);
records_whole (whether all records are there, so that repair loses nothing); and whole
(false if the damage kept records, indexes and thumbnails from being compared). A finding
is an object with the number of the invariant, its name, and the problem.`,
		Example: `  doorlog verify
  doorlog verify --db demo/events.db
  doorlog verify --json | jq .findings`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context()) },
	}
}

// verify verifies the store and prints what it found.
func (a *app) verify(ctx context.Context) error {
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	told, end := a.follow()
	defer end()
	var v *doorlog.Verification
	server, err := a.orServer(ctx, readsPictures, path, func(wait time.Duration) (err error) { // the file may be too damaged to be opened
		opts := &doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told}
		v, err = doorlog.Verify(ctx, path, a.options(opts, wait))
		return err
	})
	if server != nil {
		thumbnails = server.ThumbnailDir()
		v, err = server.Verify(doorlog.WithProgress(ctx, told))
		err = cmp.Or(err, server.Close())
	}
	end()
	if err != nil {
		return err
	}
	result := struct {
		Sound bool `json:"sound"`
		*doorlog.Verification
	}{v.Sound(), v}
	return a.emitDamage(result, !v.Sound(), func(w io.Writer) { drawVerification(w, v, thumbnails, "doorlog repair") })
}
