//! The harness of the tests that need more than one crate.
//!
//! Nothing depends on this crate, and it is the only one that may depend on all the others. So a
//! test hook in production code is never needed: what a test wants to drive or to see is reachable
//! through the seams that production uses as well, or it is not tested here.
//!
//! The tests themselves are in `it/`, all in one binary.
