package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// writeFlags are the flags of write.
type writeFlags struct {
	camera, eventType, person string
	at, endedAt, recording    string
	door, method              string

	confidence, distance   float64
	unlocked, once, mend   bool
	detections, attributes []string
	frame                  string
}

func newWriteCommand(a *app) *cobra.Command {
	var w writeFlags
	cmd := &cobra.Command{
		Use:   "write --camera NAME",
		Short: "Write one event",
		Long: `Write one event and print its ID. The database is made if it does not exist.

A frame (a JPEG or another picture) is shrunk to a thumbnail. If the frame is damaged or
no picture, the event is written without a thumbnail, and a warning says why. If the file
of --frame cannot be read, that is an error, and no event is written.

With --once nothing is written if the camera has an event with this --recording already.
The ID is that of the existing event then.`,
		Example: `  doorlog write --camera front_door --type ding
  doorlog write --camera front_door --person alice --unlocked --door unlocked \
      --method face --detection person:0.95:10,20,100,200 --frame face.jpg
  ffmpeg … -f image2 - | doorlog write --camera garage --frame -`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := w.event(cmd.Flags().Changed, a.now)
			if err != nil {
				return err
			}
			if w.mend {
				for _, change := range e.MendDetections() {
					fmt.Fprintf(a.err, "doorlog: mended %s\n", terminal.Printable(reason(change)))
				}
			}
			return a.write(cmd.Context(), e, w.frame, w.once)
		},
	}
	w.addTo(cmd)
	a.completeEventFlags(cmd)
	return cmd
}

func (w *writeFlags) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&w.camera, "camera", "", "the camera's `name`; required")
	f.StringVar(&w.eventType, "type", string(doorlog.Motion), "what caused the event: motion, ding, or any other `name`")
	f.StringVar(&w.person, "person", "", "`name` of the person who was recognised (default: a stranger)")
	f.StringVar(&w.at, "at", "", "when it happened, a `TIME` with an offset, such as 2026-02-25T08:30:00+01:00, or in unix seconds or milliseconds (default: now)")
	f.StringVar(&w.endedAt, "ended-at", "", endUsage+" (default: not known)")
	f.StringVar(&w.recording, "recording", "", "the producer's own `id` of the recording")
	f.Float64Var(&w.confidence, "face-confidence", 0, "confidence of the recognition, `0..1` (default: not measured)")
	f.Float64Var(&w.distance, "face-distance", 0, "`distance` to the nearest known face (default: not measured)")
	f.BoolVar(&w.unlocked, "unlocked", false, "the person was let in")
	f.StringVar(&w.door, "door", doorlog.NoAction.String(), doorUsage)
	f.StringVar(&w.method, "method", "", methodUsage+" (default: not known)")
	f.StringArrayVar(&w.detections, "detection", nil, "a `detection`, as label:confidence[:x1,y1,x2,y2] with a box in pixels; repeatable")
	f.StringArrayVar(&w.attributes, "attribute", nil, "an attribute of your own, as `name=value`; repeatable")
	f.StringVar(&w.frame, "frame", "", "picture `file` to make the thumbnail from; - is standard input")
	f.BoolVar(&w.mend, "mend-detections", false, "mend or drop a --detection that cannot be stored, and say so")
	f.BoolVar(&w.once, "once", false, "write nothing if the camera has an event with this --recording")
}

// event returns the event that the flags describe. given reports whether a flag was given,
// because a distance of 0 is not the same as no distance.
func (w *writeFlags) event(given func(flag string) bool, now func() time.Time) (doorlog.Event, error) {
	e := doorlog.Event{
		Camera: w.camera, RecordedAt: now(), Type: doorlog.EventType(w.eventType),
		Person: w.person, RecordingID: w.recording, UnlockGranted: w.unlocked,
		Method: doorlog.Method(w.method),
	}
	if err := w.check(given); err != nil {
		return e, err
	}
	if given("face-confidence") {
		e.FaceConfidence = &w.confidence
	}
	if given("face-distance") {
		e.FaceDistance = &w.distance
	}
	var err error
	if given("at") {
		if e.RecordedAt, err = parseAt(w.at, now()); err != nil {
			return e, err
		}
	}
	if given("ended-at") {
		if e.EndedAt, err = parseEnd(w.endedAt, now()); err != nil {
			return e, err
		}
		if e.EndedAt.Before(e.RecordedAt) {
			return e, misuse("--ended-at %s is before the event happened, at %s", w.endedAt, e.RecordedAt.Format(time.RFC3339))
		}
	}
	if e.Door, err = parseDoor(w.door); err != nil {
		return e, err
	}
	for _, text := range w.detections {
		d, err := parseDetection(text, w.mend)
		if err != nil {
			return e, err
		}
		e.Detections = append(e.Detections, d)
	}
	e.Attributes, err = parseAttributes(w.attributes)
	return e, err
}

// check refuses invalid values before a database is made.
func (w *writeFlags) check(given func(flag string) bool) error {
	switch {
	case w.camera == "":
		return misuse("--camera is missing")
	case w.eventType == "":
		return misuse("--type is empty")
	case given("frame") && w.frame == "":
		return misuse("--frame is empty")
	case given("method") && w.method == "":
		return misuse("--method is empty")
	case w.once && w.recording == "":
		return misuse("--once needs --recording")
	case !isConfidence(w.confidence):
		return misuse("--face-confidence %v is not in 0..1", w.confidence)
	case !(w.distance >= 0 && w.distance <= math.MaxFloat64): // also if it is NaN
		return misuse("--face-distance %v is not a distance", w.distance)
	}
	return nil
}

// write stores e and prints its ID.
func (a *app) write(ctx context.Context, e doorlog.Event, frameFile string, once bool) error {
	frame, err := a.readFrame(ctx, frameFile)
	if err != nil {
		return fmt.Errorf("read frame, no event was written: %w", cmp.Or(ctx.Err(), err))
	}
	var result struct {
		ID      doorlog.ID `json:"id"`
		Existed bool       `json:"existed"`
	}
	mode := creates
	if frame != nil {
		mode = frames
	}
	err = a.withStore(ctx, mode, func(ctx context.Context, st store) error {
		if once {
			e, result.Existed, err = st.WriteEventOnce(ctx, e, frame)
		} else {
			e, err = st.WriteEventWithFrame(ctx, e, frame)
		}
		result.ID = e.ID
		return err
	})
	if err != nil {
		return fromFlags(err)
	}
	if frameFile != "" && len(frame) == 0 && !result.Existed { // no frame, to the library
		a.logger().Warn("doorlog: the event is stored without a thumbnail",
			"event", result.ID.String(), "camera", e.Camera, "error", frameFile+" is empty")
	}
	return a.emit(result, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, result.ID)
		return err
	})
}

// readFrame reads the frame. It returns nil if the name is "". It reads at most one byte more
// than a frame may have: the store refuses such a frame.
func (a *app) readFrame(ctx context.Context, name string) (frame []byte, err error) {
	if name == "" {
		return nil, nil
	}
	type result struct {
		frame []byte
		err   error
	}
	// Opening or reading a pipe cannot be cancelled: if ctx ends, the goroutine is left behind.
	read := make(chan result, 1)
	go func() {
		frame, err := a.readUpTo(doorlog.MaxFrameBytes+1, name)
		read <- result{frame, err}
	}()
	select {
	case r := <-read:
		return r.frame, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readUpTo returns the first n bytes of a file, or of standard input for "-".
func (a *app) readUpTo(n int64, name string) ([]byte, error) {
	in := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	return io.ReadAll(io.LimitReader(in, n))
}
