package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorlog/doorlog/internal/printable"
)

// A language has the words of a report.
type language struct {
	code     string
	texts    map[string]string
	weekdays [7]string // from Sunday
	months   [12]string
	day      string // the weekday, the day, the month and the year, for Sprintf
	point    string // of a fraction
	percent  string // after a number
}

// Languages are those that a report can have.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

func languageOf(code string) *language {
	if l, ok := languages[code]; ok {
		return l
	}
	return languages["en"]
}

func (l *language) text(key string) string { return l.texts[key] }

// known returns the word for a name such as unlocked, or the name in plain words.
func (l *language) known(area, name string) string {
	if text, ok := l.texts[area+"."+name]; ok {
		return text
	}
	return plain(name)
}

// date returns a day as people write it.
func (l *language) date(t time.Time) string {
	return fmt.Sprintf(l.day, l.weekdays[t.Weekday()], t.Day(), l.months[t.Month()-1], t.Year())
}

// moment returns a day, a time and the offset from UTC.
func (l *language) moment(t time.Time) string { return l.date(t) + ", " + clock(t) }

// clock returns a time with its offset, which tells apart an hour that comes twice in autumn.
func clock(t time.Time) string { return t.Format("15:04:05 (UTC-07:00)") }

// fraction returns a number with the separator of the language.
func (l *language) fraction(v float64, digits int) string {
	return strings.Replace(fmt.Sprintf("%.*f", digits, v), ".", l.point, 1)
}

func (l *language) percentage(v float64) string { return l.fraction(100*v, 1) + l.percent }

func (l *language) yesNo(v bool) string {
	if v {
		return l.text("yes")
	}
	return l.text("no")
}

// plain returns a name such as front_door as people write it.
func plain(name string) string {
	words := strings.Join(strings.FieldsFunc(printable.Text(name), func(r rune) bool { return r == '_' || r == '-' || r == ' ' }), " ")
	if words == "" {
		return printable.Text(name)
	}
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

var languages = map[string]*language{
	"en": {
		code: "en", point: ".", percent: "%", day: "%s, %d %s %d",
		weekdays: [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months: [...]string{
			"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
		},
		texts: map[string]string{
			"title": "Who was at the door", "about": "About this report", "totals": "What the door did", "end": "End of the report: %s.",
			"one event": "1 event", "events": "%d events", "none": "Nothing was recorded that is asked for here.",
			"changed": "Events were added or removed while it was written, so the numbers at its beginning differ.",
			"cut":     "If this line is missing, the file is not whole.",

			"range": "Period", "from": "from %s", "until": "until before %s", "always": "everything until the report was made",
			"choice": "Selection", "picked": "picked one by one",
			"zone": "Time zone", "made": "Made", "count": "Events", "store": "Store", "order": "Order", "newest": "newest first", "oldest": "oldest first",
			"yes": "yes", "no": "no",

			"camera": "Camera", "type": "Cause", "door": "Door", "method": "How", "person": "Person", "stranger": "Without a known person",
			"label": "Seen", "min_confidence": "Confidence at least", "unlock_granted": "Let in", "alert_sent": "Alert sent",
			"has_thumbnail": "With picture", "pinned": "Kept", "reviewed": "Reviewed", "attribute": "Attribute", "recording_id": "Recording",
			"hours": "Hours of the day", "weekday": "Day of the week",

			"time": "Time", "ended": "Ended", "who": "Who", "unknown": "no known person", "face": "Face", "similar": "%s sure", "distance": "distance %s",
			"id": "Number", "picture of": "Picture: %s, %s, %s", "no picture": "No picture was taken.", "left out": "Pictures were left out.",
			"missing": "The picture is not there any more.", "unreadable": "The picture cannot be read.",

			"door.none": "Nothing", "door.unlocked": "Unlocked", "door.locked": "Locked", "door.opened": "Opened", "door.closed": "Closed",
			"door.jammed": "Jammed", "door.failed": "Refused",
			"type.motion": "Motion", "type.ding": "Doorbell", "type.on_demand": "Live view",
			"label.person": "Person", "label.face": "Face", "label.dog": "Dog", "label.cat": "Cat", "label.car": "Car", "label.package": "Package",
			"label.bird": "Bird", "label.bicycle": "Bicycle",
			"method.face": "Face", "method.keypad": "Code", "method.key": "Key or card", "method.app": "App", "method.auto": "By itself", "method.manual": "By hand",
		},
	},
	"de": {
		code: "de", point: ",", percent: " %", day: "%s, %d. %s %d",
		weekdays: [...]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		months: [...]string{
			"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
		},
		texts: map[string]string{
			"title": "Wer an der Tür war", "about": "Zu diesem Bericht", "totals": "Was die Tür getan hat", "end": "Ende des Berichts: %s.",
			"one event": "1 Ereignis", "events": "%d Ereignisse", "none": "Es wurde nichts aufgezeichnet, wonach hier gefragt ist.",
			"changed": "Während er geschrieben wurde, kamen Ereignisse hinzu oder wurden entfernt; die Zahlen am Anfang sind deshalb andere.",
			"cut":     "Fehlt diese Zeile, ist die Datei unvollständig.",

			"range": "Zeitraum", "from": "von %s", "until": "bis vor %s", "always": "alles, bis der Bericht erstellt wurde",
			"choice": "Auswahl", "picked": "einzeln ausgewählt",
			"zone": "Zeitzone", "made": "Erstellt", "count": "Ereignisse", "store": "Datenbank", "order": "Reihenfolge", "newest": "Neueste zuerst", "oldest": "Älteste zuerst",
			"yes": "ja", "no": "nein",

			"camera": "Kamera", "type": "Anlass", "door": "Tür", "method": "Womit", "person": "Person", "stranger": "Ohne bekannte Person",
			"label": "Gesehen", "min_confidence": "Mindestens so sicher", "unlock_granted": "Eingelassen", "alert_sent": "Alarm gesendet",
			"has_thumbnail": "Mit Bild", "pinned": "Aufbewahrt", "reviewed": "Gesichtet", "attribute": "Merkmal", "recording_id": "Aufnahme",
			"hours": "Stunden des Tages", "weekday": "Wochentag",

			"time": "Zeit", "ended": "Ende", "who": "Wer", "unknown": "keine bekannte Person", "face": "Gesicht", "similar": "zu %s sicher", "distance": "Abstand %s",
			"id": "Nummer", "picture of": "Bild: %s, %s, %s", "no picture": "Es wurde kein Bild aufgenommen.", "left out": "Bilder wurden weggelassen.",
			"missing": "Das Bild ist nicht mehr da.", "unreadable": "Das Bild ist nicht lesbar.",

			"door.none": "Nichts", "door.unlocked": "Entriegelt", "door.locked": "Verriegelt", "door.opened": "Geöffnet", "door.closed": "Geschlossen",
			"door.jammed": "Klemmt", "door.failed": "Abgelehnt",
			"type.motion": "Bewegung", "type.ding": "Klingel", "type.on_demand": "Live-Bild",
			"label.person": "Person", "label.face": "Gesicht", "label.dog": "Hund", "label.cat": "Katze", "label.car": "Auto", "label.package": "Paket",
			"label.bird": "Vogel", "label.bicycle": "Fahrrad",
			"method.face": "Gesicht", "method.keypad": "Code", "method.key": "Schlüssel oder Karte", "method.app": "App", "method.auto": "Von selbst", "method.manual": "Von Hand",
		},
	},
}
