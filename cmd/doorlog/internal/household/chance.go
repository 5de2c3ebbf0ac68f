package household

// The order of these calls makes the day: another order is another day.

// times returns a number of times from 0 to 2n, n on average.
func (d *diary) times(n float64) int { return int(2*n*d.rng.Float64() + 0.5) }

// chance is true with the probability p.
func (d *diary) chance(p float64) bool { return d.rng.Float64() < p }

// about returns a time near a minute, at most twice the spread away.
func (d *diary) about(minute, spread float64) float64 {
	return minute + spread*min(max(d.rng.NormFloat64(), -2), 2)
}

// between returns a minute between two hours.
func (d *diary) between(from, to float64) float64 { return 60 * (from + (to-from)*d.rng.Float64()) }

func (d *diary) pick(rs ...resident) resident { return choose(d, rs) }

func (d *diary) pickCamera(cameras ...string) string { return choose(d, cameras) }

func choose[T any](d *diary, from []T) T { return from[d.rng.IntN(len(from))] }
