package doorlog_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"log"
	"time"

	"github.com/doorlog/doorlog"
)

// cameraPicture is what a camera would send.
func cameraPicture() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 1920, 1080)), nil); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

// Many events with their frames are one transaction: all of them are stored, or none.
func ExampleStore_WriteEventsWithFrames() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	events := []doorlog.Event{
		{Camera: "front_door", RecordedAt: now.Add(-2 * time.Minute), Type: doorlog.Ding},
		{Camera: "garage", RecordedAt: now.Add(-time.Minute), Type: doorlog.Motion}, // without a frame
	}
	stored, err := st.WriteEventsWithFrames(ctx, events, [][]byte{cameraPicture(), nil})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range stored {
		fmt.Println(e.Camera, e.FrameWidth, e.ThumbnailPath != "", !e.ID.IsZero())
	}
	// Output:
	// front_door 1920 true true
	// garage 0 false true
}

// What is delivered again is stored once, and told from what is new.
func ExampleStore_WriteEventsOnce() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	delivery := []doorlog.Event{
		{Camera: "porch", RecordingID: "1", RecordedAt: now.Add(-2 * time.Minute), Type: doorlog.Ding},
		{Camera: "porch", RecordingID: "2", RecordedAt: now.Add(-time.Minute), Type: doorlog.Motion},
	}
	for n := 1; n <= len(delivery); n++ {
		stored, existed, err := st.WriteEventsOnce(ctx, delivery[:n], nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(stored), existed)
	}
	// Output:
	// 1 [false]
	// 2 [true false]
}

// A loop over events may write to the store.
func ExampleStore_MarkAlertSent() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	for i := range 3 {
		_, err := st.WriteEvent(ctx, doorlog.Event{Camera: "porch", RecordedAt: now.Add(-time.Duration(i) * time.Minute), Type: doorlog.Ding})
		if err != nil {
			log.Fatal(err)
		}
	}

	sent := 0
	for e, err := range st.Events(ctx, doorlog.Query{Types: []doorlog.EventType{doorlog.Ding}}) {
		if err != nil {
			log.Fatal(err)
		}
		if e.AlertSent {
			continue
		}
		if err := st.MarkAlertSent(ctx, e.ID); err != nil {
			log.Fatal(err)
		}
		sent++
	}
	fmt.Println(sent)
	// Output: 3
}

// What nobody has reviewed yet, of one zone.
func ExampleStore_MarkReviewed() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	for i, zone := range []string{"porch", "street", "porch"} {
		_, err := st.WriteEvent(ctx, doorlog.Event{
			Camera: "front", RecordedAt: now.Add(-time.Duration(i) * time.Minute), Type: doorlog.Motion,
			Door: doorlog.Failed, Method: doorlog.MethodKeypad, Attributes: map[string]string{"zone": zone},
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	unreviewed := doorlog.Query{Attributes: map[string][]string{"zone": {"porch"}}, Reviewed: new(false)}
	page, err := st.Page(ctx, unreviewed, "")
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range page.Events {
		fmt.Println(e.Door, e.Method)
	}
	if err := st.MarkReviewed(ctx, page.Events[0].ID, page.Events[1].ID); err != nil {
		log.Fatal(err)
	}
	left, err := st.Count(ctx, unreviewed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left)
	// Output:
	// failed keypad
	// failed keypad
	// 0
}

func ExampleStore_Summary() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	for i, person := range []string{"alice", "", ""} {
		_, err := st.WriteEvent(ctx, doorlog.Event{
			Camera: "porch", RecordedAt: now.Add(-time.Duration(i) * 24 * time.Hour), Type: doorlog.Motion, Person: person,
		})
		if err != nil {
			log.Fatal(err)
		}
	}

	week := doorlog.Scope{Since: now.AddDate(0, 0, -6)}
	sum, err := st.Summary(ctx, week)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum.Total, "events,", sum.Today, "of them today,", sum.Strangers, "of strangers")
	hours, err := st.PeakHours(ctx, week)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d o'clock: %d, %.2f a day\n", hours[18].Hour, hours[18].Count, hours[18].AvgPerDay)
	// Output:
	// 3 events, 1 of them today, 2 of strangers
	// 18 o'clock: 3, 0.43 a day
}
