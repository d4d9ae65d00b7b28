package subscriber_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/forecare/forecare/ingest/subscriber"
)

// authority is a certificate for 127.0.0.1 that signs itself.
type authority struct {
	certFile, keyFile string
	pool              *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a := &authority{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	writeFile(t, a.certFile, cert)
	writeFile(t, a.keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	a.pool.AppendCertsFromPEM([]byte(cert))
	return a
}

func overTLS(b *mosquitto, pool *x509.CertPool) func(*subscriber.Options) {
	return func(o *subscriber.Options) {
		o.Broker = "mqtts://" + b.address
		o.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
}

func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	b := startBroker(t, brokerOptions{tls: ca})

	t.Run("a known authority", func(t *testing.T) {
		openDoor(t, b, newLog(), overTLS(b, ca.pool)).ready()
	})
	t.Run("an unknown authority", func(t *testing.T) {
		d := openDoor(t, b, newLog(), overTLS(b, x509.NewCertPool()))
		d.notReady("name its CA certificate in mqtt_ca_file")
	})
	t.Run("a certificate for another host", func(t *testing.T) {
		d := openDoor(t, b, newLog(), overTLS(b, ca.pool), func(o *subscriber.Options) { o.TLS.ServerName = "broker.example.com" })
		d.notReady("is for another host")
	})
	t.Run("no TLS towards a port that wants it", func(t *testing.T) {
		openDoor(t, b, newLog()).notReady("does it want TLS")
	})
}

func TestTLSTowardsAPortWithout(t *testing.T) {
	b := startBroker(t, brokerOptions{})
	d := openDoor(t, b, newLog(), overTLS(b, x509.NewCertPool()))
	d.notReady("not connected")
}
