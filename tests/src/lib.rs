//! The harness of the tests that need more than one crate.
//!
//! Nothing depends on this crate, and it is the only one that may depend on all the others. So a
//! test hook in production code is never needed: what a test wants to drive or to see is reachable
//! through the seams that production uses as well, or it is not tested here.
//!
//! - [`broken`]: servers that are broken on purpose, for the load test to fail.
//! - [`browser`]: the client's half of a WebSocket.
//! - [`chromium`]: a real browser, for the page that people see.
//! - [`fuzz`]: what must hold for any bytes.
//! - [`installed`]: programs beside each other, as their users have them.
//! - [`rig`]: the production loop on real sockets, driven turn by turn by the test itself.
//! - [`memory_net`]: a network that costs nothing, to measure what is left.
//! - [`meddler`]: the real network with hints kept back, or with a clock that jumps.
//! - [`player`]: a client that does exactly what a test says, also what no real client would.
//! - [`program`]: the programs as their users start them.
//! - [`sim`]: the production loop on a model of the kernel, with faults from a seed.
//! - [`wire`]: two hosts with a delay between them, or a wire that is cut.
//!
//! The tests themselves are in `it/`, all in one binary but for those in `modes/` and `browsers/`.

pub mod broken;
pub mod browser;
pub mod chromium;
pub mod fuzz;
pub mod installed;
pub mod meddler;
pub mod memory_net;
pub mod player;
pub mod program;
pub mod rig;
pub mod sim;
pub mod wire;

use std::time::Duration;

/// How long anything may take before a test gives up: far longer than it ever should.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Says that a test is skipped, and why, where nothing swallows it. Where everything is there that
/// the tests need, `STRICT_TESTS` makes it a failure.
pub fn skip(why: &str) {
    use std::io::Write as _;
    let strict = std::env::var_os("STRICT_TESTS").is_some();
    assert!(!strict, "nothing may be skipped here, but this was: {why}");
    // Past the capture of the test harness, which shows nothing of a test that did not fail.
    let _ = writeln!(std::io::stderr(), "SKIPPED, not tested here: {why}");
}
