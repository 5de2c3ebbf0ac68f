package report

import (
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

func TestCellIsNoFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "porch": "porch", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", " =1": "' =1", "\t=1": `\t=1`,
		"＝1": "'＝1", "a=1": "a=1", "\u3000@x": "'\u3000@x", "\u00a0=1": "'\u00a0=1", "line\nbreak": `line\nbreak`, " ": " ",
	} {
		if got := cell(text); got != want {
			t.Errorf("cell(%q) is %q, want %q", text, got, want)
		}
	}
}

// Names are in CSV as they are written, whatever the script.
func TestNamesAreExportedAsTheyAre(t *testing.T) {
	names := []string{
		"山田\u3000太郎",      // an ideographic space
		"Jean\u00a0Luc",   // a space that does not break
		"نیک\u200cنام",    // Persian is spelled with a non-joiner
		"क्\u200dष",       // and Hindi with a joiner
		"👨\u200d👩\u200d👧", // as are families
		"葛\U000e0100城",    // a variant of a character
		"\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", // the flag of Scotland
		"\U0001fadf \U0001faea \U000323b0",                                       // newer than the tables of Go
		"\ue000",                                                                 // of a private font, in which some write their names
		"thin\u2009space", "zero\u200bwidth", "soft\u00adhyphen", "\u0e01\u0e33", "a\u0301", "Tom & <Jerry>",
	}
	for _, name := range names {
		row, err := csvRow(&doorlog.Event{Camera: name, Attributes: map[string]string{name: name}}, time.UTC)
		if want := `{"` + name + `":"` + name + `"}`; err != nil || row[2] != name || row[17] != want {
			t.Errorf("%q is %s, %s in CSV, %v", name, row[2], row[17], err)
		}
	}
}
