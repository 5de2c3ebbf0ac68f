package doorlog_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/doorlog/doorlog"
)

// A misspelled camera and the right one become one camera.
func ExampleStore_RenameCamera() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	for i, camera := range []string{"porhc", "porhc", "porch"} {
		e := doorlog.Event{Camera: camera, RecordedAt: now.Add(time.Duration(i-10) * time.Minute), Type: doorlog.Motion}
		if _, err := st.WriteEvent(ctx, e); err != nil {
			log.Fatal(err)
		}
	}
	renamed, err := st.RenameCamera(ctx, "porhc", "porch")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(renamed.Events, "events, merged:", renamed.Merged)

	cameras, err := st.Cameras(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range cameras {
		fmt.Println(c.Camera, c.Events, c.First.Format(time.TimeOnly), c.Last.Format(time.TimeOnly))
	}
	// Output:
	// 2 events, merged: true
	// porch 3 18:20:00 18:22:00
}

// All events of an hour are somebody's.
func ExampleStore_UpdateEvents() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	var ids []doorlog.ID
	for i := range 3 {
		e, err := st.WriteEvent(ctx, doorlog.Event{Camera: "porch", RecordedAt: now.Add(time.Duration(i-10) * time.Minute), Type: doorlog.Ding})
		if err != nil {
			log.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	updated, err := st.UpdateEvents(ctx, ids, func(e *doorlog.Event) error {
		e.Person = "alice"
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(updated), updated[0].Person)
	// Output: 3 alice
}
