// Command doorlog is the least that embeds doorlog: it stores an event and
// reads it. Its size is measured.
package main

import (
	"context"
	"log"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/bench/internal/scratch"
)

func main() { scratch.Run(run) }

func run(dir string) error {
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := st.WriteEvent(ctx, doorlog.Event{Camera: "front_door", RecordedAt: time.Now(), Type: doorlog.Motion}); err != nil {
		return err
	}
	events, err := st.Recent(ctx, 1)
	if err != nil {
		return err
	}
	log.Println(len(events))
	return st.Close()
}
