package devices_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/forecare/forecare/devices"
)

func key(tenant, device string) devices.Key { return devices.Key{Tenant: tenant, Device: device} }

func snapshot() devices.Snapshot {
	return devices.Snapshot{
		Revision: 7,
		Devices: []devices.Device{
			{Key: key("acme", "b"), Model: "press", Gateway: "gate"},
			{Key: key("acme", "a"), Model: "press"},
			{Key: key("acme", "off"), Model: "unheard", Disabled: true},
			{Key: key("acme", "gate")},
			{Key: key("acme", "child-of-off"), Gateway: "off"},
			{Key: key("other", "a"), Model: "press", Gateway: "gate"},
		},
		Models: []devices.Model{{Tenant: "acme", ID: "press", Name: "Press"}},
		Credentials: map[devices.Key][]string{
			key("acme", "a"):    {devices.HashToken("one"), devices.HashToken("two")},
			key("acme", "off"):  {devices.HashToken("off")},
			key("acme", "gate"): {"", "no hash", strings.Repeat("z", 64), strings.Repeat("0", 64)},
		},
	}
}

func TestLookup(t *testing.T) {
	r := devices.NewRegistry()
	if _, _, ok := r.Lookup(key("acme", "a")); ok {
		t.Error("a new registry knows somebody")
	}
	r.Replace(snapshot())
	tests := []struct {
		key       devices.Key
		ok, model bool
	}{
		{key("acme", "a"), true, true},
		{key("acme", "off"), true, false},
		{key("other", "a"), true, false}, // a model belongs to its tenant
		{key("acme", "c"), false, false},
		{key("", ""), false, false},
	}
	for _, tt := range tests {
		d, m, ok := r.Lookup(tt.key)
		if ok != tt.ok || (d != nil) != tt.ok || (m != nil) != tt.model {
			t.Errorf("%s: found %v, device %v, model %v", tt.key, ok, d, m)
		}
		if d != nil && d.Key != tt.key {
			t.Errorf("%s: got %s", tt.key, d.Key)
		}
		d2, m2, ok2 := r.LookupBytes([]byte(tt.key.Tenant), []byte(tt.key.Device))
		if d2 != d || m2 != m || ok2 != ok {
			t.Errorf("%s: LookupBytes differs from Lookup", tt.key)
		}
	}
}

func TestReplaceForgetsWhatWasBefore(t *testing.T) {
	r := devices.NewRegistry()
	r.Replace(snapshot())
	r.Replace(devices.Snapshot{Devices: []devices.Device{{Key: key("acme", "new")}}})
	if _, _, ok := r.Lookup(key("acme", "a")); ok || r.Authenticate(key("acme", "a"), "one") || r.Model("acme", "press") != nil {
		t.Error("something of the old state is left")
	}
	if _, _, ok := r.Lookup(key("acme", "new")); !ok {
		t.Error("the new state is not there")
	}
}

func TestAuthenticate(t *testing.T) {
	r := devices.NewRegistry()
	r.Replace(snapshot())
	tests := []struct {
		key   devices.Key
		token string
		want  bool
	}{
		{key("acme", "a"), "one", true},
		{key("acme", "a"), "two", true},
		{key("acme", "a"), "three", false},
		{key("acme", "a"), "", false},
		{key("acme", "a"), devices.HashToken("one"), false},
		{key("acme", "b"), "one", false},   // has no credential
		{key("other", "a"), "one", false},  // another tenant's device of that id
		{key("acme", "off"), "off", false}, // disabled
		{key("acme", "nobody"), "one", false},
		{key("acme", "gate"), "", false}, // what is no hash fits nothing
	}
	for _, tt := range tests {
		if got := r.Authenticate(tt.key, tt.token); got != tt.want {
			t.Errorf("Authenticate(%s, %q) = %v", tt.key, tt.token, got)
		}
	}
}

