package pagetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
)

// marks returns what the marks of a chart say.
func (p *tab) marks(chart string) (texts []string) {
	p.t.Helper()
	p.waitFor(".chart-" + chart + " .point")
	p.eval(`[...document.querySelectorAll(`+quoted(".chart-"+chart+" .point")+`)].map((a) => a.ariaLabel)`, &texts)
	return texts
}

var count = regexp.MustCompile(`: ([\d,]+) (?:events?|detections?|visits?)`)

// counts returns the numbers in what marks say.
func counts(t testing.TB, texts []string) (all []int) {
	t.Helper()
	for _, text := range texts {
		found := count.FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("%q has no number", text)
		}
		n, _ := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
		all = append(all, n)
	}
	return all
}

// matching returns how many events match the filters in the address of the feed, of which zone is the viewer's.
func (p *tab) matching(zone string) int {
	p.t.Helper()
	p.wait(`!new URLSearchParams(location.search).has('view')`)
	var search string
	p.eval(`location.search`, &search)
	filters, err := url.ParseQuery(strings.TrimPrefix(search, "?"))
	if err != nil {
		p.t.Fatal(err)
	}
	filters.Set("tz", zone)
	filters.Set("limit", "1000")
	var events []json.RawMessage
	p.eval(fmt.Sprintf(`fetch('v1/events?%s').then((r) => r.json()).then((page) => page.events)`, filters.Encode()), &events)
	return len(events)
}

func TestChartsHaveTheNumbersOfTheStoreInTheZoneOfTheViewer(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for _, zone := range []string{"UTC", "America/New_York", "Asia/Kathmandu"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		v := desktop
		v.Zone = zone
		p := h.open(t, v, "?view=charts&range=all")
		heatmap := counts(t, p.marks("heatmap"))
		a, err := h.Store.Analytics(context.Background(), doorlog.Scope{Location: location})
		if err != nil {
			t.Fatal(err)
		}
		var want []int // in the United States the week begins with Sunday, as it does in the store
		for _, day := range a.Heatmap {
			want = append(want, day[:]...)
		}
		if !reflect.DeepEqual(heatmap, want) {
			t.Errorf("%s: the cells say %v, the store %v", zone, heatmap, want)
		}
		var days, hours []int
		for _, day := range a.Timeline {
			days = append(days, day.Count)
		}
		for _, hour := range a.Hours {
			hours = append(hours, hour.Count)
		}
		if got := counts(t, p.marks("days")); !reflect.DeepEqual(got, days) {
			t.Errorf("%s: the days say %v, the store %v", zone, got, days)
		}
		if got := counts(t, p.marks("hours")); !reflect.DeepEqual(got, hours) {
			t.Errorf("%s: the hours say %v, the store %v", zone, got, hours)
		}
		p.waitText(".tiles a", fmt.Sprintf("Events %d", a.Summary.Total))
		p.waitText(".tiles a", fmt.Sprintf("Known %d", a.Summary.Known))
		p.waitText(".chart-labels li", fmt.Sprintf("Person %d", a.Breakdown[0].Count))
		p.waitText(".chart-people li", fmt.Sprintf("%d", a.Persons[0].Visits))
	}
}

func TestEachMarkLeadsToItsEvents(t *testing.T) {
	t.Parallel()
	const zone = "Europe/Vienna"
	h := newHome(t)
	v := desktop
	v.Zone, v.Height = zone, 1400
	p := h.open(t, v, "?view=charts&range=7")
	number := regexp.MustCompile(`(?:: |\n)(\d+)`) // Monday, 8 AM to 9 AM: 6 events, or the name and the number of a line
	for _, selector := range []string{
		`.chart-heatmap a[aria-label*=" 12 PM to 1 PM"]`, `.chart-heatmap a[data-i="167"]`, ".chart-days a:nth-child(3)", `.chart-hours a[aria-label^="8 AM"]`,
		`.chart-hours a[aria-label^="11 PM"]`, ".chart-people li:nth-child(2) a", ".tiles a:nth-child(1)", ".tiles a:nth-child(3)", ".tiles a:nth-child(4)", ".tiles a:nth-child(5)",
	} {
		p.waitFor(selector)
		var text string
		p.eval(`((a) => { a.scrollIntoView({ block: 'center' }); return a.ariaLabel || a.innerText; })(document.querySelector(`+quoted(selector)+`))`, &text)
		want := number.FindStringSubmatch(text)
		p.press(selector)
		if got := strconv.Itoa(p.matching(zone)); want == nil || got != want[1] {
			t.Errorf("%q leads to %s events", text, got)
		}
		p.eval(`history.back()`, nil)
	}
}

