package doorlog

// Removed counts what was removed, or would be.
type Removed struct {
	Events     int `json:"events"`
	Detections int `json:"detections"` // of those events

	// Thumbnails is the number of files that were removed with an event or before it,
	// and ThumbnailBytes is their size.
	Thumbnails     int   `json:"thumbnails"`
	ThumbnailBytes int64 `json:"thumbnail_bytes"`

	// DatabaseBytes estimates how many bytes of the database become free: the share
	// that the records of the events have in all pages in use. Later writes reuse them;
	// the file does not shrink.
	DatabaseBytes int64 `json:"database_bytes"`
}

func (r *Removed) add(o Removed) {
	r.Events += o.Events
	r.Detections += o.Detections
	r.Thumbnails += o.Thumbnails
	r.ThumbnailBytes += o.ThumbnailBytes
	r.DatabaseBytes += o.DatabaseBytes
}

func (r *Removed) subtract(o Removed) {
	r.Events -= o.Events
	r.Detections -= o.Detections
	r.Thumbnails -= o.Thumbnails
	r.ThumbnailBytes -= o.ThumbnailBytes
	r.DatabaseBytes -= o.DatabaseBytes
}

// RemovedBy counts what was removed for one reason.
type RemovedBy struct {
	// Reason is the Name of a Rule, "max age", "max events", "max bytes", "keep
	// free" or "thumbnail age".
	Reason string `json:"reason"`
	Removed
}

// A Pruned is the account of a Prune, or of what one would do.
type Pruned struct {
	// Removed is the sum of By.
	Removed

	// By has one entry for each rule of the policy, in order, and then one for each
	// other reason. Reasons for which nothing was removed are included.
	By List[RemovedBy] `json:"by"`

	// Orphans is the number of files that were removed because they belong to no event:
	// thumbnails at least an hour old, and what an interrupted backup left. OrphanBytes
	// is their size.
	Orphans     int   `json:"orphans"`
	OrphanBytes int64 `json:"orphan_bytes"`

	// Folder says who owns the thumbnail folder. Only if it is [FolderOwn] is it known
	// that orphans belong to nobody else ([Policy.Orphans]).
	Folder Folder `json:"folder"`

	// Kept is how many of the events that existed at the start are left.
	Kept int `json:"kept"`

	// HeldBack says, in sentences, what was not removed although the policy calls for
	// it, and why: there is no proof that it may go, or removing it would be in vain.
	HeldBack List[string] `json:"held_back"`
}
