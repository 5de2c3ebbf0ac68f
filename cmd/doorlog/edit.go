package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/doorlog/doorlog"
)

// editFlags are the flags of edit.
type editFlags struct {
	camera, person, eventType, door, method, recording, endedAt string

	stranger, withoutRecording, withoutMethod, withoutEnd bool
	unlocked, alerted, reviewed                           bool

	labels, withoutLabels, detections []string
	attributes, withoutAttributes     []string
}

func newEditCommand(a *app) *cobra.Command {
	var f editFlags
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Correct an event",
		Long: `Change the fields of an event that flags name, and print the event. The other fields
stay. The time of an event and its thumbnail cannot be changed. "doorlog pin" pins it.

--label OLD=NEW renames all detections with the label OLD; --no-label removes detections,
and --detection adds one. If the event has no such label or attribute, nothing is
changed. Labels and attributes are found in any Unicode spelling of their names.

With --json it prints the event as "doorlog get" does.`,
		Example: `  doorlog edit 01JMXQ5Z8G00000000000000AB --person alice
  doorlog edit 01JMXQ5Z8G00000000000000AB --no-person --unlocked=false
  doorlog edit 01JMXQ5Z8G00000000000000AB --label dog=cat --no-label car
  doorlog edit 01JMXQ5Z8G00000000000000AB --attribute note='left a parcel'
  doorlog edit 01JMXQ5Z8G00000000000000AB --ended-at 2026-02-25T08:31:00+01:00`,
		Args:              takes("ID"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.edit(cmd.Context(), args, &f, cmd.Flags().Changed)
		},
	}
	f.addTo(cmd)
	a.completeEventFlags(cmd)
	return cmd
}

func (f *editFlags) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.person, "person", "", "`name` of the person who was recognised")
	flags.BoolVar(&f.stranger, "no-person", false, "nobody was recognised")
	flags.StringVar(&f.camera, "camera", "", "the camera's `name`")
	flags.StringVar(&f.eventType, "type", "", "what caused the event: motion, ding, or any other `name`")
	flags.BoolVar(&f.unlocked, "unlocked", false, "the person was let in (=false: was not)")
	flags.StringVar(&f.door, "door", "", doorUsage)
	flags.StringVar(&f.method, "method", "", methodUsage)
	flags.BoolVar(&f.withoutMethod, "no-method", false, "it is not known how the door was worked")
	flags.StringVar(&f.endedAt, "ended-at", "", endUsage)
	flags.BoolVar(&f.withoutEnd, "no-ended-at", false, "it goes on, or its end is not known")
	flags.BoolVar(&f.alerted, "alerted", false, "an alert was sent (=false: none was)")
	flags.BoolVar(&f.reviewed, "reviewed", false, "somebody has reviewed it (=false: nobody has)")
	flags.StringVar(&f.recording, "recording", "", "the producer's own `id` of the recording")
	flags.BoolVar(&f.withoutRecording, "no-recording", false, "there is no recording")
	flags.StringArrayVar(&f.labels, "label", nil, "rename the label of detections, as `old=new`; repeatable")
	flags.StringArrayVar(&f.withoutLabels, "no-label", nil, "remove the detections with this `label`; repeatable")
	flags.StringArrayVar(&f.detections, "detection", nil, "add a `detection`, as label:confidence[:x1,y1,x2,y2]; repeatable")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "set an attribute, as `name=value`; repeatable")
	flags.StringArrayVar(&f.withoutAttributes, "no-attribute", nil, "remove the attribute of this `name`; repeatable")
}

// edit changes an event and prints it.
func (a *app) edit(ctx context.Context, args []string, f *editFlags, given func(flag string) bool) error {
	ids, err := parseIDs(args)
	if err != nil {
		return err
	}
	loc, err := a.location()
	if err != nil {
		return err
	}
	change, err := f.change(given, a.now())
	if err != nil {
		return err
	}
	var e doorlog.Event
	err = a.withStore(ctx, changesPictures, func(ctx context.Context, st store) error {
		stored, err := st.UpdateEvents(ctx, ids, change)
		if err == nil {
			e = stored[0]
		}
		return err
	})
	if err != nil {
		err = editError{err}
	}
	if err != nil {
		return fromFlags(err)
	}
	return a.emitEvent(&e, loc)
}

// An editError is an error of [doorlog.Store.UpdateEvents] about the only event of the call.
type editError struct{ error }

func (e editError) Error() string {
	return strings.Replace(plain(e.error), "update events: events[0]: event ", "edit event ", 1)
}

func (e editError) Unwrap() error { return e.error }

// change returns a function that changes an event as the flags say.
func (f *editFlags) change(given func(flag string) bool, now time.Time) (func(*doorlog.Event) error, error) {
	if err := f.check(given); err != nil {
		return nil, err
	}
	door := doorlog.NoAction
	if given("door") {
		var err error
		if door, err = parseDoor(f.door); err != nil {
			return nil, err
		}
	}
	var ended time.Time
	if given("ended-at") {
		var err error
		if ended, err = parseEnd(f.endedAt, now); err != nil {
			return nil, err
		}
	}
	var added []doorlog.Detection
	for _, text := range f.detections {
		d, err := parseDetection(text, false)
		if err != nil {
			return nil, err
		}
		added = append(added, d)
	}
	attributes, err := parseAttributes(f.attributes)
	if err != nil {
		return nil, err
	}
	return func(e *doorlog.Event) error {
		set := func(flag string, apply func()) {
			if given(flag) {
				apply()
			}
		}
		set("person", func() { e.Person = f.person })
		set("no-person", func() { e.Person = "" })
		set("camera", func() { e.Camera = f.camera })
		set("type", func() { e.Type = doorlog.EventType(f.eventType) })
		set("unlocked", func() { e.UnlockGranted = f.unlocked })
		set("door", func() { e.Door = door })
		set("method", func() { e.Method = doorlog.Method(f.method) })
		set("no-method", func() { e.Method = "" })
		set("ended-at", func() { e.EndedAt = ended })
		set("no-ended-at", func() { e.EndedAt = time.Time{} })
		set("reviewed", func() { e.Reviewed = f.reviewed })
		set("alerted", func() { e.AlertSent = f.alerted })
		set("recording", func() { e.RecordingID = f.recording })
		set("no-recording", func() { e.RecordingID = "" })
		if err := f.relabel(e); err != nil {
			return err
		}
		e.Detections = append(e.Detections, added...)
		return f.setAttributes(e, attributes)
	}, nil
}