func TestChartsOfACameraAndOfDaysLeadToEventsOfThose(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	from, to := time.Now().UTC().AddDate(0, 0, -4).Format(time.DateOnly), time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly)
	p := h.open(t, desktop, "?view=charts&camera=driveway&from="+from+"&to="+to)
	if got := counts(t, p.marks("days")); !reflect.DeepEqual(got, []int{4, 4, 4}) {
		t.Errorf("the days have %v events, want 4 each", got)
	}
	p.press(".tiles a")
	if got := p.matching("UTC"); got != 12 {
		t.Errorf("they lead to %d events, want 12", got)
	}
}

func TestTheRangeAndTheCameraAreInTheAddress(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, phone, "?view=charts")
	p.marks("days")
	p.tap("link", "7 days")
	p.wait(`location.search === '?view=charts&range=7'`)
	p.waitText(".tiles a", "Events 1") // 140 and something
	p.eval(`((s) => { s.value = 'garage'; s.dispatchEvent(new Event('change', { bubbles: true })); })(document.querySelector('select'))`, nil)
	p.wait(`location.search.includes('camera=garage')`)
	p.waitText(".charts header p", "Garage")
	p.eval(`history.back()`, nil)
	p.waitText(".charts header p", "All cameras")
	p.tap("link", "From – to")
	p.wait(`document.querySelectorAll('input[type=date]').length === 2 && [...document.querySelectorAll('input[type=date]')].every((i) => i.value)`)
	p.waitText("[aria-current=true]", "From – to")
}

func TestArrowKeysWalkThroughTheWeek(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, desktop, "?view=charts&range=7")
	p.marks("heatmap")
	p.eval(`document.querySelector('.chart-days summary').focus()`, nil)
	p.key("Tab")
	for _, step := range []struct{ key, want string }{
		{"ArrowRight", "Sunday, 1 AM to 2 AM"},
		{"ArrowDown", "Monday, 1 AM to 2 AM"},
		{"ArrowLeft", "Monday, 12 AM to 1 AM"},
		{"ArrowUp", "Sunday, 12 AM to 1 AM"},
		{"End", "Saturday, 11 PM to 12 AM"},
		{"ArrowRight", "Saturday, 11 PM to 12 AM"},
		{"Home", "Sunday, 12 AM"},
	} {
		p.key(step.key)
		p.waitText(".chart-heatmap .readout b", "/^"+step.want+"/")
	}
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Weekday()
	for range yesterday {
		p.key("ArrowDown")
	}
	for range 8 {
		p.key("ArrowRight")
	}
	bob := fmt.Sprintf("/^%s, 8 AM to 9 AM: 1 event$/", yesterday)
	p.waitText(".chart-heatmap .readout b", bob)
	p.key("Tab")
	p.key("Shift+Tab") // the chart keeps its place
	p.waitText(".chart-heatmap .readout b", bob)
	p.key("Enter")
	if got := p.matching("UTC"); got != 1 {
		t.Errorf("it leads to %d events, want 1", got)
	}
	p.waitCount(".card", 1)
	p.waitText(".card", "Bob")
}

func TestAFingerSeesTheNumberBeforeItGoesThere(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, phone, "?view=charts&range=all")
	p.marks("hours")
	p.eval(`document.querySelector('.chart-hours').scrollIntoView({ block: 'center' })`, nil)
	p.tap("link", "/^12 PM to 1 PM: [67] events$/")
	p.waitText(".chart-hours .readout", "/^12 PM to 1 PM: [67] events Tap again/")
	p.tap("link", "/^11 PM to 12 AM/")
	p.waitText(".chart-hours .readout", "/^11 PM to 12 AM: [67] events Tap again/")
	p.tap("link", "/^11 PM to 12 AM/")
	if got := p.matching("UTC"); got < pastDays {
		t.Errorf("it leads to %d events, want %d", got, pastDays)
	}
}

