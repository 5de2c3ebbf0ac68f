package zone_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog/internal/zone"
)

// What Name returns is read as a zone whose clock shows the same.
func TestAZoneHasANameThatIsReadAgain(t *testing.T) {
	database := func(name string) *time.Location {
		loc, err := zone.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		return loc
	}
	for _, test := range []struct {
		loc  *time.Location
		want string
	}{
		{time.UTC, "UTC"},
		{database("Europe/Berlin"), "Europe/Berlin"},
		{database("CET-1CEST,M3.5.0,M10.5.0/3"), "CET-1CEST,M3.5.0,M10.5.0/3"},
		{time.FixedZone("", 3600), "<+0100>-1:00"},
		{time.FixedZone("CET", 3600), "<+0100>-1:00"}, // it has no summer time, as CET of the database has
		{time.FixedZone("Europe/Berlin", -12345), "<-0325>3:25:45"},
		{time.FixedZone("x", 0), "<+0000>-0:00"},
		{time.FixedZone("x", 86399), "<+2359>-23:59:59"},
	} {
		name, err := zone.Name(test.loc)
		if err != nil || name != test.want {
			t.Errorf("%s: %q, %v; want %q", test.loc, name, err, test.want)
			continue
		}
		read, err := zone.Parse(name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		for at := time.Unix(0, 0); at.Year() < 2045; at = at.AddDate(0, 0, 10) {
			_, offset := at.In(test.loc).Zone()
			if _, got := at.In(read).Zone(); got != offset {
				t.Fatalf("%s in %s: %d s, want %d", at, name, got, offset)
			}
		}
	}
	for _, loc := range []*time.Location{time.FixedZone("far", 86400), time.FixedZone("far", -90000)} {
		if name, err := zone.Name(loc); err == nil {
			t.Errorf("%s is %q", loc, name)
		}
	}
}

// withZoneFile returns the zone of a file, as package time makes it of TZ.
func withZoneFile(t *testing.T, file, name string) *time.Location {
	t.Helper()
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("SKIP: this system has no time zone database at " + file)
	} else if err != nil {
		t.Fatal(err)
	}
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestLocalTimeIsFoundByItsFile(t *testing.T) {
	const file = "/usr/share/zoneinfo/Asia/Kathmandu"
	link := filepath.Join(t.TempDir(), "localtime")
	if err := os.Symlink(file, link); err != nil {
		t.Skip("SKIP: no symbolic links: ", err)
	}
	for _, test := range []struct{ tz, name string }{
		{"Asia/Kathmandu", "Local"},
		{":Asia/Kathmandu", "Local"},
		{file, "Local"},
		{":" + link, "Local"},
		{link, "local time"},
		{"Europe/Berlin", link}, // the zone says where it is from
		{"", file},
	} {
		t.Setenv("TZ", test.tz)
		loc := withZoneFile(t, file, test.name)
		if name, err := zone.Name(loc); err != nil || name != "Asia/Kathmandu" {
			t.Errorf("%s with TZ=%s: %q, %v", test.name, test.tz, name, err)
		}
	}
}

// A name that stands for another zone is worse than none.
func TestAZoneWithoutANameIsRefused(t *testing.T) {
	const file = "/usr/share/zoneinfo/Asia/Kathmandu"
	t.Setenv("TZ", "Europe/Berlin")
	for _, name := range []string{"Local", "Europe/Berlin", "", "/nowhere/zone", "nowhere"} {
		loc := withZoneFile(t, file, name)
		if got, err := zone.Name(loc); err == nil && got != "Asia/Kathmandu" { // which may be that of this system
			t.Errorf("%s: %q", name, got)
		} else if err != nil && !strings.Contains(err.Error(), "TZ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
