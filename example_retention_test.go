package doorlog_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
)

func ExampleStore_Prune() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	const day = 24 * time.Hour
	for _, e := range []doorlog.Event{
		{Camera: "garage", Type: doorlog.Motion, RecordedAt: now.Add(-40 * day)},                                          // a stranger
		{Camera: "front_door", Type: doorlog.Ding, RecordedAt: now.Add(-300 * day), Person: "alice", UnlockGranted: true}, // an unlock
		{Camera: "front_door", Type: doorlog.Motion, RecordedAt: now.Add(-100 * day), Person: "bob"},
		{Camera: "front_door", Type: doorlog.Motion, RecordedAt: now.Add(-50 * day), Person: "bob"},
	} {
		if _, err := st.WriteEvent(ctx, e); err != nil {
			log.Fatal(err)
		}
	}
	keep := doorlog.Policy{
		Rules: []doorlog.Rule{ // the first that matches decides
			{Name: "unlocks", Match: doorlog.Match{UnlockGranted: new(true)}, MaxAge: 2 * 365 * day},
			{Name: "strangers", Match: doorlog.Match{Stranger: new(true)}, MaxAge: 30 * day},
		},
		MaxAge:       90 * day, // everything else
		ThumbnailAge: 14 * day,
	}
	would, err := st.WouldPrune(ctx, keep)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("would delete", would.Events)
	gone, err := st.Prune(ctx, keep)
	if err != nil {
		log.Fatal(err)
	}
	for _, by := range gone.By {
		if by.Events > 0 {
			fmt.Println(by.Reason, by.Events)
		}
	}
	fmt.Println("kept", gone.Kept)
	// Output:
	// would delete 2
	// strangers 1
	// max age 1
	// kept 2
}

func ExampleStore_Pin() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	e, err := st.WriteEvent(ctx, doorlog.Event{Camera: "garage", Type: doorlog.Motion, RecordedAt: now.Add(-time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	if err := st.Pin(ctx, e.ID); err != nil {
		log.Fatal(err)
	}
	gone, err := st.Prune(ctx, doorlog.Policy{MaxAge: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("deleted", gone.Events)
	// Output: deleted 0
}

// A store that stays open and prunes itself.
func ExampleOptions_retention() {
	dir, err := os.MkdirTemp("", "doorlog-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	st, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{
		Retention: &doorlog.Policy{MaxAge: 90 * 24 * time.Hour, MaxBytes: 2 << 30},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
}
