//! Each function of WASI with arguments that no compiler makes: numbers from the edges, vectors and
//! structures of such numbers, and paths that want out.

use std::fmt::Write as _;

use super::Draft;
use crate::common;

#[path = "../../../wasi/tests/interface/functions.rs"]
mod functions;
use functions::FUNCTIONS;

/// Descriptors, counts and addresses that are just right, just wrong and far out. The memory has
/// 262,144 bytes.
const NUMBERS: [u32; 16] = [
    0,
    1,
    2,
    3,
    4,
    8,
    255,
    1024,
    65_536,
    262_136,
    262_143,
    262_144,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff8,
    0xffff_ffff,
];

const PATHS: [(&str, &str); 24] = [
    ("nothing", ""),
    ("the root", "/"),
    ("a file of the host", "/etc/passwd"),
    ("the memory of the process", "/proc/self/mem"),
    ("above", ".."),
    ("far above", "../../../../../../../../etc/passwd"),
    ("above by way of a file", "file/../../etc/passwd"),
    ("above by way of nothing", "nowhere/../../x"),
    ("here, a thousand times", "DOTS"),
    ("a name of 300 bytes", "LONG"),
    ("a path of 10,000 bytes", "DEEP"),
    ("NUL in it", "file\\00.txt"),
    ("NUL alone", "\\00"),
    ("broken text", "\\ff\\fe"),
    ("text in too many bytes", "\\c0\\ae\\c0\\ae/x"),
    ("half of a pair", "\\ed\\a0\\80"),
    ("line breaks", "a\\0ab\\0d"),
    ("control characters of a terminal", "\\1b[2J"),
    ("backslashes", "..\\5c..\\5cx"),
    ("a drive", "C:\\5cwindows"),
    ("many slashes", "////////file"),
    ("a trailing slash", "file/"),
    ("a link to above", "link"),
    ("a scheme", "file:///etc/passwd"),
];

pub(crate) fn drafts() -> Vec<Draft> {
    let functions = FUNCTIONS.iter().map(|(name, parameters)| {
        draft(&format!("{name} with numbers from the edges"), &edges(name, parameters))
    });
    let paths = PATHS.iter().map(|(name, path)| {
        let path = path
            .replace("DOTS", &"./".repeat(1000))
            .replace("LONG", &"n".repeat(300))
            .replace("DEEP", &"dir/".repeat(2500));
        draft(&format!("a path: {name}"), &escapes(&path))
    });
    functions.chain(paths).collect()
}

fn draft(name: &str, text: &str) -> Draft {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    Draft {
        name: format!("wasi: {name}"),
        // Errors are numbers for the program; what waits, waits to its end.
        ends: ["exit 0", "time", "output"].map(str::to_owned).to_vec(),
        fuel: None,
        module,
        form: common::command_form(b"standard input", &[("file", b"content"), ("dir/", b"")]),
    }
}

/// Calls one function again and again, on a memory of such numbers.
fn edges(name: &str, parameters: &str) -> String {
    let types: String =
        parameters.chars().map(|kind| if kind == 'l' { " i64" } else { " i32" }).collect();
    let arguments: String = parameters
        .chars()
        .map(|kind| if kind == 'l' { "(i64.extend_i32_s (call $pick))" } else { "(call $pick)" })
        .collect();
    let mut choices = String::new();
    for (at, number) in NUMBERS.into_iter().enumerate() {
        let close = if at + 1 < NUMBERS.len() { ")" } else { "" };
        let _ = write!(choices, "(return (i32.const {number})){close} ");
    }
    let places: String = (0..NUMBERS.len()).map(|at| format!(" {at}")).collect();
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "{name}" (func $call (param{types}) (result i32)))
            (memory (export "memory") 4)
            (global $state (mut i64) (i64.const 88172645463325252))
            (func $pick (result i32)
                (global.set $state (i64.add
                    (i64.mul (global.get $state) (i64.const 6364136223846793005))
                    (i64.const 1442695040888963407)))
                {blocks}
                (br_table{places} (i32.and
                    (i32.wrap_i64 (i64.shr_u (global.get $state) (i64.const 40)))
                    (i32.const 15)))
                )
                {choices}
                (unreachable))
            (func $scatter (local $at i32)
                (loop
                    (i32.store (local.get $at) (call $pick))
                    (local.set $at (i32.add (local.get $at) (i32.const 4)))
                    (br_if 0 (i32.lt_u (local.get $at) (i32.const 262144)))))
            (func (export "_start") (local $left i32)
                (local.set $left (i32.const 2000))
                (loop
                    (if (i32.eqz (i32.rem_u (local.get $left) (i32.const 500))) (then (call $scatter)))
                    (drop (call $call {arguments}))
                    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                    (br_if 0 (local.get $left)))))"#,
        blocks = "(block ".repeat(NUMBERS.len()),
    )
}

/// Gives one path to every function that takes one, from the root and from elsewhere. Opening it
/// must not lead to anything but the three names that the job has.
fn escapes(path: &str) -> String {
    let len = wat_len(path);
    let path_calls = "
        (drop (call $symlink (i32.const 64) (local.get $len) (local.get $fd) (i32.const 32) (i32.const 4)))
        (drop (call $create (local.get $fd) (i32.const 64) (local.get $len)))
        (drop (call $stat (local.get $fd) (i32.const 1) (i32.const 64) (local.get $len) (i32.const 20000)))
        (drop (call $open (local.get $fd) (i32.const 1) (i32.const 64) (local.get $len) (i32.const 9) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 20000)))
        (drop (call $open (local.get $fd) (i32.const 1) (i32.const 32) (i32.const 4) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 20000)))
        (drop (call $readlink (local.get $fd) (i32.const 64) (local.get $len) (i32.const 20000) (i32.const 100) (i32.const 20200)))
        (drop (call $rename (local.get $fd) (i32.const 64) (local.get $len) (local.get $fd) (i32.const 64) (local.get $len)))
        (drop (call $link (local.get $fd) (i32.const 0) (i32.const 64) (local.get $len) (local.get $fd) (i32.const 64) (local.get $len)))
        (drop (call $rmdir (local.get $fd) (i32.const 64) (local.get $len)))
        (drop (call $unlink (local.get $fd) (i32.const 64) (local.get $len)))";
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_create_directory" (func $create (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_readlink" (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_remove_directory" (func $rmdir (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
            (memory (export "memory") 4)
            (data (i32.const 32) "link")
            (data (i32.const 64) "{path}")
            (func $all (param $fd i32) (param $len i32) {path_calls})
            (func (export "_start")
                (call $all (i32.const 3) (i32.const {len}))
                (call $all (i32.const 0) (i32.const {len}))
                (call $all (i32.const 99) (i32.const {len}))
                (call $all (i32.const 3) (i32.const -1))))"#
    )
}

/// Bytes of a string of the text format: `\hh` is one.
fn wat_len(text: &str) -> usize {
    text.len() - 2 * text.matches('\\').count()
}
