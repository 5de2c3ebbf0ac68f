package household

import "github.com/doorlog/doorlog/cmd/doorlog/internal/scene"

// A resident is somebody whom the cameras know.
type resident struct {
	name       string
	autoUnlock bool
	look       scene.Look
}

var (
	alice   = resident{"alice", true, scene.Look{Coat: 0xb8475f, Legs: 0x2f3e5c, Hair: 0x5a3825, Skin: 0xe8b896, Size: 0.94}}
	bob     = resident{"bob", true, scene.Look{Coat: 0x3f6f8f, Legs: 0x4a4540, Hair: 0x2b2320, Skin: 0xc98f68}}
	maryAnn = resident{"mary_ann", true, scene.Look{Coat: 0xe0a63c, Legs: 0x3b4a6b, Hair: 0xa8642f, Skin: 0xeec3a2, Size: 0.8, Bag: true}}
	// The grandfather visits: somebody opens the door for him.
	grandpa = resident{"grandpa_joe", false, scene.Look{Coat: 0x6f7a55, Legs: 0x5b5148, Hair: 0xd5d3ce, Skin: 0xe2b08e, Size: 0.93}}

	residents = []resident{alice, bob, maryAnn, grandpa}
)

// Everybody and everything else that the cameras see.
var (
	courierLook   = scene.Look{Coat: 0x6b4a2f, Legs: 0x3d2f24, Hair: 0x2b2320, Skin: 0xb07a55, Cap: true, Parcel: true}
	postmanLook   = scene.Look{Coat: 0x35507a, Legs: 0x2a3344, Hair: 0x6b4a2f, Skin: 0xe2b08e, Cap: true}
	prowlerLook   = scene.Look{Coat: 0x2f3136, Legs: 0x25272b, Hair: 0x1c1c1e, Skin: 0xc79b7c}
	cleanerLook   = scene.Look{Coat: 0x5f7f6a, Legs: 0x3a3f4a, Hair: 0x5a3825, Skin: 0xc98f68, Size: 0.9, Bag: true}
	neighbourLook = scene.Look{Coat: 0xa8a29a, Legs: 0x4a4540, Hair: 0x8b8680, Skin: 0xeec3a2, Size: 0.95}
	familyDog     = scene.Look{Coat: 0xb07a45}
	catLooks      = []scene.Look{{Coat: 0x5f5a55}, {Coat: 0xc98445}}
	bobsCar       = scene.Look{Coat: 0x8c2f35}
	leafLook      = scene.Look{Coat: 0xb5862f}
	parcelLook    = scene.Look{Coat: 0xb98a55}
	paints        = []uint32{0x4b6f9a, 0xd5d7da, 0x2f3338, 0x9aa3a8, 0x7d2b30, 0x4f6b52}
	vanPaints     = []uint32{0xe6e2d8, 0x6b4a2f, 0xd8a13a}
	coats         = []uint32{0x6d8f4e, 0x8a6fa8, 0x4f5a66, 0xc2703d, 0x3f8a86, 0xa8a29a}
	trousers      = []uint32{0x2f3e5c, 0x4a4540, 0x6b6558, 0x26282b}
	hairs         = []uint32{0x2b2320, 0x5a3825, 0xa8642f, 0xc9a35a, 0x8b8680}
	skins         = []uint32{0xeec3a2, 0xe2b08e, 0xc98f68, 0x9a6a48, 0x6f4a34}
)
