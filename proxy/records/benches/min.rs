#![allow(warnings, clippy::all, clippy::pedantic)]
#[path = "../src/sample.rs"]
mod sample;
use proxy_records::*;
use sample::*;
use std::time::Instant;
fn min(name: &str, per: usize, mut f: impl FnMut()) {
    let mut best = u128::MAX;
    for _ in 0..3000 {
        let t = Instant::now();
        f();
        best = best.min(t.elapsed().as_nanos());
    }
    println!("{name}: {} ns, {:.1} ns/record", best, best as f64 / per as f64);
}
struct Noise(Vec<u8>, usize);
impl RecordSealer for Noise {
    type Error = ();
    fn seal(
        &mut self,
        _: Option<&[u8]>,
        value: &[u8],
        _: i64,
        h: &mut Vec<u8>,
        s: &mut Vec<u8>,
    ) -> Result<(), ()> {
        h.extend_from_slice(&[1, 2]);
        h.extend_from_slice(&[5; 60]);
        self.1 = (self.1 + 1117) % (1 << 19);
        s.extend_from_slice(&self.0[self.1..self.1 + value.len() + 16]);
        Ok(())
    }
}
impl RecordOpener for Noise {
    type Error = ();
    fn open(
        &mut self,
        _: &[u8],
        _: Option<&[u8]>,
        s: &[u8],
        _: Option<i64>,
        o: &mut Vec<u8>,
    ) -> Result<(), ()> {
        o.extend_from_slice(&s[..s.len() - 16]);
        Ok(())
    }
}
fn main() {
    let mut st = 1u64;
    let noise = std::iter::repeat_with(|| {
        st = st
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (st >> 56) as u8
    })
    .take(1 << 20)
    .collect();
    let mut noise = Noise(noise, 0);
    let mut s = Scratch::new(CAP);
    for (n, l) in [(1000, 100), (64, 1024)] {
        for c in [Codec::None, Codec::Lz4, Codec::Zstd] {
            println!("== {n}x{l} {c:?}");
            let sample = SampleBatch::text(n, l);
            let b = sample.build(c);
            let section = sample.section();
            min("crc", n, || {
                std::hint::black_box(crc_matches(&b));
            });
            min("walk only", n, || {
                for r in Records::new(std::hint::black_box(&section), n as i32) {
                    let r = r.unwrap();
                    std::hint::black_box((r.offset_delta, r.value.map(|v| v.len())));
                }
            });
            min("validate", n, || {
                validate_produced(&b, &mut s).unwrap();
            });
            let p = validate_produced(&b, &mut s).unwrap();
            let mut su = Surround::default();
            min("surround", n, || {
                su.prepare(&p, s.stubs(), &[7; 16], &[1u8; 120]).unwrap();
                su.finish(&b[61..], &[9; 16]);
            });
            println!(
                "   stored {} of {}",
                su.prefix().len() + su.suffix().len() + b.len() - 61,
                b.len()
            );
            min("recognise clear", n, || {
                recognise(&b, &mut s).unwrap();
            });
            let p = validate_produced(&b, &mut s).unwrap();
            let mut out = Vec::new();
            min("seal records", n, || {
                out.clear();
                seal_records(&p, &b, &mut s, &mut noise, &mut out).unwrap();
            });
            let stored = out.clone();
            println!("   stored {} of {}", stored.len(), b.len());
            min("open records", n, || {
                out.clear();
                let Ok(Recognised::Records(x)) = recognise(&stored, &mut s) else {
                    panic!()
                };
                open_records(&stored, x, &mut s, &mut noise, &mut out).unwrap();
            });
        }
    }
}
