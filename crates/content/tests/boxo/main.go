// Writes the vectors of tests/data/boxo.json with boxo, the library that does the work of kubo's
// `ipfs add`:
//
//	go run . > ../data/boxo.json
//
// The content of every file is the beginning of one sequence: SHA-256 of the block number as a
// 64-bit big-endian integer, from 0, one digest after the other.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/hamt"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	"github.com/ipfs/boxo/ipld/unixfs/importer/trickle"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
)

const (
	kuboChunk = 262144
	kuboLinks = 174
)

type file struct {
	Size   int    `json:"size"`
	Chunk  int    `json:"chunk"`
	Links  int    `json:"links"`
	Root   string `json:"root"`
	Blocks int    `json:"blocks"`
}

type dag struct {
	What   string            `json:"what"`
	Size   int               `json:"size"`
	Root   string            `json:"root"`
	Blocks map[string]string `json:"blocks"`
}

type vectors struct {
	Source  string `json:"source"`
	Files   []file `json:"files"`
	Read    []dag  `json:"read"`
	Refused []dag  `json:"refused"`
}

// memory is a DAG service that keeps every node.
type memory map[cid.Cid]ipld.Node

func (m memory) Get(_ context.Context, c cid.Cid) (ipld.Node, error) {
	if node, ok := m[c]; ok {
		return node, nil
	}
	return nil, ipld.ErrNotFound{Cid: c}
}

func (m memory) GetMany(ctx context.Context, cids []cid.Cid) <-chan *ipld.NodeOption {
	out := make(chan *ipld.NodeOption, len(cids))
	for _, c := range cids {
		node, err := m.Get(ctx, c)
		out <- &ipld.NodeOption{Node: node, Err: err}
	}
	close(out)
	return out
}

func (m memory) Add(_ context.Context, node ipld.Node) error {
	m[node.Cid()] = node
	return nil
}

func (m memory) AddMany(ctx context.Context, nodes []ipld.Node) error {
	for _, node := range nodes {
		m[node.Cid()] = node
	}
	return nil
}

func (m memory) Remove(_ context.Context, c cid.Cid) error {
	delete(m, c)
	return nil
}

func (m memory) RemoveMany(ctx context.Context, cids []cid.Cid) error {
	for _, c := range cids {
		delete(m, c)
	}
	return nil
}

type options struct {
	size, chunk, links int
	version            int
	rawLeaves, trickle bool
	mode               os.FileMode
}

func content(size int) []byte {
	var all bytes.Buffer
	for n := uint64(0); all.Len() < size; n++ {
		var number [8]byte
		binary.BigEndian.PutUint64(number[:], n)
		digest := sha256.Sum256(number[:])
		all.Write(digest[:])
	}
	return all.Bytes()[:size]
}

func add(o options) (ipld.Node, memory) {
	kept := memory{}
	return addFrom(bytes.NewReader(content(o.size)), o, kept), kept
}

func addFrom(from io.Reader, o options, kept memory) ipld.Node {
	prefix := must(merkledag.PrefixForCidVersion(o.version))
	parameters := helpers.DagBuilderParams{
		Dagserv:    kept,
		RawLeaves:  o.rawLeaves,
		Maxlinks:   o.links,
		CidBuilder: &prefix,
		FileMode:   o.mode,
	}
	builder := must(parameters.New(chunker.NewSizeSplitter(from, int64(o.chunk))))
	if o.trickle {
		return must(trickle.Layout(builder))
	}
	return must(balanced.Layout(builder))
}

func vector(what string, size int, root ipld.Node, kept memory) dag {
	blocks := map[string]string{}
	for c, node := range kept {
		blocks[c.String()] = hex.EncodeToString(node.RawData())
	}
	return dag{What: what, Size: size, Root: root.Cid().String(), Blocks: blocks}
}

func main() {
	out := vectors{Source: source()}
	for _, size := range []int{
		0, 1, kuboChunk - 1, kuboChunk, kuboChunk + 1, 2 * kuboChunk, kuboLinks * kuboChunk,
		kuboLinks*kuboChunk + 1, (kuboLinks+1)*kuboChunk + 5,
	} {
		out.Files = append(out.Files, imported(size, kuboChunk, kuboLinks))
	}
	// Three levels of nodes, and the edges of a small tree.
	out.Files = append(out.Files, imported(40<<20, 1024, kuboLinks))
	for _, leaves := range []int{1, 2, 3, 4, 8, 9, 10, 26, 27, 28, 81, 82} {
		out.Files = append(out.Files, imported(leaves*16, 16, 3), imported(leaves*16+1, 16, 3))
	}

	for _, one := range []struct {
		what string
		o    options
	}{
		{"CIDv0, leaves in dag-pb, balanced", options{size: 200, chunk: 16, links: 3}},
		{"CIDv0, one dag-pb node with its data inline", options{size: 20, chunk: 64, links: 3}},
		{"CIDv0, empty file", options{size: 0, chunk: 64, links: 3}},
		{"CIDv1, leaves in dag-pb", options{size: 100, chunk: 16, links: 4, version: 1}},
		{"CIDv1, raw leaves, trickle", options{size: 300, chunk: 16, links: 3, version: 1, rawLeaves: true, trickle: true}},
		{"CIDv1, raw leaves, with mode", options{size: 100, chunk: 16, links: 4, version: 1, rawLeaves: true, mode: 0o640}},
	} {
		root, kept := add(one.o)
		out.Read = append(out.Read, vector(one.what, one.o.size, root, kept))
	}

	leaf := merkledag.NewRawNode([]byte("leaf"))
	directory := unixfs.EmptyDirNode()
	must(0, directory.SetCidBuilder(must(merkledag.PrefixForCidVersion(1))))
	must(0, directory.AddNodeLink("leaf", leaf))
	out.Refused = append(out.Refused, vector("directory", 0, directory, memory{directory.Cid(): directory}))

	kept := memory{}
	shard := must(hamt.NewShard(kept, 8))
	must(0, shard.Set(context.Background(), "leaf", leaf))
	sharded := must(shard.Node())
	out.Refused = append(out.Refused, vector("sharded directory", 0, sharded, memory{sharded.Cid(): sharded}))

	link := merkledag.NodeWithData(must(unixfs.SymlinkData("leaf")))
	out.Refused = append(out.Refused, vector("symlink", 0, link, memory{link.Cid(): link}))

	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	must(0, encoder.Encode(out))
}

func imported(size, chunk, links int) file {
	root, kept := add(options{size: size, chunk: chunk, links: links, version: 1, rawLeaves: true})
	return file{Size: size, Chunk: chunk, Links: links, Root: root.Cid().String(), Blocks: len(kept)}
}

func source() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/ipfs/boxo" {
			return fmt.Sprintf("%s %s", module.Path, module.Version)
		}
	}
	return "unknown"
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
