// Command kms-plugin is a KMS v2 plugin for tests, on Kubernetes' own server of that protocol. It encrypts with keys of AES-256-GCM that
// it keeps in files, one a file, in the folder that is its second argument; its first one is the socket. The file `current` names the
// file of the key that encrypts, and `fault`, if it is there, says what to do wrong.
package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/kms/pkg/service"
)

const annotation = "nonce.kms.vaultstream.dev"

type plugin struct{ folder string }

func (p plugin) read(name string) string {
	text, err := os.ReadFile(filepath.Join(p.folder, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (p plugin) key(id string) (cipher.AEAD, error) {
	key, err := os.ReadFile(filepath.Join(p.folder, filepath.Base(id)))
	if err != nil {
		return nil, status.Error(codes.NotFound, "there is no such key")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// count notes a call, so that a test can tell how many there were.
func (p plugin) count(call string) {
	file, err := os.OpenFile(filepath.Join(p.folder, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(call + "\n"); err != nil {
		log.Fatal(err)
	}
}

func (p plugin) Status(context.Context) (*service.StatusResponse, error) {
	p.count("status")
	response := &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: p.read("current")}
	switch p.read("fault") {
	case "version":
		response.Version = "v1beta1"
	case "health":
		response.Healthz = "the key store is locked"
	}
	return response, nil
}

func (p plugin) Encrypt(ctx context.Context, _ string, data []byte) (*service.EncryptResponse, error) {
	p.count("encrypt")
	if err := p.denied(ctx); err != nil {
		return nil, err
	}
	id := p.read("current")
	key, err := p.key(id)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, key.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	if p.read("fault") == "id" {
		id = "another"
	}
	return &service.EncryptResponse{
		Ciphertext: key.Seal(nil, nonce, data, nil), KeyID: id, Annotations: map[string][]byte{annotation: nonce},
	}, nil
}

func (p plugin) Decrypt(ctx context.Context, _ string, request *service.DecryptRequest) ([]byte, error) {
	p.count("decrypt")
	if err := p.denied(ctx); err != nil {
		return nil, err
	}
	key, err := p.key(request.KeyID)
	if err != nil {
		return nil, err
	}
	nonce := request.Annotations[annotation]
	if len(nonce) != key.NonceSize() {
		return nil, status.Error(codes.InvalidArgument, "there is no nonce")
	}
	data, err := key.Open(nil, nonce, request.Ciphertext, nil)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if p.read("fault") == "other" {
		return bytes.Repeat([]byte{7}, len(data)), nil
	}
	return data, nil
}

func (p plugin) denied(ctx context.Context) error {
	switch p.read("fault") {
	case "deny":
		return status.Error(codes.PermissionDenied, "the policy of the key store does not allow it")
	case "slow":
		<-ctx.Done()
		return ctx.Err()
	case "error":
		return errors.New("the key store cannot be reached")
	}
	return nil
}

func main() {
	server := service.NewGRPCService(os.Args[1], 30*time.Second, plugin{folder: os.Args[2]})
	if err := server.ListenAndServe(); err != nil {
		log.Fatal(err)
	}
}
