//! What native code can do that got into a sandbox process: by a defect of the compiler, or by a
//! compiled module that was forged. The test forges one: it writes machine code over a compiled
//! function. Nothing but the process's walls stands between that code and the machine.
#![cfg(target_arch = "x86_64")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::time::Duration;

use common::{compiled, limits, pool, request};
use sealwork_sandbox::{Artefact, End, Pool, PoolConfig, Request, RunError, RunLimits};

/// In the code of the function that is written over.
const MARK: u64 = 0x5ea1_0b5e_ed00_0001;
/// How the compiler begins every function.
const PROLOGUE: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];
const EPERM: i64 = -1;

/// The system calls of `src/confine/seccomp.json`.
const ALLOWED: [(&str, u32); 26] = [
    ("read", 0),
    ("write", 1),
    ("futex", 202),
    ("mmap", 9),
    ("munmap", 11),
    ("mprotect", 10),
    ("madvise", 28),
    ("mremap", 25),
    ("brk", 12),
    ("memfd_create", 319),
    ("close", 3),
    ("rt_sigaction", 13),
    ("rt_sigprocmask", 14),
    ("rt_sigreturn", 15),
    ("sigaltstack", 131),
    ("clock_gettime", 228),
    ("sched_yield", 24),
    ("sched_getaffinity", 204),
    ("getrandom", 318),
    ("gettid", 186),
    ("getpid", 39),
    ("restart_syscall", 219),
    ("set_robust_list", 273),
    ("rseq", 334),
    ("exit", 60),
    ("exit_group", 231),
];
/// `uretprobe` and `uprobe`: the kernel answers them before any filter, and only to its own probes.
const UNFILTERED: [u32; 2] = [335, 336];
/// The last number that kernels have, and some to come.
const LAST: u32 = 480;

/// A module whose function can be written over, and room for 250 bytes in it.
async fn victim() -> Artefact {
    let steps: String = (0..40)
        .map(|at| {
            let mark = MARK + at;
            format!("(local.set $x (i64.mul (i64.xor (local.get $x) (i64.const {mark})) (local.get $x)))")
        })
        .collect();
    compiled(&format!(
        r#"(module
            (import "sealwork" "output" (func $output (param i32 i32)))
            (memory (export "memory") 1)
            (func $native (result i64) (local $x i64)
                (local.set $x (i64.load (i32.const 8)))
                {steps}
                (local.get $x))
            (func (export "run") (result i32)
                (i64.store (i32.const 0) (call $native))
                (call $output (i32.const 0) (i32.const 8))
                (i32.const 0)))"#
    ))
    .await
}

/// The module with this machine code in the place of the function's.
fn forged(victim: &Artefact, code: &[u8]) -> Artefact {
    assert!(code.len() <= 250, "no room for {} bytes", code.len());
    let mut bytes = victim.code.to_vec();
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|part| part == what);
    let mark = find(&bytes, &MARK.to_le_bytes()).expect("the function is compiled");
    let begin = bytes[..mark].windows(4).rposition(|part| part == PROLOGUE).expect("it begins");
    bytes[begin..begin + code.len()].copy_from_slice(code);
    // Sandbox processes tell modules apart by this.
    let mut module = [0_u8; 32];
    for (at, byte) in code.iter().enumerate() {
        module[at % 32] = module[at % 32].rotate_left(3) ^ byte;
    }
    Artefact { module, code: bytes.into() }
}

/// An argument of a system call: a number, or the address of the bytes behind the code.
#[derive(Clone, Copy)]
enum Argument {
    Number(u64),
    Bytes,
}

const NONE: [Argument; 6] = [Argument::Number(0); 6];

/// Machine code that makes a system call and returns its result.
fn system_call(number: u32, arguments: [Argument; 6], bytes: &[u8]) -> Vec<u8> {
    machine_code(number, arguments, false, bytes)
}

/// The same without end.
fn system_calls(number: u32, arguments: [Argument; 6], bytes: &[u8]) -> Vec<u8> {
    machine_code(number, arguments, true, bytes)
}

