//! What a load balancer says at the beginning of a connection.

use super::origin;
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().build().unwrap());
}

pub(crate) fn fuzz_origin(data: &[u8]) {
    let mut io = data;
    let read = RUNTIME.with_borrow(|runtime| runtime.block_on(origin::read(&mut io)));
    if read.is_ok() {
        let taken = data.len() - io.len();
        let length = data.get(14..16).and_then(|length| length.try_into().ok()).map_or(0, u16::from_be_bytes);
        assert_eq!(taken, 16 + usize::from(length), "no byte behind the header is taken");
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let with = |command: u8, family: u8, rest: &[u8]| {
        let length = u16::try_from(rest.len()).unwrap_or_default().to_be_bytes();
        [ppp::v2::PROTOCOL_PREFIX, &[command, family], &length[..], rest, b"what follows"].concat()
    };
    let four = [10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0x23, 0x84];
    let six = [7; 36];
    let unique = [&four[..], &[5, 0, 3, 1, 2, 3]].concat();
    vec![
        with(0x21, 0x11, &four),
        with(0x21, 0x21, &six),
        with(0x20, 0, &[]),
        with(0x21, 0x11, &unique),
        with(0x21, 0x31, &[1; 216]),
    ]
}
