package subscriber

import "github.com/eclipse/paho.mqtt.golang/packets"

// noStore is a paho store that keeps nothing: what is not acknowledged the
// broker keeps, and who sent a command repeats it.
type noStore struct{}

func (noStore) Open()                             {}
func (noStore) Put(string, packets.ControlPacket) {}
func (noStore) Get(string) packets.ControlPacket  { return nil }
func (noStore) All() []string                     { return nil }
func (noStore) Del(string)                        {}
func (noStore) Close()                            {}
func (noStore) Reset()                            {}
