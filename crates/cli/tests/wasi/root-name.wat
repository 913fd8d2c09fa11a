(module
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func $print (param $fd i32) (param $at i32) (param $len i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $len))
        (if (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $exit (i32.const 99)))))
    (func $must (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
    ;; The names of all directories, each with a line break.
    (func (export "_start") (local $fd i32) (local $len i32)
        (local.set $fd (i32.const 3))
        (loop
            (if (i32.eqz (call $prestat (local.get $fd) (i32.const 16))) (then
                (call $must (i32.load8_u (i32.const 16)))
                (local.set $len (i32.load (i32.const 20)))
                (call $must (call $name (local.get $fd) (i32.const 100) (local.get $len)))
                (i32.store8 (i32.add (i32.const 100) (local.get $len)) (i32.const 10))
                (call $print (i32.const 1) (i32.const 100) (i32.add (local.get $len) (i32.const 1)))
                (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
                (br 1))))))
