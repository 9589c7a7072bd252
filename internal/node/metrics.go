package node

import (
	"fmt"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/synod-paxos/synod/bus"
	"github.com/synod-paxos/synod/paxos"
)

// A metric is one Prometheus metric of a role. Every sample has the labels
// cluster, role and id, and the metric's own label if it names one.
type metric struct {
	name  string
	help  string
	kind  prometheus.ValueType
	label string
	// read adds the metric's samples for r: none when r's role does not have it.
	read func(r *Report, add func(value float64, label ...string))
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// A histogram is a metric that counts durations. read is nil for r's role when it
// does not have it.
type histogram struct {
	name, help string
	read       func(r *Report) *Latency
}

// histograms is every histogram of Synod.
var histograms = []histogram{
	{"synod_acceptor_sync_duration_seconds", "How long it took to make records durable.", func(r *Report) *Latency {
		if r.Acceptor == nil {
			return nil
		}
		return &r.Acceptor.Sync
	}},
	{"synod_proposer_queue_duration_seconds", "How long commands waited until they were proposed.", ofProposer(func(p *ProposerReport) *Latency { return &p.Queue })},
	{"synod_proposer_phase1_duration_seconds", "How long the elections that it won took, from the first Prepare of the ballot.", ofProposer(func(p *ProposerReport) *Latency { return &p.Phase1 })},
	{"synod_proposer_phase2_duration_seconds", "How long slots took from the first Accept until the leader knew that they were chosen.", ofProposer(func(p *ProposerReport) *Latency { return &p.Phase2 })},
	{"synod_learner_apply_duration_seconds", "How long the state machine took to apply a slot.", func(r *Report) *Latency {
		if r.Learner == nil {
			return nil
		}
		return &r.Learner.Apply
	}},
}

func ofProposer(read func(*ProposerReport) *Latency) func(*Report) *Latency {
	return func(r *Report) *Latency {
		if r.Proposer == nil {
			return nil
		}
		return read(r.Proposer)
	}
}

// metrics is every other metric of Synod. Those of the Go runtime and of the process
// come beside them.
var metrics = []metric{
	{"synod_build_info", "Always 1; the labels say which build runs.", gauge, "version", of(func(r *Report, add func(float64, ...string)) { add(1, r.Version+" "+runtime.Version()) })},
	{"synod_ready", "1 while the role does its part, see /readyz.", gauge, "", one(func(r *Report) float64 { return flag(r.Ready) })},
	{"synod_start_time_seconds", "When the role started, since the Unix epoch.", gauge, "", one(func(r *Report) float64 { return float64(r.Started.UnixMilli()) / 1e3 })},
	{"synod_inbox_messages", "Protocol messages that wait for the role.", gauge, "", one(func(r *Report) float64 { return float64(r.Inbox) })},
	{"synod_inbox_overflow_total", "Protocol messages lost because the inbox was full.", counter, "", one(func(r *Report) float64 { return float64(r.Overflow) })},
	{"synod_messages_ignored_total", "Protocol messages that the role did not take, by reason; a few stale ones are normal.", counter, "reason", byLabelOf(dropReasons(), func(r *Report) map[string]uint64 { return orEmpty(r.Ignored) })},

	{"synod_nats_connected", "1 while there is a connection to NATS.", gauge, "", one(func(r *Report) float64 { return flag(r.Connected) })},
	{"synod_nats_disconnects_total", "Times that the connection to NATS was lost.", counter, "", one(func(r *Report) float64 { return float64(r.Bus.Disconnects) })},
	{"synod_nats_reconnects_total", "Times that it came back.", counter, "", one(func(r *Report) float64 { return float64(r.Bus.Reconnects) })},
	{"synod_nats_slow_consumers_total", "Times that a subscription began to drop messages.", counter, "", one(func(r *Report) float64 { return float64(r.Bus.SlowConsumers) })},
	{"synod_nats_errors_total", "Errors that NATS reported on its own, such as missing permissions.", counter, "", one(func(r *Report) float64 { return float64(r.Bus.AsyncErrors) })},
	{"synod_bus_sent_messages_total", "Protocol messages published, by kind.", counter, "kind", traffic(func(r *Report) map[string]bus.Traffic { return r.Bus.Sent }, byMessages)},
	{"synod_bus_sent_bytes_total", "Their payload.", counter, "kind", traffic(func(r *Report) map[string]bus.Traffic { return r.Bus.Sent }, byBytes)},
	{"synod_bus_received_messages_total", "Protocol messages delivered, by kind.", counter, "kind", traffic(func(r *Report) map[string]bus.Traffic { return r.Bus.Received }, byMessages)},
	{"synod_bus_received_bytes_total", "Their payload.", counter, "kind", traffic(func(r *Report) map[string]bus.Traffic { return r.Bus.Received }, byBytes)},
	{"synod_bus_dropped_messages_total", "Protocol messages neither sent nor delivered, by reason.", counter, "reason", byLabel(func(r *Report) map[string]uint64 { return r.Bus.Dropped })},

	{"synod_acceptor_sealed", "1 once the acceptor is founded and votes.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return flag(a.Sealed) })},
	{"synod_acceptor_promised_round", "Round of the highest ballot promised.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return ballotRound(a.Promised) })},
	{"synod_acceptor_pending_sync_seconds", "How long the present sync has taken so far; 0 when none runs.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return a.SyncPending / 1e3 })},
	{"synod_acceptor_syncs_total", "Syncs of the disk, each for all records that waited.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Syncs) })},
	{"synod_acceptor_records_total", "Records made durable.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Records) })},
	{"synod_acceptor_votes_total", "Votes made durable.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Votes) })},
	{"synod_acceptor_commands_total", "Commands in these votes; divided by the syncs it shows how well batching works.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Commands) })},
	{"synod_acceptor_messages_total", "Messages released after their records were durable.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Messages) })},
	{"synod_acceptor_written_bytes_total", "Bytes written to the log of the disk.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Written) })},
	{"synod_acceptor_slow_calls_total", "Calls on the file system that took above a second.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.SlowCalls) })},
	{"synod_acceptor_log_files", "Files of the log.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Segments) })},
	{"synod_acceptor_log_drops_total", "Times that trimmed files of the log were dropped.", counter, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.Reclaims) })},
	{"synod_acceptor_disk_used_bytes", "What the votes take on the disk.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.DiskBytes) })},
	{"synod_acceptor_disk_free_bytes", "What is left on the disk.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.FreeBytes) })},
	{"synod_acceptor_max_voted_slot", "Highest slot ever voted in.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.MaxVoted) })},
	{"synod_acceptor_chosen_below_slot", "All slots below it are chosen, as a leader said.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.ChosenBelow) })},
	{"synod_acceptor_trim_below_slot", "Votes in slots below it are forgotten.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return float64(a.TrimBelow) })},
	{"synod_acceptor_space_low", "1 while the disk is down to its reserve.", gauge, "", acceptor(func(a *AcceptorReport) float64 { return flag(a.SpaceLow) })},

	{"synod_proposer_leading", "1 while the proposer leads.", gauge, "", proposer(func(p *ProposerReport) float64 { return flag(p.Stage == "leading") })},
	{"synod_proposer_serving", "1 while clients reach the proposer.", gauge, "", proposer(func(p *ProposerReport) float64 { return flag(p.Serving) })},
	{"synod_proposer_ballot_round", "Round of the proposer's newest ballot; grows with each election it stands for.", gauge, "", proposer(func(p *ProposerReport) float64 { return ballotRound(p.Ballot) })},
	{"synod_proposer_leader_ballot_round", "Round of the ballot of the leader that the proposer follows.", gauge, "", proposer(func(p *ProposerReport) float64 { return ballotRound(p.Leader) })},
	{"synod_proposer_oldest_open_slot_seconds", "How long the first slot in flight has been undecided; 0 when none is in flight.", gauge, "", proposer(func(p *ProposerReport) float64 { return p.oldest() })},
	{"synod_proposer_elected_total", "Times that the proposer became the leader.", counter, "", proposer(func(p *ProposerReport) float64 { return float64(p.Elected) })},
	{"synod_proposer_requests_total", "Requests of clients.", counter, "", proposer(func(p *ProposerReport) float64 { return float64(p.Requests) })},
	{"synod_proposer_malformed_requests_total", "Requests that were no command.", counter, "", proposer(func(p *ProposerReport) float64 { return float64(p.Malformed) })},
	{"synod_proposer_commands_total", "Commands taken from clients.", counter, "", proposer(func(p *ProposerReport) float64 { return float64(p.Commands) })},
	{"synod_proposer_batches_total", "Batches proposed, repeats included.", counter, "", proposer(func(p *ProposerReport) float64 { return float64(p.Batches) })},
	{"synod_proposer_refused_commands_total", "Commands refused, and certainly not done, by reason.", counter, "reason", byLabelOf(refusalReasons(), func(r *Report) map[string]uint64 {
		if r.Proposer == nil {
			return nil
		}
		return orEmpty(r.Proposer.Refused)
	})},
	{"synod_proposer_queued_commands", "Commands that wait for a slot.", gauge, "", proposer(func(p *ProposerReport) float64 { return float64(p.Queued) })},
	{"synod_proposer_queued_bytes", "Their size.", gauge, "", proposer(func(p *ProposerReport) float64 { return float64(p.QueuedBytes) })},
	{"synod_proposer_in_flight_slots", "Slots proposed and not known to be chosen.", gauge, "", proposer(func(p *ProposerReport) float64 { return float64(p.InFlight) })},
	{"synod_proposer_chosen_below_slot", "All slots below it are chosen.", gauge, "", proposer(func(p *ProposerReport) float64 { return float64(p.ChosenBelow) })},
	{"synod_proposer_silent_acceptors", "Acceptors that do not answer the leader.", gauge, "", proposer(func(p *ProposerReport) float64 { return float64(len(p.Silent)) })},
	{"synod_proposer_live_learners", "Learners that the proposer hears.", gauge, "", proposer(func(p *ProposerReport) float64 { return float64(len(p.LiveLearners)) })},

	{"synod_learner_commands_total", "Commands applied.", counter, "", learner(func(l *LearnerReport) float64 { return float64(l.Commands) })},
	{"synod_learner_batches_total", "Slots applied.", counter, "", learner(func(l *LearnerReport) float64 { return float64(l.Batches) })},
	{"synod_learner_answers_total", "Commands that the learner answered.", counter, "", learner(func(l *LearnerReport) float64 { return float64(l.Answered) })},
	{"synod_learner_lost_answers_total", "Answers that could not be sent.", counter, "", learner(func(l *LearnerReport) float64 { return float64(l.AnswersLost) })},
	{"synod_learner_learned_slot", "All slots up to it are learned.", gauge, "", learner(func(l *LearnerReport) float64 { return float64(l.Learned) })},
	{"synod_learner_applied_slot", "All slots up to it are applied.", gauge, "", learner(func(l *LearnerReport) float64 { return float64(l.Applied) })},
	{"synod_learner_durable_slot", "All slots up to it survive a loss of power.", gauge, "", learner(func(l *LearnerReport) float64 { return float64(l.Durable) })},
	{"synod_learner_lag_slots", "Chosen slots, as far as the learner heard, that it has not applied.", gauge, "", learner(func(l *LearnerReport) float64 { return float64(l.Lag) })},
	{"synod_learner_readable", "1 while linearizable reads are possible.", gauge, "", learner(func(l *LearnerReport) float64 { return flag(l.CanRead) })},
	{"synod_learner_open_slots", "Slots heard of and not learned.", gauge, "", learner(func(l *LearnerReport) float64 { return float64(l.Open) })},
	{"synod_learner_unanswered_slots", "Slots applied that another learner has yet to answer.", gauge, "", learner(func(l *LearnerReport) float64 { return float64(l.Unanswered) })},
	{"synod_learner_reads_total", "Requests of the reading API, by operation.", counter, "operation", byLabel(func(r *Report) map[string]uint64 {
		if r.Learner == nil {
			return nil
		}
		return r.Learner.Reads
	})},
}

func orEmpty(counts map[string]uint64) map[string]uint64 {
	if counts == nil {
		return map[string]uint64{}
	}
	return counts
}

// dropReasons and refusalReasons go on until a reason has no name of its own.
func dropReasons() (names []string) {
	for r := paxos.Foreign; r.String() != fmt.Sprintf("drop%d", uint8(r)); r++ {
		names = append(names, r.String())
	}
	return names
}

func refusalReasons() (names []string) {
	for r := paxos.Overloaded; r.String() != fmt.Sprintf("reason%d", uint8(r)); r++ {
		names = append(names, r.String())
	}
	return names
}
