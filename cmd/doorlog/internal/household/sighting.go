package household

import (
	"slices"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/scene"
)

// A Sighting is what one camera saw. Its event has no detections: see Household.Picture.
type Sighting struct {
	Event doorlog.Event

	scene  scene.Scene
	leaves bool // a courier leaves a parcel on the porch
	takes  bool // somebody takes the parcels in

	overlooked bool // nobody looks at it
}

// showsStranger reports whether somebody is in the picture who was not recognised.
func (s *Sighting) showsStranger() bool {
	return s.Event.Person == "" && slices.ContainsFunc(s.scene.Props, func(p scene.Prop) bool { return p.Kind == scene.Person })
}
