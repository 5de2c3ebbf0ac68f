package pagetest_test

import "testing"

func TestTheHarnessFindsWhatAPersonWouldFind(t *testing.T) {
	h := newHome(t)
	p := h.open(t, phone, "")
	p.waitText(".card .who", "Alice")
	p.tap("link", "Door log")
	p.waitText("h1", "Door log")
	p.wait(`location.search === '?view=doors'`)
	p.click("link", "/^Charts$/")
	p.waitText("h1", "Charts")
	p.key("Tab")
	if p.count("h1") != 1 || p.text("h1") != "Charts" || !p.has("link", "Events") || p.has("link", "Nobody") {
		t.Errorf("%d %q %q", p.count("h1"), p.text("h1"), p.focused())
	}
}
