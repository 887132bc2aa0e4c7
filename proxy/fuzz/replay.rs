//! Runs fuzz targets on their seeds and on the inputs that were kept for them. Included by the tests of each crate that has
//! targets.

use std::path::Path;

type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// Nothing may panic, and what a target checks must hold.
pub(crate) fn replay(targets: &[Target]) {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|directory| directory.join("fuzz"));
    let fuzz = places.into_iter().find(|directory| directory.is_dir()).expect("this file is in proxy/fuzz");
    for (name, run, seeds) in targets {
        let seeds = seeds();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for input in &seeds {
            run(input);
        }
        let kept = std::fs::read(fuzz.join(format!("corpus/{name}.pack"))).unwrap_or_default();
        inputs(&kept).for_each(run);
    }
}

/// Each input has its length before it, in four bytes.
fn inputs(mut pack: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = pack.split_first_chunk()?;
        let (input, rest) = rest.split_at(usize::try_from(u32::from_be_bytes(*length)).expect("32 bits"));
        pack = rest;
        Some(input)
    })
}
