// Command doorlog is the least that embeds doorlog: it stores an event and
// reads it. Its size is measured.
package main

import (
	"context"
	"log"
	"time"

	"github.com/doorlog/doorlog"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	st, err := doorlog.Open("events.db", nil)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := st.WriteEvent(ctx, doorlog.Event{Camera: "front_door", RecordedAt: time.Now()}); err != nil {
		return err
	}
	events, err := st.Recent(ctx, 1)
	if err != nil {
		return err
	}
	log.Println(len(events))
	return st.Close()
}
