package doorlog

import (
	"slices"
)

// A Verification is the account of a Verify.
type Verification struct {
	// Events, Detections and Persons are how many verify.
	Events     int `json:"events"`
	Detections int `json:"detections"`
	Persons    int `json:"persons"`

	// Findings are what is wrong, at most the first 100; Found is how many
	// there are in all.
	Findings List[Finding] `json:"findings"`
	Found    int           `json:"found"`

	// Remedy is what mends the store.
	Remedy Remedy `json:"remedy"`

	// RecordsWhole says that every event, all detections and every person
	// that were stored are there and verify, so that Repair loses nothing.
	RecordsWhole bool `json:"records_whole"`

	// Thumbnails is the number of thumbnails that doorlog made and events
	// name. Those that are missing or changed are among the Findings. Missing is
	// how many of them are missing: if that is all of them the folder may be
	// another one, or not be mounted.
	Thumbnails int `json:"thumbnails"`
	Missing    int `json:"missing"`

	// Orphans are the files of thumbnails, below Options.ThumbnailDir, that
	// belong to no event: at most the first 100; Orphaned is how many there
	// are in all. A crash at the wrong moment leaves one, and no harm is done.
	// Folder says whose the folder is: only in one that is FolderOwn are orphans
	// known to be nobody's.
	Orphans  List[string] `json:"orphans"`
	Orphaned int          `json:"orphaned"`
	Folder   Folder       `json:"folder"`

	// Links are the symbolic links below Options.ThumbnailDir, at most the first
	// 100, because of which thumbnails were not read: doorlog follows none of them
	// (ErrSymlink). Linked is how many thumbnails these are. They are not Findings.
	Links  List[string] `json:"links"`
	Linked int          `json:"linked"`

	// Whole is false if the file is so damaged that records, indexes and
	// thumbnails were not compared with each other.
	Whole bool `json:"whole"`
}

// Sound reports whether nothing is wrong. Orphans are not wrong, nor are Links.
func (v *Verification) Sound() bool { return v.Found == 0 }

// Err is nil if nothing is wrong, and else ErrCorrupt with the first finding.
func (v *Verification) Err() error {
	f := findings{list: v.Findings, all: v.Found}
	return f.err()
}

func (x *examination) verification() *Verification {
	return &Verification{
		Events:     int(x.sums[eventsSum].entries) - x.damaged[eventsSum],
		Detections: x.detections,
		Persons:    int(x.sums[personsSum].entries) - x.damaged[personsSum],
		Findings:   slices.Clone(x.list), Found: x.all, Remedy: x.remedy(),

		RecordsWhole: x.whole(eventsSum) && x.whole(detectionsSum) && x.whole(personsSum),
	}
}
