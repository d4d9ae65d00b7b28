package ingest

import "github.com/forecare/forecare/devices"

// ShardOf returns the shard of a device, from 0 to shards-1: the 32-bit FNV-1a
// hash of "tenant/device", modulo shards. [TP-9.2]
func ShardOf(k devices.Key, shards int) int {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := range len(k.Tenant) {
		h = (h ^ uint32(k.Tenant[i])) * prime
	}
	h = (h ^ '/') * prime
	for i := range len(k.Device) {
		h = (h ^ uint32(k.Device[i])) * prime
	}
	return int(h % uint32(shards))
}
