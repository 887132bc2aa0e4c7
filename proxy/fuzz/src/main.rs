//! One program for all fuzz targets: `FUZZ_TARGET` chooses one, the arguments are libFuzzer's. With `FUZZ_SEEDS` it writes the
//! inputs that the targets begin with into folders of that directory, and with `FUZZ_LIST` it lists the targets.
#![no_main]

use cap::Cap;
use std::alloc::System;
use std::path::Path;
use std::sync::OnceLock;

type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// More than any input may make a proxy hold: a decompressed batch, its copies, and what stays from input to input.
const MOST: usize = 1 << 30;
/// As often is an input run again that left memory taken, before that counts as a leak: caches fill up, and then stay.
const AGAIN: u32 = 200;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MOST);

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: choose(),
    |data: &[u8]| {
        let (_, run, _) = TARGET.get().expect("init has chosen one");
        let grows = || {
            let before = ALLOCATOR.allocated();
            run(data);
            ALLOCATOR.allocated() > before
        };
        assert!(!grows() || (0..AGAIN).any(|_| !grows()), "the same input takes memory again and again");
    }
);

fn targets() -> impl Iterator<Item = Target> {
    let all = [
        proxy_config::fuzzing::TARGETS,
        proxy_crypto::fuzzing::TARGETS,
        proxy_kms::fuzzing::TARGETS,
        proxy_records::fuzzing::TARGETS,
        proxy::fuzzing::TARGETS,
    ];
    all.into_iter().flatten().copied()
}

fn choose() {
    if std::env::var_os("FUZZ_LIST").is_some() {
        targets().for_each(|(name, ..)| println!("{name}"));
        std::process::exit(0);
    }
    if let Some(directory) = std::env::var_os("FUZZ_SEEDS") {
        targets().for_each(|target| write(Path::new(&directory), target));
        std::process::exit(0);
    }
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    let target = targets().find(|(known, ..)| *known == name).expect("FUZZ_TARGET names a target");
    let _first = TARGET.set(target);
}

fn write(directory: &Path, (name, _, seeds): Target) {
    let directory = directory.join(name);
    std::fs::create_dir_all(&directory).expect("the directory can be written");
    for (number, seed) in seeds().into_iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{number}")), seed).expect("the directory can be written");
    }
}