fn machine_code(number: u32, arguments: [Argument; 6], again: bool, bytes: &[u8]) -> Vec<u8> {
    // `mov reg, imm64` and `lea reg, [rip + disp32]` of rdi, rsi, rdx, r10, r8, r9.
    const MOV: [[u8; 2]; 6] =
        [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x49, 0xba], [0x49, 0xb8], [0x49, 0xb9]];
    const LEA: [[u8; 3]; 6] = [
        [0x48, 0x8d, 0x3d],
        [0x48, 0x8d, 0x35],
        [0x48, 0x8d, 0x15],
        [0x4c, 0x8d, 0x15],
        [0x4c, 0x8d, 0x05],
        [0x4c, 0x8d, 0x0d],
    ];
    let mut code = Vec::new();
    let mut to_bytes = Vec::new();
    for (at, argument) in arguments.into_iter().enumerate() {
        match argument {
            Argument::Number(number) => {
                code.extend(MOV[at]);
                code.extend(number.to_le_bytes());
            }
            Argument::Bytes => {
                code.extend(LEA[at]);
                to_bytes.push(code.len());
                code.extend([0; 4]);
            }
        }
    }
    code.push(0xb8); // mov eax, imm32
    code.extend(number.to_le_bytes());
    code.extend([0x0f, 0x05]); // syscall
    if again {
        let back = i32::try_from(code.len() + 5).unwrap();
        code.push(0xe9); // jmp to the begin
        code.extend((-back).to_le_bytes());
    } else {
        code.push(0xc3); // ret
    }
    for at in to_bytes {
        let distance = u32::try_from(code.len() - (at + 4)).unwrap();
        code[at..at + 4].copy_from_slice(&distance.to_le_bytes());
    }
    code.extend_from_slice(bytes);
    code
}

async fn run(pool: &Pool, artefact: &Artefact, wall: Duration) -> Result<i64, RunError> {
    let limits = RunLimits { wall, ..limits() };
    let ended = pool.run(Request { limits, ..request(artefact, "") }).await?;
    assert_eq!(ended.end, End::Exit(0));
    Ok(i64::from_le_bytes(ended.output[..].try_into().unwrap()))
}

