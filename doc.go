// Package doorlog is an embedded event store for smart locks, doorbells and security
// cameras. It stores events, their detections and the known persons in one bbolt file.
// JPEG thumbnails are in a folder beside it. No server is needed.
//
//	st, err := doorlog.Open("events.db", nil)
//	…
//	defer st.Close()
//	e, err := st.WriteEventWithFrame(ctx, doorlog.Event{
//		Camera: "front_door", RecordedAt: time.Now(), Type: doorlog.Motion,
//		Detections: []doorlog.Detection{{Label: "person", Confidence: 0.95}},
//	}, frame)
//	events, err := st.Recent(ctx, 20)
//
// [Open] makes or opens a store, whose methods are safe for concurrent use.
// [Store.WriteEvent] and its relatives write an [Event]. A [Query] says which events
// [Store.Events] and [Store.Page] return and [Store.Count] counts. [Store.View] is for
// several reads of one state. [Store.Summary], [Store.Heatmap] and others count events by
// time and kind, [Store.Cameras] and [Store.Types] list their names, and
// [Store.RenameCamera] and [Store.RenamePerson] change these. [Store.Changes] tells what has
// changed since a [Cursor], and waits for more; the store can keep the place of a reader
// ([Store.Consumer]). [Store.Prune],
// [Store.Compact], [Store.Backup] and [Store.ErasePerson] look after a store that is in
// use. [Verify], [Repair], [Salvage] and [Restore] work on files.
//
// # What is promised
//
//   - A write is durable when its method returns without an error. An event and all
//     of its detections are one transaction.
//   - A read sees one state of the store. Readers and writers do not block each
//     other. A loop over [Store.Events] reads pages of at most 256 events. Each page is
//     read from one state, before the loop gets its events. So the body of the loop may
//     be slow, and may write.
//   - Events are ordered by the time at which they happened, to the nanosecond,
//     however late they arrive.
//   - A reader of [Store.Changes] gets every change of events and persons after its
//     cursor, in the order in which they were committed, whatever made them: a write, an
//     import, a prune or an erasure. If that is not possible it gets [ErrGone]. No change
//     names a person.
//   - If a frame cannot be decoded, or its thumbnail cannot be saved, the event is
//     stored without a picture. A thumbnail is durable before the event that names it.
//   - If the disk has changed or lost data, a call returns [ErrCorrupt] and never a wrong
//     answer.
//   - If the disk is full or fails, new events are refused, and nothing else is lost.
//     Events can still be deleted on a full disk.
//   - Nothing is deleted because the clock is wrong, or because the thumbnail folder
//     has pictures of another store or of events that were lost.
//   - A prune deletes a few hundred events at a time. A write waits for one such
//     transaction at most before its own.
//   - A compaction blocks writers for a moment and readers not at all. It loses
//     nothing, even if it is interrupted.
//   - A backup is of one moment, with the thumbnails of that moment. A restore verifies
//     everything, and its folder appears as a whole or not at all.
//   - If the file is moved, removed or replaced while it is open, the store refuses
//     writes, after a second at the latest.
//   - No input, and nothing that the disk holds, makes a call panic.
//
// # What is not promised
//
//   - While a process has a store open for writing, no other process can open it.
//     Several can have it open for reading. The process that has it can serve it to the
//     others (package web), and they use it with package client.
//   - Changes are kept by number and age (Options.KeepChanges), and not for ever. A reader
//     that ends before it has kept its cursor gets the last changes again.
//   - If a disk reports that a sync is done before it is, anything can be lost.
//   - A crash between saving a thumbnail and writing its event leaves a file that no
//     event names. [Verify] lists it. [Store.Prune] and [Repair] remove it, unless another
//     store uses the folder.
//
// design/durability.md states each promise exactly, with the tests that hold it.
//
// # Conventions
//
// A long call returns a pointer to a struct that says what was done. It does so even if it
// returns an error. Any other result is a value. Counts are int, sizes in bytes int64,
// and durations [time.Duration]. Parameters are in this order: context, path, what else
// is needed, options. Options may be nil, which means defaults. A list in a result is []
// in JSON, never null.
//
// # Reading the code
//
// The files of this package depend on one another in one direction: each needs only
// files of its own line or of lines above it. So they can be read from top to bottom.
// (x stands for x.go.)
//
//	basics        errors limits list invariant progress calllog id name thumbnailpath strictjson
//	              timetext localtime
//	vocabulary    event mend person query policy options change findings remedy appendjson json
//	              zonejson
//	pictures      folder held claim pruned
//	records       buckets arena decoder codec head changeblock consumerrecord tail thumbnail
//	              namelist
//	indexes       index postingblock postings rollup filter
//	state         sums state clock boot_linux boot_other meta readers schema settings
//	              recordkinds foreign
//	transaction   changedkeys writetx writechanges writetail writeindex writeevent
//	              writeperson feed commit
//	store         examine verification copier upgrade file spelling store snapshot scrub
//	reading       scan search spelled events iteration page tally analytics quarters count cameras
//	              people changescan changepage consumer stats
//	writing       newid picture updates write erasedfiles
//	verifying     checkchanges check thumbnailcheck verify
//	deleting      verdict series heldback lineage prunewalk prunebound prunedelete
//	              prunefree prune forget
//	rewriting     rewrite compact erase rename
//	backup        backupformat lastbackup backup
//	opening       pagescan salvage quarantine background open verifyfile repair
//	restore       restoreplace restore backupinfo inputjson
//
// Good places to begin are event.go (what is stored), buckets.go (the keys), codec.go
// (the records), write.go and search.go; for the changes change.go (what readers get),
// changeblock.go (what is stored) and writechanges.go.
//
// Below this package, from the ground up: internal/fault (errors, and the recovery from
// panics), internal/fsx (files, locks, disk space), internal/pace (waiting),
// internal/archive (the stream of a backup), internal/frame (thumbnails of frames),
// internal/boltfile (a bolt file whose pages are verified as they are read),
// internal/unixsock (Unix sockets), internal/zone (time zones by name and by rule), and
// internal/printable (texts without what a terminal would act on).
//
// Above it are package web, which serves a store over HTTP, and package client, which has
// the methods of a [Store] and calls that server. internal/wire is what they say to each other.
// internal/report writes events down for people who do not have the store.
//
// design/architecture.md draws the layers and follows a write, a read and a compaction
// through them; design/schema.md has the invariants and the procedures.
package doorlog
