package web_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web"
	"github.com/forecare/forecare/web/account"
)

// slowReadings answers only when it may, and counts how often it was asked.
type slowReadings struct {
	web.Readings
	may   chan struct{}
	asked atomic.Int32
}

func (r *slowReadings) Series(ctx context.Context, key devices.Key, metric string, from, to time.Time, every time.Duration) ([]web.Point, error) {
	r.asked.Add(1)
	select {
	case <-r.may:
		return r.Readings.Series(ctx, key, metric, from, to, every)
	case <-ctx.Done():
		return nil, devices.Wrap(ctx.Err(), devices.Unavailable, "given up")
	}
}

// What a busy readings store could not answer while a page waited is there for
// the next look, and was asked for once.
func TestABusyReadingsStoreIsNotAskedTwice(t *testing.T) {
	slow := &slowReadings{may: make(chan struct{})}
	w := newWorld(t, 60, func(o *web.Options) { slow.Readings, o.Readings = o.Readings, slow })
	c := w.as(t, "acme", account.Admin)
	for range 2 {
		got := w.get(t, c, "/devices/"+drifter)
		if got.status != http.StatusOK || !strings.Contains(got.body, "Not read yet.") || !strings.Contains(got.body, `data-live-every="3"`) {
			t.Fatalf("without an answer in time: %d %s", got.status, got.body)
		}
	}
	if n := slow.asked.Load(); n != 3 {
		t.Errorf("the store was asked %d times for 3 metrics", n)
	}
	close(slow.may)
	got := w.get(t, c, "/devices/"+drifter)
	if strings.Contains(got.body, "Not read yet.") || strings.Contains(got.body, "data-live-every") || strings.Contains(got.body, "Drawn from the finding") {
		t.Errorf("the answer is not shown: %s", got.body)
	}
	if n := slow.asked.Load(); n != 3 {
		t.Errorf("the store was asked %d times in all", n)
	}
	w.now = w.now.Add(time.Minute)
	w.get(t, c, "/devices/"+drifter)
	if n := slow.asked.Load(); n != 6 {
		t.Errorf("a minute later the store was asked %d times in all, want 6", n)
	}
}
