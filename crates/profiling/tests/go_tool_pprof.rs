//! Profiles as `go tool pprof` reads them, where Go is present.
#![cfg(all(feature = "native", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "runs the real tool on a real file")]

#[path = "../../egress/tests/common/conformance.rs"]
mod conformance;

use std::{
    hint::black_box,
    io::Write as _,
    process::Command,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use sealwork_profiling::{Jemalloc, Kind, Native, ProfileError, Profiler as _};

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What `go tool pprof -raw` makes of a profile; none when there is no Go.
fn raw(profile: &[u8]) -> Option<String> {
    assert_eq!(profile.get(..2), Some(&[0x1f, 0x8b][..]), "a profile is gzip-compressed");
    let go = ["go", "/usr/local/go/bin/go"]
        .into_iter()
        .find(|go| Command::new(go).arg("version").output().is_ok_and(|o| o.status.success()));
    let Some(go) = go else {
        conformance::skipped("Go is missing, the profile was not read by go tool pprof");
        return None;
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(profile).unwrap();
    let output =
        Command::new(go).args(["tool", "pprof", "-raw"]).arg(file.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(text)
}

/// Burns CPU under a name that a profile must show.
#[inline(never)]
fn a_function_that_burns_cpu(stop: &AtomicBool) -> u64 {
    let mut n = 1u64;
    while !stop.load(Relaxed) {
        for _ in 0..10_000 {
            n = black_box(n.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7));
        }
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cpu_profile_names_the_function_that_burns() {
    let profiler = Native::new();
    let stop = AtomicBool::new(false);
    let (profile, second) = std::thread::scope(|scope| {
        let burner = scope.spawn(|| a_function_that_burns_cpu(&stop));
        let profiles = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let second = profiler.cpu(Duration::from_millis(1));
                tokio::join!(biased; profiler.cpu(Duration::from_secs(1)), second)
            })
        });
        stop.store(true, Relaxed);
        black_box(burner.join().unwrap());
        profiles
    });
    assert_eq!(second, Err(ProfileError::Busy));
    let Some(text) = raw(&profile.unwrap()) else { return };
    assert!(text.contains("samples/count cpu/nanoseconds"), "{text}");
    assert!(text.contains("a_function_that_burns_cpu"), "{text}");
}

/// Allocates under a name that a profile must show.
#[inline(never)]
fn a_function_that_allocates() -> Vec<Vec<u8>> {
    (0..64).map(|n| black_box(vec![n; 1 << 20])).collect()
}

#[tokio::test]
async fn a_heap_profile_names_the_function_that_allocates_and_is_empty_when_disabled() {
    let profiler = Native::new();
    profiler.enable().await.unwrap();
    let held = a_function_that_allocates();
    let heap = profiler.snapshot(Kind::Heap).await.unwrap();
    black_box(&held);
    assert!(profiler.snapshot(Kind::Allocs).await.is_ok());
    profiler.disable().await.unwrap();
    let after = profiler.snapshot(Kind::Heap).await.unwrap();
    let Some(text) = raw(&heap) else { return };
    assert!(text.contains("inuse_space/bytes"), "{text}");
    assert!(text.contains("a_function_that_allocates"), "{text}");
    for own in ["prof_backtrace", "_rjem_"] {
        assert!(!text.contains(own), "the allocator's own frames are shown: {text}");
    }
    assert!(!raw(&after).unwrap().contains("a_function_that_allocates"));
}

#[tokio::test]
async fn profiles_of_threads_and_of_waiting_are_valid() {
    let profiler = Native::new();
    for kind in [Kind::Goroutine, Kind::ThreadCreate, Kind::Block, Kind::Mutex] {
        let profile = profiler.snapshot(kind).await.unwrap();
        let Some(text) = raw(&profile) else { return };
        let counts = matches!(kind, Kind::Goroutine | Kind::ThreadCreate);
        assert_eq!(counts, text.contains(&format!("{}/count", kind.name())), "{text}");
    }
}

#[tokio::test]
async fn a_function_is_found_by_its_address_and_nonsense_is_not() {
    let profiler = Native::new();
    let address = a_function_that_burns_cpu as fn(&AtomicBool) -> u64 as usize as u64;
    let names = profiler.symbols(vec![0, address, u64::MAX]).await;
    assert_eq!((names.len(), names[0].0), (1, address));
    assert!(names[0].1.contains("a_function_that_burns_cpu"), "{names:?}");
}
