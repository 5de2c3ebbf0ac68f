// Package doorlog is the event store of smart locks, doorbells and edge
// cameras, to be embedded in a program: one bbolt file for the events, the
// detections in them and the persons who are known, and a folder of JPEG
// thumbnails. There is no server.
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
// # What is promised
//
//   - A write is durable when its method returns without an error.
//   - An event and all of its detections are one transaction: nobody ever sees
//     a part of them.
//   - Readers see one state of the store and are not held up by writers, nor
//     writers by readers. A loop over Store.Events, which may take its time, sees
//     one for each page of at most 256 events.
//   - Events are ordered by the time at which they happened, to the
//     nanosecond, however late they arrive and whatever the clock does.
//   - A frame that cannot be read, or a thumbnail that cannot be saved, never
//     costs the event. A thumbnail that the store made is durable before the
//     event that names it.
//   - A record that the disk has changed is ErrCorrupt and never wrong data:
//     each has a checksum that also covers its place. Lost entries are
//     detected by counts and hash sums.
//   - A full or failing disk costs the new event, and nothing else. Events can be
//     deleted on it.
//   - What is to go by a Policy goes a few events at a time. A write beside it
//     waits for one such transaction.
//   - Nothing goes because of a wrong clock, or because the pictures in the folder
//     are those of another store or of events that were lost.
//   - A backup is of one moment, and has the thumbnails of that moment. What is
//     restored has been verified, and is there as a whole or not at all.
//   - A store whose file was moved, removed or replaced stops its writes within a
//     second of writing.
//   - A compaction holds up writers for a moment and readers not at all, and
//     loses nothing, whenever it is cut short.
//   - What is to be stored, or comes from the disk, makes no call panic.
//
// # What is not promised
//
//   - Only one process at a time can have a store open for writing, and no
//     other one for reading meanwhile.
//   - A disk that says it has synced what it has not can lose anything.
//   - A crash between saving a thumbnail and writing its event leaves a file
//     that no event names, which Verify shows and Prune and Repair remove from a
//     folder that is the store's alone.
//
// design/durability.md has all of it, with the tests that prove it.
//
// # Conventions
//
// The account of a long call is a pointer to a struct; any other answer is a value. An
// account that comes with an error says what was done until then.
// Counts are int, sizes in bytes int64, and durations time.Duration. Functions that
// take no store take a context first, then a path, and Options last, which may be nil.
// A list in a result is [] in JSON, and never null.
//
// # Reading the code
//
// event.go has what is stored, name.go in which form, and id.go its order; store.go opens and closes.
// A write goes from write.go through commit.go (group commit) into writetx.go
// (one transaction), place.go (whether the file is still at its path), reserve.go and
// mapping.go (how far the file may be used) and tail.go (the newest events), and later into index.go with
// postings.go (posting lists) and rollup.go (sums); a read from snapshot.go and
// query.go through search.go (posting lists, intersected) and filter.go. iteration.go, page.go,
// count.go, explain.go, tally.go and analytics.go stand on these. buckets.go draws
// the keys and codec.go the records. A frame goes from picture.go to thumbnail.go
// and package internal/frame, which works out from its headers what it would take before it decodes it.
// retention.go says what is to be kept, keepfree.go what that means for a disk, and
// prune.go with bound.go, removal.go and series.go deletes the rest, as far as clock.go can tell the time and
// claim.go, with lineage.go, whose the pictures are; heldback.go notes what stays for
// want of that. forget.go takes the names of missing pictures off.
//
// compact.go writes the file anew without its free pages, while it is in use, and
// compactor.go by itself; erase.go takes a person out of all of it, and removing.go
// the files that go with events. progress.go tells how far long calls are, and
// stats.go how the store is.
//
// Every read goes through treecursor.go, and before every change writeguard.go goes
// where bolt is about to: both believe no page. pages.go knows the sum of each page, and
// which of them each commit has made and freed; pagesums.go keeps that behind the last
// page of a file that is closed. scrub.go compares all pages from time to time, and
// rescan.go before bolt looks at all of them. A file that was not closed is read before
// bolt maps it: walk.go goes through the pages as boltfile.go draws them, and examine.go
// compares what is in them with sums.go and state.go.
//
// verify.go, check.go and thumbnailcheck.go compare everything with the invariants
// (invariant.go) that design/schema.md explains, and remedy.go says what mends the store;
// repair.go, salvage.go and scavenge.go save what is left.
// backup.go sends a state of the store (spool.go, if the receiver is slow) with the
// thumbnails that held.go keeps for it, lastbackup.go notes when, backupinfo.go says what
// is in one, and restore.go makes a store of that again.
package doorlog
