//! All tests of more than one crate, and of the repository itself, in one binary.
//!
//! Do **not** add a test here
//!
//! - if it needs one module only: it belongs at the end of that file;
//! - if it needs one crate only, from outside: it belongs into that crate's own `tests/`;
//! - if it waits for wall-clock time and hopes: give the code a `now` and turn it yourself;
//! - if it measures speed: that is a benchmark, and a busy machine would make it fail.
//!
//! Add a module here if it needs the server together with a client, or real sockets, or the files
//! of the repository.

mod admin;
mod bad_input;
mod bench;
mod broken_games;
mod broken_pipe;
mod broken_servers;
mod causes;
mod company;
mod conformance;
mod connections;
mod crew;
mod defaults;
mod descriptors;
mod embedding;
mod farewell;
mod faulty_servers;
mod fuzz;
mod games;
mod hearing;
mod hub_alone;
mod javascript;
mod lab;
mod leaves;
mod ledger;
mod log_lines;
mod manners;
mod operations;
mod pauses;
mod processes;
mod reports;
mod seats;
mod seats_model;
mod simulation;
mod stuck_readers;
mod teardown_page;
mod tidy;
mod transports;