func TestTheNumbersOfAChartAreATable(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write(doorlog.Event{Camera: "garage", Type: doorlog.Motion, Detections: []doorlog.Detection{{Label: "=1+2", Confidence: 0.5}}})
	p := h.open(t, desktop, "?view=charts&range=all")
	p.marks("heatmap")
	p.press(".chart-heatmap summary")
	p.waitCount(".chart-heatmap tbody tr", 7*24)
	p.press(".chart-heatmap summary")
	p.waitCount(".chart-heatmap tbody tr", 0)
	p.press(".chart-labels summary")
	p.waitText(".chart-labels tbody tr", "=1+2 1 50%")
	p.click("button", "Label")
	p.waitText(".chart-labels th[aria-sort=ascending]", "Label")
	p.waitText(".chart-labels tbody tr:first-child", "=1+2")
	p.click("button", "Detections")
	p.waitText(".chart-labels tbody tr:first-child", "Person")
	p.axe()
	p.eval(`URL.createObjectURL = (blob) => { blob.text().then((text) => { window.kept = text; }); return '#'; };
	  addEventListener('click', (e) => e.target.download && e.preventDefault(), true)`, nil)
	p.press(".chart-labels .numbers .button")
	p.wait(`window.kept?.startsWith('\ufeff"Label","Detections","Sure"\r\n"Person",') || window.kept?.startsWith('"Label","Detections","Sure"\r\n"Person",')`, `JSON.stringify(window.kept)`)
	p.wait(`window.kept.includes("\r\n\"'=1+2\",1,0.5")`, `JSON.stringify(window.kept)`)
}

func TestChartsGrowWhileTheyAreLookedAt(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=charts&range=all")
	p.marks("days")
	before, err := h.Store.Summary(context.Background(), doorlog.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	p.eval(`{ window.kept = document.querySelector('.tiles a'); window.flickered = false;
	  new MutationObserver(() => { window.flickered ||= !document.querySelector('.tiles a') || !!document.querySelector('.skeleton'); }).observe(document.querySelector('main'), { childList: true, subtree: true }) }`, nil)
	h.write(doorlog.Event{Camera: "garage", Type: doorlog.Motion, Person: "bob"})
	p.waitText(".tiles a", fmt.Sprintf("Events %d", before.Total+1))
	p.wait(`!window.flickered && window.kept.isConnected`)
}

// storeOf makes a store with events, and returns its folder.
func storeOf(t testing.TB, events ...doorlog.Event) string {
	t.Helper()
	dir := t.TempDir()
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) > 0 {
		if _, err := st.WriteEvents(context.Background(), events); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestChartsOfFewEventsAndOfMany(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	event := func(at time.Time, person string, labels ...string) doorlog.Event {
		e := doorlog.Event{Camera: "front_door", Type: doorlog.Motion, Person: person, RecordedAt: at}
		for _, label := range labels {
			e.Detections = append(e.Detections, doorlog.Detection{Label: label, Confidence: 0.8})
		}
		return e
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		p := newHome(t, of(storeOf(t))).open(t, phone, "?view=charts")
		p.waitText(".empty", "There are no events yet")
		p.axe()
		p.home.write(event(now, ""))
		p.waitText(".tiles a", "Events 1")
	})
	t.Run("none in these days", func(t *testing.T) {
		t.Parallel()
		p := newHome(t, of(storeOf(t, event(now.AddDate(-1, 0, 0), "")))).open(t, phone, "?view=charts&range=7")
		p.waitText(".empty", "no events in these days")
		p.tap("link", "Show all events")
		p.waitText(".tiles a", "Events 1")
	})
	t.Run("ten years, 200 labels and long names", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("A very long name ", 12)
		events := []doorlog.Event{event(now.AddDate(-10, 0, 0), long), event(now.Add(-time.Hour), long, long)}
		for i := range 200 {
			events = append(events, event(now.AddDate(0, 0, -17*i), "", fmt.Sprintf("thing %03d", i)))
		}
		h := newHome(t, of(storeOf(t, events...)))
		for _, v := range []pagetest.View{phone, desktop} {
			p := h.open(t, v, "?view=charts&range=all")
			sum := 0
			bars := counts(t, p.marks("days"))
			for _, n := range bars {
				sum += n
			}
			if sum != len(events) || len(bars) > 540 {
				t.Errorf("%d bars have %d events, want %d", len(bars), sum, len(events))
			}
			p.waitCount(".chart-labels li", 12)
			p.waitText(".chart-labels", "189 more with 189 in all")
			p.wait(`document.documentElement.scrollWidth <= innerWidth`, `document.documentElement.scrollWidth`)
			p.axe()
		}
	})
}

func TestChartsAreForEveryone(t *testing.T) {
	h := newHome(t)
	everyView(t, func(t *testing.T, v pagetest.View) {
		if v.Dark {
			v.Language = "de"
		}
		p := h.open(t, v, "?view=charts")
		p.waitFor(".chart-heatmap .point")
		p.wait(`document.documentElement.scrollWidth <= innerWidth`, `document.documentElement.scrollWidth`)
		p.axe()
	})
}
