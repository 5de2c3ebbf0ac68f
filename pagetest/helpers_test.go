// The tests of the page. Each does what a person does, and looks at what a person would see:
//
//	func TestAPersonSeesWhoWasAtTheDoor(t *testing.T) {
//		h := newHome(t)                      // a store of four days, and a server of it, for this test alone
//		p := h.open(t, phone, "?view=feed")  // a tab; phone, tablet, desktop, or a View of your own
//		p.waitText(".card .who", "Alice")    // until one element of the selector has the text
//		p.click("button", "Filters")         // by role and accessible name; /regular expression/ also does
//		p.tap("link", "/Alice, Front door/") // the same with a finger
//		p.fill("searchbox", "Search", "bob") // clicks, selects what is there, types
//		p.key("Shift+Tab"); p.typeText("x")  // keys for whatever has the focus
//		h.write(event)                       // what another program writes meanwhile; h.Store has everything
//		p.waitCount(".card", 12); p.waitGone(".toast"); p.wait(`location.search === ''`)
//		p.text("h1"); p.count(".card"); p.eval(`document.title`, &title); p.focused()
//		p.ready()                            // until the view has all that it asked for, and rests
//		p.axe()                              // fails if axe-core finds a violation
//	}
//
// At its end each test fails by itself if the console had an error or a warning, a request failed or went to
// another host, or the layout shifted. What a test provokes it allows: p.allow(`401 of .*`), p.allowShift().
// everyView runs a test at three widths, light and dark. h.stop and h.start are for a server
// that goes away; newHome(t, withTokens) asks for tokens, of which h.token makes one.
//
// Nothing sleeps: each helper waits for its condition, at most for 20 s, and then says what there was instead,
// with a picture of the tab. There is one Chromium for all tests; call t.Parallel where nothing is measured.
package pagetest_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/doorlog/doorlog/pagetest"
)

var long = flag.Bool("long", false, "run the long forms of the tests, as CI does")

// browser is the Chromium of all tests; nil if there is none.
var browser *pagetest.Browser

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(browserVariable) == "off" {
		fmt.Println("SKIP:", browserVariable, "is off")
		return 0
	}
	b, err := pagetest.StartBrowser(context.Background())
	switch {
	case err == nil:
		browser = b
		defer b.Close()
	case !errors.Is(err, pagetest.ErrNoBrowser) || os.Getenv(browserVariable) == "need":
		fmt.Println("FAIL:", err)
		return 1
	}
	defer removeTemplate()
	return m.Run()
}

// browserVariable is a variable of the environment. off: no test runs. need: what is not installed is a failure.
const browserVariable = "DOORLOG_TEST_BROWSER"

// missing skips a test for which something is not installed, unless it is needed.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(browserVariable) == "need" {
		t.Fatal(what)
	}
	t.Skip("SKIP: " + what)
}

// The ways in which a person looks at the page.
var (
	phone   = pagetest.View{Width: 360, Height: 780, Touch: true}
	tablet  = pagetest.View{Width: 768, Height: 1024, Touch: true}
	desktop = pagetest.View{Width: 1440, Height: 900}
)

// everyView runs a test for each width, light and dark.
func everyView(t *testing.T, test func(t *testing.T, v pagetest.View)) {
	t.Helper()
	for _, v := range []pagetest.View{phone, tablet, desktop} {
		for _, v.Dark = range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s", v.Width, map[bool]string{false: "light", true: "dark"}[v.Dark]), func(t *testing.T) { test(t, v) })
		}
	}
}

// firstLine is what of an error is of use in a test.
func firstLine(err error) string {
	line, _, _ := bytes.Cut([]byte(err.Error()), []byte("\n"))
	return string(line)
}
