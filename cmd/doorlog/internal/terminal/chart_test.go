package terminal

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"
)

// sameText compares a drawing with the golden text. It must also fit a terminal.
func sameText(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > pageWidth {
			t.Errorf("%d Columns: %s", width, line)
		}
	}
}

func TestTheHeatmapBeginsWithMonday(t *testing.T) {
	var h [7][hoursADay]int
	h[time.Monday] = [24]int{0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 23: 8}
	h[time.Saturday][12] = 2
	h[time.Sunday] = [24]int{22: 4, 23: 5}
	var out bytes.Buffer
	Screen{}.WriteHeatmap(&out, &h)
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
	Screen{ASCII: true}.WriteHeatmap(&out, &h)
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
		var h [7][hoursADay]int
		h[3][4] = most
		var out bytes.Buffer
		Screen{}.WriteHeatmap(&out, &h)
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
	c := Chart{Header: []string{"LABEL", "COUNT"}}
	for i, name := range []string{"dog", "玄関", "a\x1b[31mred", strings.Repeat("long ", 10), strings.Repeat("玄", 30)} {
		c.Add(1<<(10-2*i), Screen{}.Clip(name), humanize.Comma(1<<(10-2*i)))
	}
	var out bytes.Buffer
	Screen{}.WriteChart(&out, &c)
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
		if got := ScreenOf(nil); got.ASCII != test.ascii || (got.style() == &ascii) != test.ascii {
			t.Errorf("%+v: %+v", test, got)
		}
	}
}
