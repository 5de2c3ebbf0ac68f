package printable_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/doorlog/doorlog/internal/printable"
)

func TestNothingReachesATerminalRaw(t *testing.T) {
	for r := rune(0); r <= 0x2100; r++ {
		s := fmt.Sprintf("a%cz", r)
		switch shown := printable.Text(s); {
		case r < ' ' || 0x7f <= r && r < 0xa0 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0x2028 || r == 0x2029 || r == 0x61c:
			if strings.ContainsRune(shown, r) {
				t.Errorf("%U is shown as %q", r, shown)
			}
		case r == 'ä' && shown != s:
			t.Errorf("%U is shown as %q", r, shown)
		}

		var out bytes.Buffer
		if err := printable.WriteJSON(&out, s, false); err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != s {
			t.Errorf("%U comes back from JSON as %q, %v", r, back, err)
		}
		if line := strings.TrimSuffix(out.String(), "\n"); printable.Text(line) != line {
			t.Errorf("%U is %q in JSON", r, line)
		}
	}
}

func TestJSONEscapesBeyondTheFirstPlane(t *testing.T) {
	const hidden = "a\U000E0041z" // a tag character, which shows nothing
	var out bytes.Buffer
	if err := printable.WriteJSON(&out, hidden, true); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), `"a\udb40\udc41z"`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != hidden {
		t.Errorf("it comes back as %q, %v", back, err)
	}
}

// Names are shown as they are written, whatever the script.
func TestNamesAreShownAsTheyAre(t *testing.T) {
	names := []string{
		"山田\u3000太郎",      // an ideographic space
		"Jean\u00a0Luc",   // a space that does not break
		"نیک\u200cنام",    // Persian is spelled with a non-joiner
		"क्\u200dष",       // and Hindi with a joiner
		"👨\u200d👩\u200d👧", // as are families
		"葛\U000e0100城",    // a variant of a character
		"\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", // the flag of Scotland
		"\U0001fadf \U0001faea \U000323b0",                                       // younger than Go's tables, or may be
		"\ue000",                                                                 // of a private font, in which some write their names
		"thin\u2009space", "zero\u200bwidth", "soft\u00adhyphen", "\u0e01\u0e33", "a\u0301", "Tom & <Jerry>",
	}
	for _, name := range names {
		if got := printable.Text(name); got != name {
			t.Errorf("%q is shown as %s", name, got)
		}
		var out bytes.Buffer
		if err := printable.WriteJSON(&out, name, false); err != nil || out.String() != `"`+name+`"`+"\n" {
			t.Errorf("%q is %s in JSON, %v", name, &out, err)
		}
	}
}

// What shows nothing, and is needed nowhere, is escaped.
func TestWhatHidesIsEscaped(t *testing.T) {
	for name, want := range map[string]string{
		"a\ufeffb": `a\ufeffb`, "a\u061cb": `a\u061cb`, "a\u200fb": `a\u200fb`, "a\u206ab": `a\u206ab`, "a\ufff9b": `a\ufff9b`,
		"a\U000e0041": `a\U000e0041`, "a\u2028b\u2029": `a\u2028b\u2029`, "\U0001f3f4x\U000e0067": "\U0001f3f4x" + `\U000e0067`,
	} {
		if got := printable.Text(name); got != want {
			t.Errorf("%q is shown as %s, want %s", name, got, want)
		}
	}
}
