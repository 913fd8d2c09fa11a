//! What a sandbox process cannot do, tried from inside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use sealwork_sandbox::{CompileError, Pool, StartError, probe};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_leads_out_of_a_sandbox_process() {
    let attempts = probe(&common::command()).await.unwrap();
    assert!(attempts.len() >= 16);
    for attempt in attempts {
        assert!(attempt.refused.is_some(), "it could {}", attempt.what);
    }
}

#[test]
fn the_list_of_system_calls_has_none_that_reaches_beyond_the_process() {
    let list = include_str!("../src/confine/seccomp.json");
    let dangerous = [
        "open",
        "openat",
        "openat2",
        "creat",
        "execve",
        "execveat",
        "fork",
        "vfork",
        "clone",
        "clone3",
        "socket",
        "socketpair",
        "connect",
        "bind",
        "listen",
        "accept",
        "accept4",
        "sendmsg",
        "recvmsg",
        "sendto",
        "recvfrom",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "kill",
        "tkill",
        "tgkill",
        "pidfd_open",
        "pidfd_getfd",
        "keyctl",
        "add_key",
        "request_key",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "io_uring_setup",
        "io_uring_enter",
        "mount",
        "umount2",
        "unshare",
        "setns",
        "chroot",
        "pivot_root",
        "prctl",
        "setuid",
        "setgid",
        "capset",
        "shmat",
        "shmget",
        "mknod",
        "link",
        "rename",
        "unlink",
        "chmod",
        "chown",
        "init_module",
        "kexec_load",
        "reboot",
        "swapon",
        "dup",
        "dup2",
        "pipe",
        "eventfd2",
        "inotify_init1",
        "setrlimit",
        "prlimit64",
        "seccomp",
    ];
    for call in dangerous {
        assert!(!list.contains(&format!("\"syscall\": \"{call}\"")), "{call} is allowed");
    }
}

#[test]
fn a_process_may_ask_which_of_its_pages_were_written_and_control_nothing_else() {
    let list: serde_json::Value =
        serde_json::from_str(include_str!("../src/confine/seccomp.json")).unwrap();
    let calls = list["sandbox"]["filter"].as_array().unwrap();
    let rules: Vec<_> = calls.iter().filter(|rule| rule["syscall"] == "ioctl").collect();
    let [rule] = rules[..] else { panic!("one rule for ioctl, not {}", rules.len()) };
    // _IOWR('f', 16, struct pm_scan_arg) of linux/fs.h, whose size is 96.
    let pagemap_scan = (3 << 30) | (96 << 16) | (u64::from(b'f') << 8) | 16;
    assert_eq!(
        rule["args"],
        serde_json::json!([{ "index": 1, "type": "dword", "op": "eq", "val": pagemap_scan }])
    );
}

/// Refuses what systemd's `MemoryDenyWriteExecute=` does, for this thread and what it starts.
const NO_CODE: &str = r#"{ "no_code": {
    "mismatch_action": "allow",
    "match_action": { "errno": 1 },
    "filter": [{
        "syscall": "mprotect",
        "args": [{ "index": 2, "type": "dword", "op": { "masked_eq": 4 }, "val": 4 }]
    }]
} }"#;

/// Fails without `load::try_code` (src/child): the first program would be told that it is invalid.
#[test]
fn where_no_memory_may_become_code_that_is_said_before_a_program_comes() {
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filters = seccompiler::compile_from_json(NO_CODE.as_bytes(), arch).unwrap();
    let asked = std::thread::spawn(move || {
        seccompiler::apply_filter(&filters["no_code"]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let module = wat::parse_str("(module)").unwrap();
            let compiled = common::compiler().compile("share", module.into()).await;
            (Pool::start(common::config()).await.map(|_| ()), compiled.map(|_| ()))
        })
    });
    let (started, compiled) = asked.join().unwrap();
    assert!(matches!(started, Err(StartError::NoCode(_))), "{started:?}");
    let compiled = compiled.unwrap_err();
    assert!(matches!(compiled, CompileError::Start(StartError::NoCode(_))), "{compiled}");
}
