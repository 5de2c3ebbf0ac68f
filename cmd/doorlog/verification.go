package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// drawVerification says what was found, and what to do next. forget is the command that
// removes the names of missing thumbnails from their events.
func drawVerification(w io.Writer, v *doorlog.Verification, thumbnails, forget string) {
	events := plural(v.Events, "event") + " that verify"
	if v.Events == 1 {
		events = "1 event that verifies"
	}
	fmt.Fprintf(w, "%s, with %s\n", events, plural(v.Detections, "detection"))
	fmt.Fprintf(w, "%s\n", plural(v.Persons, "person"))
	if v.Whole {
		fmt.Fprintf(w, "%s of events in %s\n", plural(v.Thumbnails, "thumbnail"), terminal.Printable(thumbnails))
		drawFolder(w, v, thumbnails)
	} else {
		fmt.Fprintln(w, "the damage kept records, indexes and thumbnails from being compared")
	}
	if v.Linked > 0 {
		fmt.Fprintf(w, "\n%s not read, behind symbolic links, which doorlog does not follow.\n"+
			"Move what these lead to into their place, or mount it there (mount --bind):\n", plural(v.Linked, "thumbnail"))
		for _, link := range v.Links {
			fmt.Fprintf(w, "  %s\n", terminal.Printable(filepath.Join(thumbnails, link)))
		}
	}
	findings, found := v.Findings, v.Found
	if allMissing(v) { // drawFolder has said so in one line
		isMissing := func(f doorlog.Finding) bool { return f.Invariant == doorlog.InvariantThumbnails }
		findings, found = slices.DeleteFunc(slices.Clone(findings), isMissing), found-v.Missing
	}
	drawFindings(w, findings, found)
	if v.Orphaned > 0 {
		fmt.Fprintf(w, "\n%s of no event:\n", plural(v.Orphaned, "thumbnail"))
		drawSome(w, v.Orphans, v.Orphaned)
	}
	fmt.Fprintf(w, "\n%s\n", verdict(v, thumbnails, forget))
}

// drawFolder says why thumbnails may be missing from the folder, or why files in it that
// belong to no event may be needed.
func drawFolder(w io.Writer, v *doorlog.Verification, thumbnails string) {
	switch {
	case allMissing(v) && v.Missing == 1:
		fmt.Fprintf(w, "the thumbnail is missing: %s\n", strangeFolder(&v.Folder, thumbnails))
	case allMissing(v):
		fmt.Fprintf(w, "all %s are missing: %s\n", plural(v.Missing, "thumbnail"), strangeFolder(&v.Folder, thumbnails))
	case v.Missing > 0:
		are := "are"
		if v.Missing == 1 {
			are = "is"
		}
		fmt.Fprintf(w, "%s of them %s missing", count(v.Missing), are)
		if v.Folder.State != doorlog.FolderOwn {
			fmt.Fprintf(w, ": %s", strangeFolder(&v.Folder, thumbnails))
		}
		fmt.Fprintln(w)
	case v.Folder.Why() != "" && (!v.Sound() || v.Orphaned == 0): // otherwise the verdict says so
		fmt.Fprintf(w, "files in it that belong to no event may still be needed: %s\n", v.Folder.Why())
	}
}

// allMissing reports whether none of the thumbnails that events name is there.
func allMissing(v *doorlog.Verification) bool { return v.Missing > 0 && v.Missing == v.Thumbnails }

// mayBeElsewhere reports whether the missing thumbnails may be in another folder.
func mayBeElsewhere(v *doorlog.Verification) bool {
	switch v.Folder.State {
	case doorlog.FolderAbsent:
		return true
	case doorlog.FolderShared:
		return v.Missing > 0 && !v.Folder.Claimed
	}
	return v.Missing > 0 && v.Folder.State != doorlog.FolderOwn
}

// strangeFolder says what is strange about a folder in which thumbnails are missing.
func strangeFolder(f *doorlog.Folder, dir string) string {
	thumbnails := terminal.Printable(dir)
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

// drawnFindings is how many lines of a list of findings or files are written.
const drawnFindings = 20

// drawFindings writes the first findings.
func drawFindings(w io.Writer, list []doorlog.Finding, all int) {
	if all > 0 {
		fmt.Fprintf(w, "\n%s:\n", plural(all, "finding"))
		drawSome(w, list, all)
	}
}

// drawSome writes the first entries of a list, and how many are left out. all is the number
// of entries that there are; the list itself may have fewer.
func drawSome[T any](w io.Writer, list []T, all int) {
	shown := list[:min(len(list), drawnFindings)]
	for _, entry := range shown {
		fmt.Fprintf(w, "  %s\n", terminal.Printable(fmt.Sprint(entry)))
	}
	if left := all - len(shown); left > 0 {
		fmt.Fprintf(w, "  (and %s more)\n", count(left))
	}
}

// verdict says whether the store is sound, and with which command its remedy is had.
func verdict(v *doorlog.Verification, thumbnails, forget string) string {
	switch v.Remedy {
	case doorlog.RemedyNothing:
		return soundVerdict(v)
	case doorlog.RemedySalvage:
		return "damaged, and records are lost: 'doorlog salvage NEW' saves the others"
	case doorlog.RemedyRestore:
		return thumbnailVerdict(v, terminal.Printable(thumbnails), forget)
	}
	if v.RecordsWhole {
		return "damaged: 'doorlog repair' repairs it"
	}
	return "damaged: 'doorlog repair' repairs it if all records are there; otherwise 'doorlog salvage NEW' saves those that are"
}

// soundVerdict says what becomes of the thumbnails of no event.
func soundVerdict(v *doorlog.Verification) string {
	why := v.Folder.Why()
	switch {
	case v.Orphaned == 0:
		return "sound"
	case why != "":
		return "sound; the thumbnails of no event stay, because " + why +
			": if nobody needs them, 'doorlog prune --orphans' removes them"
	}
	return "sound; 'doorlog repair' removes the thumbnails of no event that are an hour old"
}

// thumbnailVerdict says where thumbnails may be that are missing or have changed.
func thumbnailVerdict(v *doorlog.Verification, thumbnails, forget string) string {
	switch {
	case mayBeElsewhere(v):
		return "damaged: thumbnails are not in " + thumbnails + ": say with --thumbnails where they are; " +
			"otherwise only a backup can bring them back"
	case v.Missing == 0:
		return "damaged: thumbnails have changed, and only a backup can bring them back"
	}
	return "damaged: thumbnails are missing or have changed, and only a backup can bring them back; " +
		"if they are not in " + thumbnails + ", say where with --thumbnails; " +
		"if somebody has removed some, '" + forget + "' removes their names from their events"
}
