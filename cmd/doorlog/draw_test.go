package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/doorlog/doorlog"
)

// sameText compares a drawing with the golden text, and wants it to fit a terminal.
func sameText(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > drawWidth {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}

func TestTheHeatmapBeginsWithMonday(t *testing.T) {
	var h doorlog.Heatmap
	h[time.Monday] = [24]int{0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 23: 8}
	h[time.Saturday][12] = 2
	h[time.Sunday] = [24]int{22: 4, 23: 5}
	var out bytes.Buffer
	blocks.heatmap(&out, &h)
	sameText(t, out.String(), `
     0     3     6     9     12    15    18    21       EVENTS
Mon │░░░░▒▒▒▒▓▓▓▓████                              ██│       44
Tue │                                                │        0
Wed │                                                │        0
Thu │                                                │        0
Fri │                                                │        0
Sat │                        ░░                      │        2
Sun │                                            ▒▒▓▓│        9
from  ░ 1 ▒ 3 ▓ 5 █ 7
`)
	out.Reset()
	ascii.heatmap(&out, &h)
	sameText(t, out.String(), `
     0     3     6     9     12    15    18    21       EVENTS
Mon |..::--==++**####                              ##|       44
Tue |                                                |        0
Wed |                                                |        0
Thu |                                                |        0
Fri |                                                |        0
Sat |                        ::                      |        2
Sun |                                            ==++|        9
from  . 1 : 2 - 3 = 4 + 5 * 6 # 7
`)
}

func TestTheHeatmapScalesToItsMaximum(t *testing.T) {
	for most, want := range map[int]string{
		1:       "from  █ 1\n",
		2:       "from  ▒ 1 █ 2\n",
		100:     "from  ░ 1   ▒ 26  ▓ 51  █ 76\n",
		1 << 30: "from  ░ 1          ▒ 268435457  ▓ 536870913  █ 805306369\n",
	} {
		var h doorlog.Heatmap
		h[3][4] = most
		var out bytes.Buffer
		blocks.heatmap(&out, &h)
		if !strings.Contains(out.String(), "██") {
			t.Errorf("%d is not drawn in the darkest shade:\n%s", most, out.String())
		}
		if _, legend, _ := strings.Cut(out.String(), "from"); "from"+legend != want {
			t.Errorf("most %d: %q, want %q", most, "from"+legend, want)
		}
	}
	for _, s := range []style{blocks, ascii} {
		for most := 1; most < 60; most++ {
			if got := s.shade(0, most); got != ' ' {
				t.Errorf("nothing of %d is %q", most, got)
			}
			for n := 1; n <= most; n++ {
				if s.shade(n, most) == ' ' {
					t.Errorf("%d of %d does not show", n, most)
				}
			}
		}
	}
}

func TestBarsAreAsLongAsTheirShare(t *testing.T) {
	for _, test := range []struct {
		n, most       int
		blocks, ascii string
	}{
		{0, 10, "", ""},
		{10, 10, "██████████", "##########"},
		{5, 10, "█████", "#####"},
		{1, 16, "▋", "#"},
		{15, 16, "█████████▍", "#########"},
		{1, 1_000_000, "▏", "#"}, // what is not nothing shows
		{math.MaxInt32, math.MaxInt32, "██████████", "##########"},
	} {
		if got := blocks.bar(test.n, test.most, 10); got != test.blocks {
			t.Errorf("%d of %d: %s, want %s", test.n, test.most, got, test.blocks)
		}
		if got := ascii.bar(test.n, test.most, 10); got != test.ascii {
			t.Errorf("%d of %d: %s, want %s", test.n, test.most, got, test.ascii)
		}
	}
}

func TestAChartAlignsAndFits(t *testing.T) {
	c := chart{header: []string{"LABEL", "COUNT"}}
	for i, name := range []string{"dog", "玄関", "a\x1b[31mred", strings.Repeat("long ", 10), strings.Repeat("玄", 30)} {
		c.add(1<<(10-2*i), blocks.clip(name), count(1<<(10-2*i)))
	}
	var out bytes.Buffer
	blocks.chart(&out, &c)
	sameText(t, out.String(), `
LABEL                 COUNT
dog                   1,024  ████████████████████████████████████████
玄関                    256  ██████████
a\x1b[31mred             64  ██▌
long long long long…     16  ▋
玄玄玄玄玄玄玄玄玄…       4  ▏
`)
}

func TestTheLocaleSaysWhatTheTerminalCanShow(t *testing.T) {
	for _, test := range []struct {
		all, ctype, lang string
		ascii            bool
	}{
		{"", "", "", false},
		{"", "", "en_US.UTF-8", false},
		{"", "", "C.utf8", false},
		{"", "UTF-8", "C", false},
		{"C", "", "en_US.UTF-8", true},
		{"", "C", "en_US.UTF-8", true},
		{"", "de_DE.ISO-8859-1", "en_US.UTF-8", true},
		{"", "", "C", true},
		{"", "", "POSIX", true},
	} {
		t.Setenv("LC_ALL", test.all)
		t.Setenv("LC_CTYPE", test.ctype)
		t.Setenv("LANG", test.lang)
		if got := screenOf(nil); got.ascii != test.ascii || got.style().ascii != test.ascii {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}

// madeUpStats are those of more days, labels and persons than are drawn.
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
	s.drawTimeline(&out, ascii)
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
	if err := s.draw(&out, blocks, &doorlog.Scope{Camera: "front\x1bdoor", Location: zone(t, "Europe/Berlin")}); err != nil {
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
	if err := s.draw(&out, blocks, &doorlog.Scope{Location: time.UTC}); err != nil {
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
