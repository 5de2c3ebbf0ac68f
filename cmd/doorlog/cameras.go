package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
)

func newCamerasCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cameras",
		Short: "List and rename the cameras",
		Long: `List and rename the cameras. A camera is there if events have its name: nothing else
needs to be said about it.`,
		Example: "  doorlog cameras list",
	}
	cmd.AddCommand(
		newCamerasListCommand(a),
		newCamerasRenameCommand(a),
	)
	return cmd
}

func newCamerasListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the cameras",
		Long: `List the cameras by name, each with the number of its events and the times of the first
and the last of them. Unicode spellings of one name are one camera.

With --json and --jsonl each camera is an object with camera_id, events, first_event and
last_event.`,
		Example: `  doorlog cameras list
  doorlog cameras list --jsonl | jq -r .camera_id`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l := listing[doorlog.CameraInfo]{
				what: "cameras", read: store.Cameras, headers: []string{"CAMERA", "EVENTS", "FIRST", "LAST"},
				row: func(c doorlog.CameraInfo, loc *time.Location) []string {
					return []string{c.Camera, count(c.Events), c.First.In(loc).Format(timeLayout), c.Last.In(loc).Format(timeLayout)}
				},
			}
			return l.print(cmd.Context(), a)
		},
	}
}

func newCamerasRenameCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give a camera another name, in all of its events",
		Long: `Give a camera another name, in all of its events. Every Unicode spelling of OLD is
renamed. Pictures and recordings stay as they are. Attributes that are the name stay, too.
Tell the program that writes the events the new name: a new event may have any name.

If there is a camera NEW already, the two become one. This cannot be undone, so the
command asks first. If standard input is no terminal it needs --yes then.

` + renameHelp,
		Example: `  doorlog cameras rename porhc porch
  doorlog cameras rename cam2 porch --yes`,
		Args:              takes("OLD", "NEW"),
		ValidArgsFunction: completeTwo(a.completeCameras),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rename(cmd.Context(), &renaming{
				from: args[0], to: args[1], yes: yes,
				rename: store.RenameCamera, merges: mergesCameras,
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// mergesCameras asks whether two cameras may become one, if both are there.
func mergesCameras(ctx context.Context, st store, from, to string) (question string, err error) {
	var events [2]int
	for i, name := range [...]string{from, to} {
		if events[i], err = st.Count(ctx, doorlog.Query{Cameras: []string{name}}); err != nil || events[i] == 0 {
			return "", err
		}
	}
	return fmt.Sprintf("there are %s (%s) and %s (%s): make them one camera, %s, for good?",
		from, plural(events[0], "event"), to, plural(events[1], "event"), to), nil
}
