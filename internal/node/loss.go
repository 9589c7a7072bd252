package node

import (
	"errors"
	"fmt"
	"strings"

	"github.com/synod-paxos/synod/paxos"
)

// CanDecide reports whether the acceptors that vote hold both quorums.
func (c *Cluster) CanDecide() bool {
	if c.Configuration == nil {
		return false
	}
	config := c.Configuration.paxos()
	voters := c.voters(&config)
	return config.Phase1(voters) && config.Phase2(voters)
}

// Loss says what would be lost if the cluster went on from what its learners have.
func (c *Cluster) Loss() (string, error) {
	best := LearnerStatus{}
	for _, l := range c.Learners {
		if l.LearnerReport != nil && (best.LearnerReport == nil || l.Applied > best.Applied) {
			best = l
		}
	}
	if best.LearnerReport == nil {
		return "", errors.New("no learner answers: start one, or restore a backup of one that is stopped (synod backup --data)")
	}
	var there, gone []string
	voted := paxos.Slot(0)
	for _, a := range c.Acceptors {
		switch {
		case a.Up && a.Member:
			there = append(there, string(a.ID))
			voted = max(voted, a.MaxVoted)
		case a.Member:
			gone = append(gone, string(a.ID))
		}
	}
	text := fmt.Sprintf("Cluster %s %s generation %d cannot decide any more: acceptors %s are missing, %s there.\n",
		c.Cluster, c.UUID, c.Generation, none(gone), are(there))
	text += fmt.Sprintf("Learner %s has applied the most, up to slot %d. What was decided above that is lost, also where a client was told that it was done.\n", best.ID, best.Applied)
	if voted > best.Applied {
		text += fmt.Sprintf("The acceptors that are there voted up to slot %d: what is in slots %d to %d may have been decided, and is lost.\n", voted, best.Applied+1, voted)
	}
	return text, nil
}

func none(ids []string) string {
	if len(ids) == 0 {
		return "none"
	}
	return strings.Join(ids, ", ")
}

func are(ids []string) string {
	if len(ids) == 1 {
		return ids[0] + " is"
	}
	return none(ids) + " are"
}
