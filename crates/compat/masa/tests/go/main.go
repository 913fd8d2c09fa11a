// Command masa-oracle answers what Go's standard library makes of the bytes that Masa workers
// exchange. One JSON question per line of standard input, one JSON answer per line of output.
package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"sealwork.test/masa-oracle/types"
)

type question struct {
	Ask    string `json:"ask"`
	As     string `json:"as"`
	Hex    string `json:"hex"`
	Key    string `json:"key"`
	Nonce  string `json:"nonce"`
	IV     string `json:"iv"`
	Pem    string `json:"pem"`
	Signed string `json:"signed"`
}

type answer struct {
	Text  string `json:"text"`
	Error string `json:"error"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, "not a question:", err)
			os.Exit(1)
		}
		data, err := hex.DecodeString(q.Hex)
		if err != nil {
			fmt.Fprintln(os.Stderr, "not hex:", err)
			os.Exit(1)
		}
		text, err := reply(q, data)
		a := answer{Text: text}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			os.Exit(1)
		}
	}
}

func reply(q question, data []byte) (string, error) {
	switch q.Ask {
	case "body":
		return readBody(q.As, data)
	case "job":
		var job types.Job
		if err := json.Unmarshal(data, &job); err != nil {
			return "", err
		}
		return marshal(job)
	case "base64":
		decoded, err := base64.StdEncoding.DecodeString(string(data))
		return hex.EncodeToString(decoded), err
	case "seal":
		return seal(q, data)
	case "unseal":
		return unseal(q, string(data))
	case "pss":
		return "", verify(q, data)
	}
	return "", errors.New("no such question")
}

func readBody(as string, data []byte) (string, error) {
	var target any
	switch as {
	case "job":
		target = new(types.Job)
	case "add":
		target = new(types.JobRequest)
	case "result":
		target = new(types.EncryptedRequest)
	default:
		target = new(types.Key)
	}
	err := json.NewDecoder(bytes.NewReader(data)).Decode(target)
	if err == nil {
		return marshal(target)
	}
	// What the web framework of the reference makes of it.
	var mismatch *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	message := err.Error()
	if errors.As(err, &mismatch) {
		message = fmt.Sprintf("Unmarshal type error: expected=%v, got=%v, field=%v, offset=%v",
			mismatch.Type, mismatch.Value, mismatch.Field, mismatch.Offset)
	} else if errors.As(err, &syntax) {
		message = fmt.Sprintf("Syntax error: offset=%v, error=%v", syntax.Offset, err)
	}
	return "", fmt.Errorf("code=400, message=%s, internal=%w", message, err)
}

func marshal(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func gcm(q question) (cipher.AEAD, error) {
	key := []byte(q.Key)
	if q.Nonce != "" {
		mac := hmac.New(sha256.New, []byte(q.Nonce))
		mac.Write(key)
		key = []byte(hex.EncodeToString(mac.Sum(nil))[:32])
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func seal(q question, plaintext []byte) (string, error) {
	aead, err := gcm(q)
	if err != nil {
		return "", err
	}
	iv, err := hex.DecodeString(q.IV)
	if err != nil {
		return "", err
	}
	inner := base64.StdEncoding.EncodeToString(aead.Seal(iv, iv, plaintext, nil))
	return base64.StdEncoding.EncodeToString([]byte(inner)), nil
}

func unseal(q question, blob string) (string, error) {
	aead, err := gcm(q)
	if err != nil {
		return "", err
	}
	outer, err := base64.StdEncoding.DecodeString(blob)
	if err != nil {
		return "", err
	}
	sealed, err := base64.StdEncoding.DecodeString(string(outer))
	if err != nil {
		return "", err
	}
	if len(sealed) < aead.NonceSize() {
		return "", errors.New("invalid cipher text length")
	}
	plaintext, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	return hex.EncodeToString(plaintext), err
}

func verify(q question, signature []byte) error {
	block, _ := pem.Decode([]byte(q.Pem))
	if block == nil || block.Type != "PUBLIC KEY" {
		return errors.New("no public key")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return errors.New("not an RSA key")
	}
	hash := sha256.Sum256([]byte(q.Signed))
	return rsa.VerifyPSS(key, crypto.SHA256, hash[:], signature, nil)
}
