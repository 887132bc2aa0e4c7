#[path = "../../fuzz/replay.rs"]
mod replay;

#[test]
fn nothing_that_a_fuzzer_found_does_harm() {
    replay::replay(super::TARGETS);
}
