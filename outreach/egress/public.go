package egress

import (
	"fmt"
	"net/netip"
	"strings"
)

// special holds the ranges that are no place on the public internet, from the
// IANA special-purpose address registries. IPv6 outside 2000::/3 is refused as
// a whole and needs no row.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
	"192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", // protocol assignments, Teredo among them: it carries an IPv4 address
	"2001:db8::/32",
	"2002::/16", // 6to4: carries an IPv4 address
	"2620:4f:8000::/48",
	"3fff::/20",
)

var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// Public reports whether the address is a place on the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || a.Is6() && !globalUnicast6.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

type exceptions struct {
	ranges []netip.Prefix
	hosts  map[string]bool // "host" or "host:port", lower case
}

func parseExceptions(entries []string) (exceptions, error) {
	e := exceptions{hosts: map[string]bool{}}
	for _, s := range entries {
		if p, err := netip.ParsePrefix(s); err == nil {
			e.ranges = append(e.ranges, p.Masked())
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil {
			e.ranges = append(e.ranges, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		if s == "" || strings.ContainsAny(s, "/ \t*@") {
			return exceptions{}, fmt.Errorf("the allowed address %q is neither a prefix such as 10.20.0.0/16 nor a host such as hooks.internal or localhost:8090", s)
		}
		e.hosts[strings.ToLower(s)] = true
	}
	return e, nil
}

func (e exceptions) names(host, port string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return e.hosts[host] || e.hosts[host+":"+port]
}

func (e exceptions) holds(a netip.Addr) bool {
	for _, p := range e.ranges {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func prefixes(texts ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		ps[i] = netip.MustParsePrefix(t)
	}
	return ps
}
