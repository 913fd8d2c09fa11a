//! Compiled modules on disk: found again, sealed, and nobody else's.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing test says so")]

#[allow(unreachable_pub, reason = "shared between test binaries")]
mod common;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sealwork_platform::{
    Disk,
    sim::{SeededEntropy, SimDisk},
};
use sealwork_sandbox::{ArtefactCache, CacheKeys, ChildCommand, Compiler, CompilerConfig};

fn cache(disk: &SimDisk, key: u8, compiler: Arc<Compiler>) -> Arc<ArtefactCache> {
    cache_of(disk, key, 8 << 20, compiler)
}

fn cache_of(
    disk: &SimDisk,
    key: u8,
    memory_bytes: usize,
    compiler: Arc<Compiler>,
) -> Arc<ArtefactCache> {
    let keys = CacheKeys { seal: [key; 32].into(), names: [7; 32].into() };
    let entropy = Arc::new(SeededEntropy::new(key.into()));
    let engine = [3; 32];
    ArtefactCache::new(
        Arc::new(disk.clone()),
        entropy,
        keys,
        engine,
        8 << 20,
        memory_bytes,
        compiler,
    )
}

/// What is not found on disk fails.
fn no_compiler() -> Arc<Compiler> {
    Compiler::new(CompilerConfig {
        command: ChildCommand { program: "/nowhere".into(), arguments: Vec::new(), cgroup: None },
        time: Duration::from_secs(1),
        memory_bytes: 1 << 30,
        program_memory_bytes: 256 << 20,
        at_once: 1,
    })
}

fn module(body: &str) -> Bytes {
    wat::parse_str(common::module(body)).unwrap().into()
}

fn files(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list("compiled").unwrap();
    names
        .into_iter()
        .map(|name| (name.clone(), disk.read(&format!("compiled/{name}")).unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_is_compiled_once_and_its_file_says_nothing_of_it() {
    let disk = SimDisk::new(1);
    let program = module("(i32.const 1234567)");
    let first =
        cache(&disk, 1, common::compiler()).artefact("share", program.clone()).await.unwrap();
    let again = cache(&disk, 1, no_compiler()).artefact("share", program.clone()).await.unwrap();
    assert_eq!(first.code, again.code);
    let [(name, file)] = &files(&disk)[..] else { panic!("one file") };
    let digest: String = first.module.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_ne!(*name, digest);
    assert!(!file.windows(16).any(|window| first.code.windows(16).any(|code| code == window)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_changed_swapped_or_made_by_another_is_not_loaded() {
    let disk = SimDisk::new(2);
    let (one, two) = (module("(i32.const 1)"), module("(i32.const 2)"));
    let filled = cache(&disk, 1, common::compiler());
    let honest = filled.artefact("share", one.clone()).await.unwrap();
    filled.artefact("share", two.clone()).await.unwrap();
    let kept = files(&disk);
    let path = |at: usize| format!("compiled/{}", kept[at].0);
    let mut changed = kept[0].1.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (what, first, second) in [
        ("changed", changed, kept[1].1.clone()),
        ("swapped", kept[1].1.clone(), kept[0].1.clone()),
        ("cut", kept[0].1[..5].to_vec(), Vec::new()),
    ] {
        disk.write_atomic(&path(0), &first).unwrap();
        disk.write_atomic(&path(1), &second).unwrap();
        let unfilled = cache(&disk, 1, no_compiler());
        let found = [
            unfilled.artefact("share", one.clone()).await,
            unfilled.artefact("share", two.clone()).await,
        ];
        assert!(found.iter().any(Result::is_err), "{what}");
        assert!(
            found
                .iter()
                .flatten()
                .all(|found| found.module == honest.module || found.code != honest.code),
            "{what}"
        );
    }
    for (name, file) in &kept {
        disk.write_atomic(&format!("compiled/{name}"), file).unwrap();
    }
    assert!(
        cache(&disk, 2, no_compiler()).artefact("share", one.clone()).await.is_err(),
        "another's key"
    );
    // Whatever is in its place, it is made anew.
    let made = cache(&disk, 2, common::compiler()).artefact("share", one).await.unwrap();
    assert_eq!(made.code.len(), honest.code.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_holds_artefacts_as_far_as_they_fit_and_the_disk_the_others() {
    let disk = SimDisk::new(3);
    let modules = [module("(i32.const 1)"), module("(i32.const 2)"), module("(i32.const 3)")];
    let cache = cache_of(&disk, 1, 2 * (64 << 10), common::compiler());
    for module in &modules {
        cache.artefact("share", module.clone()).await.unwrap();
    }
    for (name, _) in files(&disk) {
        disk.remove(&format!("compiled/{name}")).unwrap();
    }
    for (module, files_then) in [(&modules[1], 0), (&modules[2], 0), (&modules[0], 1)] {
        cache.artefact("share", module.clone()).await.unwrap();
        assert_eq!(files(&disk).len(), files_then);
    }
}
