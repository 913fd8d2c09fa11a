;;;; memory that grows page by page for ever | time
(loop (drop (memory.grow (i32.const 1))) (br 0)) (unreachable)
;;;; memory that grows until it is refused | exit -1
(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (i32.const -1)
;;;; memory that grows by the greatest number | exit -1
(memory.grow (i32.const -1))
;;;; memory that grows by one page too many | exit -1
(memory.grow (i32.const 1024))
;;;; memory that grows by 65535 pages | exit -1
(memory.grow (i32.const 65535))
;;;; memory that begins beyond the limit | unfit or unloadable
(module (memory (export "memory") 2000) (func (export "run") (result i32) (i32.const 0)))
;;;; memory that begins beyond what a sandbox holds | refused or unfit or unloadable
(module (memory (export "memory") 65535) (func (export "run") (result i32) (i32.const 0)))
;;;; eight memories that share the limit | exit -1
(module (memory (export "memory") 1) (memory $b 1) (func (export "run") (result i32) (drop (memory.grow 0 (i32.const 600))) (memory.grow $b (i32.const 600))))
;;;; nine memories | refused or unfit or unloadable
(module (memory (export "memory") 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (func (export "run") (result i32) (i32.const 0)))
;;;; every page of the memory is written, for ever | time
(local $at i32) (drop (memory.grow (i32.const 700))) (loop (i32.store (local.get $at) (i32.const 1)) (local.set $at (i32.rem_u (i32.add (local.get $at) (i32.const 4096)) (i32.const 45875200))) (br 0)) (unreachable)
;;;; the whole memory is filled, for ever | time
(drop (memory.grow (i32.const 700))) (loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 45875200)) (br 0)) (unreachable)
;;;; the whole memory is copied over itself, for ever | time
(drop (memory.grow (i32.const 700))) (loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 45875199)) (br 0)) (unreachable)
;;;; load behind the end | trap out of bounds
(i32.load (i32.const 65536))
;;;; load over the end | trap out of bounds
(i32.load (i32.const 65533))
;;;; load at the end of the address space | trap out of bounds
(i32.load (i32.const -1))
;;;; load with the greatest offset | trap out of bounds
(i32.load offset=4294967295 (i32.const -1))
;;;; load of 128 bits over the end | trap out of bounds
(i32x4.extract_lane 0 (v128.load (i32.const 65521)))
;;;; store behind the end | trap out of bounds
(i64.store (i32.const 65530) (i64.const -1)) (i32.const 0)
;;;; store with the greatest offset | trap out of bounds
(i32.store8 offset=4294967295 (i32.const 1) (i32.const 1)) (i32.const 0)
;;;; fill over the end | trap out of bounds
(memory.fill (i32.const 1) (i32.const 0) (i32.const 65536)) (i32.const 0)
;;;; fill of four gibibytes | trap out of bounds
(memory.fill (i32.const 0) (i32.const 0) (i32.const -1)) (i32.const 0)
;;;; copy from behind the end | trap out of bounds
(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2)) (i32.const 0)
;;;; copy of nothing behind the end | trap out of bounds
(memory.copy (i32.const 65537) (i32.const 0) (i32.const 0)) (i32.const 0)
;;;; segment that was dropped | trap out of bounds
(module (memory (export "memory") 1) (data $d "canary") (func (export "run") (result i32) (data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 0)))
;;;; segment read over its end | trap out of bounds
(module (memory (export "memory") 1) (data $d "canary") (func (export "run") (result i32) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 7)) (i32.const 0)))
;;;; segment that begins behind the memory | unfit out of bounds
(module (memory (export "memory") 1) (data (i32.const 65536) "x") (func (export "run") (result i32) (i32.const 0)))
;;;; segment at a negative place | unfit out of bounds
(module (memory (export "memory") 1) (data (i32.const -1) "x") (func (export "run") (result i32) (i32.const 0)))
;;;; table that grows for ever | time
(module (memory (export "memory") 1) (table $t 0 funcref) (func (export "run") (result i32) (loop (drop (table.grow $t (ref.null func) (i32.const 1))) (br 0)) (unreachable)))
;;;; table that grows by the greatest number | exit -1
(module (memory (export "memory") 1) (table $t 1 funcref) (func (export "run") (result i32) (table.grow $t (ref.null func) (i32.const -1))))
;;;; table that begins beyond the limit | refused or unfit or unloadable
(module (memory (export "memory") 1) (table 100001 funcref) (func (export "run") (result i32) (i32.const 0)))
;;;; table that begins with four billion places | refused or unfit or unloadable
(module (memory (export "memory") 1) (table 4294967295 funcref) (func (export "run") (result i32) (i32.const 0)))
;;;; nine tables | refused or unfit or unloadable
(module (memory (export "memory") 1) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (func (export "run") (result i32) (i32.const 0)))
;;;; table filled over its end | trap undefined element
(module (memory (export "memory") 1) (table $t 10 funcref) (func (export "run") (result i32) (table.fill $t (i32.const 5) (ref.null func) (i32.const 6)) (i32.const 0)))
;;;; table copied over its end | trap undefined element
(module (memory (export "memory") 1) (table $t 10 funcref) (func (export "run") (result i32) (table.copy (i32.const 5) (i32.const 0) (i32.const -1)) (i32.const 0)))
;;;; table read behind its end | trap undefined element
(module (memory (export "memory") 1) (table $t 10 funcref) (func (export "run") (result i32) (ref.is_null (table.get $t (i32.const 10)))))
;;;; table filled to its last place, for ever | time
(module (memory (export "memory") 1) (table $t 100000 funcref) (func (export "run") (result i32) (loop (table.fill $t (i32.const 0) (ref.null func) (i32.const 100000)) (br 0)) (unreachable)))
;;;; elements that begin behind the table | unfit undefined element
(module (memory (export "memory") 1) (table 1 funcref) (elem (i32.const 1) $f) (func $f) (func (export "run") (result i32) (i32.const 0)))
