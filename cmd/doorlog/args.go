package main

import (
	"github.com/doorlog/doorlog"
	"github.com/spf13/cobra"
)

// takes returns a check that there is an argument for each of these names, and no other.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return misuse("%s is missing", names[len(args)])
		case len(args) > len(names):
			return misuse("%q is an argument too many", args[len(names)])
		}
		return nil
	}
}

// takesIDs checks that there is an ID.
func takesIDs(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return misuse("ID is missing")
	}
	return nil
}

// parseIDs parses the IDs of events.
func parseIDs(args []string) ([]doorlog.ID, error) {
	ids := make([]doorlog.ID, len(args))
	for i, text := range args {
		var err error
		if ids[i], err = doorlog.ParseID(text); err != nil {
			return nil, misuse("%q is not the ID of an event", text)
		}
	}
	return ids, nil
}
