package streams

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Config is the configuration of a stream, in JetStream's JSON form and order. A
// stored configuration has its defaults filled in.
type Config struct {
	Name                   string            `json:"name"`
	Description            string            `json:"description,omitempty"`
	Subjects               []string          `json:"subjects,omitempty"` // default: the name
	Retention              Retention         `json:"retention"`
	MaxConsumers           int               `json:"max_consumers"`        // echoed only
	MaxMsgs                int64             `json:"max_msgs"`             // -1 no limit, as in the next four
	MaxBytes               int64             `json:"max_bytes"`            // as messages count, see State.Bytes
	MaxAge                 time.Duration     `json:"max_age"`              // of log time; 0 no limit
	MaxMsgsPer             int64             `json:"max_msgs_per_subject"` // history of a bucket's key
	MaxMsgSize             int32             `json:"max_msg_size,omitempty"`
	Discard                Discard           `json:"discard"`
	Storage                Storage           `json:"storage"`
	Replicas               int               `json:"num_replicas"` // echoed only: the cluster has as many as it has
	NoAck                  bool              `json:"no_ack,omitempty"`
	Duplicates             time.Duration     `json:"duplicate_window,omitempty"` // of log time
	Compression            Compression       `json:"compression"`
	FirstSeq               uint64            `json:"first_seq,omitempty"`
	AllowDirect            bool              `json:"allow_direct"`
	MirrorDirect           bool              `json:"mirror_direct"`
	DiscardNewPer          bool              `json:"discard_new_per_subject,omitempty"`
	Sealed                 bool              `json:"sealed"`
	DenyDelete             bool              `json:"deny_delete"`
	DenyPurge              bool              `json:"deny_purge"`
	AllowRollup            bool              `json:"allow_rollup_hdrs"`
	ConsumerLimits         ConsumerLimits    `json:"consumer_limits"` // echoed only
	AllowMsgTTL            bool              `json:"allow_msg_ttl"`
	SubjectDeleteMarkerTTL time.Duration     `json:"subject_delete_marker_ttl,omitempty"`
	Metadata               map[string]string `json:"metadata,omitempty"`
}

// ConsumerLimits is a part of Config that has no effect here.
type ConsumerLimits struct {
	InactiveThreshold time.Duration `json:"inactive_threshold,omitempty"`
	MaxAckPending     int           `json:"max_ack_pending,omitempty"`
}

// Retention, Discard, Storage and Compression are JetStream's words. The empty
// one means the first of those listed.
type (
	Retention   string // "limits"; "interest" and "workqueue" are refused
	Discard     string // "old", "new"
	Storage     string // "file", "memory": both are on disk, and count bytes as JetStream does
	Compression string // "none"; "s2" is refused
)

const (
	discardOld    Discard = "old"
	discardNew    Discard = "new"
	storageFile   Storage = "file"
	storageMemory Storage = "memory"
)

func unmarshalWord(data []byte, words ...string) (string, error) {
	for _, w := range words {
		if string(data) == `"`+w+`"` {
			return w, nil
		}
	}
	return "", fmt.Errorf("can not unmarshal %q", data)
}

// UnmarshalJSON reads one of JetStream's words and refuses others.
func (r *Retention) UnmarshalJSON(data []byte) error {
	word, err := unmarshalWord(data, "limits", "interest", "workqueue")
	*r = Retention(word)
	return err
}

// UnmarshalJSON reads one of JetStream's words and refuses others.
func (d *Discard) UnmarshalJSON(data []byte) error {
	word, err := unmarshalWord([]byte(strings.ToLower(string(data))), "old", "new")
	*d = Discard(word)
	return err
}

// UnmarshalJSON reads one of JetStream's words and refuses others.
func (s *Storage) UnmarshalJSON(data []byte) error {
	word, err := unmarshalWord(data, "file", "memory")
	*s = Storage(word)
	return err
}

// UnmarshalJSON reads one of JetStream's words and refuses others.
func (c *Compression) UnmarshalJSON(data []byte) error {
	word, err := unmarshalWord(data, "none", "s2")
	if err != nil {
		err = fmt.Errorf("unknown compression algorithm")
	}
	*c = Compression(word)
	return err
}

