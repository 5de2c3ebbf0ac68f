package pagetest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/report"
	"github.com/doorlog/doorlog/pagetest"
)

// yesterday returns a time of the day before today, in UTC.
func yesterday(hour, minute int) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

func TestTheDoorLogSaysWhoAndHow(t *testing.T) {
	h := newHome(t)
	day := yesterday(0, 0).Format(time.DateOnly)
	address := "?view=doors&from=" + day + "&to=" + day
	everyView(t, func(t *testing.T, v pagetest.View) {
		p := h.open(t, v, address)
		p.waitText(".log .entry .who-cell", "Alice")
		p.waitText(".log .entry .door-cell", "Unlocked")
		p.waitText(".log .entry .how-cell", "/^Face$/")
		p.waitText(".log .entry .why-cell", "Not known")
		p.waitText(".sums", "4 unlocks 2 refusals 1 jam 2 to look at")
		p.waitCount(".log .entry", 9)
		if v.Width < 600 {
			var wide bool
			if p.eval(`document.documentElement.scrollWidth > innerWidth`, &wide); wide {
				t.Error("it scrolls sideways")
			}
			p.tap("link", "/^5:40:07 PM$/")
		} else {
			p.waitText(".log .entry .face-cell", "93% sure distance 0.31")
			var at []float64 // the whole row opens it
			p.eval(`(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector('.log .entry .camera-cell').getBoundingClientRect())`, &at)
			p.must(chromedp.MouseClickXY(at[0], at[1]))
		}
		p.waitFor("dialog.detail")
		p.key("Escape")
		p.waitGone("dialog.detail")
		p.wait(`location.search === '` + address + `'`)
		p.axe()
	})
}

func TestWhatStandsOutIsFound(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for _, e := range []doorlog.Event{
		{RecordedAt: yesterday(3, 30), Door: doorlog.Unlocked, Method: doorlog.MethodFace, Person: "bob"},    // bob sleeps at that hour
		{RecordedAt: yesterday(11, 29), Door: doorlog.Unlocked, Method: doorlog.MethodApp, Person: "bob"},    // after two refusals at 11:21
		{RecordedAt: yesterday(11, 30), Door: doorlog.Unlocked, Camera: "garage", Person: "bob"},             // they were not in the garage
		{RecordedAt: yesterday(12, 40), Door: doorlog.Unlocked, Method: doorlog.MethodFace, Person: "bob"},   // as on each day
		{RecordedAt: yesterday(12, 50), Door: doorlog.Unlocked, Method: doorlog.MethodFace, Person: "guest"}, // the household is up then
		{RecordedAt: yesterday(23, 0), Door: doorlog.Locked, Method: doorlog.MethodAuto},
	} {
		h.write(e)
	}
	day := yesterday(0, 0).Format(time.DateOnly)
	p := h.open(t, desktop, "?view=doors&from="+day+"&to="+day)
	p.waitFor(".log .entry")
	p.allowShift()
	p.click("button", "/to look at/")
	p.wait(`new URLSearchParams(location.search).get('look') === '1'`)
	why := func(clock, want string) {
		t.Helper()
		var got string
		p.eval(`[...document.querySelectorAll('.entry')].filter((e) => e.querySelector('time').textContent === '`+clock+`').map((e) => [...e.querySelectorAll('.why-cell .chip')].map((c) => c.textContent).join(', ')).join('; ')`, &got)
		if got != want {
			t.Errorf("at %s it says %q, want %q", clock, got, want)
		}
	}
	p.waitCount(".log .entry", 4)
	why("2:40:07 AM", "Not known, Unusual hour")
	why("3:30:00 AM", "Unusual hour")
	why("11:29:00 AM", "After a refusal")
	why("2:45:07 PM", "Jammed")
	p.waitText("button.sum", "4 to look at")
	p.press(".why summary")
	p.waitText(".why", "fewer than 2 other days of the 60 before the end of the period")
	p.axe()
	p.click("button", "/to look at/")
	p.waitText(".log .entry .who-cell", "Carol")
}

