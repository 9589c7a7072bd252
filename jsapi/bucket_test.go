package jsapi_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/synod-paxos/synod/jsapi"
	"github.com/synod-paxos/synod/streams/command"
)

// TestABucketsSubjectsShowNoOther: permissions go by subject, so whatever is asked
// below the subjects of one bucket, nothing of another is in the answer.
func TestABucketsSubjectsShowNoOther(t *testing.T) {
	s := newState(t)
	s.apply("api.STREAM.CREATE.KV_a", nil, `{"name":"KV_a","subjects":["$KV.a.>"],"allow_direct":true}`)
	s.apply("api.STREAM.CREATE.KV_b", nil, `{"name":"KV_b","subjects":["$KV.b.>"],"allow_direct":true}`)
	s.apply("api.$KV.a.k", nil, "mine")
	s.apply("api.$KV.b.k", nats.Header{"Nats-Msg-Id": {"id"}}, "secret")
	_, nc := open(t, s, jsapi.Options{})
	for _, r := range [][2]string{
		{"DIRECT.GET.KV_a.$KV.b.k", ""},
		{"DIRECT.GET.KV_a.$KV.>", ""},
		{"DIRECT.GET.KV_a", `{"last_by_subj":"$KV.b.k"}`},
		{"DIRECT.GET.KV_a", `{"next_by_subj":">","batch":9}`},
		{"DIRECT.GET.KV_a", `{"multi_last":[">"]}`},
		{"DIRECT.GET.KV_a", string(command.Reads{Items: []command.Read{{Subject: "$KV.b.k"}, {Subject: "$KV.>"}, {Seq: 2}, {Subject: "b.$KV.b.k"}}}.Encode())},
		{"STREAM.MSG.GET.KV_a", `{"last_by_subj":"$KV.b.k"}`},
		{"STREAM.MSG.GET.KV_a", `{"seq":2}`},
		{"STREAM.INFO.KV_a", `{"subjects_filter":">"}`},
	} {
		for _, data := range answers(t, nc, r[0], r[1]) {
			if strings.Contains(data, "secret") || strings.Contains(data, "$KV.b") || strings.Contains(data, "c2VjcmV0") {
				t.Errorf("%s %s is answered %s", r[0], r[1], data)
			}
		}
	}
}

// answers is every answer to a request, headers and all; a batch ends with one
// without data.
func answers(t *testing.T, nc *nats.Conn, subject, data string) (all []string) {
	t.Helper()
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("synod.test.api."+subject, inbox.Subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
	for batch := strings.Contains(data, "batch") || strings.Contains(data, "multi_last"); ; {
		m, err := inbox.NextMsg(answerTimeout)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Join(m.Header.Values("Nats-Subject"), " ")+string(m.Data))
		if !batch || m.Header.Get("Status") != "" {
			return all
		}
	}
}
