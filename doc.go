// Package doorlog is the event store of smart locks, doorbells and edge
// cameras, to be embedded in a program: one bbolt file for the events, the
// detections in them and the persons who are known, and a folder of JPEG
// thumbnails. There is no server.
//
//	st, err := doorlog.Open("events.db", nil)
//	…
//	defer st.Close()
//	id, err := st.WriteEventWithFrame(ctx, doorlog.Event{
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
//     writers by readers.
//   - Events are ordered by the time at which they happened, to the
//     nanosecond, however late they arrive and whatever the clock does.
//   - A frame that cannot be read, or a thumbnail that cannot be saved, never
//     costs the event. A thumbnail that the store made is durable before the
//     event that names it.
//   - A record that the disk has changed is ErrCorrupt and never wrong data:
//     each has a checksum that also covers its place.
//   - No call panics, whatever it is given.
//
// # What is not promised
//
//   - Only one process at a time can have a store open for writing, and no
//     other one for reading meanwhile.
//   - A disk that says it has synced what it has not can lose anything.
//   - Damage in bolt's own pages is found when it is met, not before.
//   - A crash between saving a thumbnail and writing its event leaves a file
//     that no event names.
//
// # Reading the code
//
// event.go has what is stored and id.go its order; store.go has the methods.
// A write goes through commit.go (group commit) into writetx.go (one
// transaction) and index.go (posting lists, later); a read through
// snapshot.go and query.go. buckets.go draws the keys and codec.go the
// records. thumbnail.go and frame.go stand apart. design/schema.md numbers the
// invariants, which check.go compares with a file.
package doorlog
