package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Long:              "Print the version of doorlog, the Go version that built it, and the system it is for.",
		Example:           "  doorlog version --json",
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return a.emit(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "doorlog %s %s %s/%s\n", v.Version, v.Go, v.OS, v.Arch)
				return err
			})
		},
	}
}

// buildVersion returns the version of the module of this program, or else its revision, as
// the go command recorded them.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return versionOf(info)
	}
	return unknownVersion
}

// unknownVersion is what the go command records too if it knows no version.
const unknownVersion = "(devel)"

func versionOf(info *debug.BuildInfo) string {
	const short = 12 // digits of a revision that are shown
	if v := info.Main.Version; v != "" && v != unknownVersion {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && s.Value != "" {
			return s.Value[:min(len(s.Value), short)]
		}
	}
	return unknownVersion
}
