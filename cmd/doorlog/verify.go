package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newVerifyCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Say whether the store is sound",
		Long: `Read all of the database and its thumbnails, and say what is wrong: damaged pages
and records, entries that are gone, indexes and sums that are not what the events come
to, and thumbnails that are missing or have changed. Nothing is changed. The database
may be damaged in any way. Others may read it meanwhile, but not write.

Thumbnails that belong to no event are listed too, but are not wrong: a crash at the
wrong moment leaves one. In a folder that another store uses too, or whose store has
lost records, they may be somebody's: verify says if it is such a folder, or if there
is none. Where the thumbnails are is said by --thumbnails. Those behind a symbolic link in that folder are
not read, which is no damage; the link is named.

The exit code is 0 if the store is sound, 3 if it is damaged, and 1 if that could not
be found out. The last line says what to do next. A finding begins with the number of
the invariant, in design/schema.md, that does not hold.

With --json it is an object with sound, events, detections (the events that have
some), persons, thumbnails, missing (of these), findings, orphans and links (at most 100 of each), found
and orphaned (how many there are in all), linked (thumbnails behind the links), folder
(its state is own, absent, unclaimed, shared or forgotten, claimed is whether the store
has saved thumbnails there, and others has the IDs of the other stores), and whole (false if the damage kept records, indexes and thumbnails from
being compared).`,
		Example: `  doorlog verify
  doorlog verify --db demo/events.db
  doorlog verify --json | jq .findings`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context()) },
	}
}

// verify verifies the store and prints what was found.
func (a *app) verify(ctx context.Context) error {
	path, thumbnails, err := a.pair()
	if err != nil {
		return err
	}
	bar := a.progress(-1, "verifying")
	v, err := doorlog.Verify(ctx, path, a.options(&doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1}))
	bar.Done()
	if err != nil {
		return explainLock(err)
	}
	result := struct {
		Sound bool `json:"sound"`
		*doorlog.Verification
	}{v.Sound(), v}
	return a.emitDamage(result, !v.Sound(), func(w io.Writer) { drawVerification(w, v, thumbnails) })
}
