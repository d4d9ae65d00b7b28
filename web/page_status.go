package web

import (
	"context"
	"net/http"

	"github.com/forecare/forecare/devices"
)

type statusView struct {
	Parts   []partHealth
	OK      bool
	Log     *LogStatus
	NoLog   string
	Streams []streamLine
	Open    int // event streams
}

type streamLine struct {
	Stream
	Percent int // of its limit, -1 without one
	Readers []Consumer
}

func (s *Server) statusPage(w http.ResponseWriter, r *http.Request) error {
	v := statusView{Open: s.hub.count()}
	v.Parts, v.OK = s.health(r.Context())
	if s.o.Log == nil {
		v.NoLog = "This process does not see the log."
	} else {
		ctx, cancel := context.WithTimeout(r.Context(), healthWithin)
		defer cancel()
		st, err := s.o.Log(ctx)
		if err != nil {
			v.NoLog = devices.MessageOf(err)
		} else {
			v.Log, v.Streams = &st, streamLines(st)
		}
	}
	title := "Status"
	if !v.OK {
		title = "(!) Status"
	}
	return s.render(w, r, http.StatusOK, "status", title, v)
}

func streamLines(st LogStatus) []streamLine {
	var out []streamLine
	for _, stream := range st.Streams {
		l := streamLine{Stream: stream, Percent: -1}
		if stream.MaxBytes > 0 {
			l.Percent = int(stream.Bytes * 100 / uint64(stream.MaxBytes))
		}
		for _, c := range st.Consumers {
			if c.Stream == stream.Name {
				l.Readers = append(l.Readers, c)
			}
		}
		out = append(out, l)
	}
	return out
}
