//! Guards: how much one client, or one address, may ask of the server.
//!
//! Pure: `now` is an argument. [`bucket`] measures a rate; [`addresses`] keeps account of where
//! connections come from. Who asks too much is refused or evicted by the hub. [`lines`] keeps the
//! log readable when many leave at once.

pub mod addresses;
pub mod bucket;
pub mod lines;