func TestMayPublish(t *testing.T) {
	r := devices.NewRegistry()
	r.Replace(snapshot())
	tests := []struct {
		publisher, device devices.Key
		want              bool
	}{
		{key("acme", "a"), key("acme", "a"), true},
		{key("acme", "gate"), key("acme", "b"), true},
		{key("acme", "b"), key("acme", "gate"), false}, // not the other way round
		{key("acme", "gate"), key("acme", "a"), false}, // not behind it
		{key("acme", "gate"), key("other", "a"), false},
		{key("other", "gate"), key("acme", "b"), false},
		{key("acme", "off"), key("acme", "child-of-off"), false}, // a disabled gateway
		{key("acme", "gate"), key("acme", "nobody"), false},
		{key("acme", ""), key("acme", "a"), false}, // no gateway is not a gateway called ""
	}
	for _, tt := range tests {
		if got := r.MayPublish(tt.publisher, tt.device); got != tt.want {
			t.Errorf("MayPublish(%s, %s) = %v", tt.publisher, tt.device, got)
		}
	}
}

func TestRegistryLists(t *testing.T) {
	r := devices.NewRegistry()
	r.Replace(snapshot())
	var ids []string
	for _, d := range r.Devices("acme") {
		ids = append(ids, d.Device)
	}
	if diff := cmp.Diff([]string{"a", "b", "child-of-off", "gate", "off"}, ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"acme", "other"}, r.Tenants()); diff != "" {
		t.Error(diff)
	}
	if r.Devices("nobody") != nil || r.Model("other", "press") != nil || r.Model("acme", "press") == nil || r.Revision() != 7 {
		t.Errorf("devices of nobody %v, models %v %v, revision %d", r.Devices("nobody"), r.Model("other", "press"), r.Model("acme", "press"), r.Revision())
	}
}

// Readers see one state as a whole while it is replaced under them.
func TestRegistryIsReplacedAsAWhole(t *testing.T) {
	r := devices.NewRegistry()
	state := func(n int) devices.Snapshot {
		model := fmt.Sprint("model-", n)
		return devices.Snapshot{
			Devices: []devices.Device{{Key: key("acme", "a"), Model: model}},
			Models:  []devices.Model{{Tenant: "acme", ID: model}},
		}
	}
	r.Replace(state(0))
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if d, m, ok := r.Lookup(key("acme", "a")); !ok || m == nil || d.Model != m.ID {
					t.Errorf("found %v, device %v, model %v", ok, d, m)
					return
				}
			}
		})
	}
	for n := range 300 {
		r.Replace(state(n))
	}
	close(done)
	wg.Wait()
}

func TestLookupDoesNotAllocate(t *testing.T) {
	r := devices.NewRegistry()
	r.Replace(snapshot())
	tenant, device, k := []byte("acme"), []byte("a"), key("acme", "a")
	if n := testing.AllocsPerRun(100, func() { r.LookupBytes(tenant, device); r.Lookup(k); r.MayPublish(k, k) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func fleet(n int) devices.Snapshot {
	s := devices.Snapshot{Models: []devices.Model{{Tenant: "acme", ID: "press"}}, Credentials: make(map[devices.Key][]string)}
	for i := range n {
		k := key("acme", fmt.Sprintf("device-%06d", i))
		s.Devices = append(s.Devices, devices.Device{Key: k, Model: "press"})
		s.Credentials[k] = []string{devices.HashToken(k.Device)}
	}
	return s
}

func BenchmarkLookupBytes(b *testing.B) {
	r := devices.NewRegistry()
	r.Replace(fleet(10_000))
	tenant, device := []byte("acme"), []byte("device-004711")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := r.LookupBytes(tenant, device); !ok {
			b.Fatal("not found")
		}
	}
}

func BenchmarkReplace(b *testing.B) {
	r, s := devices.NewRegistry(), fleet(10_000)
	for b.Loop() {
		r.Replace(s)
	}
}

func TestTokens(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		token := devices.NewToken()
		if !strings.HasPrefix(token, "fc_") || len(token) != 3+43 || strings.ContainsAny(token, "+/= ") || seen[token] {
			t.Errorf("token %q", token)
		}
		seen[token] = true
	}
	// The hash is stored: it must never change.
	if got, want := devices.HashToken("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("hash is %s, want %s", got, want)
	}
}
