// Verifies a webhook call, signed with HMAC-SHA-256 or with Ed25519. Go 1.20 or newer, the standard library alone.
package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// What a call may be older than your clock, or newer: an old one may be somebody's who has overheard it.
const tolerance = 5 * time.Minute

// Verify returns nil for a call from who has the secret (whsec_…) or the private half of the key (whpk_…). The texts are those of the
// headers webhook-id, webhook-timestamp and webhook-signature; body is the bytes that came, not what a JSON parser made of them.
func Verify(key, id, timestamp, signatures string, body []byte) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("no time")
	}
	if age := time.Since(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return errors.New("too old, or too new")
	}
	// The key says how calls are signed, never the call: who knows a public key could sign with it as if it were a secret.
	version, prefix := "v1a", "whpk_"
	if strings.HasPrefix(key, "whsec_") {
		version, prefix = "v1", "whsec_"
	}
	keyBytes, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, prefix))
	if err != nil || (version == "v1a" && len(keyBytes) != ed25519.PublicKeySize) {
		return errors.New("a key is whsec_… or whpk_…")
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	// During a rotation there are two, one of each key.
	for _, one := range strings.Split(signatures, " ") {
		is, text, _ := strings.Cut(one, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		if err != nil || is != version {
			continue
		}
		if version == "v1" {
			mac := hmac.New(sha256.New, keyBytes)
			mac.Write(signed)
			if hmac.Equal(signature, mac.Sum(nil)) {
				return nil
			}
		} else if ed25519.Verify(keyBytes, signed, signature) {
			return nil
		}
	}
	return errors.New("no signature of this key")
}

// To try it: the headers as CGI has them, the body on the standard input.
func main() {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	env := os.Getenv
	err = Verify(env("WEBHOOK_KEY"), env("HTTP_WEBHOOK_ID"), env("HTTP_WEBHOOK_TIMESTAMP"), env("HTTP_WEBHOOK_SIGNATURE"), body)
	if err != nil {
		fmt.Println("refused")
		os.Exit(1)
	}
	fmt.Println("genuine")
}
