package pagetest_test

import (
	"testing"

	"github.com/doorlog/doorlog/pagetest"
	"github.com/doorlog/doorlog/web"
)

// login gives the page a token.
func (p *tab) login(secret string) {
	p.t.Helper()
	p.waitFor("form.login")
	p.fill("textbox", "Token", secret)
	p.key("Enter")
	p.waitGone("form.login")
}

func TestATokenIsAskedForAndThePersonGoesOnWhereSheWas(t *testing.T) {
	everyView(t, func(t *testing.T, v pagetest.View) {
		t.Parallel()
		h := newHome(t, withTokens)
		p := h.open(t, v, "?view=people")
		p.allow(`401 of .*`)
		p.waitText("h1", "A token, please")
		p.waitText("code", "doorlog token add")
		p.wait(`document.documentElement.scrollWidth <= innerWidth`)
		p.axe()
		p.login(h.token("phone", web.Grant{Read: true}))
		p.waitCount(".person", 3)
		p.visit("?view=health") // the cookie stays
		p.waitFor(".health li")
	})
}

func TestAWrongTokenIsSaidInWords(t *testing.T) {
	t.Parallel()
	h := newHome(t, withTokens)
	p := h.open(t, phone, "")
	p.allow(`401 of .*`)
	p.allow(`403 of .*`)
	p.allow(`429 of .*`)
	p.waitFor("form.login")
	p.tap("button", "Continue")
	p.waitText(".wrong", "Enter a token first.")
	p.fill("textbox", "Token", "doorlog_nonsense")
	p.tap("button", "Show")
	p.waitFor(`#token[type="text"]`)
	p.tap("button", "Continue")
	p.waitText(".wrong", "This token is not valid.")
	p.fill("textbox", "Token", h.token("camera", web.Grant{Write: true}))
	p.key("Enter")
	p.waitText(".wrong", "may not read events")
	p.fill("textbox", "Token", "doorlog_nonsense")
	const again = `/^Again in/.test(document.querySelector('.login .primary').innerText)`
	for waits := false; !waits; p.eval(again, &waits) {
		p.eval(`document.querySelector('form.login').requestSubmit()`, nil)
		p.wait(again + ` || !document.querySelector('.login .primary').disabled`)
	}
	p.waitText(".login .primary", "/^Again in [0-9]+ second/")
	p.waitText(".wrong", "Too many wrong tokens.")
}

func TestARevokedTokenIsSaidWithinSeconds(t *testing.T) {
	t.Parallel()
	h := newHome(t, withTokens)
	p := h.open(t, desktop, "?view=people")
	p.allow(`401 of .*`)
	p.login(h.token("guest", web.Grant{Read: true}))
	p.waitCount(".person", 3)
	p.waitText(".connection", "Live")
	if err := web.OpenTokens(web.TokensPath(h.Path)).Remove("guest"); err != nil {
		t.Fatal(err)
	}
	p.waitText("h1", "Access has ended")
	p.allowShift()
	p.login(h.token("guest again", web.Grant{Read: true}))
	p.waitCount(".person", 3)
}