func TestTheDoorLogIsFilteredInItsAddress(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "?view=doors")
	p.allowShift()
	choose := func(name, value string) {
		t.Helper()
		p.waitRole("combobox", name)
		p.eval(fmt.Sprintf(`(() => { const s = [...document.querySelectorAll('.filters label')].find((l) => l.textContent.trim().startsWith(%q)).querySelector('select');
			s.value = %q; s.dispatchEvent(new Event('change', { bubbles: true })); })()`, name, value), nil)
	}
	choose("Person", "bob")
	p.wait(`new URLSearchParams(location.search).get('person') === 'bob'`)
	p.wait(`document.querySelectorAll('.entry').length && [...document.querySelectorAll('.who-cell')].every((e) => /Bob/.test(e.textContent))`)
	choose("Door", "locked")
	p.wait(`document.querySelectorAll('.entry').length && [...document.querySelectorAll('.door-cell')].every((e) => /Locked/.test(e.textContent))`)
	choose("Person", "?")
	p.waitText(".empty", "The door did nothing that fits the filters.")
	choose("Door", "failed")
	p.waitText(".log .entry .who-cell", "Not known")
	p.eval(`history.back()`, nil)
	p.waitText(".empty", "The door did nothing that fits the filters.")
	choose("Door", "")
	choose("Person", "")
	choose("Period", "own")
	day := yesterday(0, 0).Format(time.DateOnly)
	p.visit("?view=doors&from=" + day + "&to=" + day)
	p.waitCount(".log .day", 1)
	choose("Period", "all")
	p.wait(`document.querySelectorAll('.log .day').length > 3`)
}

func TestTheDoorLogIsLive(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=doors&door=jammed")
	p.allowShift()
	p.waitFor(".log .entry")
	before := p.count(".log .entry")
	h.write(doorlog.Event{Door: doorlog.Unlocked}) // is not asked for
	e := h.write(doorlog.Event{Door: doorlog.Jammed, Camera: "cellar_door"})
	p.waitText(".log .entry:nth-child(2) .camera-cell", "Cellar door")
	p.waitCount(".log .entry", before+1)
	if err := h.Store.DeleteEvent(t.Context(), e.ID); err != nil {
		t.Fatal(err)
	}
	p.waitCount(".log .entry", before)

	// Who has scrolled is not moved.
	p.visit("?view=doors")
	p.waitText(".log .entry .who-cell", "Alice")
	p.eval(`scrollTo(0, 900)`, nil)
	p.wait(`scrollY > 800`)
	var top, after float64
	const place = `document.querySelectorAll('.entry')[12].getBoundingClientRect().top`
	p.eval(place, &top)
	h.write(doorlog.Event{Door: doorlog.Unlocked, Person: "carol", RecordedAt: time.Now().Add(time.Second)})
	h.write(doorlog.Event{Door: doorlog.Failed, RecordedAt: time.Now().Add(2 * time.Second)})
	p.waitRole("button", "2 new")
	if p.eval(place, &after); after-top > 60 || after < top-60 {
		t.Errorf("the list moved by %v", after-top)
	}
	p.click("button", "2 new")
	p.waitText(".log .entry:nth-child(2) .door-cell", "Refused")
	p.wait(`scrollY === 0`)
	p.waitGone(".fresh")
}

// A change that comes while the log could not be read does not hide that.
func TestADoorLogThatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.allowShift()
	p.waitFor(".card")
	p.eval(`(() => { const real = fetch; globalThis.fetch = (at, options) => (/v1.events\?/.test(at) ? Promise.resolve(new Response('{}', { status: 500 })) : real(at, options)); })()`, nil)
	p.click("link", "Door log")
	p.waitText(".doors [role=alert]", "Try again")
	const told = `performance.getEntriesByName(new URL('v1/cameras', document.baseURI).href).length` // the page asks for the cameras again after an event
	before := 0
	p.eval(told, &before)
	h.write(doorlog.Event{Door: doorlog.Jammed})
	p.wait(fmt.Sprintf("%s > %d", told, before))
	p.waitText(".doors [role=alert]", "Try again")
	if n := p.count(".log-skeleton"); n > 0 {
		t.Error("it seems to load")
	}
}

