package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

// drawnFindings is how many lines of a list of findings, or of files, people see.
const drawnFindings = 20

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
the invariant, in design/schema.md, that does not hold; with --json it has the name of
the invariant as well.

With --json it is an object with sound, remedy (what mends it: nothing, repair, salvage
or restore, which means thumbnails), events, detections, persons, thumbnails, missing (of these), findings, orphans and links (at most 100 of
each), found and orphaned (how many there are in all), linked (thumbnails behind the links), folder
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
	told, end := a.follow()
	v, err := doorlog.Verify(ctx, path, a.options(&doorlog.Options{ThumbnailDir: thumbnails, Scrub: -1, Progress: told}))
	end()
	if err != nil {
		return explainLock(err)
	}
	result := struct {
		Sound bool `json:"sound"`
		*doorlog.Verification
	}{v.Sound(), v}
	return a.emitDamage(result, !v.Sound(), func(w io.Writer) { drawVerification(w, v, thumbnails) })
}

// emitDamage is emit for a result that may tell of damage, which is the error
// then, also if whoever read the result had enough.
func (a *app) emitDamage(v any, damage bool, text func(io.Writer)) error {
	err := a.emit(v, func(w io.Writer) error {
		text(w)
		return nil
	})
	if damage && (err == nil || errors.Is(err, syscall.EPIPE)) {
		return errDamage
	}
	return err
}

func drawVerification(w io.Writer, v *doorlog.Verification, thumbnails string) {
	events := plural(v.Events, "event") + " that verify"
	if v.Events == 1 {
		events = "1 event that verifies"
	}
	fmt.Fprintf(w, "%s, with %s\n", events, plural(v.Detections, "detection"))
	fmt.Fprintf(w, "%s\n", plural(v.Persons, "person"))
	if v.Whole {
		fmt.Fprintf(w, "%s of events in %s\n", plural(v.Thumbnails, "thumbnail"), printable(thumbnails))
		drawFolder(w, v, thumbnails)
	} else {
		fmt.Fprintln(w, "the damage kept records, indexes and thumbnails from being compared")
	}
	if v.Linked > 0 {
		fmt.Fprintf(w, "\n%s not read, behind symbolic links, which doorlog does not follow.\n"+
			"Move what these lead to into their place, or mount it there (mount --bind):\n", plural(v.Linked, "thumbnail"))
		for _, link := range v.Links {
			fmt.Fprintf(w, "  %s\n", printable(filepath.Join(thumbnails, link)))
		}
	}
	findings, found := v.Findings, v.Found
	if allMissing(v) { // which one line has said
		isMissing := func(f doorlog.Finding) bool { return f.Invariant == doorlog.InvariantThumbnails }
		findings, found = slices.DeleteFunc(slices.Clone(findings), isMissing), found-v.Missing
	}
	drawFindings(w, findings, found)
	if v.Orphaned > 0 {
		fmt.Fprintf(w, "\n%s of no event:\n", plural(v.Orphaned, "thumbnail"))
		drawSome(w, v.Orphans, v.Orphaned)
	}
	fmt.Fprintf(w, "\n%s\n", verdict(v, thumbnails))
}

// drawFolder says what the folder of the thumbnails has to do with those that are
// missing, and whose it is if it is not just the store's.
func drawFolder(w io.Writer, v *doorlog.Verification, thumbnails string) {
	switch {
	case allMissing(v) && v.Missing == 1:
		fmt.Fprintf(w, "the thumbnail is missing: %s\n", strangeFolder(&v.Folder, thumbnails))
	case allMissing(v):
		fmt.Fprintf(w, "all %s are missing: %s\n", plural(v.Missing, "thumbnail"), strangeFolder(&v.Folder, thumbnails))
	case v.Missing > 0 && v.Folder.State != doorlog.FolderOwn:
		are := "are"
		if v.Missing == 1 {
			are = "is"
		}
		fmt.Fprintf(w, "%s of them %s missing: %s\n", count(v.Missing), are, strangeFolder(&v.Folder, thumbnails))
	case v.Folder.Why() != "" && (!v.Sound() || v.Orphaned == 0): // of which the verdict tells
		fmt.Fprintf(w, "files in it that belong to no event may be somebody's: %s\n", v.Folder.Why())
	}
}

