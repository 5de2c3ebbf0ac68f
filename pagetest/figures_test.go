package pagetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
)

// The figures that the page is to reach. The long form holds them; the short one has a smaller store, and is
// content with a multiple of them, because other tests run beside it.
const (
	paintWithin    = 300 * time.Millisecond
	usableWithin   = 600 * time.Millisecond
	shownWithin    = 100 * time.Millisecond
	framesASecond  = 50
	memoryOfCards  = 150 << 20
	scoreAtLeast   = 95
	manyEvents     = 300_000
	fewerEvents    = 12_000
	scrolledCards  = 10_000
	looseness      = 6
	pixelsOfAFrame = 600 // scrolled from one frame to the next: 36,000 a second, a fast wheel
)

// bound is a limit of time: itself in the long form.
func bound(limit time.Duration) time.Duration {
	if *long {
		return limit
	}
	return looseness * limit
}

// bigHome serves a store of many events, whose pictures are a few files.
func bigHome(t *testing.T) *home {
	t.Helper()
	if browser == nil {
		missing(t, pagetest.ErrNoBrowser.Error())
	}
	dir, n := t.TempDir(), fewerEvents
	if *long {
		n = manyEvents
	}
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	days := householdDay()
	pictures := filepath.Join(dir, "thumbnails", "shared")
	if err := os.MkdirAll(pictures, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range days {
		days[i].FrameWidth, days[i].FrameHeight = 640, 360
		days[i].ThumbnailPath = fmt.Sprintf("shared/%d.jpg", i)
		if err := os.WriteFile(filepath.Join(pictures, fmt.Sprintf("%d.jpg", i)), drawFrame(&days[i].Event), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const batch = 5000
	at := time.Now().Add(-time.Duration(n) * 2 * time.Minute)
	for i := 0; i < n; i += batch {
		events := make([]doorlog.Event, 0, batch)
		for j := i; j < min(n, i+batch); j++ {
			e := days[j%len(days)].Event
			e.RecordedAt = at.Add(time.Duration(j) * 2 * time.Minute)
			events = append(events, e)
		}
		if _, err := st.WriteEvents(context.Background(), events); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return newHome(t, of(dir))
}

// watchStart notes when the first cards are drawn and when the main thread had its last long task.
const watchStart = `globalThis.began = { cards: 0, busy: 0 };
new PerformanceObserver((list) => list.getEntries().forEach((e) => { began.busy = e.startTime + e.duration; })).observe({ type: 'longtask', buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector('.card')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { began.cards = performance.now(); }));
}).observe(document, { childList: true, subtree: true });`

func TestFigures(t *testing.T) {
	h := bigHome(t)
	t.Run("start", func(t *testing.T) { figureStart(t, h) })
	t.Run("new event", func(t *testing.T) { figureNewEvent(t, h) })
	t.Run("scroll", func(t *testing.T) { figureScroll(t, h) })
	t.Run("lighthouse", func(t *testing.T) { figureLighthouse(t, h) })
}

func median[T ~int64 | ~float64](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// figureStart opens the page in new tabs, which have nothing of it yet.
func figureStart(t *testing.T, h *home) {
	const times = 5
	var paints, usables []time.Duration
	for range times {
		inner, err := browser.NewTab(desktop)
		if err != nil {
			t.Fatal(err)
		}
		p := &tab{Tab: inner, t: t, home: h}
		p.must(pagetest.BeforeEachPage(watchStart))
		p.visit("")
		p.wait(`began.cards > 0 && performance.getEntriesByName('first-contentful-paint').length > 0`)
		p.ready()
		var got struct{ Paint, Cards, Busy float64 }
		p.eval(`({ Paint: performance.getEntriesByName('first-contentful-paint')[0].startTime, Cards: began.cards, Busy: began.busy })`, &got)
		paints, usables = append(paints, milliseconds(got.Paint)), append(usables, milliseconds(max(got.Cards, got.Busy)))
		p.noProblems()
		p.Close()
	}
	paint, usable := median(paints), median(usables)
	t.Logf("first paint after %v, usable after %v (medians of %d; all: %v %v)", paint, usable, times, paints, usables)
	if paint > bound(paintWithin) || usable > bound(usableWithin) {
		t.Errorf("first paint after %v, usable after %v; wanted: %v and %v", paint, usable, bound(paintWithin), bound(usableWithin))
	}
}

// figureNewEvent measures from the return of the write, which is after the commit, until the card is drawn.
func figureNewEvent(t *testing.T, h *home) {
	const times = 20
	p := h.open(t, desktop, "")
	p.ready()
	p.waitFor(".connection[data-state=live]")
	p.eval(`globalThis.drawn = {};
	new MutationObserver(() => document.querySelectorAll('[data-id]').forEach((e) => {
	  const id = e.dataset.id;
	  if (!(id in drawn)) {
	    drawn[id] = 0;
	    requestAnimationFrame(() => setTimeout(() => { drawn[id] = performance.timeOrigin + performance.now(); }));
	  }
	})).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-id'] }); null`, nil)
	var took []time.Duration
	for range times {
		e := h.write(doorlog.Event{Person: "alice"})
		committed := time.Now()
		p.wait(`drawn['` + e.ID.String() + `'] > 0`)
		var at float64
		p.eval(`drawn['`+e.ID.String()+`']`, &at)
		took = append(took, time.UnixMicro(int64(at*1000)).Sub(committed))
	}
	got := median(took)
	t.Logf("a new event shows %v after its commit (median of %d; the slowest %v)", got, times, slices.Max(took))
	if got > bound(shownWithin) {
		t.Errorf("a new event shows after %v; wanted: %v", got, bound(shownWithin))
	}
}

// scroll scrolls on with each frame, until so many cards are above, and says how that went.
const scroll = `(async (cards, step) => {
  let frames = 0, slowest = 0, blank = 0;
  const columns = () => new Set([...document.querySelectorAll('.card')].map((e) => Math.round(e.getBoundingClientRect().left))).size || 1;
  const row = document.querySelector('.card').getBoundingClientRect().height + 16;
  const goal = cards / columns() * row;
  const began = performance.now();
  let before = began;
  while (scrollY < goal && performance.now() - began < 90_000) {
    scrollBy(0, step);
    const now = await new Promise(requestAnimationFrame);
    frames++;
    slowest = Math.max(slowest, now - before);
    before = now;
    if (!document.querySelector('.card')) blank++;
  }
  return { Frames: frames, Seconds: (performance.now() - began) / 1000, Slowest: slowest, Blank: blank, At: scrollY, Goal: goal, Drawn: document.querySelectorAll('.card').length };
})`

func figureScroll(t *testing.T, h *home) {
	cards := scrolledCards
	if !*long {
		cards /= 20
	}
	p := h.open(t, desktop, "")
	p.ready()
	p.allowShift() // a person who scrolls has the cards move
	var got struct {
		Frames, Blank, Drawn       int
		Seconds, Slowest, At, Goal float64
	}
	p.patient(2*time.Minute, fmt.Sprintf(`%s(%d, %d)`, scroll, cards, pixelsOfAFrame), &got)
	heap, process, err := p.Memory()
	if err != nil {
		t.Fatal(err)
	}
	rate := float64(got.Frames) / got.Seconds
	t.Logf("%d cards scrolled past in %.1f s: %.1f frames a second, the slowest %.0f ms; %d frames with skeletons alone; %d cards in the page; %d MiB of heap, %d MiB of the process",
		cards, got.Seconds, rate, got.Slowest, got.Blank, got.Drawn, heap>>20, process>>20)
	if got.At < got.Goal {
		t.Errorf("the list ended at %.0f of %.0f pixels", got.At, got.Goal)
	}
	if *long && rate < framesASecond { // beside other tests it says nothing
		t.Errorf("%.1f frames a second; wanted: %d", rate, framesASecond)
	}
	if process > memoryOfCards {
		t.Errorf("%d MiB of memory; wanted: %d", process>>20, memoryOfCards>>20)
	}
}

// figureLighthouse runs Lighthouse on the feed, as on a phone.
func figureLighthouse(t *testing.T, h *home) {
	if !*long {
		t.Skip("SKIP: Lighthouse is of the long form")
	}
	command := filepath.Join("lighthouse", "node_modules", ".bin", "lighthouse")
	if _, err := os.Stat(command); err != nil {
		missing(t, "there is no Lighthouse; in pagetest/lighthouse: npm ci --ignore-scripts")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "report.json")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, command, h.URL, "--quiet", "--output=json", "--output-path="+out, "--chrome-flags=--headless=new --no-sandbox",
		"--only-categories=performance,accessibility,best-practices,seo", "--max-wait-for-load=20000")
	run.Env = append(os.Environ(), "CHROME_PATH="+chromium, "CI=1")
	if said, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Categories map[string]struct {
			Score     float64
			AuditRefs []struct {
				ID     string
				Weight float64
			}
		}
		Audits map[string]struct {
			Title, DisplayValue string
			Score               *float64
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Categories) != 4 { //nolint:mnd // those that are asked for
		t.Errorf("%d categories", len(report.Categories))
	}
	for name, c := range report.Categories {
		t.Logf("Lighthouse: %s %.0f", name, 100*c.Score)
		for _, ref := range c.AuditRefs {
			if a := report.Audits[ref.ID]; ref.Weight > 0 && a.Score != nil && *a.Score < 0.9 {
				t.Logf("  %s: %.0f %s %s", ref.ID, 100**a.Score, a.Title, a.DisplayValue)
			}
		}
		if 100*c.Score < scoreAtLeast {
			t.Errorf("Lighthouse gives %s %.0f; wanted: %d", name, 100*c.Score, scoreAtLeast)
		}
	}
}
