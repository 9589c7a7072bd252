package bustest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificates are the names of PEM files.
type Certificates struct {
	CA                    string // the authority of all others
	ServerCert, ServerKey string // for 127.0.0.1 and localhost
	ClientCert, ClientKey string
	OtherCA               string // an authority that signed none of them
}

// NewCertificates makes an authority and what it signs, valid for an hour.
func NewCertificates(t testing.TB) Certificates {
	t.Helper()
	m := &mint{t: t, dir: t.TempDir()}
	ca := m.authority("ca")
	other := m.authority("other-ca")
	c := Certificates{CA: ca.file, OtherCA: other.file}
	c.ServerCert, c.ServerKey = m.leaf("server", ca, x509.ExtKeyUsageServerAuth)
	c.ClientCert, c.ClientKey = m.leaf("client", ca, x509.ExtKeyUsageClientAuth)
	return c
}

type authority struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

type mint struct {
	t      testing.TB
	dir    string
	serial int64
}

func (m *mint) authority(name string) authority {
	template := m.template(name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	key := m.key()
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	m.must(err)
	return authority{m.write(name+".pem", "CERTIFICATE", der), template, key}
}

func (m *mint) leaf(name string, by authority, usage x509.ExtKeyUsage) (certFile, keyFile string) {
	template := m.template(name)
	template.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	key := m.key()
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	m.must(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	m.must(err)
	return m.write(name+".pem", "CERTIFICATE", der), m.write(name+"-key.pem", "PRIVATE KEY", keyDER)
}

func (m *mint) template(name string) *x509.Certificate {
	m.serial++
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(m.serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Minute), NotAfter: now.Add(time.Hour),
	}
}

func (m *mint) key() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	m.must(err)
	return key
}

func (m *mint) write(name, kind string, der []byte) string {
	file := filepath.Join(m.dir, name)
	m.must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}

func (m *mint) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}
