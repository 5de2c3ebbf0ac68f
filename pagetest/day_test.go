package pagetest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// daysAgo is the address of a day of the household.
func daysAgo(n int) string { return "?view=day&day=" + dateAgo(n) }

func dateAgo(n int) string { return time.Now().UTC().AddDate(0, 0, -n).Format(time.DateOnly) }

// onStrip returns where an hour of the day is on the strip, in the lane that is the lowest.
func (p *tab) onStrip(hour float64) (x, y float64) {
	p.t.Helper()
	p.waitFor(".strip .lane rect")
	p.eval(`document.querySelector('.strip').scrollIntoView({ block: 'center' })`, nil)
	var box struct{ Left, Width, Bottom float64 }
	p.eval(`(({ left, width, bottom }) => ({ Left: left, Width: width, Bottom: bottom }))(document.querySelector('.strip').getBoundingClientRect())`, &box)
	return box.Left + box.Width*hour/24, box.Bottom - 10
}

// said waits until the strip says a moment, and the stage shows the same, with its picture.
func (p *tab) said(text string) {
	p.t.Helper()
	p.wait(`document.querySelector('.strip')?.getAttribute('aria-valuetext') === `+quoted(text), `document.querySelector('.strip')?.getAttribute('aria-valuetext')`)
	at, who, _ := strings.Cut(text, ", ")
	who, _, _ = strings.Cut(who, ",")
	p.waitText(".moment-time", at)
	p.waitText(".moment-who", who)
	p.wait(`document.querySelector('.moment img')?.complete || document.querySelector('.moment .none')`)
}

func TestTheDayIsScrubbedWithTheMouse(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, desktop, daysAgo(1))
	p.said("2:40 AM, Stranger, Front door") // what was first
	x, y := p.onStrip(1)
	toX, _ := p.onStrip(12.6)
	p.drag(x, y, toX, y)
	p.said("12:30 PM, Bob and dog, Front door")
	p.wait(`new URL(location).searchParams.get('at')?.endsWith('T12:30:07.000Z')`, `location.search`)
	p.click("button", "6 h")
	p.wait(`document.querySelectorAll('.strip circle.event').length > 3`)
	p.visit(p.address()) // the address has it all
	p.said("12:30 PM, Bob and dog, Front door")
	p.wait(`document.querySelectorAll('.strip circle.event').length > 3`)
	p.click("link", "/12:30 PM.*Bob/")
	p.waitFor("dialog[open]")
	p.wait(`new URL(location).searchParams.get('event')`)
}

// address is the query of where the tab is.
func (p *tab) address() (query string) {
	p.t.Helper()
	p.eval(`location.search`, &query)
	return query
}

func TestTheDayIsScrubbedWithAFinger(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, phone, daysAgo(1))
	x, y := p.onStrip(20)
	toX, _ := p.onStrip(17.6)
	p.swipe(x, y, toX, y)
	p.said("5:40 PM, Alice, Front door")
	p.tap("button", "1 h")
	p.wait(`document.querySelectorAll('.strip circle.event').length === 2`, `document.querySelectorAll('.strip circle.event').length`)
}

func TestTheDayIsScrubbedWithKeys(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, desktop, daysAgo(1))
	p.said("2:40 AM, Stranger, Front door")
	p.eval(`document.querySelector('.strip').focus()`, nil)
	for _, step := range []struct{ key, said string }{
		{"End", "11:50 PM, Fox, Backyard"},
		{"ArrowRight", "11:50 PM, Fox, Backyard"},
		{"ArrowLeft", "10:15 PM, Stranger, Front door"},
		{"Home", "2:40 AM, Stranger, Front door"},
		{"ArrowRight", "3:12 AM, Cat, Backyard"},
		{"ArrowRight", "5:30 AM, Motion, Driveway"},
	} {
		p.key(step.key)
		p.said(step.said)
	}
	p.key("Shift+ArrowRight")
	p.wait(`document.querySelector('.strip').getAttribute('aria-valuetext') === '5:45 AM: 5:30 AM, Motion, Driveway'`)
	p.key("PageDown")
	p.wait(`document.querySelector('.strip').getAttribute('aria-valuetext') === '6:45 AM: 7:05 AM, Alice, Front door'`)
	p.key("Enter")
	p.waitFor("dialog[open]")
	p.key("Escape")
	p.waitGone("dialog[open]")
	p.wait(`!new URL(location).searchParams.has('event')`)
}

