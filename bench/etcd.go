package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

var etcdSystem = system{
	name: "etcd", about: "3 members, linearizable reads", kinds: []kind{propose, put, get}, start: startEtcd,
}

// etcd is three members. Clients connect to the leader, which spares them a hop.
type etcd struct {
	members []*embed.Etcd
}

func startEtcd(dir string) (running, error) {
	e := &etcd{}
	if err := e.start(dir); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

func (e *etcd) start(dir string) error {
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	var members []string
	for i := range 3 {
		members = append(members, fmt.Sprintf("e%d=http://127.0.0.1:%d", i+1, ports[i]))
	}
	for i := range 3 {
		c := embed.NewConfig()
		c.Name, c.Dir = fmt.Sprintf("e%d", i+1), filepath.Join(dir, fmt.Sprintf("e%d", i+1))
		peer, client := loopback(ports[i]), loopback(ports[3+i])
		c.ListenPeerUrls, c.AdvertisePeerUrls = peer, peer
		c.ListenClientUrls, c.AdvertiseClientUrls = client, client
		c.InitialCluster = strings.Join(members, ",")
		c.QuotaBackendBytes = 8 << 30
		c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		m, err := embed.StartEtcd(c)
		if err != nil {
			return err
		}
		e.members = append(e.members, m)
	}
	for _, m := range e.members {
		select {
		case <-m.Server.ReadyNotify():
		case err := <-m.Err():
			return err
		case <-time.After(startTime):
			return errors.New("not ready in time")
		}
	}
	return e.fill()
}

func loopback(port int) []url.URL {
	return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
}

func (e *etcd) fill() error {
	s, err := e.open(cell{put, 64, valueSize})
	if err != nil {
		return err
	}
	defer s.close()
	return inParallel(64, func(caller int) error {
		for k := caller; k < keys; k += 64 {
			if err := s.(*etcdSession).put(0, k); err != nil {
				return fmt.Errorf("fill key %d: %w", k, err)
			}
		}
		return nil
	})
}

// leader is the member that leads.
func (e *etcd) leader() (*embed.Etcd, error) {
	for range 100 {
		for _, m := range e.members {
			if m.Server.Leader() == m.Server.MemberID() {
				return m, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.New("no leader")
}

func (e *etcd) open(c cell) (session, error) {
	leader, err := e.leader()
	if err != nil {
		return nil, err
	}
	s := &etcdSession{kind: c.Kind, value: strings.Repeat("x", c.Size), key: perKey("k")}
	for range connections(c.Callers) {
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{leader.Config().AdvertiseClientUrls[0].String()}, Logger: zap.NewNop(), DialTimeout: requestTimeout,
		})
		if err != nil {
			s.close()
			return nil, err
		}
		s.clients = append(s.clients, client)
	}
	return s, nil
}

func (e *etcd) stop() error {
	for _, m := range e.members {
		m.Close()
	}
	return nil
}

// etcdSession makes gRPC requests over as many connections as the NATS clients
// have.
type etcdSession struct {
	kind    kind
	clients []*clientv3.Client
	value   string
	key     func(int) string
}

func (s *etcdSession) do(caller, n int) error {
	if s.kind != get {
		return s.put(caller, key(caller, n))
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	r, err := s.clients[caller%len(s.clients)].Get(ctx, s.key(key(caller, n)))
	if err == nil && len(r.Kvs) != 1 {
		err = errors.New("key not found")
	}
	return err
}

func (s *etcdSession) put(caller, k int) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	_, err := s.clients[caller%len(s.clients)].Put(ctx, s.key(k), s.value)
	return err
}

func (s *etcdSession) close() {
	for _, c := range s.clients {
		_ = c.Close() // nothing is pending
	}
}
