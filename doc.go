// Package doorlog is an embedded event store for smart locks, doorbells and edge cameras.
// One bbolt file holds the events, their detections and the known persons. A folder holds
// JPEG thumbnails. There is no server.
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
//   - An event and all of its detections are written in one transaction: nobody
//     ever sees a part of them.
//   - A reader sees one state of the store. Readers and writers do not wait for
//     each other. A loop over [Store.Events] may take its time: it sees one state
//     for each page of at most 256 events.
//   - Events are ordered by the time at which they happened, to the
//     nanosecond, however late they arrive and whatever the clock does.
//   - If a frame cannot be read or a thumbnail cannot be saved, the event is
//     stored all the same. A thumbnail that the store has made is durable before
//     the event that names it.
//   - If the disk changes a record, reading it is [ErrCorrupt] and never wrong
//     data: each record has a checksum that also covers its place. Counts and hash
//     sums detect lost entries.
//   - A full or failing disk costs the new event and nothing else. Events can still
//     be deleted on a full disk.
//   - A [Policy] deletes a few events in each transaction. Another write waits for
//     at most one such transaction.
//   - The store deletes nothing because of a wrong clock, and no picture that may
//     belong to another store or to a lost event.
//   - A backup captures one moment, with the thumbnails of that moment. [Restore]
//     verifies everything, and makes the whole store or nothing.
//   - If the file of a store is moved, removed or replaced, the store stops writes
//     within a second of writing.
//   - A compaction delays writers for a moment and readers not at all. It loses
//     nothing, even if it is interrupted.
//   - No call panics, whatever is stored and whatever the disk returns.
//
// # What is not promised
//
//   - While one process has a store open for writing, no other process can open it,
//     not even for reading.
//   - A disk that reports a sync that it has not done can lose anything.
//   - A crash between saving a thumbnail and writing its event leaves a file that no
//     event names. [Store.Verify] reports it. [Store.Prune] and [Repair] remove it if
//     the folder belongs to this store alone.
//
// design/durability.md explains all of this and names the tests that prove it.
//
// # Conventions
//
// A long call returns its account as a pointer to a struct; any other result is a value. An
// account that comes with an error says what was done before the error. Counts are int,
// sizes in bytes int64, and durations time.Duration. Functions that are not methods of a
// [Store] take a context first, then a path, and last [Options], which may be nil. A list
// in a result is [] in JSON, never null.
//
// # Reading the code
//
// event.go has what is stored, name.go the form of names, id.go the order of events.
// buckets.go draws the keys and codec.go the records. open.go opens and closes a store, and
// store.go says what it holds while it is open.
//
// A write goes from write.go through commit.go (group commit) into writetx.go (one
// transaction) and writetail.go (the newest events). Later writeindex.go moves these into
// the indexes (index.go), the posting lists (postings.go) and the rollups (rollup.go). A
// frame goes from picture.go through internal/frame to thumbnail.go.
//
// A read goes from snapshot.go and query.go through search.go (intersects posting lists)
// and filter.go (compares records). events.go, iteration.go, page.go, count.go, tally.go
// and analytics.go use these.
//
// internal/boltfile reads and writes the bolt file and trusts none of its pages. examine.go
// examines a file before it is used, and scrub.go while it is in use.
//
// policy.go says what is kept. The files prune*.go delete the rest, as far as clock.go can
// tell the time and claim.go can tell which store a picture belongs to. forget.go removes
// the names of missing pictures from their events. compact.go and rewrite.go rewrite the
// file without free pages; erase.go removes a person. series.go lets other writes go first
// meanwhile.
//
// verify.go compares everything with the invariants (invariant.go) that design/schema.md
// explains. remedy.go says what helps. repair.go and salvage.go save what is left. backup.go
// writes a backup and restore.go makes a store from it.
package doorlog