// configRequest is what a client may send: a Config and what is refused by name.
type configRequest struct {
	Config
	Pedantic         bool            `json:"pedantic"`
	Placement        json.RawMessage `json:"placement"`
	Mirror           json.RawMessage `json:"mirror"`
	Sources          json.RawMessage `json:"sources"`
	SubjectTransform json.RawMessage `json:"subject_transform"`
	Republish        json.RawMessage `json:"republish"`
	AllowMsgCounter  bool            `json:"allow_msg_counter"`
	AllowAtomic      bool            `json:"allow_atomic"`
	AllowSchedules   bool            `json:"allow_msg_schedules"`
	AllowBatched     bool            `json:"allow_batched"`
	PersistMode      string          `json:"persist_mode"`
}

// isSet reports whether a JSON field holds something: not null, {} or [].
func isSet(field json.RawMessage) bool {
	switch strings.Join(strings.Fields(string(field)), "") {
	case "", "null", "{}", "[]":
		return false
	}
	return true
}

// refused returns the name of the first feature in the request that no stream
// here has, "" when there is none.
func (r *configRequest) refused() string {
	for _, f := range []struct {
		set  bool
		name string
	}{
		{isSet(r.Mirror), "mirror"},
		{r.MirrorDirect, "mirror_direct"},
		{isSet(r.Sources), "sources"},
		{isSet(r.SubjectTransform), "subject_transform"},
		{isSet(r.Republish), "republish"},
		{isSet(r.Placement), "placement"},
		{r.Retention != "" && r.Retention != "limits", "retention " + string(r.Retention)},
		{r.Compression == "s2", "compression s2"},
		{r.NoAck, "no_ack"},
		{r.AllowMsgCounter, "allow_msg_counter"},
		{r.AllowAtomic, "allow_atomic"},
		{r.AllowSchedules, "allow_msg_schedules"},
		{r.AllowBatched, "allow_batched"},
		{r.PersistMode != "" && r.PersistMode != "default", "persist_mode " + r.PersistMode},
		{r.Pedantic, "pedantic"},
	} {
		if f.set {
			return f.name
		}
	}
	return ""
}

const (
	maxNameBytes        = 255
	maxDescriptionBytes = 4 << 10
	maxMetadataBytes    = 128 << 10
	maxReplicas         = 5
	defaultWindow       = 2 * time.Minute
	shortestAge         = 100 * time.Millisecond
)

// validName reports whether name can name a stream.
func validName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return name != "" && !strings.ContainsAny(name, `.*>\/`)
}

// complete checks a request and returns the configuration with its defaults.
func (r *configRequest) complete() (*Config, *APIError) {
	c := r.Config
	if text := c.checkNames(); text != "" {
		return nil, invalidConfig(text)
	}
	if name := r.refused(); name != "" {
		return nil, invalidConfig("synod streams do not offer " + name)
	}
	c.dropServerMetadata()
	c.fillDefaults()
	if c.Replicas < 0 {
		return nil, &APIError{400, 10133, "replicas count cannot be negative"}
	}
	for _, check := range []func(*Config) string{(*Config).checkTimes, (*Config).checkPolicies, (*Config).checkMarkers, (*Config).checkSubjects} {
		if text := check(&c); text != "" {
			return nil, invalidConfig(text)
		}
	}
	return &c, nil
}

func (c *Config) checkNames() string {
	metadata := 0
	for k, v := range c.Metadata {
		metadata += len(k) + len(v)
	}
	switch {
	case !validName(c.Name):
		return `stream name is required and can not contain '.', '*', '>', '\', '/'`
	case len(c.Name) > maxNameBytes:
		return fmt.Sprintf("stream name is too long, maximum allowed is %d", maxNameBytes)
	case len(c.Description) > maxDescriptionBytes:
		return fmt.Sprintf("stream description is too long, maximum allowed is %d", maxDescriptionBytes)
	case metadata > maxMetadataBytes:
		return fmt.Sprintf("stream metadata exceeds maximum size of %d bytes", maxMetadataBytes)
	}
	return ""
}

// dropServerMetadata removes what a nats-server adds to an echoed configuration.
func (c *Config) dropServerMetadata() {
	kept := make(map[string]string, len(c.Metadata))
	for k, v := range c.Metadata {
		if !strings.HasPrefix(k, "_nats.") {
			kept[k] = v
		}
	}
	c.Metadata = kept
	if len(kept) == 0 {
		c.Metadata = nil
	}
}

