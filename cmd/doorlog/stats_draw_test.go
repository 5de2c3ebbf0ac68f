package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// sameText compares a drawing with the golden text. It must also fit a terminal.
func sameText(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > (terminal.Screen{}).Width() {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}

// madeUpStats returns statistics of more days, labels and persons than are drawn.
func madeUpStats() (s statistics) {
	s.Summary = doorlog.Summary{
		Total: 12345, Today: 1, Strangers: 9999, Known: 2345, Unlocks: 0,
		First: noon.AddDate(0, 0, -40), Last: noon,
	}
	s.Heatmap[time.Wednesday][12] = 12345
	s.Timeline = []doorlog.DayCount{
		{Date: "2026-01-16", Count: 12000}, {Date: "2026-02-23", Count: 44, Known: 3, Strangers: 40, Unlocks: 1}, {Date: "2026-02-25", Count: 301},
	}
	for hour := range hoursADay {
		s.Hours = append(s.Hours, doorlog.HourCount{Hour: hour, Count: hour, AvgPerDay: float64(hour) / 40})
	}
	for i := range drawnNames + 3 {
		s.Breakdown = append(s.Breakdown, doorlog.LabelCount{Label: fmt.Sprint("label ", i), Count: 100 - i, AvgConfidence: 0.875})
	}
	s.Persons = []doorlog.PersonCount{{Person: "alice", Visits: 2345, First: noon.AddDate(0, 0, -40), Last: noon}}
	return s
}

func TestDaysWithoutEventsAreDrawnAndOldOnesAreNot(t *testing.T) {
	s := madeUpStats()
	var out bytes.Buffer
	s.drawTimeline(&out, terminal.Screen{ASCII: true})
	text := out.String()
	if lines := strings.Count(text, "\n"); lines != 2+drawnDays {
		t.Errorf("%d lines for %d days:\n%s", lines, drawnDays, text)
	}
	head, rest, _ := strings.Cut(text, "2026-01-27")
	_, tail, _ := strings.Cut(rest, "2026-02-21 Sat       0      0          0        0\n")
	sameText(t, head+tail, `
(10 days before are left out)
DATE            EVENTS  KNOWN  STRANGERS  UNLOCKS
2026-01-26 Mon       0      0          0        0
2026-02-22 Sun       0      0          0        0
2026-02-23 Mon      44      3         40        1  ####
2026-02-24 Tue       0      0          0        0
2026-02-25 Wed     301      0          0        0  #############################
`)
}

func TestStatisticsFitATerminal(t *testing.T) {
	s := madeUpStats()
	var out bytes.Buffer
	if err := s.draw(&out, terminal.Screen{}, &doorlog.Scope{Camera: "front\x1bdoor", Location: zoneOf(t, "Europe/Berlin")}); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(out.String(), "\nBy day")
	sameText(t, head, `
12,345 events of front\x1bdoor
from 2026-01-16 13:00 to 2026-02-25 13:00, Europe/Berlin
  today             1
  known         2,345
  strangers     9,999
  unlocks           0

By weekday and hour
     0     3     6     9     12    15    18    21       EVENTS
Mon │                                                │        0
Tue │                                                │        0
Wed │                        ██                      │   12,345
Thu │                                                │        0
Fri │                                                │        0
Sat │                                                │        0
Sun │                                                │        0
from  ░ 1     ▒ 3087  ▓ 6173  █ 9259
`)
	_, labels, _ := strings.Cut(out.String(), "label 19")
	sameText(t, "label 19"+labels, `
label 19     81        0.88  ████████████████████████████████▍
(and 3 more)

Persons
PERSON  VISITS        FIRST SEEN         LAST SEEN
alice    2,345  2026-01-16 13:00  2026-02-25 13:00  ████████████████████████████
`)
}

func TestWithoutEventsThereIsNothingToDraw(t *testing.T) {
	var s statistics
	var out bytes.Buffer
	if err := s.draw(&out, terminal.Screen{}, &doorlog.Scope{Location: time.UTC}); err != nil {
		t.Fatal(err)
	}
	sameText(t, out.String(), `
0 events
  today             0
  known             0
  strangers         0
  unlocks           0
`)
}

func TestStatsFitAnyTerminal(t *testing.T) {
	s := madeUpStats()
	for columns := 10; columns < 120; columns++ {
		for _, ascii := range []bool{false, true} {
			sc := terminal.Screen{Columns: columns, ASCII: ascii}
			for _, line := range lines(t, sc, func(w io.Writer) error { return s.draw(w, sc, &doorlog.Scope{Location: time.UTC}) }) {
				if width := uniseg.StringWidth(line); width > columns {
					t.Errorf("%d columns: %d in %q", columns, width, line)
				}
			}
		}
	}
}