const WALL: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_code_gets_no_system_call_but_those_on_the_list() {
    let list = include_str!("../src/confine/seccomp.json");
    for (name, _) in ALLOWED {
        assert!(list.contains(&format!("\"syscall\": \"{name}\"")), "{name} is not allowed");
    }
    // And `ioctl` and `fcntl`, each for one request alone.
    assert_eq!(list.matches("\"syscall\"").count(), ALLOWED.len() + 2);
    for request in [3_227_543_056_u64, 1033] {
        assert!(list.contains(&format!(
            "\"args\": [{{ \"index\": 1, \"type\": \"dword\", \"op\": \"eq\", \"val\": {request} }}]"
        )));
    }
    let (pool, victim) = (pool().await, victim().await);
    let call = async |number, arguments, bytes: &[u8]| {
        let artefact = forged(&victim, &system_call(number, arguments, bytes));
        run(&pool, &artefact, WALL).await.expect("the process lives")
    };
    // The code runs, and its calls reach the kernel.
    assert!(call(39, NONE, b"").await > 1, "getpid");
    let mut nowhere = NONE;
    nowhere[0] = Argument::Number(u64::MAX);
    assert_eq!(call(3, nowhere, b"").await, -9, "close of what is not open");
    let is_allowed = |number: &u32| ALLOWED.iter().any(|(_, on)| on == number);
    for number in (0..=LAST).filter(|number| !is_allowed(number) && !UNFILTERED.contains(number)) {
        assert_eq!(call(number, NONE, b"").await, EPERM, "system call {number}");
        // The same by the numbers of the 32-bit pointers.
        if number % 16 == 0 {
            assert_eq!(call(number | 0x4000_0000, NONE, b"").await, EPERM, "x32 {number}");
        }
    }
    for (_, number) in ALLOWED {
        let found = call(number | 0x4000_0000, NONE, b"").await;
        assert_eq!(found, EPERM, "x32 {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_code_reaches_no_file_no_network_and_no_other_process() {
    use Argument::{Bytes, Number};
    let (pool, victim) = (pool().await, victim().await);
    let worker = u64::from(std::process::id());
    let here = Number((-100_i64).cast_unsigned());
    let [zero, one, two] = [Number(0), Number(1), Number(2)];
    let parent = Number(worker);
    // An address of this machine, port 9; and a socket file.
    let internet = b"\x02\0\0\x09\x7f\0\0\x01\0\0\0\0\0\0\0\0";
    let file = b"\x01\0/run/dbus/system_bus_socket\0";
    let memory = format!("/proc/{worker}/mem\0");
    let ways: [(&str, u32, [Argument; 6], &[u8]); 34] = [
        ("open a password file", 2, [Bytes, zero, zero, zero, zero, zero], b"/etc/shadow\0"),
        ("open a file by openat", 257, [here, Bytes, zero, zero, zero, zero], b"/etc/passwd\0"),
        ("open the worker's memory", 257, [here, Bytes, two, zero, zero, zero], memory.as_bytes()),
        (
            "make a file",
            85,
            [Bytes, Number(0o777), zero, zero, zero, zero],
            b"/sealwork-was-here\0",
        ),
        ("run a program", 59, [Bytes, zero, zero, zero, zero, zero], b"/bin/sh\0"),
        ("make a socket", 41, [two, one, zero, zero, zero, zero], b""),
        ("connect the pipe elsewhere", 42, [zero, Bytes, Number(16), zero, zero, zero], internet),
        ("connect to a socket file", 42, [zero, Bytes, Number(30), zero, zero, zero], file),
        ("send a message with files in it", 46, [zero, Bytes, zero, zero, zero, zero], internet),
        ("receive files", 47, [zero, Bytes, zero, zero, zero, zero], internet),
        ("trace the worker", 101, [Number(16), parent, zero, zero, zero, zero], b""),
        ("read the worker's memory", 310, [parent, Bytes, one, Bytes, one, zero], internet),
        ("write the worker's memory", 311, [parent, Bytes, one, Bytes, one, zero], internet),
        ("kill the worker", 62, [parent, Number(9), zero, zero, zero, zero], b""),
        ("kill a thread of the worker", 234, [parent, parent, Number(9), zero, zero, zero], b""),
        ("own the pipe for the worker", 72, [zero, Number(8), parent, zero, zero, zero], b""),
        ("choose the pipe's signal", 72, [zero, Number(10), Number(9), zero, zero, zero], b""),
        ("have the pipe send it", 72, [zero, Number(4), Number(0x2002), zero, zero, zero], b""),
        ("kill everything", 62, [Number(u64::MAX), Number(9), zero, zero, zero, zero], b""),
        ("hold the worker", 434, [parent, zero, zero, zero, zero, zero], b""),
        ("fork", 57, NONE, b""),
        ("make a thread", 56, [Number(0x3d0f00), zero, zero, zero, zero, zero], b""),
        ("make a name space", 272, [Number(0x1000_0000), zero, zero, zero, zero, zero], b""),
        ("use keys of the kernel", 250, [zero, zero, zero, zero, zero, zero], b""),
        ("use a ring of the kernel", 425, [one, Bytes, zero, zero, zero, zero], internet),
        ("handle its own page faults", 323, [zero, zero, zero, zero, zero, zero], b""),
        (
            "load a program of the kernel",
            321,
            [zero, Bytes, Number(16), zero, zero, zero],
            internet,
        ),
        ("watch the processor", 298, [Bytes, zero, zero, zero, zero, zero], internet),
        ("take the filter off", 157, [Number(22), zero, zero, zero, zero, zero], b""),
        ("make itself dumpable", 157, [Number(4), one, zero, zero, zero, zero], b""),
        ("raise its limits", 160, [Number(7), Bytes, zero, zero, zero, zero], internet),
        ("be another user", 105, [one, zero, zero, zero, zero, zero], b""),
        ("mount", 165, [Bytes, Bytes, Bytes, zero, zero, zero], b"proc\0"),
        ("type into a terminal", 16, [zero, Number(0x5412), Bytes, zero, zero, zero], b"x"),
    ];
    for (what, number, arguments, bytes) in ways {
        let artefact = forged(&victim, &system_call(number, arguments, bytes));
        let found = run(&pool, &artefact, WALL).await.expect("the process lives");
        assert_eq!(found, EPERM, "it could {what}");
    }
    // Beside the pipe there is nothing open: what is read or closed beyond it is not there.
    for descriptor in 3..64 {
        // To read nothing from it says whether it is there.
        let arguments = [Number(descriptor), zero, zero, zero, zero, zero];
        let artefact = forged(&victim, &system_call(0, arguments, b""));
        let found = run(&pool, &artefact, WALL).await.expect("the process lives");
        // The pipe is open a few times.
        assert!(found == -9 || descriptor < 8, "descriptor {descriptor}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "the kernel's books about a sandbox process")]
async fn the_kernels_books_show_the_walls_around_every_thread() {
    let pool = pool().await;
    let artefact = forged(&victim().await, &system_call(39, NONE, b""));
    let process = run(&pool, &artefact, WALL).await.unwrap();
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let threads: Vec<_> = threads.map(|thread| thread.unwrap().path()).collect();
    assert!(threads.len() > 2, "{threads:?}");
    for thread in threads {
        let books = std::fs::read_to_string(thread.join("status")).unwrap();
        let says =
            |line: &str| books.lines().any(|found| found.split_whitespace().eq(line.split(' ')));
        assert!(says("Seccomp: 2") && says("NoNewPrivs: 1"), "{books}");
        for kind in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(says(&format!("{kind}: 0000000000000000")), "{books}");
        }
    }
    // Who is not root may not look at these: the process is not dumpable.
    let Ok(open) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return };
    let mut sockets = Vec::new();
    for entry in open {
        let file = std::fs::read_link(entry.unwrap().path()).unwrap();
        let file = file.to_string_lossy().into_owned();
        if file.starts_with("socket:") {
            sockets.push(file);
        } else {
            let is_own = file == "/dev/null" || file == format!("/proc/{process}/pagemap");
            assert!(is_own, "{file} is open");
        }
    }
    sockets.dedup();
    assert_eq!(sockets.len(), 1, "the pipe, and no other: {sockets:?}");
    let environment = std::fs::read(format!("/proc/{process}/environ"));
    assert!(environment.is_ok_and(|variables| variables.is_empty()), "it has an environment");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_serves_two_tenants() {
    let config = PoolConfig { processes: 1, spare: 1, runs_per_process: 2, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let artefact = forged(&victim().await, &system_call(39, NONE, b""));
    let mut seen = Vec::new();
    for tenant in ["alice", "bob", "carol", "alice"] {
        let asked = || async {
            let ended = pool.run(Request { tenant, ..request(&artefact, "") }).await.unwrap();
            i64::from_le_bytes(ended.output[..].try_into().unwrap())
        };
        let process = asked().await;
        assert_eq!(process, asked().await, "{tenant} stays in its process");
        assert!(!seen.contains(&process), "{tenant} is in a process that somebody had");
        seen.push(process);
    }
}

/// The arguments of `write` that say these bytes to the worker.
fn said(bytes: &[u8]) -> [Argument; 6] {
    let [zero, len] = [0, bytes.len() as u64].map(Argument::Number);
    [zero, Argument::Bytes, len, zero, zero, zero]
}

/// Fails when the worker takes every call at once (src/pool/attend.rs, `most_calls`): then it keeps
/// all that the process asks, until the run's time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_code_that_asks_without_end_and_hears_nothing_loses_its_process() {
    let (pool, victim) = (pool().await, victim().await);
    // A call of an empty request, by the first run of a process that has loaded one module.
    let call = b"\x04\0\0\0\x03\x01\0\0";
    let artefact = forged(&victim, &system_calls(1, said(call), call));
    let found = run(&pool, &artefact, Duration::from_secs(5)).await;
    assert!(matches!(found, Err(RunError::Lost)), "{found:?}");
}

/// Fails when a run that does not stop takes its process with it at once (src/pool/attend.rs, `see_off`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_does_not_stop_leaves_the_others_of_its_process_a_while() {
    let config = PoolConfig { processes: 1, spare: 0, ..common::config() };
    let pool = Pool::start(config).await.unwrap();
    let endless = forged(&victim().await, &[0xeb, 0xfe]);
    let waits = common::module("(drop (call $wait (i32.const 1000))) (i32.const 0)");
    let waits = compiled(&waits).await;
    let (found, beside) = tokio::join!(
        run(&pool, &endless, Duration::from_millis(200)),
        pool.run(request(&waits, ""))
    );
    assert!(matches!(found, Err(RunError::Killed)), "{found:?}");
    assert_eq!(beside.expect("its process lives").end, End::Exit(0));
    // Nobody else is there to wait for: the process goes, and the next run has a new one.
    let found = run(&pool, &endless, Duration::from_millis(200)).await;
    assert!(matches!(found, Err(RunError::Killed)), "{found:?}");
    let again = pool.run(request(&waits, "")).await.expect("there is a new process");
    assert_eq!(again.end, End::Exit(0));
}

/// Fails without `Resource::Fsize` (src/confine/mod.rs): pages of a file in memory that nothing has
/// mapped count as nobody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_code_that_writes_files_in_memory_without_end_loses_its_process() {
    let most = RunLimits { memory_bytes: 64 << 20, ..limits() };
    let pool = Pool::start(PoolConfig { most, ..common::config() }).await.unwrap();
    let mut code = vec![0xb8, 0x3f, 0x01, 0, 0]; // mov eax, 319: memfd_create
    code.extend([0x48, 0x8d, 0x3d, 28, 0, 0, 0]); // lea rdi, [rip + 28]: its name
    code.extend([0x31, 0xf6, 0x0f, 0x05]); // xor esi, esi; syscall
    code.extend([0x89, 0xc7]); // mov edi, eax
    code.extend([0xb8, 1, 0, 0, 0]); // again: mov eax, 1: write
    code.extend([0x48, 0x8d, 0xb4, 0x24, 0, 0, 0xff, 0xff]); // lea rsi, [rsp - 64 KiB]
    code.extend([0xba, 0, 0, 1, 0]); // mov edx, 64 KiB
    code.extend([0x0f, 0x05, 0xeb, 0xea]); // syscall; jmp again
    code.extend(b"m\0");
    let artefact = forged(&victim().await, &code);
    let found = run(&pool, &artefact, Duration::from_secs(1)).await;
    assert!(matches!(found, Err(RunError::Lost)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_code_that_takes_what_it_can_loses_its_process_and_no_other() {
    let (pool, victim) = (pool().await, victim().await);
    let echo = compiled(&common::module("(i32.const 0)")).await;
    // A call by the old gate would be another number: the process ends.
    let old_gate = [0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3];
    // mmap(0, 64 MiB, read and write, private, anonymous, populated) without end.
    let taking = system_calls(9, [0, 64 << 20, 3, 0x8022, u64::MAX, 0].map(Argument::Number), b"");
    let frame = |bytes: &'static [u8]| system_call(1, said(bytes), bytes);
    for (what, code) in [
        ("use the old gate", old_gate.to_vec()),
        ("stop in the middle", vec![0x0f, 0x0b]),
        ("jump to nowhere", vec![0x31, 0xc0, 0xff, 0xe0]),
        ("take all memory", taking),
        ("end the process", system_call(231, NONE, b"")),
        ("abort it", vec![0xf4]),
        ("say a frame of four gibibytes", frame(b"\xff\xff\xff\xff")),
        ("say a frame of nothing", frame(b"\0\0\0\0")),
        ("say what does not decode", frame(b"\x05\0\0\0\xff\xff\xff\xff\xff")),
    ] {
        let artefact = forged(&victim, &code);
        let (found, beside) = tokio::join!(run(&pool, &artefact, Duration::from_secs(2)), async {
            pool.run(Request { tenant: "bob", ..request(&echo, "") }).await
        });
        assert!(matches!(found, Err(RunError::Lost)), "{what}: {found:?}");
        assert_eq!(beside.unwrap().end, End::Exit(0), "bob, while alice tried to {what}");
        let again = pool.run(request(&echo, "")).await.expect("there is a new process");
        assert_eq!(again.end, End::Exit(0), "after alice tried to {what}");
    }
    // Code that never asks whether it may go on is killed with its process.
    let artefact = forged(&victim, &[0xeb, 0xfe]);
    let found = run(&pool, &artefact, Duration::from_millis(200)).await;
    assert!(matches!(found, Err(RunError::Killed)), "{found:?}");
}
