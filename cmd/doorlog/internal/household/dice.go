package household

import (
	"crypto/sha256"
	"math/rand/v2"
)

// dice make the random choices of a day. The order of the calls matters: another order makes
// another day.
type dice struct{ rng *rand.Rand }

// diceOf returns dice that fall the same for the same seed.
func diceOf(seed string) dice { return dice{rand.New(rand.NewChaCha8(sha256.Sum256([]byte(seed))))} }

// times returns a number of times from 0 to 2n, n on average.
func (d dice) times(n float64) int { return int(2*n*d.rng.Float64() + 0.5) }

// chance is true with the probability p.
func (d dice) chance(p float64) bool { return d.rng.Float64() < p }

// about returns a time near a minute, at most twice the spread away.
func (d dice) about(minute, spread float64) float64 {
	return minute + spread*min(max(d.rng.NormFloat64(), -2), 2)
}

// between returns a minute between two hours.
func (d dice) between(from, to float64) float64 { return 60 * (from + (to-from)*d.rng.Float64()) }

func (d dice) pick(rs ...resident) resident { return choose(d, rs) }

func (d dice) pickCamera(cameras ...string) string { return choose(d, cameras) }

func choose[T any](d dice, from []T) T { return from[d.rng.IntN(len(from))] }
