;;;; loop without end | time
(loop (br 0)) (unreachable)
;;;; loop without end that counts | time
(local $n i64) (loop (local.set $n (i64.add (local.get $n) (i64.const 1))) (br 0)) (unreachable)
;;;; loops in loops | time
(loop $a (loop $b (br_if $b (i32.const 0)) (br $a))) (unreachable)
;;;; loop that divides | time
(local $n i64) (loop (local.set $n (i64.div_u (i64.const -1) (i64.or (local.get $n) (i64.const 1)))) (br 0)) (unreachable)
;;;; loop that takes square roots | time
(local $n f64) (loop (local.set $n (f64.sqrt (f64.add (local.get $n) (f64.const 2)))) (br 0)) (unreachable)
;;;; loop over a branch table | time
(loop $l (block $a (block $b (br_table $a $b $l (i32.const 7)))) (br $l)) (unreachable)
;;;; loop of calls | time
(loop (drop (call $now_ms)) (br 0)) (unreachable)
;;;; loop of waits for nothing | time
(loop (drop (call $wait (i32.const 0))) (br 0)) (unreachable)
;;;; wait of the greatest patience | time
(call $wait (i32.const -1))
;;;; wait with a call that is never answered | time
(i64.store (i32.const 0) (i64.const 0x742e746e656c6973)) (i32.store (i32.const 8) (i32.const 0x747365)) (drop (call $call (i32.const 0) (i32.const 11))) (call $wait (i32.const -1))
;;;; loop in the start function | time
(module (memory (export "memory") 1) (func $s (loop (br 0))) (start $s) (func (export "run") (result i32) (i32.const 0)))
;;;; loop in the initialiser | time
(module (memory (export "memory") 1) (func (export "_initialize") (loop (br 0))) (func (export "run") (result i32) (i32.const 0)))
;;;; trap in the start function | unfit wasm `unreachable`
(module (memory (export "memory") 1) (func $s (unreachable)) (start $s) (func (export "run") (result i32) (i32.const 0)))
;;;; recursion in the start function | unfit call stack
(module (memory (export "memory") 1) (func $s (call $s) (call $s)) (start $s) (func (export "run") (result i32) (i32.const 0)))
;;;; exit in the start function | exit 3
(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1) (func $s (call $exit (i32.const 3))) (start $s) (func (export "run") (result i32) (i32.const 0)))
;;;; fuel used up in a loop | fuel | fuel=10000
(loop (br 0)) (unreachable)
;;;; fuel of none | fuel | fuel=0
(i32.const 0)
;;;; fuel used up by filling memory | fuel or time | fuel=10000
(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)) (unreachable)
;;;; recursion without end | trap call stack
(module (memory (export "memory") 1) (func $f (result i32) (i32.add (call $f) (i32.const 1))) (func (export "run") (result i32) (call $f)))
;;;; recursion of two | trap call stack
(module (memory (export "memory") 1) (func $f (result i32) (i32.add (call $g) (i32.const 1))) (func $g (result i32) (i32.add (call $f) (i32.const 1))) (func (export "run") (result i32) (call $f)))
;;;; recursion through a table | trap call stack
(module (memory (export "memory") 1) (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f (type $t) (i32.add (call_indirect (type $t) (i32.const 0)) (i32.const 1))) (func (export "run") (result i32) (call $f)))
;;;; recursion with a hundred values on the stack | trap call stack
(module (memory (export "memory") 1) (func $f (param i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 v128 v128) (call $f (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11) (local.get 12) (local.get 13)) (drop (local.get 0)) (drop (i64.load (i32.const 0)))) (func (export "run") (result i32) (call $f (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (v128.const i64x2 0 0) (v128.const i64x2 0 0)) (i32.const 0)))
;;;; tail calls without end | time
(module (memory (export "memory") 1) (func $f (param i32) (result i32) (return_call $f (i32.add (local.get 0) (i32.const 1)))) (func (export "run") (result i32) (call $f (i32.const 0))))
;;;; tail calls through a table without end | time
(module (memory (export "memory") 1) (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f (type $t) (return_call_indirect (type $t) (i32.const 0))) (func (export "run") (result i32) (call $f)))
;;;; unreachable | trap wasm `unreachable`
unreachable
;;;; division by zero | trap integer divide by zero
(i32.div_s (i32.const 1) (i32.const 0))
;;;; division of 64 bits by zero | trap integer divide by zero
(i32.wrap_i64 (i64.rem_u (i64.const 1) (i64.const 0)))
;;;; division that overflows | trap integer overflow
(i32.div_s (i32.const 0x80000000) (i32.const -1))
;;;; division of 64 bits that overflows | trap integer overflow
(i32.wrap_i64 (i64.div_s (i64.const 0x8000000000000000) (i64.const -1)))
;;;; conversion of what is no number | trap invalid conversion
(i32.trunc_f32_s (f32.const nan))
;;;; conversion of what is too large | trap integer overflow
(i32.wrap_i64 (i64.trunc_f64_u (f64.const 1e300)))
;;;; call through an empty place of a table | trap uninitialized
(module (memory (export "memory") 1) (type $t (func (result i32))) (table 4 funcref) (func (export "run") (result i32) (call_indirect (type $t) (i32.const 2))))
;;;; call beyond a table | trap undefined element
(module (memory (export "memory") 1) (type $t (func (result i32))) (table 4 funcref) (func (export "run") (result i32) (call_indirect (type $t) (i32.const -1))))
;;;; call of another type through a table | trap indirect call type mismatch
(module (memory (export "memory") 1) (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $f) (func $f (param i64) (result i64) (local.get 0)) (func (export "run") (result i32) (call_indirect (type $t) (i32.const 0))))
;;;; call of a host function by another type through a table | trap indirect call type mismatch
(module (import "sealwork" "log" (func $log (param i32 i32))) (memory (export "memory") 1) (type $t (func (result i32))) (table 1 funcref) (elem (i32.const 0) $log) (func (export "run") (result i32) (call_indirect (type $t) (i32.const 0))))
;;;; call of a host function through a table with bad pointers | trap out of bounds
(module (import "sealwork" "output" (func $output (param i32 i32))) (memory (export "memory") 1) (type $t (func (param i32 i32))) (table 1 funcref) (elem (i32.const 0) $output) (func (export "run") (result i32) (call_indirect (type $t) (i32.const -1) (i32.const 2) (i32.const 0)) (i32.const 0)))
;;;; entry that is called from within, for ever | trap call stack
(module (memory (export "memory") 1) (func $run (export "run") (result i32) (i32.add (call $run) (i32.const 1))))
;;;; host function as the entry | refused
(module (import "sealwork" "wait" (func $w (param i32) (result i32))) (memory (export "memory") 1) (export "run" (func $w)))
;;;; entry that takes what it is not given | refused
(module (memory (export "memory") 1) (func (export "run") (param i32) (result i32) (local.get 0)))
;;;; entry that gives two results | refused
(module (memory (export "memory") 1) (func (export "run") (result i32 i32) (i32.const 0) (i32.const 0)))
;;;; no memory, and a call that needs it | refused it exports no
(module (import "sealwork" "output" (func $output (param i32 i32))) (func (export "run") (result i32) (call $output (i32.const 0) (i32.const 1)) (i32.const 0)))
;;;; a memory that is exported under another kind | refused it exports no
(module (import "sealwork" "output" (func $output (param i32 i32))) (memory 1) (func $memory (export "memory")) (func (export "run") (result i32) (call $output (i32.const 0) (i32.const 1)) (i32.const 0)))
