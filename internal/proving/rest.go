package proving

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// REST calls the API of the process: body is sent as JSON if it is not nil, the
// answer is read into "into" if that is not nil.
func (p *Process) REST(ctx context.Context, token, method, path string, body, into any) error {
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.Web+"/api/v1"+path, send)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// NotReady returns what /readyz says is wrong, by part; nothing if every part
// works.
func (p *Process) NotReady(ctx context.Context) (map[string]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Web+"/readyz", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var said struct {
		Parts []struct {
			Name, Detail string
			OK           bool
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, part := range said.Parts {
		if !part.OK {
			out[part.Name] = part.Detail
		}
	}
	if (resp.StatusCode == http.StatusOK) != (len(out) == 0) {
		return out, fmt.Errorf("/readyz answers %s although %d parts are not ready", resp.Status, len(out))
	}
	return out, nil
}
