package pagetest_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
	"github.com/doorlog/doorlog/web"
)

// person returns somebody on the list; nil if there is no such person.
func (h *home) person(name string) *doorlog.Person {
	h.t.Helper()
	p, err := h.Store.Person(context.Background(), name)
	if errors.Is(err, doorlog.ErrNotFound) {
		return nil
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return &p
}

// countOf returns how many events a person has.
func (h *home) countOf(name string) int {
	h.t.Helper()
	n, err := h.Store.Count(context.Background(), doorlog.Query{Persons: []string{name}})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestThePeopleAreShownWithTheirVisits(t *testing.T) {
	everyView(t, func(t *testing.T, v pagetest.View) {
		t.Parallel()
		h := newHome(t)
		p := h.open(t, v, "?view=people")
		p.waitCount(".person", 3)
		p.waitCount(".person a.face img", 3)
		p.waitText(`[data-name="alice"] .person-text`, "/minutes? ago|this minute/")
		p.waitText(`[data-name="alice"] a[href*="person=alice"]`, "/^[0-9]+ visits$/")
		p.waitText(".view-head", "The door opens by itself for 2 of 3")
		p.axe()
		p.press(`[data-name="bob"] a[aria-label^="Change"]`)
		p.waitText("dialog h2", "Bob")
		p.axe()
		p.click("button", "Erase for good")
		p.waitText("dialog h2", "Erase for good: Bob")
		p.axe()
	})
}

func TestAVisitIsSeenAtOnceAndANameNobodyKnowsIsOffered(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=people")
	p.waitCount(".person a.face", 3)
	h.write(doorlog.Event{Person: "dora_smith", FrameWidth: 640, FrameHeight: 360})
	p.waitText(`[data-name="dora_smith"]`, "Dora smith")
	p.waitText("h2", "Not on the list")
	p.allowShift() // what is new comes below what there is
	p.click("button", "Add: Dora smith")
	p.waitText("dialog h2", "Add")
	p.fill("textbox", "Name that is shown", "Dora Smith")
	p.key("Enter")
	p.waitGone("dialog")
	p.waitText(`[data-name="dora_smith"] h2`, "Dora Smith")
	if dora := h.person("dora_smith"); dora == nil || dora.AutoUnlock || dora.DisplayName != "Dora Smith" {
		t.Errorf("%+v", dora)
	}
}

func TestAPersonIsAddedByHand(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "?view=people")
	p.tap("button", "Add")
	p.fill("textbox", "Name that is shown", "Bob")
	p.waitText("#add-why", "on the list already: Bob")
	p.wait(`document.querySelector('dialog .primary').disabled`)
	p.fill("textbox", "Name that is shown", "Eve Green")
	p.wait(`document.querySelector('dialog form').elements[1].value === 'eve_green'`)
	p.click("checkbox", "/Opens the door/")
	p.press("dialog .primary")
	p.waitGone("dialog")
	p.waitText(`[data-name="eve_green"]`, "No visit yet")
	if eve := h.person("eve_green"); eve == nil || !eve.AutoUnlock {
		t.Errorf("%+v", eve)
	}
}

func TestWhoeverIsLetInIsAskedAboutAndItCanBeUndone(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=people")
	const carol = `[data-name="carol"] [role="switch"]`
	p.click("switch", "Opens the door: Carol")
	p.waitText("dialog h2", "Open the door for Carol?")
	p.click("button", "Cancel")
	p.waitGone("dialog")
	if h.person("carol").AutoUnlock {
		t.Fatal("she was let in without a yes")
	}
	p.click("switch", "Opens the door: Carol")
	p.click("button", "Let in")
	p.waitFor(carol + `[aria-checked="true"]`)
	if !h.person("carol").AutoUnlock {
		t.Fatal("she is not let in")
	}
	p.click("button", "Undo")
	p.waitFor(carol + `[aria-checked="false"]`)

	p.click("switch", "Opens the door: Bob") // nobody needs to ask about that
	p.waitFor(`[data-name="bob"] [aria-checked="false"]`)
	if err := h.Store.SetAutoUnlock(context.Background(), "bob", true); err != nil { // somebody else does
		t.Fatal(err)
	}
	p.waitFor(`[data-name="bob"] [aria-checked="true"]`)
}

func TestAPersonIsRenamedAndTakenOffTheList(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=people")
	p.click("link", "Change: Bob")
	p.fill("textbox", "Name that is shown", "Robert")
	p.key("Enter")
	p.waitText(`[data-name="bob"] h2`, "Robert")
	p.waitGone("dialog")
	p.wait(`location.search === '?view=people'`)

	p.click("link", "Change: Robert")
	visits := h.countOf("bob")
	p.fill("combobox", "Name in events", "robert_brown")
	p.click("button", "Rename")
	p.waitFor(`[data-name="robert_brown"]`)
	if n := h.countOf("robert_brown"); n != visits || h.countOf("bob") != 0 {
		t.Errorf("%d of %d events are renamed", n, visits)
	}
	p.wait(`location.search.includes('who=robert_brown')`)
	p.click("button", "Remove from the list")
	p.waitText(".toast", "Robert is off the list.")
	if h.person("robert_brown") != nil || h.countOf("robert_brown") != visits {
		t.Error("he is on the list, or his events are not his any more")
	}
	p.allowShift()                      // the list has one more, and one less
	p.press(".toast:last-child button") // Undo
	p.waitText(`[data-name="robert_brown"] h2`, "Robert")
	p.waitFor(`[data-name="robert_brown"] [role="switch"][aria-checked="true"]`)
}

func TestTwoNamesOfOnePersonAreMerged(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=people&who=carol")
	both := h.countOf("carol") + h.countOf("bob")
	p.fill("combobox", "Name in events", "bob")
	p.waitText("#name-merge", "This is the name of Bob")
	p.click("button", "Merge")
	p.waitText("dialog h2", "Merge Carol into Bob?")
	p.press("dialog.ask .danger")
	p.waitGone(`[data-name="carol"]`)
	if n := h.countOf("bob"); n != both {
		t.Errorf("bob has %d events, not %d", n, both)
	}
}

func TestAPersonIsErasedWithAReceipt(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, phone, "?view=people&who=bob")
	events := h.countOf("bob")
	p.tap("button", "Erase for good")
	p.waitText("dialog", "Not erased: backups")
	p.click("radio", "/^Delete them/")
	p.wait(`document.querySelector('dialog form .danger').disabled`)
	p.fill("textbox", "Type bob to go on", "bob")
	p.tap("button", "Erase for good")
	p.waitText("dialog h2", "bob was erased")
	p.waitText("dialog", "events were deleted")
	p.axe()
	if h.person("bob") != nil || h.countOf("bob") != 0 || events == 0 {
		t.Error("he is there still")
	}
	var text string
	p.eval(`decodeURIComponent(document.querySelector('dialog a[download]').href.split(',').slice(1).join())`, &text)
	var receipt doorlog.Erased
	if err := json.Unmarshal([]byte(text), &receipt); err != nil || receipt.Events != events || receipt.How != doorlog.EraseEvents {
		t.Errorf("%v: %s", err, text)
	}
	p.allowShift() // the list has one less
	p.press("dialog .primary")
	p.waitGone("dialog")
	p.waitGone(`[data-name="bob"]`)
}

func TestWhoMayOnlyReadIsOfferedNothingElse(t *testing.T) {
	t.Parallel()
	h := newHome(t, withTokens)
	p := h.open(t, phone, "?view=people")
	p.allow(`401 of .*`)
	p.login(h.token("guest", web.Grant{Read: true}))
	p.waitCount(".person", 3)
	p.waitText(`[data-name="alice"] .chip`, "Opens the door")
	if n := p.count("main button, main a[aria-label^=Change]"); n != 0 {
		t.Errorf("%d buttons", n)
	}
	p.visit("?view=health")
	p.waitFor(".health li")
	for _, name := range []string{"Verify", "Compact", "/Download/"} {
		if p.has("button", name) || p.has("link", name) {
			t.Errorf("%s is offered", name)
		}
	}
}