// allMissing reports whether none of the thumbnails that events name is there.
func allMissing(v *doorlog.Verification) bool { return v.Missing > 0 && v.Missing == v.Thumbnails }

// mayBeElsewhere reports whether thumbnails are missing from a folder that is not known
// to be theirs.
func mayBeElsewhere(v *doorlog.Verification) bool {
	switch v.Folder.State {
	case doorlog.FolderAbsent:
		return true
	case doorlog.FolderShared:
		return v.Missing > 0 && !v.Folder.Claimed
	}
	return v.Missing > 0 && v.Folder.State != doorlog.FolderOwn
}

// strangeFolder says what is wrong with a folder in which thumbnails are missing.
func strangeFolder(f *doorlog.Folder, dir string) string {
	thumbnails := printable(dir)
	switch f.State {
	case doorlog.FolderAbsent:
		if info, err := os.Stat(dir); err != nil {
			return thumbnails + " is not there"
		} else if !info.IsDir() {
			return thumbnails + " is not a folder"
		}
	case doorlog.FolderShared:
		var others []string
		for _, id := range f.Others {
			others = append(others, id.String())
		}
		also := ""
		if f.Claimed {
			also = "also "
		}
		return fmt.Sprintf("%s is %sanother store's (%s)", thumbnails, also, strings.Join(others, ", "))
	case doorlog.FolderUnclaimed:
		return thumbnails + " does not say whose pictures it has"
	case doorlog.FolderForgotten:
		return thumbnails + " is from before the store lost records"
	}
	return thumbnails + " has none of them"
}

func drawFindings(w io.Writer, list []doorlog.Finding, all int) {
	if all > 0 {
		fmt.Fprintf(w, "\n%s:\n", plural(all, "finding"))
		drawSome(w, list, all)
	}
}

// drawSome writes the first entries of a list, which itself may be the first of
// all that there are.
func drawSome[T any](w io.Writer, list []T, all int) {
	shown := list[:min(len(list), drawnFindings)]
	for _, entry := range shown {
		fmt.Fprintf(w, "  %s\n", printable(fmt.Sprint(entry)))
	}
	if left := all - len(shown); left > 0 {
		fmt.Fprintf(w, "  (and %s more)\n", count(left))
	}
}

// verdict says whether the store is sound, and what to do if it is not.
func verdict(v *doorlog.Verification, thumbnails string) string {
	switch {
	case v.Sound() && v.Orphaned > 0 && v.Folder.Why() != "":
		return "sound; the thumbnails of no event stay, because " + v.Folder.Why() +
			": if they are nobody's, 'doorlog prune --orphans' removes them"
	case v.Sound() && v.Orphaned > 0:
		return "sound; 'doorlog repair' removes the thumbnails of no event that are an hour old"
	case v.Sound():
		return "sound"
	case v.Remedy == doorlog.RemedySalvage:
		return "damaged, and records are lost: 'doorlog salvage NEW' saves the others"
	case v.Remedy == doorlog.RemedyRestore && mayBeElsewhere(v):
		return "damaged: thumbnails are not in " + printable(thumbnails) + ": say with --thumbnails where they are; " +
			"else nothing mends that but a copy of them"
	case v.Remedy == doorlog.RemedyRestore:
		return "damaged: thumbnails are missing or have changed, which nothing mends but a copy of them; " +
			"if they are not in " + printable(thumbnails) + ", say where with --thumbnails; " +
			"if somebody has removed some, 'doorlog repair' takes their names off their events"
	}
	if v.RecordsWhole {
		return "damaged: 'doorlog repair' mends it"
	}
	return "damaged: 'doorlog repair' mends it if it finds all records, else 'doorlog salvage NEW' saves those that it finds"
}
