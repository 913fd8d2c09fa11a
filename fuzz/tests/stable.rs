//! Each target over its seeds and over mutations of them, the same ones each time, with any
//! compiler. A find prints its target and its bytes.
#![allow(clippy::disallowed_methods, reason = "a test reads its seeds and times what it runs")]

use std::{
    collections::BTreeSet,
    panic::catch_unwind,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use sealwork_fuzz::{Mutator, TARGETS, Target};

const ROUNDS: usize = 4000;
/// One input takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

fn names(folder: &str, strip: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.trim_end_matches(strip).to_owned())
        .collect()
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target.name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn check(target: &Target, data: &[u8]) {
    let began = Instant::now();
    let run = target.run;
    let kept = catch_unwind(|| run(data));
    assert!(kept.is_ok(), "{}: {}", target.name, data.escape_ascii());
    assert!(began.elapsed() < PATIENCE, "{}: slow on {}", target.name, data.escape_ascii());
}

#[test]
fn every_target_withstands_its_seeds_and_what_is_made_of_them() {
    thread::scope(|scope| {
        for target in TARGETS {
            scope.spawn(|| {
                let mut seeds = seeds(target);
                assert!(!seeds.is_empty(), "{} has no seeds", target.name);
                seeds.extend([Vec::new(), vec![0; 600], vec![0xff; 600]]);
                for seed in &seeds {
                    check(target, seed);
                }
                let mut mutator = Mutator::new(1);
                for _ in 0..ROUNDS {
                    check(target, &mutator.next(&seeds));
                }
            });
        }
    });
}

#[test]
fn each_target_has_a_program_and_seeds_and_nothing_else_does() {
    let listed: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(listed, names("fuzz_targets", ".rs"));
    assert_eq!(listed, names("seeds", ""));
    let manifest = include_str!("../Cargo.toml");
    for name in listed {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in Cargo.toml");
    }
}