func TestTheDoorLogIsPrinted(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, pagetest.View{Width: 1440, Height: 900, Dark: true}, "?view=doors&days=30")
	p.allowShift()
	p.waitFor(".log .entry")
	p.eval(`window.printed = 0; window.print = () => { dispatchEvent(new Event('beforeprint')); printed = [...document.querySelectorAll('.log img')].filter((i) => i.complete && i.naturalWidth).length; dispatchEvent(new Event('afterprint')); }`, nil)
	p.click("button", "Print")
	p.wait(`printed > 40`)
	var pdf []byte
	p.must(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPrintBackground(true).Do(ctx)
		return err
	}))
	if !strings.HasPrefix(string(pdf), "%PDF") {
		t.Error("it is no PDF")
	}
	p.must(emulation.SetEmulatedMedia().WithMedia("print"))
	p.waitText(".printed", "Time zone UTC")
	p.waitText(".printed", "unlocks")
	var seen string
	p.eval(`[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor, document.querySelector('.exports').checkVisibility(), document.querySelector('.views').checkVisibility()].join()`, &seen)
	if seen != "rgb(0, 0, 0),rgb(255, 255, 255),false,false" {
		t.Errorf("on paper it is %s", seen)
	}
	p.must(emulation.SetEmulatedMedia().WithMedia(""))
}

func TestTheDoorLogIsSaved(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=doors&door=unlocked&person=bob&lang=de")
	p.waitFor(".log .entry")
	shown := p.count(".log .entry")
	saved := func(name string) (text string) {
		t.Helper()
		p.waitRole("link", name)
		p.eval(fmt.Sprintf(`fetch([...document.querySelectorAll('.exports a')].find((a) => a.textContent === %q).href).then((r) => r.text())`, name), &text)
		return text
	}
	if text := saved("Bericht"); !strings.Contains(text, `<html lang="de">`) || !strings.Contains(text, fmt.Sprintf("Ende des Berichts: %d Ereignisse.", shown)) {
		t.Errorf("%.2000s", text)
	}
	if lines := strings.Count(saved("CSV"), "\n"); lines != shown+1 {
		t.Errorf("%d lines for %d events", lines, shown)
	}
	p.visit("?view=doors&look=1&lang=de")
	p.waitFor(".log .entry")
	shown = p.count(".log .entry")
	if text := saved("Bericht"); !strings.Contains(text, fmt.Sprintf("Ende des Berichts: %d Ereignisse.", shown)) {
		t.Errorf("%d are shown, and the report ends with %s", shown, text[max(0, len(text)-300):])
	}
}

// The report is a page by itself: nothing in it runs, asks for something, or is hard to read.
func TestAReportIsAPageByItself(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write(doorlog.Event{Door: doorlog.Failed, Camera: `<img src="http://example.org/x" onerror="alert(1)">`, Attributes: map[string]string{"<b>": "</style><script>alert(1)</script>"}})
	file := filepath.Join(t.TempDir(), "report.html")
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := report.HTML(t.Context(), w, h.Store, doorlog.Query{Since: yesterday(12, 0), Doors: []doorlog.DoorAction{doorlog.Unlocked, doorlog.Failed}, OldestFirst: true}, &report.Options{Made: time.Now(), StoreID: "X"})
	if err == nil {
		err = w.Close()
	}
	if err != nil || sum.Pictures < 3 {
		t.Fatal(sum, err)
	}
	for _, v := range []pagetest.View{phone, desktop} {
		inner, err := browser.NewTab(v)
		if err != nil {
			t.Fatal(err)
		}
		p := &tab{Tab: inner, t: t}
		defer p.Close()
		if err := p.Open("file://" + file); err != nil {
			t.Fatal(err)
		}
		p.wait(`[...document.images].length && [...document.images].every((i) => i.complete && i.naturalWidth)`)
		var text string
		p.eval(`[document.scripts.length, document.documentElement.scrollWidth <= innerWidth, getComputedStyle(document.querySelector('.event')).display].join()`, &text)
		if text != "0,true,grid" {
			t.Errorf("it is %s", text)
		}
		p.eval(`document.querySelectorAll('img').forEach((i) => { i.src = 'data:,'; })`, nil) // axe reads the markup of each element, and of all that are around it
		p.axe()
		for _, address := range p.Requests() {
			if !strings.HasPrefix(address, "data:") && address != "file://"+file {
				t.Errorf("it asked for %s", address)
			}
		}
		if problems := p.Problems(); len(problems) > 0 {
			t.Error(problems)
		}
	}
}
