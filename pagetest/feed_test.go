package pagetest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

func TestTheFeedSaysWhoOrWhatWasSeen(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitText(".card .name", "Alice")
	p.waitText(".card .chips", "/Unlocked · Face/")
	p.waitText("main", "/Today|, /") // the day
	p.wait(`document.title === 'Events · doorlog'`)

	h.write(doorlog.Event{Camera: "garage", Detections: []doorlog.Detection{{Label: "cat", Confidence: 0.9}, {Label: "person", Confidence: 0.8}}})
	p.waitText(".card .name", "Stranger and cat")
	h.write(doorlog.Event{Camera: "garage", Detections: []doorlog.Detection{{Label: "cat", Confidence: 0.9}}})
	p.waitText(".card .name", "Cat") // which is no stranger
	h.write(doorlog.Event{Camera: "garage", Type: doorlog.Ding})
	p.waitText(".card .name", "Doorbell")
	h.write(doorlog.Event{Camera: "garage", Door: doorlog.Jammed})
	p.waitText(".card .name", "Jammed")
	h.write(doorlog.Event{Camera: "garage", Person: "bob", Detections: []doorlog.Detection{{Label: "person", Confidence: 0.9}, {Label: "dog", Confidence: 0.9}}})
	p.waitText(".card .name", "Bob and dog")
	p.axe()
}

func TestTheFeedIsFilteredByTaps(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "")
	p.waitFor(".card")
	p.tap("button", "Filter")
	p.waitFor("dialog.feed-filters")
	p.tap("button", "Bob")
	p.tap("button", "Dog")
	p.waitRole("button", "/Show [0-9]+ events/")
	p.axe()
	p.tap("button", "/Show [0-9]+ events/")
	p.wait(`location.search === '?person=bob&label=dog'`)
	p.waitGone("dialog")
	p.wait(`[...document.querySelectorAll('.card .name')].length > 2 && [...document.querySelectorAll('.card .name')].every((e) => e.textContent === 'Bob and dog')`)
	p.tap("button", "Remove filter: Dog")
	p.wait(`location.search === '?person=bob'`)
	p.tap("button", "Strangers")
	p.wait(`location.search === '?stranger=true&label=person'`) // Bob is none
	p.wait(`[...document.querySelectorAll('.card .name')].length > 2 && [...document.querySelectorAll('.card .name')].every((e) => e.textContent.startsWith('Stranger'))`)
	p.tap("button", "Strangers")
	p.wait(`location.search === ''`)
	p.waitText(".card .name", "Alice")
	p.eval(`history.go(-2)`, nil)
	p.wait(`location.search === '?person=bob' && document.querySelectorAll('.card').length > 2`)
}

func TestNothingThatMatchesIsSaid(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "?camera=attic&label=elephant")
	p.waitText(".empty", "/No events match/")
	p.tap("button", "/Remove all filters/")
	p.wait(`location.search === ''`)
	p.waitText(".card .name", "Alice")
}

func TestFiltersOfTheAddressAreSaid(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?camera=front_door&hours=22-6&weekday=1&attribute=zone%3Dporch&min_confidence=0.9&reviewed=true&since=2026-01-01T00:00:00Z")
	for _, chip := range []string{"Front door", "10 PM to 6 AM", "Monday", "zone: porch", "At least 90% sure", "Reviewed", "From Jan 1, 2026"} {
		p.waitRole("button", "Remove filter: "+chip)
	}
	p.allow("400 of .*")
	p.visit("?weekday=9")
	p.waitText("[role=alert]", "/weekday: 9 is not a day of the week/")
	p.click("button", "/Remove all filters/")
	p.waitText(".card .name", "Alice")
	p.visit("?colour=red&since=yesterday-ish")
	p.waitText("[role=alert]", "/A filter in the address does not work/")
}

func TestADayIsJumpedTo(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	day := time.Now().UTC().AddDate(0, 0, -3)
	p.eval(fmt.Sprintf(`(() => {
		const input = document.querySelector('.jump input');
		input.value = %q;
		input.dispatchEvent(new Event('change', { bubbles: true }));
	})()`, day.Format("2006-01-02")), nil)
	p.waitText(".jump-day", day.Format("Monday, January 2"))
	p.waitText(".jump .count", "20 events")
	p.waitText(".card time", "11:50 PM")
}

func TestTheFeedWorksByKeys(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	at := func(i int) string {
		return fmt.Sprintf(`document.activeElement === document.querySelectorAll('.card a')[%d]`, i)
	}
	p.key("j")
	p.wait(at(0))
	p.key("j")
	p.key("j")
	p.wait(at(2))
	p.key("k")
	p.wait(at(1))
	id := h.newest(doorlog.Query{Offset: 1}).ID
	p.key("Enter")
	p.wait(fmt.Sprintf(`location.search === '?event=%s' && document.querySelector('dialog[open]')`, id))
	p.key("Escape")
	p.waitGone("dialog")
	p.wait(at(1))
	p.key("r")
	p.waitCount(fmt.Sprintf(`.card[data-id="%s"][data-unseen=false]`, id), 1)
	p.key("/")
	p.waitFor("dialog.feed-filters")
	p.key("j") // is for the dialog, and does nothing there
	p.key("Escape")
	p.waitGone("dialog")
	p.key("?")
	p.waitText("dialog h2", "Keyboard")
	p.axe()
	p.key("Escape")
	p.waitGone("dialog")
	p.eval(`document.querySelector('.jump input').focus()`, nil)
	p.key("j")
	p.wait(`document.activeElement.matches('.jump input')`)
}

