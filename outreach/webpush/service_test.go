package webpush_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// service is a push service: it checks the VAPID signature as RFC 8292 says
// and keeps what it was given.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc // nil means 201
	got    []delivery
}

func (s *service) answers(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = h
}

func (s *service) delivered() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

type delivery struct {
	header http.Header
	body   []byte
	claims map[string]any
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		claims, err := s.vapid(r.Header.Get("Authorization"))
		if err != nil {
			t.Errorf("the push service would not accept this: %v", err)
		}
		s.mu.Lock()
		s.got = append(s.got, delivery{r.Header, body, claims})
		answer := s.answer
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		w.Header().Set("Location", s.URL+"/m/receipt-1")
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) vapid(authorization string) (map[string]any, error) {
	fields, ok := strings.CutPrefix(authorization, "vapid ")
	if !ok {
		return nil, fmt.Errorf("authorization is %q", authorization)
	}
	values := map[string]string{}
	for _, f := range strings.Split(fields, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(f), "=")
		values[k] = v
	}
	parts := strings.Split(values["t"], ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("the token has %d parts", len(parts))
	}
	var head, claims map[string]any
	for i, into := range []*map[string]any{&head, &claims} {
		raw, err := decode(parts[i])
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			return nil, err
		}
	}
	if head["alg"] != "ES256" {
		return nil, fmt.Errorf("the algorithm is %v", head["alg"])
	}
	signature, err := decode(parts[2])
	if err != nil || len(signature) != 64 {
		return nil, fmt.Errorf("the signature has %d bytes", len(signature))
	}
	rawKey, err := decode(values["k"])
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), rawKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, fmt.Errorf("the signature is not by k")
	}
	if claims["aud"] != s.URL {
		return nil, fmt.Errorf("aud is %v, want %s", claims["aud"], s.URL)
	}
	exp, _ := claims["exp"].(float64)
	if left := time.Until(time.Unix(int64(exp), 0)); left <= 0 || left > 24*time.Hour {
		return nil, fmt.Errorf("exp is %v ahead", left)
	}
	claims["k"] = values["k"]
	return claims, nil
}
