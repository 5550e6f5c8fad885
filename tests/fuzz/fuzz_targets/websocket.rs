//! The target of `gamekeeper_tests::fuzz::websocket`, with bytes chosen by a fuzzer.
#![no_main]

use gamekeeper_tests::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::websocket(bytes));
