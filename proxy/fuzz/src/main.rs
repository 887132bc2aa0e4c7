#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| { proxy_records::fuzzing::fuzz_entries(data); });