func TestDaysAreChosen(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, desktop, daysAgo(1))
	p.waitText(".day-sum", "20 events")
	p.click("link", "Previous day")
	p.wait(`new URL(location).searchParams.get('day') === `+quoted(dateAgo(2)), `location.search`)
	p.click("link", "Next day")
	p.wait(`new URL(location).searchParams.get('day') === `+quoted(dateAgo(1)), `location.search`)
	if at := p.focused(); at != "link Next day" {
		t.Errorf("the focus is on %s", at)
	}
	p.key("Enter")
	p.waitText("h1", "Today")
	p.wait(`!new URL(location).searchParams.has('day')`, `location.search`)
	p.wait(`document.querySelector('a[aria-label="Next day"][aria-disabled="true"]')`)

	today := time.Now().UTC()
	name := func(ago int, n string) string {
		at, format := today.AddDate(0, 0, -ago), "Monday, January 2"
		if at.Year() != today.Year() {
			format += ", 2006"
		}
		return "button " + at.Format(format) + ", " + n
	}
	focus := func(want string) {
		t.Helper()
		p.until(func() (bool, string) { got := p.focused(); return strings.HasPrefix(got, want), got }, "the focus is on "+want)
	}
	p.click("button", "Calendar")
	focus(name(0, ""))
	p.key("ArrowLeft")
	focus(name(1, "20 events"))
	p.key("ArrowRight")
	p.key("ArrowRight") // there is no tomorrow
	focus(name(0, ""))
	p.key("PageUp") // the household is younger than a month
	focus(name(pastDays, "20 events"))
	p.key("ArrowRight")
	focus(name(pastDays-1, "20 events"))
	p.axe()
	p.key("Enter")
	p.waitGone("dialog[open]")
	p.wait(`new URL(location).searchParams.get('day') === `+quoted(dateAgo(pastDays-1)), `location.search`)
	focus("button Calendar")
	p.key("Enter")
	p.waitFor("dialog[open]")
	p.key("Escape")
	p.waitGone("dialog[open]")
	p.wait(`new URL(location).searchParams.get('day') === ` + quoted(dateAgo(pastDays-1)))

	p.visit("?view=day&day=2020-02-30") // there was none: 1 March, which is empty
	p.waitText("h1", "Sunday, March 1, 2020")
	p.waitText(".empty", "Nothing happened on this day.")
	p.click("link", today.AddDate(0, 0, -pastDays).Format("Jan 2, 2006"))
	p.waitText(".day-sum", "20 events")
}

// On the days on which the clock changes, the strip has 23 and 25 hours.
func TestDaysOnWhichTheClockChanges(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for _, at := range []time.Time{
		time.Date(2025, 3, 30, 0, 59, 0, 0, time.UTC), time.Date(2025, 3, 30, 1, 1, 0, 0, time.UTC), time.Date(2025, 3, 30, 21, 59, 0, 0, time.UTC),
		time.Date(2025, 10, 26, 0, 30, 0, 0, time.UTC), time.Date(2025, 10, 26, 1, 30, 0, 0, time.UTC), time.Date(2025, 10, 26, 22, 45, 0, 0, time.UTC),
	} {
		h.write(doorlog.Event{RecordedAt: at})
	}
	berlin := desktop
	berlin.Zone, berlin.Language = "Europe/Berlin", "de"
	p := h.open(t, berlin, "?view=day&day=2025-03-30")
	check := func(hours int, times []string, places []float64, twos int) {
		t.Helper()
		p.waitText(".day-sum", fmt.Sprintf("hat %d Stunden", hours))
		p.wait(`document.querySelector('.strip')?.getAttribute('aria-valuemax') === ` + quoted(fmt.Sprint(60*hours)))
		p.eval(`document.querySelector('.strip').focus()`, nil)
		p.key("Home")
		for i, at := range times {
			p.said(at + ", Bewegung, Front door")
			var left float64
			p.eval(`parseFloat(document.querySelector('.strip-head').style.left)`, &left)
			if want := 100 * places[i] / float64(hours); left < want-0.01 || left > want+0.01 {
				t.Errorf("%s is at %f %%, not %f", at, left, want)
			}
			p.key("ArrowRight")
		}
		var labels []string
		p.eval(`[...document.querySelectorAll('.strip-hours span')].map((e) => e.textContent.trim())`, &labels)
		if n := len(labels) - len(slices.DeleteFunc(slices.Clone(labels), func(s string) bool { return s == "02" })); n != twos || labels[len(labels)-1] != "22" {
			t.Errorf("%d hours: %v", hours, labels)
		}
	}
	check(23, []string{"01:59", "03:01", "23:59"}, []float64{119. / 60, 121. / 60, 23 - 1./60}, 0)
	p.visit("?view=day&day=2025-10-26")
	check(25, []string{"02:30", "02:30", "23:45"}, []float64{2.5, 3.5, 24.75}, 2)
}

// played returns the times of the pictures that the stage has shown since watchStage.
func (p *tab) played() (times []string) {
	p.t.Helper()
	p.eval(`window.played`, &times)
	return times
}

func (p *tab) watchStage() {
	p.t.Helper()
	p.waitFor(".moment img")
	p.eval(`window.played = [];
		new MutationObserver(() => {
			const time = document.querySelector('.moment-time time').dateTime.slice(11, 16);
			const shown = document.querySelector('.moment img')?.src;
			if (window.last === shown) return;
			window.last = shown;
			window.played.push(time);
			if (time === window.stopAt) document.body.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true }));
		}).observe(document.querySelector('.moment'), { childList: true, subtree: true, attributes: true })`, nil)
}