// check refuses flags that are empty, or that contradict one another.
func (f *editFlags) check(given func(flag string) bool) error {
	some := false
	for _, flag := range [...]string{"unlocked", "alerted", "reviewed", "label", "no-label", "detection", "attribute", "no-attribute"} {
		some = some || given(flag)
	}
	for _, text := range [...]struct{ flag, value string }{
		{"person", f.person},
		{"camera", f.camera},
		{"type", f.eventType},
		{"recording", f.recording},
		{"door", f.door},
		{"method", f.method},
		{"ended-at", f.endedAt},
	} {
		if given(text.flag) && text.value == "" {
			return misuse("--%s is empty", text.flag)
		}
		some = some || given(text.flag)
	}
	for _, text := range f.labels {
		if from, to, _ := strings.Cut(text, "="); from == "" || to == "" {
			return misuse("--label %q is not old=new", text)
		}
	}
	for _, no := range [...]struct {
		flag string
		set  bool
	}{
		{"person", f.stranger}, {"recording", f.withoutRecording}, {"method", f.withoutMethod}, {"ended-at", f.withoutEnd},
	} {
		switch {
		case !given("no-" + no.flag):
			continue
		case !no.set:
			return misuse("--no-%s takes no value", no.flag)
		case given(no.flag):
			return misuse("--%s and --no-%s exclude each other", no.flag, no.flag)
		}
		some = true
	}
	if !some {
		return misuse("what should be changed? Use --person or another flag")
	}
	return nil
}

// relabel removes detections, and renames the labels of others. All flags refer to the
// labels that the event had before. Labels are compared in their Unicode normal forms,
// because an old event may have another spelling.
func (f *editFlags) relabel(e *doorlog.Event) error {
	had := func(label string) bool {
		return slices.ContainsFunc(e.Detections, func(d doorlog.Detection) bool { return sameName(d.Label, label) })
	}
	names := map[string]string{} // new labels, by the normal form of the old ones
	for _, text := range f.labels {
		from, to, err := splitLabels(text, had)
		if err != nil {
			return err
		}
		key := norm.NFC.String(from)
		if other, twice := names[key]; twice && other != to {
			return misuse("--label %s gives %q two new labels", text, from)
		}
		names[key] = to
	}
	for _, label := range f.withoutLabels {
		if !had(label) {
			return fmt.Errorf("there is no detection with the label %q", label)
		}
	}
	var kept []doorlog.Detection
	for _, d := range e.Detections {
		if slices.ContainsFunc(f.withoutLabels, func(label string) bool { return sameName(label, d.Label) }) {
			continue
		}
		if to, ok := names[norm.NFC.String(d.Label)]; ok {
			d.Label = to
		}
		kept = append(kept, d)
	}
	e.Detections = kept
	return nil
}

// sameName reports whether two texts are Unicode spellings of one name.
func sameName(a, b string) bool { return norm.NFC.String(a) == norm.NFC.String(b) }

// splitLabels splits old=new. Because a label may contain a =, the old label must be one that
// the event had.
func splitLabels(text string, had func(label string) bool) (from, to string, err error) {
	for i, c := range text {
		if c == '=' && had(text[:i]) {
			return text[:i], text[i+1:], nil
		}
	}
	from, _, _ = strings.Cut(text, "=")
	return "", "", fmt.Errorf("there is no detection with the label %q", from)
}

// setAttributes removes attributes and sets others. An attribute that is stored in another
// spelling is found, and keeps that spelling.
func (f *editFlags) setAttributes(e *doorlog.Event, set map[string]string) error {
	all := maps.Clone(e.Attributes)
	if all == nil {
		all = map[string]string{}
	}
	for _, name := range f.withoutAttributes {
		if len(keysOf(e.Attributes, name)) == 0 {
			return fmt.Errorf("there is no attribute %q", name)
		}
		if len(keysOf(set, name)) > 0 {
			return misuse("--attribute and --no-attribute both name %q", name)
		}
		for _, key := range keysOf(e.Attributes, name) {
			delete(all, key)
		}
	}
	for name, value := range set {
		if keys := keysOf(e.Attributes, name); len(keys) == 1 {
			name = keys[0]
		}
		all[name] = value
	}
	e.Attributes = all
	return nil
}

// keysOf returns the attributes whose names are spellings of name. If name itself is one, it
// returns only that.
func keysOf(attributes map[string]string, name string) (keys []string) {
	if _, there := attributes[name]; there {
		return []string{name}
	}
	for key := range attributes {
		if sameName(key, name) {
			keys = append(keys, key)
		}
	}
	return keys
}
