package consumers

import (
	"slices"
	"strings"
	"time"

	"github.com/synod-paxos/synod/streams"
)

// Config is the configuration of a consumer, in JetStream's JSON form and order. What
// is refused by name is among its fields.
type Config struct {
	Durable         string          `json:"durable_name,omitempty"`
	Name            string          `json:"name,omitempty"`
	Description     string          `json:"description,omitempty"`
	DeliverPolicy   string          `json:"deliver_policy"`
	OptStartSeq     uint64          `json:"opt_start_seq,omitempty"`
	OptStartTime    *time.Time      `json:"opt_start_time,omitempty"`
	AckPolicy       string          `json:"ack_policy"`
	AckWait         time.Duration   `json:"ack_wait,omitempty"`    // echoed only
	MaxDeliver      int             `json:"max_deliver,omitempty"` // echoed only: each message goes out once
	BackOff         []time.Duration `json:"backoff,omitempty"`
	FilterSubject   string          `json:"filter_subject,omitempty"`
	FilterSubjects  []string        `json:"filter_subjects,omitempty"`
	ReplayPolicy    string          `json:"replay_policy"`
	RateLimit       uint64          `json:"rate_limit_bps,omitempty"`
	SampleFrequency string          `json:"sample_freq,omitempty"`
	MaxWaiting      int             `json:"max_waiting,omitempty"`
	MaxAckPending   int             `json:"max_ack_pending,omitempty"`
	FlowControl     bool            `json:"flow_control,omitempty"`
	HeadersOnly     bool            `json:"headers_only,omitempty"`

	MaxRequestBatch    int           `json:"max_batch,omitempty"`
	MaxRequestExpires  time.Duration `json:"max_expires,omitempty"`
	MaxRequestMaxBytes int           `json:"max_bytes,omitempty"`

	DeliverSubject string        `json:"deliver_subject,omitempty"`
	DeliverGroup   string        `json:"deliver_group,omitempty"`
	Heartbeat      time.Duration `json:"idle_heartbeat,omitempty"`

	InactiveThreshold time.Duration     `json:"inactive_threshold,omitempty"`
	Replicas          int               `json:"num_replicas"`          // echoed only
	MemoryStorage     bool              `json:"mem_storage,omitempty"` // echoed only
	Direct            bool              `json:"direct,omitempty"`
	Sourcing          bool              `json:"sourcing,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	PauseUntil        *time.Time        `json:"pause_until,omitempty"`
	PriorityGroups    []string          `json:"priority_groups,omitempty"`
	PriorityPolicy    string            `json:"priority_policy,omitempty"`
	PinnedTTL         time.Duration     `json:"priority_timeout,omitempty"`
}

// A CreateRequest is what a client sends.
type CreateRequest struct {
	Stream   string `json:"stream_name"`
	Config   Config `json:"config"`
	Action   string `json:"action"` // "create", "update"; empty: either
	Pedantic bool   `json:"pedantic,omitempty"`
}

const (
	maxNameBytes     = 255
	maxDescription   = 4 << 10
	maxMetadata      = 128 << 10
	maxFilters       = 1024
	defaultWaiting   = 512
	leastHeartbeat   = 100 * time.Millisecond
	defaultThreshold = 5 * time.Second
)

// Deliver policies, as JetStream writes them.
const (
	deliverAll      = "all"
	deliverLast     = "last"
	deliverLastEach = "last_per_subject"
	deliverNew      = "new"
	deliverFromSeq  = "by_start_sequence"
	deliverFromTime = "by_start_time"
)

// prepare fills in defaults and refuses what is wrong, in JetStream's order, and then
// what is not offered. filter is the tail of the request's subject, if it had one.
func (r *CreateRequest) prepare(filter string) *streams.APIError {
	c := &r.Config
	switch {
	case filter != "" && len(c.FilterSubjects) > 0:
		return errManyFilters
	case filter != "" && c.FilterSubject != filter:
		return errFilterMismatch
	}
	if what := c.refused(); what != "" {
		return notOffered(what)
	}
	c.fillDefaults()
	for _, check := range []func(*Config) *streams.APIError{
		(*Config).checkNames, (*Config).checkDelivery, (*Config).checkFilters, (*Config).checkStart,
	} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

// refused is the name of the first thing in c that no consumer here has.
func (c *Config) refused() string {
	for _, f := range []struct {
		set  bool
		name string
	}{
		{c.Durable != "", "durable consumers: only ephemeral ones, such as ordered consumers and key-value watchers"},
		{c.AckPolicy != "none", "ack_policy " + c.AckPolicy + ": only none, as ordered consumers and key-value watchers have it"},
		{c.DeliverGroup != "", "deliver_group"},
		{c.ReplayPolicy == "original", "replay_policy original"},
		{c.RateLimit > 0, "rate_limit_bps"},
		{c.SampleFrequency != "" && c.SampleFrequency != "0", "sample_freq"},
		{len(c.BackOff) > 0, "backoff"},
		{c.Direct || c.Sourcing, "mirrors and sources"},
		{c.PauseUntil != nil && !c.PauseUntil.IsZero(), "pause_until"},
		{len(c.PriorityGroups) > 0 || c.PriorityPolicy != "" && c.PriorityPolicy != "none", "priority_groups"},
	} {
		if f.set {
			return f.name
		}
	}
	return ""
}

func (c *Config) fillDefaults() {
	if c.MaxDeliver == 0 || c.MaxDeliver < -1 {
		c.MaxDeliver = -1
	}
	if c.DeliverPolicy == "" {
		c.DeliverPolicy = deliverAll
	}
	if c.ReplayPolicy == "" {
		c.ReplayPolicy = "instant"
	}
	c.MaxWaiting, c.MaxRequestBatch, c.MaxRequestMaxBytes = max(c.MaxWaiting, 0), max(c.MaxRequestBatch, 0), max(c.MaxRequestMaxBytes, 0)
	c.MaxRequestExpires, c.Heartbeat, c.InactiveThreshold = max(c.MaxRequestExpires, 0), max(c.Heartbeat, 0), max(c.InactiveThreshold, 0)
	if c.InactiveThreshold == 0 {
		c.InactiveThreshold = defaultThreshold
	}
	if c.DeliverSubject == "" && c.MaxWaiting == 0 {
		c.MaxWaiting = defaultWaiting
	}
	for name := range c.Metadata {
		if strings.HasPrefix(name, "_nats.") {
			delete(c.Metadata, name)
		}
	}
}

func (c *Config) checkNames() *streams.APIError {
	metadata := 0
	for k, v := range c.Metadata {
		metadata += len(k) + len(v)
	}
	switch {
	case strings.ContainsAny(c.Name, `\/`):
		return errPathSeparators
	case c.Name != "" && !validName(c.Name):
		return errName
	case len(c.Name) > maxNameBytes:
		return errNameTooLong
	case len(c.Description) > maxDescription:
		return &streams.APIError{Code: 400, ErrCode: 10107, Description: "consumer description is too long, maximum allowed is 4096"}
	case metadata > maxMetadata:
		return &streams.APIError{Code: 400, ErrCode: 10135, Description: "consumer metadata exceeds maximum size of 131072 bytes"}
	}
	return nil
}

// validName reports whether name is one token of a subject, and a name.
func validName(name string) bool {
	return streams.Literal(name) && !strings.ContainsAny(name, `.*>\/`)
}

func (c *Config) checkDelivery() *streams.APIError {
	if c.DeliverSubject == "" {
		switch {
		case c.Heartbeat > 0:
			return errHeartbeatPull
		case c.FlowControl:
			return errFlowControlPull
		}
		return nil
	}
	switch {
	case !streams.ValidFilter(c.DeliverSubject):
		return errDeliverSubject
	case !streams.Literal(c.DeliverSubject):
		return errWildcards
	case c.MaxWaiting > 0:
		return errPushMaxWaiting
	case c.MaxAckPending > 0:
		return errMaxAckPending
	case c.Heartbeat > 0 && c.Heartbeat < leastHeartbeat:
		return errSmallHeartbeat
	case c.FlowControl && c.Heartbeat == 0:
		return errNeedsHeartbeat
	}
	return nil
}

// filters are the subjects that choose messages; none: all.
func (c *Config) filters() []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

func (c *Config) checkFilters() *streams.APIError {
	switch {
	case c.FilterSubject != "" && len(c.FilterSubjects) > 0:
		return errBothFilters
	case slices.Contains(c.FilterSubjects, ""):
		return errEmptyFilter
	case len(c.FilterSubjects) > maxFilters:
		return notOffered("more than 1024 filter_subjects")
	}
	filters := c.filters()
	for i, filter := range filters {
		if !streams.ValidFilter(filter) {
			return errFilter
		}
		for j, other := range filters {
			if i != j && streams.Matches(other, filter) {
				return errOverlap
			}
		}
	}
	return nil
}

// checkStart refuses a policy without its start, or with another one's.
func (c *Config) checkStart() *streams.APIError {
	words := map[string]string{
		deliverAll: "all", deliverLast: "last", deliverLastEach: "last per subject", deliverNew: "new",
		deliverFromSeq: "by start sequence", deliverFromTime: "by start time",
	}
	policy, known := words[c.DeliverPolicy]
	prefix := "consumer delivery policy is deliver " + policy + ", but optional "
	switch {
	case !known:
		return invalidPolicy("unknown deliver policy")
	case c.DeliverPolicy == deliverFromSeq && c.OptStartSeq == 0:
		return invalidPolicy(prefix + "start sequence is not set")
	case c.DeliverPolicy == deliverFromTime && c.OptStartTime == nil:
		return invalidPolicy(prefix + "start time is not set")
	case c.DeliverPolicy == deliverFromTime && c.OptStartSeq > 0:
		return invalidPolicy(prefix + "start start sequence is also set")
	case c.DeliverPolicy != deliverFromSeq && c.OptStartSeq > 0:
		return invalidPolicy(prefix + "start sequence is also set")
	case c.DeliverPolicy != deliverFromTime && c.OptStartTime != nil:
		return invalidPolicy(prefix + "start time is also set")
	case c.DeliverPolicy == deliverLastEach && len(c.filters()) == 0:
		return invalidPolicy(prefix + "filter subject is not set")
	}
	return nil
}
