package node

import (
	"slices"
	"time"
)

// clockTolerance is how far clocks of well-kept machines may be apart.
const clockTolerance = 500 * time.Millisecond

// clockOffsets are how far each report's clock is ahead of their lower median; 0 where
// it is closer than the travel of the report lets one tell.
func clockOffsets(reports []Report) []time.Duration {
	ahead := make([]time.Duration, len(reports))
	for i := range reports {
		r := &reports[i]
		ahead[i] = r.Clock.Sub(r.asked.Add(r.doubt()))
	}
	if len(reports) == 0 {
		return ahead
	}
	sorted := slices.Sorted(slices.Values(ahead))
	median := sorted[(len(sorted)-1)/2]
	for i := range ahead {
		if ahead[i] -= median; ahead[i].Abs() <= reports[i].doubt() {
			ahead[i] = 0
		}
	}
	return ahead
}

// doubt is how far the clock may have been from what the report says, when Ask got it.
func (r *Report) doubt() time.Duration { return r.heard.Sub(r.asked) / 2 }
