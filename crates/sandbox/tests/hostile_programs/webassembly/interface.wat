;;;; output larger than the limit, at once | output
(drop (memory.grow (i32.const 40))) (call $output (i32.const 0) (i32.const 2000000)) (i32.const 0)
;;;; output larger than the limit, byte by byte | output or time
(loop (call $output (i32.const 0) (i32.const 1)) (br 0)) (unreachable)
;;;; output of nothing, for ever | time
(loop (call $output (i32.const 0) (i32.const 0)) (br 0)) (unreachable)
;;;; output from behind the end | trap out of bounds
(call $output (i32.const 65537) (i32.const 0)) (i32.const 0)
;;;; output over the end | trap out of bounds
(call $output (i32.const 65535) (i32.const 2)) (i32.const 0)
;;;; output of four gibibytes | trap out of bounds
(call $output (i32.const 0) (i32.const -1)) (i32.const 0)
;;;; output whose end wraps around | trap out of bounds
(call $output (i32.const -16) (i32.const 32)) (i32.const 0)
;;;; log in a flood | time
(loop (call $log (i32.const 0) (i32.const 65536)) (br 0)) (unreachable)
;;;; log of empty lines in a flood | time
(loop (call $log (i32.const 0) (i32.const 0)) (br 0)) (unreachable)
;;;; log of what is no text | exit 0
(memory.fill (i32.const 0) (i32.const 0xff) (i32.const 65536)) (call $log (i32.const 0) (i32.const 65536)) (i32.const 0)
;;;; log over the end | trap out of bounds
(call $log (i32.const 65535) (i32.const 2)) (i32.const 0)
;;;; log whose end wraps around | trap out of bounds
(call $log (i32.const -1) (i32.const -1)) (i32.const 0)
;;;; random bytes for ever | time
(loop (call $random (i32.const 0) (i32.const 65536)) (br 0)) (unreachable)
;;;; random bytes over the end | trap out of bounds
(call $random (i32.const 65535) (i32.const 2)) (i32.const 0)
;;;; random bytes over all of a large memory, for ever | time
(drop (memory.grow (i32.const 700))) (loop (call $random (i32.const 0) (i32.const 45875200)) (br 0)) (unreachable)
;;;; input read to behind the end | trap out of bounds
(call $input_read (i32.const 0) (i32.const 65535) (i32.const 100))
;;;; input read from behind its end | exit 0
(call $input_read (i32.const -1) (i32.const 0) (i32.const 100))
;;;; input read to nowhere, with nothing to read | trap out of bounds
(call $input_read (i32.const -1) (i32.const -1) (i32.const -1))
;;;; input read whole over a large memory, for ever | time
(loop (drop (call $input_read (i32.const 0) (i32.const 0) (i32.const -1))) (br 0)) (unreachable)
;;;; answer read before there is one | exit 0
(call $answer_read (i32.const 0) (i32.const 0) (i32.const 100))
;;;; answer read to nowhere | trap out of bounds
(drop (call $call (i32.const 16) (i32.const 4))) (drop (call $wait (i32.const 1000))) (call $answer_read (i32.const 0) (i32.const -1) (i32.const 4))
;;;; calls in a flood | time
(loop (drop (call $call (i32.const 0) (i32.const 16))) (br 0)) (unreachable)
;;;; calls in a flood, each waited for | time
(loop (drop (call $call (i32.const 0) (i32.const 16))) (drop (call $wait (i32.const -1))) (br 0)) (unreachable)
;;;; call of a mebibyte | exit 0
(drop (memory.grow (i32.const 40))) (drop (call $call (i32.const 0) (i32.const 1048576))) (call $wait (i32.const 1000))
;;;; call over the end | trap out of bounds
(call $call (i32.const 65535) (i32.const 2))
;;;; call whose end wraps around | trap out of bounds
(call $call (i32.const -4) (i32.const 8))
;;;; more calls open than allowed | exit -1
(drop (call $call (i32.const 64) (i32.const 1))) (drop (call $call (i32.const 64) (i32.const 1))) (drop (call $call (i32.const 64) (i32.const 1))) (drop (call $call (i32.const 64) (i32.const 1))) (call $call (i32.const 64) (i32.const 1))
;;;; import of what is not offered | refused
(module (import "env" "system" (func (param i32) (result i32))) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; import of a later WASI | refused
(module (import "wasi:cli/run@0.2.0" "run" (func (result i32))) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; import of an offered function by another type | refused
(module (import "sealwork" "output" (func (param i64 i64))) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; import of an offered function of WASI by another type | refused
(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32))) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; import of a memory | refused
(module (import "env" "memory" (memory 1)) (func (export "run") (result i32) (i32.const 0)))
;;;; import of an offered name as a memory | refused
(module (import "sealwork" "output" (memory 1)) (func (export "run") (result i32) (i32.const 0)))
;;;; import of a table | refused
(module (import "sealwork" "table" (table 1 funcref)) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; import of a global | refused
(module (import "sealwork" "memory_bytes" (global i32)) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; shared memory | refused
(module (memory (export "memory") 1 1 shared) (func (export "run") (result i32) (i32.const 0)))
;;;; memory of 64-bit addresses | refused
(module (memory (export "memory") i64 1) (func (export "run") (result i32) (i32.const 0)))
;;;; relaxed vector instructions | refused
(module (memory (export "memory") 1) (func (export "run") (result i32) (i32x4.extract_lane 0 (i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 nan 0 0 0)))))
;;;; exceptions | refused
(module (tag $t) (memory (export "memory") 1) (func (export "run") (result i32) (throw $t)))
;;;; references to objects of the host | refused
(module (table 1 externref) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; structures | refused
(module (type $s (struct (field i32))) (memory (export "memory") 1) (func (export "run") (result i32) (drop (struct.new $s (i32.const 1))) (i32.const 0)))
;;;; continuations | refused
(module (type $f (func)) (type $c (cont $f)) (memory (export "memory") 1) (func (export "run") (result i32) (i32.const 0)))
;;;; a component | refused
(component)
;;;; no entry | refused
(module (memory (export "memory") 1))
;;;; a global as the entry | refused
(module (memory (export "memory") 1) (global (export "run") i32 (i32.const 0)))
