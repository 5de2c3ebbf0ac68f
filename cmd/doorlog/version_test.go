package main

import (
	"runtime/debug"
	"testing"
)

func TestTheVersionIsWhatTheBuildKnows(t *testing.T) {
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "false"}}
	for _, test := range []struct {
		module   string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", nil, "v1.2.3"},
		{"v1.2.3", revision, "v1.2.3"},
		{"(devel)", revision, "0123456789ab"},
		{"", revision, "0123456789ab"},
		{"", nil, "(devel)"},
		{"(devel)", nil, "(devel)"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.module}, Settings: test.settings}
		if got := versionOf(info); got != test.want {
			t.Errorf("%q, %v: %s, want %s", test.module, test.settings, got, test.want)
		}
	}
}
