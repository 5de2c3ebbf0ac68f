package main

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

const defaultRecent = 20

func newRecentCommand(a *app) *cobra.Command {
	limit := defaultRecent
	cmd := &cobra.Command{
		Use:   "recent",
		Short: "Show the latest events",
		Long: `Show the latest events, the newest first. The order is that in which they
happened, not that in which they were written.`,
		Example: `  doorlog recent --limit 5 --tz Europe/Berlin
  doorlog recent --limit 1000 --jsonl > latest.jsonl`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return misuse("--limit %d is less than 1", limit)
			}
			loc, err := a.location()
			if err != nil {
				return err
			}
			var events []doorlog.Event
			err = a.withStore(reads, func(st *doorlog.Store) error {
				events, err = st.Recent(cmd.Context(), limit)
				return err
			})
			if err != nil {
				return err
			}
			return emitList(a, events, func(w io.Writer) error { return writeEventTable(w, events, loc) })
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "show at most `N` events")
	return cmd
}

func newGetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show one event",
		Long: `Show everything that is known about one event. The IDs are in the last column of "doorlog recent".
In JSON the path of the thumbnail is that below the folder of --thumbnails.`,
		Example:           "  doorlog get 01JMXQ5Z8G00000000000000AB --json",
		Args:              takes("ID"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := doorlog.ParseID(args[0])
			if err != nil {
				return misuse("%q is not the ID of an event", args[0])
			}
			loc, err := a.location()
			if err != nil {
				return err
			}
			var e doorlog.Event
			err = a.withStore(reads, func(st *doorlog.Store) error {
				e, err = st.Event(cmd.Context(), id)
				return err
			})
			if err != nil {
				return err
			}
			return a.emitEvent(&e, loc)
		},
	}
}

// emitEvent prints everything of an event.
func (a *app) emitEvent(e *doorlog.Event, loc *time.Location) error {
	return a.emit(e, func(w io.Writer) error {
		shown := *e
		if e.ThumbnailPath != "" {
			dir, err := a.thumbnailDir()
			if err != nil {
				return err
			}
			shown.ThumbnailPath = filepath.Join(dir, filepath.FromSlash(e.ThumbnailPath))
		}
		return terminal.WriteTable(w, nil, eventDetails(&shown, loc))
	})
}

// eventDetails returns the name and the value of everything in e.
func eventDetails(e *doorlog.Event, loc *time.Location) [][]string {
	const layout = "2006-01-02 15:04:05.999999999 MST"
	frame := ""
	if e.FrameWidth > 0 && e.FrameHeight > 0 {
		frame = fmt.Sprintf("%d × %d", e.FrameWidth, e.FrameHeight)
	}
	rows := [][]string{
		{"id", e.ID.String()},
		{"time", e.RecordedAt.In(loc).Format(layout)},
		{"camera", e.Camera},
		{"type", string(e.Type)},
		{"recording", e.RecordingID},
		{"person", e.Person},
		{"face confidence", number(e.FaceConfidence)},
		{"face distance", number(e.FaceDistance)},
		{"unlock granted", yesNo(e.UnlockGranted)},
		{"door", e.Door.String()},
		{"thumbnail", e.ThumbnailPath},
		{"frame", frame},
		{"alert sent", yesNo(e.AlertSent)},
		{"pinned", yesNo(e.Pinned)},
		{"written", e.CreatedAt.In(loc).Format(layout)},
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		rows = append(rows, []string{"attribute " + name, e.Attributes[name]})
	}
	for _, d := range e.Detections {
		value := fmt.Sprintf("%s %s", d.Label, number(&d.Confidence))
		if b := d.Box; b != nil {
			value += fmt.Sprintf(" at (%s, %s) to (%s, %s)", number(&b.X1), number(&b.Y1), number(&b.X2), number(&b.Y2))
		}
		rows = append(rows, []string{"detection", value})
	}
	return rows
}

func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}