func TestTimeLapsePlaysInOrder(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	yesterday := time.Now().UTC().AddDate(0, 0, -1)
	at := func(hour, minute, second int) time.Time {
		return time.Date(yesterday.Year(), yesterday.Month(), yesterday.Day(), hour, minute, second, 0, time.UTC)
	}
	h.write(doorlog.Event{RecordedAt: at(10, 0, 0)}) // which has no picture
	gone := h.newest(doorlog.Query{Since: at(9, 50, 0), Until: at(9, 50, 30)})
	if err := os.Remove(filepath.Join(filepath.Dir(h.Path), "thumbnails", filepath.FromSlash(gone.ThumbnailPath))); err != nil {
		t.Fatal(err)
	}
	still := desktop
	still.Reduced = true
	p := h.open(t, still, daysAgo(1))
	p.allow("/thumbnail$")
	p.said("2:40 AM, Stranger, Front door")
	p.watchStage()
	p.fillSelect("Pictures a second", "16")
	if n := len(p.played()); n != 0 {
		t.Errorf("%d pictures were played before anybody asked", n)
	}
	p.click("button", "Play")
	p.waitRole("button", "Pause")
	p.waitRole("button", "Play") // at the end
	p.said("11:50 PM, Fox, Backyard")
	p.waitText(".player-skipped", "2 events without a picture were skipped.")
	var want []string
	for _, m := range householdDay()[1:] { // the first was there already
		if m.hour != 9 || m.minute != 50 {
			want = append(want, fmt.Sprintf("%02d:%02d", m.hour, m.minute))
		}
	}
	if got := p.played(); !slices.Equal(got, want) {
		t.Errorf("played %v\nwant %v", got, want)
	}

	p.fillSelect("Camera", "backyard") // from the beginning, of one camera, until the space bar is pressed
	p.waitText(".player-count", "4 of 4")
	p.eval(`window.stopAt = '13:00'; document.activeElement.blur()`, nil)
	p.key("Space")
	p.wait(`window.played.at(-1) === '13:00'`)
	p.waitRole("button", "Play")
	p.click("button", "Previous picture")
	p.said("3:12 AM, Cat, Backyard")
}

// fillSelect chooses an option.
func (p *tab) fillSelect(name, value string) {
	p.t.Helper()
	p.waitRole("combobox", name)
	p.eval(`((e) => { e.focus(); e.value = `+quoted(value)+`; e.dispatchEvent(new Event('change', { bubbles: true })); })(document.querySelector('select[aria-label=`+quoted(name)+`]'))`, nil)
}

func TestTodayGrows(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=day")
	p.waitText(".moment-who", "Alice") // who came last
	p.waitFor(".strip-now")
	before := p.text(".player-count")
	e := h.write(doorlog.Event{Camera: "garage", Person: "bob", FrameWidth: 640, FrameHeight: 360})
	p.wait(`document.querySelector('.player-count').textContent !== `+quoted(before), `document.querySelector('.player-count').textContent`)
	p.eval(`document.querySelector('.strip').focus()`, nil)
	p.key("End")
	p.waitText(".moment-who", "Bob")
	if err := h.Store.DeleteEvent(context.Background(), e.ID); err != nil {
		t.Fatal(err)
	}
	p.wait(`document.querySelector('.player-count').textContent.endsWith(`+quoted(before[strings.LastIndex(before, " "):])+`)`, `document.querySelector('.player-count').textContent`)
}

// A day of thousands of events is read where somebody looks.
func TestALongDayIsReadInParts(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	day := time.Date(2025, 5, 6, 0, 0, 0, 0, time.UTC)
	events := make([]doorlog.Event, 2880)
	for i := range events {
		events[i] = doorlog.Event{Camera: "front_door", Type: doorlog.Motion, RecordedAt: day.Add(time.Duration(i) * 30 * time.Second)}
	}
	if _, err := h.Store.WriteEvents(context.Background(), events); err != nil {
		t.Fatal(err)
	}
	p := h.open(t, desktop, "?view=day&day=2025-05-06")
	p.said("12:00 AM, Motion, Front door")
	p.eval(`document.querySelector('.strip').focus()`, nil)
	p.key("End")
	p.said("11:59 PM, Motion, Front door")
	p.waitText(".player-count", "2,880 of 2,880")
	p.key("Home")
	p.said("12:00 AM, Motion, Front door")
	read := 0
	for _, address := range p.Requests() {
		if strings.Contains(address, "/v1/events?") {
			read++
		}
	}
	if read > 8 {
		t.Errorf("%d requests were made for events", read)
	}
}

func TestALongNameOfACameraFitsADay(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write(doorlog.Event{Camera: "the_camera_above_the_second_garage_behind_the_house_of_my_grandmother", Person: strings.Repeat("wolfeschlegelstein", 5)})
	p := h.open(t, phone, "?view=day")
	p.waitText(".lane-name", "The camera above")
	p.ready()
	p.wait(`document.documentElement.scrollWidth === innerWidth && document.querySelector('.moment').getBoundingClientRect().right <= innerWidth`)
}
