package pagetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
	"github.com/doorlog/doorlog/web"
)

// event returns an event as it is stored now.
func (h *home) event(id doorlog.ID) doorlog.Event {
	h.t.Helper()
	e, err := h.Store.Event(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// change changes an event, as another program does.
func (h *home) change(id doorlog.ID, change func(*doorlog.Event)) {
	h.t.Helper()
	_, err := h.Store.UpdateEvents(context.Background(), []doorlog.ID{id}, func(e *doorlog.Event) error {
		change(e)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// sameEvent compares two events as others see them.
func sameEvent(a, b doorlog.Event) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// inOrder returns the first events of a query, as the feed has them.
func (h *home) inOrder(q doorlog.Query, n int) (all []doorlog.Event) {
	h.t.Helper()
	q.Limit = n
	for e, err := range h.Store.Events(context.Background(), q) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// openEvent opens the page at an event. filters are those of the feed, such as "camera=garage&".
func (h *home) openEvent(t testing.TB, v pagetest.View, filters string, id doorlog.ID) *tab {
	t.Helper()
	p := h.open(t, v, "?"+filters+"event="+id.String())
	p.waitEvent(id)
	return p
}

// waitEvent waits until an event is open and can be changed.
func (p *tab) waitEvent(id doorlog.ID) {
	p.t.Helper()
	p.waitText(".detail .facts code", id.String())
	p.wait(`!document.querySelector('.detail .editable button:disabled') && new URLSearchParams(location.search).get('event') === ` + quoted(id.String()))
}

// choose selects an option of the form that is open.
func (p *tab) choose(value string) {
	p.t.Helper()
	p.waitFor(".edit select")
	p.eval(`((s) => { s.value = `+quoted(value)+`; s.dispatchEvent(new Event('change', { bubbles: true })); })(document.querySelector('.edit select'))`, nil)
}

// waitStored waits until an event is stored as it should be.
func (p *tab) waitStored(id doorlog.ID, what string, ok func(e doorlog.Event) bool) {
	p.t.Helper()
	p.until(func() (bool, string) {
		e := p.home.event(id)
		return ok(e), fmt.Sprintf("%+v", e)
	}, what)
}

func TestBoxesAreWhereTheThingsAre(t *testing.T) {
	h := newHome(t)
	type shape struct{ width, height int }
	var events []doorlog.Event
	for _, s := range []shape{{640, 360}, {1920, 1080}, {480, 854}, {1200, 200}, {64, 48}} {
		w, ht := float64(s.width), float64(s.height)
		events = append(events, h.write(doorlog.Event{FrameWidth: s.width, FrameHeight: s.height, RecordedAt: time.Now().Add(-time.Hour), Detections: []doorlog.Detection{
			{Label: "person", Confidence: 0.9, Box: &doorlog.Box{X1: w * 0.25, Y1: ht * 0.25, X2: w * 0.5, Y2: ht * 0.75}},
			{Label: "dog", Confidence: 0.8, Box: &doorlog.Box{X1: w * 0.26, Y1: ht * 0.26, X2: w * 0.5, Y2: ht * 0.75}},
			{Label: "beyond_the_frame", Confidence: 0.7, Box: &doorlog.Box{X1: w * 0.9, Y1: -20, X2: w * 1.5, Y2: ht * 0.1}},
			{Label: "no box", Confidence: 0.6},
		}}))
	}
	// Of one the size of the frame is not known: it is that of the picture, if the boxes say nothing else.
	unknown := h.write(doorlog.Event{FrameWidth: 600, FrameHeight: 450, RecordedAt: time.Now().Add(-time.Hour), Detections: []doorlog.Detection{
		{Label: "cat", Confidence: 0.9, Box: &doorlog.Box{X1: 10, Y1: 20, X2: 110, Y2: 120}},
		{Label: "dog", Confidence: 0.9, Box: &doorlog.Box{X1: 10, Y1: 20, X2: 600, Y2: 450}},
		{Label: "fox", Confidence: 0.9, Box: &doorlog.Box{X1: 300, Y1: 20, X2: 500, Y2: 120}},
	}})
	h.change(unknown.ID, func(e *doorlog.Event) { e.FrameWidth, e.FrameHeight = 0, 0 })
	events = append(events, unknown)
	lost := h.write(doorlog.Event{FrameWidth: 640, FrameHeight: 360, RecordedAt: time.Now().Add(-time.Hour), Detections: []doorlog.Detection{
		{Label: "cat", Confidence: 0.9, Box: &doorlog.Box{X1: 10, Y1: 20, X2: 1110, Y2: 120}},
	}})
	h.change(lost.ID, func(e *doorlog.Event) { e.FrameWidth, e.FrameHeight = 0, 0 })
	for _, v := range []pagetest.View{phone, tablet, desktop, {Width: 800, Height: 380, Touch: true}} {
		t.Run(fmt.Sprint(v.Width), func(t *testing.T) {
			p := h.openEvent(t, v, "", events[0].ID)
			for _, e := range events {
				p.visit("?event=" + e.ID.String())
				p.waitCount(".detail .boxes rect", 3)
				p.boxesAreRight(t, &e)
			}
			p.visit("?event=" + lost.ID.String())
			p.waitFor(`.detail [data-state="ready"]`)
			if n := p.count(".detail rect"); n != 0 {
				t.Errorf("%d boxes, and nobody knows where", n)
			}
		})
	}
}

type rectangle struct{ X, Y, Width, Height float64 }

// boxesAreRight compares the boxes with the picture, in pixels of the screen.
func (p *tab) boxesAreRight(t *testing.T, e *doorlog.Event) {
	t.Helper()
	var seen struct {
		Picture, Stage rectangle
		Natural        float64
		Boxes, Labels  []rectangle
	}
	p.eval(`(() => {
	  const rect = (e) => { const r = e.getBoundingClientRect(); return { X: r.x, Y: r.y, Width: r.width, Height: r.height }; };
	  const img = document.querySelector('.detail img');
	  const all = (s) => [...document.querySelectorAll('.detail ' + s)];
	  const matrix = (r) => { const m = r.getScreenCTM(), b = r.getBBox(); return { X: b.x * m.a + m.e, Y: b.y * m.d + m.f, Width: b.width * m.a, Height: b.height * m.d }; };
	  return { Picture: rect(img), Stage: rect(document.querySelector('.stage')), Natural: img.naturalWidth, Boxes: all('.boxes rect').map(matrix),
	    Labels: all('.box-label').filter((l) => l.style.visibility === 'visible').map(rect) };
	})()`, &seen)
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1 }
	at, w, h := seen.Picture, float64(e.FrameWidth), float64(e.FrameHeight)
	for i, b := range seen.Boxes {
		d := e.Detections[i].Box
		x1, y1, x2, y2 := d.X1/w*at.Width+at.X, max(0, d.Y1)/h*at.Height+at.Y, min(w, d.X2)/w*at.Width+at.X, d.Y2/h*at.Height+at.Y
		if !near(b.X, x1) || !near(b.Y, y1) || !near(b.X+b.Width, x2) || !near(b.Y+b.Height, y2) {
			t.Errorf("%d by %d: box %d is %+v in %+v", e.FrameWidth, e.FrameHeight, i, b, at)
		}
	}
	if at.Width > 2*seen.Natural+1 || math.Abs(at.Width/at.Height-w/h) > 0.03*w/h {
		t.Errorf("%d by %d is shown as %+v", e.FrameWidth, e.FrameHeight, at)
	}
	inside := func(a, b rectangle) bool {
		return a.X >= b.X-1 && a.Y >= b.Y-1 && a.X+a.Width <= b.X+b.Width+1 && a.Y+a.Height <= b.Y+b.Height+1
	}
	if !inside(at, seen.Stage) {
		t.Errorf("%d by %d: the picture %+v leaves the stage %+v", e.FrameWidth, e.FrameHeight, at, seen.Stage)
	}
	for i, a := range seen.Labels {
		if !inside(a, at) {
			t.Errorf("%d by %d: label %d is %+v, outside of %+v", e.FrameWidth, e.FrameHeight, i, a, at)
		}
		for _, b := range seen.Labels[:i] {
			if a.X < b.X+b.Width-1 && b.X < a.X+a.Width-1 && a.Y < b.Y+b.Height-1 && b.Y < a.Y+a.Height-1 {
				t.Errorf("%d by %d: labels cover each other: %+v %+v", e.FrameWidth, e.FrameHeight, a, b)
			}
		}
	}
}

func TestKeysGoThroughTheEventsOfTheFilters(t *testing.T) {
	h := newHome(t)
	at := h.inOrder(doorlog.Query{Cameras: []string{"front_door"}}, 4)
	p := h.open(t, desktop, "?camera=front_door")
	p.waitFor(".card")
	p.eval(`scrollTo(0, 100)`, nil)
	p.eval(`document.querySelector('.card[data-id="`+at[1].ID.String()+`"] a').focus({ preventScroll: true })`, nil)
	p.key("Enter")
	p.waitEvent(at[1].ID)
	for _, step := range []struct {
		key string
		to  int
	}{{"ArrowRight", 2}, {"j", 3}, {"k", 2}, {"ArrowLeft", 1}, {"ArrowLeft", 0}} {
		p.wait(`!document.querySelector('.stage-bar [aria-disabled="true"]')`)
		p.key(step.key)
		p.waitEvent(at[step.to].ID)
	}
	p.wait(`document.querySelector('.stage-bar button').ariaDisabled === 'true'`) // there is no newer one
	newest := h.write(doorlog.Event{FrameWidth: 640, FrameHeight: 360})
	h.write(doorlog.Event{Camera: "garage"})
	p.click("button", "Newer event")
	p.waitEvent(newest.ID)

	p.waitFor(".detail .frame img")
	p.key("b")
	p.wait(`sessionStorage.getItem('boxes') === 'off'`)
	p.key("ArrowRight")
	p.waitEvent(at[0].ID)
	p.waitFor(`.detail [data-state="ready"]`)
	if n := p.count(".detail .boxes"); n != 0 {
		t.Errorf("%d boxes that were switched off", n)
	}
	p.click("button", "Show boxes")
	p.waitFor(".detail .boxes")

	p.key("z")
	p.waitFor(`.stage[data-zoomed="true"]`)
	p.key("ArrowUp")
	p.wait(`document.querySelector('.frame').style.transform.includes('scale(2.5)')`)
	p.key("z")
	p.waitFor(`.stage[data-zoomed="false"]`)

	p.key("Escape")
	p.waitGone(".detail")
	p.wait(`location.search === '?camera=front_door'`)
	var scrolled float64
	if p.eval(`scrollY`, &scrolled); scrolled != 100 {
		t.Errorf("the list below moved to %v", scrolled)
	}
	p.wait(`document.activeElement.closest('.card')`, `document.activeElement.outerHTML`)
}

func TestALinkToAnEventHasItsNeighbours(t *testing.T) {
	h := newHome(t)
	at := h.inOrder(doorlog.Query{Labels: []string{"dog"}}, 3)
	same := at[1]
	same.ID, same.RecordingID, same.ThumbnailPath = doorlog.ID{}, "", "" // two at the very same time
	twin := h.write(same)
	first, second := at[1].ID, twin.ID
	if first.String() < second.String() {
		first, second = second, first
	}
	p := h.openEvent(t, tablet, "label=dog&", at[0].ID)
	for _, id := range []doorlog.ID{first, second, at[2].ID} {
		p.tap("button", "Older event")
		p.waitEvent(id)
	}
	p.tap("button", "Close")
	p.waitGone(".detail")
	p.wait(`location.search === '?label=dog'`)
	p.visit("?event=01KJ9V8T6000001NZ77EJG1VXA")
	p.waitText(".detail h2", "There is no such event")
	p.allow("404 of .*/v1/events/01KJ9V8T6000001NZ77EJG1VXA")
	p.key("Escape")
	p.waitGone(".detail")
}

func TestAFingerLooksCloserAndGoesOn(t *testing.T) {
	h := newHome(t)
	at := h.inOrder(doorlog.Query{}, 2)
	p := h.openEvent(t, phone, "", at[0].ID)
	p.waitFor(`.detail [data-state="ready"]`)
	p.wait(`document.querySelectorAll('.stage-bar button')[1].ariaDisabled === 'false'`)
	p.swipe(280, 150, 80, 156)
	p.waitEvent(at[1].ID)
	p.wait(`document.querySelector('.stage-bar button').ariaDisabled === 'false'`)
	p.swipe(80, 150, 280, 156)
	p.waitEvent(at[0].ID)

	p.touch(input.TouchStart, 180, 140)
	p.touch(input.TouchEnd)
	p.touch(input.TouchStart, 180, 140)
	p.touch(input.TouchEnd)
	p.waitFor(`.stage[data-zoomed="true"]`)
	p.swipe(280, 150, 80, 150) // moves the picture, not on
	p.waitEvent(at[0].ID)
	p.touch(input.TouchStart, 60, 140, 300, 140)
	p.touch(input.TouchMove, 120, 140, 240, 140)
	p.touch(input.TouchMove, 170, 140, 190, 140)
	p.touch(input.TouchEnd)
	p.waitFor(`.stage[data-zoomed="false"]`)
	p.wait(`!document.querySelector('.frame').style.transform`)
}

func TestWhatIsDoneToAnEventCanBeUndone(t *testing.T) {
	h := newHome(t)
	e := h.newest(doorlog.Query{Persons: []string{"bob"}, Reviewed: new(false)})
	p := h.openEvent(t, desktop, "", e.ID)
	undo := func() {
		t.Helper()
		p.click("button", "Undo")
		p.waitText(".detail .toast", "Undone.")
		p.waitStored(e.ID, "as before", func(now doorlog.Event) bool { return sameEvent(now, *e) })
		p.waitEvent(e.ID)
		for p.count(".toast") > 0 {
			p.press(".toast .icon-only")
		}
	}
	p.click("button", "Mark as reviewed")
	p.waitStored(e.ID, "reviewed", func(now doorlog.Event) bool { return now.Reviewed })
	p.waitRole("button", "Reviewed")
	undo()
	p.waitRole("button", "Mark as reviewed")
	p.key("r")
	p.waitStored(e.ID, "reviewed", func(now doorlog.Event) bool { return now.Reviewed })
	undo()
	p.key("p")
	p.waitStored(e.ID, "pinned", func(now doorlog.Event) bool { return now.Pinned })
	undo()

	p.click("button", "Correct person")
	p.choose("=alice")
	p.click("button", "Save")
	p.waitText(".detail h2", "Alice")
	p.waitStored(e.ID, "alice, without the confidence for bob", func(now doorlog.Event) bool {
		return now.Person == "alice" && now.FaceConfidence == nil && now.FaceDistance == nil
	})
	undo()
	p.waitText(".detail h2", "Bob")
	p.click("button", "Correct person")
	p.choose("+")
	p.fill("textbox", "Name", "zoë")
	p.key("Enter")
	p.waitText(".detail h2", "Zoë")
	undo()

	p.click("button", "Correct Dog")
	p.fill("combobox", "What was it?", "fox")
	p.key("Enter")
	p.waitStored(e.ID, "a fox", func(now doorlog.Event) bool { return now.Detections[1].Label == "fox" && now.Detections[1].Box != nil })
	p.waitText(".detail .box-label", "Fox")
	undo()
	p.click("button", "Correct Dog")
	p.click("button", "Remove")
	p.waitStored(e.ID, "no dog", func(now doorlog.Event) bool { return len(now.Detections) == 1 })
	undo()
	p.click("button", "Correct Dog")
	p.key("Escape")
	p.waitGone(".edit")
	if got := p.focused(); got != "button Correct Dog" {
		t.Errorf("the focus is at %q", got)
	}
}

func TestAllNewerEventsAreReviewedAtOnce(t *testing.T) {
	h := newHome(t)
	front := doorlog.Query{Cameras: []string{"front_door"}}
	at := h.inOrder(front, 6)
	var ids []doorlog.ID
	for _, e := range at {
		h.change(e.ID, func(e *doorlog.Event) { e.Reviewed = false })
		ids = append(ids, e.ID)
	}
	other := h.write(doorlog.Event{Camera: "garage"})
	reviewed := func(want bool, ids ...doorlog.ID) {
		t.Helper()
		for _, id := range ids {
			if got := h.event(id).Reviewed; got != want {
				t.Errorf("%s: reviewed is %v", id, got)
			}
		}
	}
	p := h.openEvent(t, desktop, "camera=front_door&", ids[4])
	p.click("button", "/Mark this and all newer/")
	p.waitText(".ask", "Mark 5 events as reviewed?")
	p.key("Escape")
	p.waitGone(".ask")
	p.wait(`document.activeElement.innerText.includes('all newer')`, `document.activeElement.outerHTML`)
	reviewed(false, ids...)
	p.click("button", "/Mark this and all newer/")
	p.waitText(".ask", "Mark 5 events as reviewed?")
	p.key("Enter")
	p.waitText(".toast", "5 events marked as reviewed.")
	reviewed(true, ids[:5]...)
	reviewed(false, ids[5], other.ID)
	p.click("button", "Undo")
	p.waitText(".toast", "Undone.")
	reviewed(false, ids...)
}

func TestSomebodyElseWasFaster(t *testing.T) {
	h := newHome(t)
	e := h.newest(doorlog.Query{Persons: []string{"bob"}})
	p := h.openEvent(t, desktop, "", e.ID)
	p.click("button", "Correct person")
	h.change(e.ID, func(e *doorlog.Event) { e.Person = "carol" })
	p.waitText(".detail h2", "Carol") // at once
	p.choose("")
	p.allow("412 of .*")
	p.click("button", "Save")
	p.waitText(".notice", "Somebody has changed this event meanwhile.")
	if now := h.event(e.ID); now.Person != "carol" {
		t.Errorf("%+v", now)
	}
}

func TestDeletingIsAskedAndSeenInEveryBrowser(t *testing.T) {
	h := newHome(t)
	at := h.inOrder(doorlog.Query{}, 3)
	other := h.openEvent(t, phone, "", at[1].ID)
	p := h.openEvent(t, desktop, "", at[1].ID)
	other.allow("404 of .*") // the event, when it is read again
	p.allow("404 of .*")
	p.key("Delete")
	p.waitText(".ask", "cannot be undone")
	p.key("Enter") // the focus is on the button that does nothing
	p.waitGone(".ask")
	h.event(at[1].ID)
	p.key("Delete")
	p.waitText(".ask", "cannot be undone")
	p.click("button", "Delete")
	p.waitEvent(at[2].ID)
	other.waitText(".detail h2", "This event has just been deleted.")
	other.tap("button", "Newer event")
	other.waitEvent(at[0].ID)
	other.tap("button", "Older event")
	other.waitEvent(at[2].ID)
	if _, err := h.Store.Event(context.Background(), at[1].ID); err == nil {
		t.Error("the event is there")
	}
}

func TestAPictureThatIsGoneSaysSo(t *testing.T) {
	h := newHome(t)
	e := h.newest(doorlog.Query{})
	if err := os.Remove(filepath.Join(filepath.Dir(h.Path), "thumbnails", e.ThumbnailPath)); err != nil {
		t.Fatal(err)
	}
	without := h.write(doorlog.Event{RecordedAt: time.Now().Add(-time.Hour)})
	p := h.openEvent(t, phone, "", e.ID)
	p.allow("404 of .*/thumbnail")
	p.waitText(".stage", "The file of the picture is gone.")
	p.visit("?event=" + without.ID.String())
	p.waitText(".stage", "No picture")
}

func TestTheFactsAndWhatIsTakenAlong(t *testing.T) {
	h := newHome(t)
	ended := time.Date(2026, 2, 25, 7, 31, 15, 0, time.UTC)
	e := h.write(doorlog.Event{
		RecordedAt: ended.Add(-75 * time.Second), EndedAt: ended, CreatedAt: ended.Add(2 * time.Hour), Person: "alice", FaceConfidence: new(0.934), FaceDistance: new(0.31),
		Door: doorlog.Unlocked, Method: doorlog.MethodFace, UnlockGranted: true, AlertSent: true, RecordingID: "rec-7", FrameWidth: 640, FrameHeight: 360,
		Attributes: map[string]string{"zone": "porch"}, Detections: []doorlog.Detection{{Label: "person", Confidence: 0.87}},
	})
	v := desktop
	v.Zone = "Europe/Berlin"
	p := h.openEvent(t, v, "", e.ID)
	for _, want := range []string{
		"Who Alice 93% sure · distance 0.31", "Seen Person 87%", "Camera Front door", "When Wednesday, February 25, 2026 at 8:30:00 AM GMT+1",
		"How long 1 minute 15 seconds", "Door Unlocked By: Face", "Let in Yes", "Type Motion", "Zone porch", "Alert sent Yes", "Recording rec-7",
		"Frame 640 × 360 pixels", "Pinned No", "Reviewed No", "2 hours afterwards", "ID " + e.ID.String(),
	} {
		p.waitText(".facts > div", want)
	}
	var names []string
	p.eval(`[...document.querySelectorAll('.detail a[download]')].map((a) => a.download)`, &names)
	if fmt.Sprint(names) != "[front_door 2026-02-25 08.30.00.jpg front_door 2026-02-25 08.30.00.json]" {
		t.Errorf("%q", names)
	}
	var taken string
	p.eval(`fetch(document.querySelectorAll('.detail a[download]')[1].href).then((r) => r.text())`, &taken)
	var got doorlog.Event
	if err := json.Unmarshal([]byte(taken), &got); err != nil || !sameEvent(got, e) {
		t.Errorf("%v %s", err, taken)
	}
}

func TestWhatATokenMayNotDoIsNotOffered(t *testing.T) {
	h := newHome(t, withTokens)
	at := h.inOrder(doorlog.Query{Cameras: []string{"front_door"}}, 1)[0]
	for name, one := range map[string]struct {
		grant web.Grant
		has   []string
	}{
		"reads":       {web.Grant{Read: true}, nil},
		"writes":      {web.Grant{Read: true, Write: true}, []string{"Mark as reviewed", "Pin", "Correct person"}},
		"other doors": {web.Grant{Read: true, Write: true, Cameras: []string{"garage"}}, nil},
		"everything":  {web.Grant{Admin: true}, []string{"Mark as reviewed", "Pin", "Correct person", "Delete event…"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := h.open(t, desktop, "")
			p.allow("401 of .*")
			secret := h.token(name, one.grant)
			p.eval(`fetch('v1/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token: '`+secret+`' }) }).then((r) => { if (!r.ok) throw new Error(r.status); })`, nil)
			p.visit("?event=" + at.ID.String())
			p.waitText(".detail .facts code", at.ID.String())
			for _, button := range []string{"Mark as reviewed", "Pin", "Correct person", "Delete event…"} {
				want := false
				for _, has := range one.has {
					want = want || has == button
				}
				if p.has("button", button) != want {
					t.Errorf("%s: offered is %v", button, !want)
				}
			}
			p.waitRole("button", "Copy link")
		})
	}
}

func TestTheDetailIsForEveryone(t *testing.T) {
	h := newHome(t)
	e := h.newest(doorlog.Query{Persons: []string{"bob"}})
	everyView(t, func(t *testing.T, v pagetest.View) {
		p := h.openEvent(t, v, "", e.ID)
		p.waitFor(".detail .boxes rect")
		p.axe()
		p.click("button", "Correct person")
		p.waitFor(".edit")
		p.axe()
		var wide float64
		if p.eval(`Math.max(document.documentElement.scrollWidth - innerWidth, document.querySelector('.detail-side').scrollWidth - document.querySelector('.detail-side').clientWidth)`, &wide); wide > 0 {
			t.Errorf("%v pixels too wide", wide)
		}
	})
}

// TestALateAnswerLeavesTheEventThatIsOpen has the answer about an event come when the next one is open already.
func TestALateAnswerLeavesTheEventThatIsOpen(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	at := h.inOrder(doorlog.Query{}, 2)
	p := h.openEvent(t, desktop, "", at[0].ID)
	p.eval(`{
		const real = fetch;
		window.fetch = async (to, options) => {
			const answer = await real(to, options);
			if (new URL(to).pathname.endsWith('/review')) await new Promise((done) => { window.release = done; });
			return answer;
		};
	}`, nil)
	p.key("r")
	p.wait(`!!window.release`)
	p.key("ArrowRight")
	p.waitEvent(at[1].ID)
	p.eval(`window.release()`, nil)
	p.waitFor(".toast")
	p.ready()
	p.waitEvent(at[1].ID)
}

func TestTheDetailBeginsAtItsTitleAndClosesOnce(t *testing.T) {
	t.Parallel()
	p := newHome(t).open(t, desktop, "?view=day")
	p.waitFor(".day-title")
	p.click("link", "Events")
	p.waitFor(".card")
	p.eval(`document.querySelector('.card a').click()`, nil)
	p.waitFor("dialog.detail .facts")
	p.wait(`document.activeElement === document.querySelector('dialog.detail')`)
	p.eval(`{ const close = document.querySelector('.detail-close'); close.click(); close.click(); }`, nil)
	p.waitGone("dialog.detail")
	p.waitFor(".feed")
	p.wait(`location.search === ''`, `location.search`)
}
