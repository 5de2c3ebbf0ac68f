package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/doorlog/doorlog"
)

// A reader takes over what is there, and then follows the changes from the cursor of that state.
// It misses nothing that happens in between.
func ExampleStore_Changes() {
	st, done := exampleStore()
	defer done()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	first, err := st.WriteEvent(ctx, doorlog.Event{Camera: "porch", RecordedAt: now, Type: doorlog.Ding})
	if err != nil {
		log.Fatal(err)
	}

	copied := map[doorlog.ID]string{}
	var at doorlog.Cursor
	err = st.View(ctx, func(sn *doorlog.Snapshot) error {
		for e, err := range sn.Events(doorlog.Query{}) {
			if err != nil {
				return err
			}
			copied[e.ID] = e.Camera
		}
		at, err = sn.Cursor()
		return err
	})
	if err != nil {
		log.Fatal(err)
	}

	// Somebody else changes the store.
	_, err = st.WriteEvent(ctx, doorlog.Event{Camera: "garage", RecordedAt: now, Type: doorlog.Motion})
	if err == nil {
		err = st.DeleteEvent(ctx, first.ID)
	}
	if err != nil {
		log.Fatal(err)
	}

	for change, err := range st.Changes(ctx, at) {
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			log.Fatal(err) // after ErrGone begin again with a copy of what is there
		}
		switch {
		case change.Event != nil: // as it is now
			copied[change.ID] = change.Event.Camera
		case change.Op == doorlog.EventDeleted:
			delete(copied, change.ID)
			stop() // or wait for more
		}
		fmt.Println(change.Op, change.Cursor.Seq())
	}
	for _, camera := range copied {
		fmt.Println(camera)
	}
	// Output:
	// created 2
	// deleted 3
	// garage
}

// The store keeps the place of a consumer, which goes on there after a restart.
func ExampleConsumer() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	for _, camera := range []string{"porch", "garage", "attic"} {
		if _, err := st.WriteEvent(ctx, doorlog.Event{Camera: camera, RecordedAt: now, Type: doorlog.Motion}); err != nil {
			log.Fatal(err)
		}
	}
	for range 2 { // two runs of a program
		alerts, err := st.Consumer(ctx, "alerts", nil)
		if err != nil {
			log.Fatal(err)
		}
		sent := 0
		for change, err := range alerts.Changes(ctx, nil) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(change.Op, change.Event.Camera)
			if sent++; sent == 2 { // then the first run ends
				break
			}
			if err := alerts.Ack(ctx, change.Cursor); err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// created porch
	// created garage
	// created garage
	// created attic
}