func (c *Config) fillDefaults() {
	orDefault(&c.Retention, "limits")
	orDefault(&c.Discard, discardOld)
	orDefault(&c.Storage, storageFile)
	orDefault(&c.Compression, "none")
	orDefault(&c.Replicas, 1)
	for _, limit := range []*int64{&c.MaxMsgs, &c.MaxBytes, &c.MaxMsgsPer} {
		orUnlimited(limit)
	}
	orUnlimited(&c.MaxMsgSize)
	orUnlimited(&c.MaxConsumers)
	if c.Duplicates == 0 {
		c.Duplicates = defaultWindow
		if c.MaxAge > 0 {
			c.Duplicates = min(c.MaxAge, defaultWindow)
		}
	}
	if len(c.Subjects) == 0 {
		c.Subjects = []string{c.Name}
	}
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func orUnlimited[T int | int32 | int64](v *T) {
	if *v <= 0 {
		*v = -1
	}
}

func (c *Config) checkTimes() string {
	switch {
	case c.Replicas > maxReplicas:
		return fmt.Sprintf("maximum replicas is %d", maxReplicas)
	case c.MaxAge < 0:
		return "max age can not be negative"
	case c.MaxAge != 0 && c.MaxAge < shortestAge:
		return "max age needs to be >= 100ms"
	case c.Duplicates < 0:
		return "duplicates window can not be negative"
	case c.MaxAge != 0 && c.Duplicates > c.MaxAge:
		return "duplicates window can not be larger then max age"
	case c.Duplicates < shortestAge:
		return "duplicates window needs to be >= 100ms"
	}
	return ""
}

func (c *Config) checkPolicies() string {
	switch {
	case c.DenyPurge && c.AllowRollup:
		return "roll-ups require the purge permission"
	case c.DiscardNewPer && c.Discard != discardNew:
		return "discard new per subject requires discard new policy to be set"
	case c.DiscardNewPer && c.MaxMsgsPer <= 0:
		return "discard new per subject requires max msgs per subject > 0"
	}
	return ""
}

func (c *Config) checkMarkers() string {
	switch ttl := c.SubjectDeleteMarkerTTL; {
	case ttl < 0:
		return "subject delete marker TTL must not be negative"
	case ttl == 0:
		return ""
	case ttl < time.Second:
		return "subject delete marker TTL must be at least 1 second"
	}
	c.AllowMsgTTL = true
	if !c.AllowRollup {
		c.AllowRollup, c.DenyPurge = true, false
	}
	return ""
}

// apiSubjects is where publishes would be taken for requests.
var apiSubjects = []string{"STREAM.>", "CONSUMER.>", "DIRECT.>", "INFO", "ACCOUNT.>", "META.>", "SERVER.>"}

func (c *Config) checkSubjects() string {
	for i, subject := range c.Subjects {
		a := []byte(subject)
		if !validFilter(a) {
			return "invalid subject"
		}
		if subject == ">" {
			return "capturing all subjects requires no-ack to be true"
		}
		for _, namespace := range []string{"$JS.>", "$JSC.>", "$NRG.>"} {
			if collide(a, []byte(namespace)) && !subset(a, []byte("$JS.EVENT.>")) {
				return "subjects that overlap with jetstream api require no-ack to be true"
			}
		}
		if collide(a, []byte("$SYS.>")) && !subset(a, []byte("$SYS.ACCOUNT.>")) {
			return "subjects that overlap with system api require no-ack to be true"
		}
		for _, namespace := range apiSubjects {
			if subset(a, []byte(namespace)) {
				return fmt.Sprintf("subject %q can not be published to under an API prefix", subject)
			}
		}
		if text := c.checkOverlap(i); text != "" {
			return text
		}
	}
	return ""
}

// checkOverlap compares the subject i with those after it.
func (c *Config) checkOverlap(i int) string {
	subject := c.Subjects[i]
	for _, other := range c.Subjects[i+1:] {
		if collide([]byte(subject), []byte(other)) {
			return fmt.Sprintf("subject %q overlaps with %q", subject, other)
		}
	}
	return ""
}