func TestWhatIsAboveIsMarkedAsReviewed(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "")
	p.waitFor(".card")
	p.waitRole("button", "/Mark [0-9]+ events? as reviewed/")
	p.tap("button", "/Mark [0-9]+ events? as reviewed/")
	p.waitGone(card(*h.newest(doorlog.Query{})) + "[data-unseen=true]")
	p.tap("button", "Undo")
	p.waitFor(card(*h.newest(doorlog.Query{})) + "[data-unseen=true]")
}

// writeMany stores events of the days before the household's, the newest first.
func writeMany(t *testing.T, h *home, n int) {
	t.Helper()
	at := time.Now().AddDate(0, 0, -pastDays-1)
	var events []doorlog.Event
	for i := range n {
		events = append(events, doorlog.Event{Camera: "driveway", Type: doorlog.Motion, RecordedAt: at.Add(-time.Duration(i) * time.Minute), Attributes: map[string]string{"n": fmt.Sprint(i)}})
	}
	if _, err := h.Store.WriteEvents(context.Background(), events); err != nil {
		t.Fatal(err)
	}
}

func TestALongFeedScrollsToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	const many = 1000
	writeMany(t, h, many)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	p.eval(`(() => {
		window.most = 0;
		const step = () => {
			window.most = Math.max(window.most, document.querySelectorAll('.card').length);
			if (document.querySelector('.feed > .empty') && scrollY + innerHeight >= document.documentElement.scrollHeight - 2) return;
			scrollBy(0, 4 * innerHeight);
			requestAnimationFrame(step);
		};
		step();
	})()`, nil)
	p.waitText(".feed > .empty", "That is all.")
	p.waitGone(".blank")
	p.wait(`window.most < 100`)
	oldest := h.newest(doorlog.Query{OldestFirst: true})
	p.waitCount(card(*oldest), 1)

	// The place survives an event, and another view.
	p.eval(`scrollTo(0, 9000)`, nil)
	p.wait(`(() => {
		window.link = [...document.querySelectorAll('.card a')].find((e) => e.getBoundingClientRect().top > 200 && e.getBoundingClientRect().bottom < innerHeight);
		return Math.abs(scrollY - 9000) < 2 && link;
	})()`)
	p.eval(`link.click()`, nil)
	p.waitFor("dialog[open]")
	p.eval(`history.back()`, nil)
	p.waitGone("dialog")
	p.wait(`Math.abs(scrollY - 9000) < 2 && link.isConnected`)
	p.click("link", "Health")
	p.wait(`location.search === '?view=health' && document.activeElement.id === 'main' && scrollY === 0`)
	p.eval(`history.back()`, nil)
	p.wait(`Math.abs(scrollY - 9000) < 2`)
	p.waitFor(".card")
}

func TestANarrowerWindowKeepsThePlace(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	writeMany(t, h, 300)
	p := h.open(t, desktop, "")
	p.waitFor(".card")
	p.eval(`scrollTo(0, 4000)`, nil)
	p.wait(`(() => {
		const card = [...document.querySelectorAll('.card')].find((e) => e.getBoundingClientRect().top > 100 && e.getBoundingClientRect().bottom < innerHeight);
		if (card && scrollY === 4000) window.seen = card.dataset.id;
		return window.seen;
	})()`)
	p.allowShift()
	p.resize(700, 900)
	p.wait(`(() => {
		const at = document.querySelector('[data-id="' + seen + '"]')?.getBoundingClientRect();
		return innerWidth === 700 && at && at.bottom > 0 && at.top < innerHeight;
	})()`)
}

func TestTheLanguageIsChosenInTheMenu(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "?type=ding")
	p.waitFor(".card")
	p.tap("button", "Menu")
	p.axe()
	p.tap("button", "Deutsch")
	p.wait(`document.documentElement.lang === 'de' && location.search === '?type=ding'`)
	p.waitRole("link", "Ereignisse")
	p.waitFor(".card")
	p.tap("button", "Menü")
	p.key("Escape")
	p.waitGone(".menu-items")
	p.wait(`document.activeElement.getAttribute('aria-label') === 'Menü'`)
}

// A browser likes to keep what is below a list in view.
func TestTheListStaysWhereItIsWhenMoreCome(t *testing.T) {
	h := newHome(t)
	p := h.open(t, desktop, "")
	p.ready()
	p.allowShift()   // a person who scrolls has the cards move
	var at []float64 // before and after
	p.eval(`(async () => {
		const high = document.documentElement.scrollHeight;
		scrollTo(0, high);
		const before = scrollY;
		while (document.documentElement.scrollHeight === high) await new Promise(requestAnimationFrame);
		await new Promise(requestAnimationFrame);
		return [before, scrollY];
	})()`, &at)
	if at[0] == 0 || at[1] != at[0] {
		t.Errorf("the list was at %v, and is at %v", at[0], at[1])
	}
}
