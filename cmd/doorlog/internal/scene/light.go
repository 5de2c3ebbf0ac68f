package scene

import "time"

// A light is a time of day, as far as colours go.
type light uint8

const (
	dawnLight light = iota
	dayLight
	duskLight
	nightLight
)

// A tint is the share that is left of red, green and blue.
type tint [3]float64

// lights has the colours of the sky, from its top to the horizon, and the tint of
// everything below it.
var lights = [...]struct {
	zenith, horizon uint32
	tint            tint
}{
	dawnLight:  {0x8ea9cf, 0xf8cfa6, tint{0.95, 0.84, 0.78}},
	dayLight:   {0x6aa5de, 0xdcebf6, tint{1, 1, 1}},
	duskLight:  {0x454b84, 0xf2a06c, tint{0.82, 0.69, 0.68}},
	nightLight: {0x050916, 0x1c2745, tint{0.26, 0.31, 0.45}},
}

var (
	// lamps has the light on people and things outside at night, who switch on a lamp.
	lamps = map[string]tint{FrontDoor: {0.84, 0.72, 0.58}, Driveway: {0.58, 0.55, 0.52}, Backyard: {0.56, 0.55, 0.52}}

	// indoors has the light in the garage.
	indoors = [...]tint{
		dawnLight: {0.88, 0.85, 0.82}, dayLight: {0.98, 0.98, 0.98}, duskLight: {0.86, 0.83, 0.79}, nightLight: {0.78, 0.76, 0.73},
	}
)

// IsNight reports whether it is dark outside.
func IsNight(t time.Time) bool { return lightAt(t) == nightLight }

func lightAt(t time.Time) light {
	switch minute := t.Hour()*60 + t.Minute(); {
	case minute < 6*60 || minute >= 20*60+30:
		return nightLight
	case minute < 7*60+40:
		return dawnLight
	case minute < 18*60+45:
		return dayLight
	}
	return duskLight
}
