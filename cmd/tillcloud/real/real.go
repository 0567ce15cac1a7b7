// Package real is what tests of the real programs share: it finds or builds them,
// and speaks to their API as a till would. It imports the standard library only.
package real

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
)

// BinEnv names a folder with the programs under test.
const BinEnv = "TILLWIRE_BIN"

// Programs returns the folder of the programs under test: the one that BinEnv
// names, or dir after building them there.
func Programs(dir string) (string, error) {
	if bins := os.Getenv(BinEnv); bins != "" {
		return bins, nil
	}
	build := exec.Command("go", "build", "-o", dir, "tillwire/cmd/tillwire", "tillwire/cmd/tillcloud", "tillwire/cmd/tillfleet")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return dir, nil
}

// Object is a decoded JSON object.
type Object = map[string]any

// Call sends one request with a JSON body, if there is one, and decodes the JSON
// answer. The status is 0 when there was none. An answer that is no object comes
// back as nil.
func Call(ctx context.Context, c *http.Client, method, url, token string, body any) (int, Object, error) {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, reader)
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	var out any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			return resp.StatusCode, nil, fmt.Errorf("%s %s answers %d with %q", method, url, resp.StatusCode, text[max(0, len(text)-200):])
		}
	}
	object, _ := out.(Object)
	return resp.StatusCode, object, nil
}
