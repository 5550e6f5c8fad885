//! Loads a Gamekeeper server with bots that play and vanish, and says whether it noticed.
//!
//! ```text
//!   scenario + seed ─ plan ──> run ──> evidence ── report ──> checks, table, JSON, exit code
//!                               ^ fleet of bots      ^ matching: what was done to the server,
//!                               ^ server, admin      ^ joined with what the server says of it
//! ```
//!
//! What other load tests do not do, and this one is for, is that join: each departure is an
//! injected fault with a time, a set of right answers and a deadline, and each leave that the
//! server counts must belong to one of them. A server that throws everybody out passes nothing,
//! because bots that were not told to leave must still be there.
//!
//! Some of those that lose their connection come back to their seat, and a few bad tickets are
//! shown: whoever has a right to a seat must get it and be told all, and nobody else.
//!
//! A report can be kept, looked at again and compared with a later one:
//!
//! ```text
//!   JSON ── saved ──> compare ── render ──> table, Markdown, JUnit XML, exit code
//! ```
//!
//! The tool also tests itself. Inputs follow a plan of times, and a run in which the bots could
//! not keep up with it is invalid, not failed.
//!
//! Beside that there is the other side of the coin: [`faulty`], a server that misbehaves, for
//! people who test a client. And there is [`mod@bench`]: the same bots on Gamekeeper and on other
//! servers in turn.
//!
//! The bots of a run are a [`crew`]: one fleet in this process, or several in processes of their
//! own, for more bots than one thread can move. They are told ahead of time what to do when, and
//! what all of them did, saw and heard is judged as one.
//!
//! The plan is a pure function of scenario and seed, the report of plan and evidence, and each
//! rendering of the report. Only [`run`], [`crew`], [`server`], [`sockets`], [`admin`], [`cli`],
//! [`faulty::server`], [`bench::run`] and [`bench::floor`] touch the world.
//!
//! Modules in the order of the data: [`mix`], [`quote`], [`scenario`], [`threshold`], [`options`],
//! [`plan`], [`server`], [`sockets`], [`admin`], [`crew`], [`run`], [`ledger`], [`timeline`],
//! [`evidence`], [`matching`], [`report`], [`saved`], [`baseline`], [`compare`], [`merge`],
//! [`soak`], [`render`], [`exit`], [`cli`]; and [`faulty`], [`mod@bench`].

pub mod admin;
pub mod baseline;
pub mod bench;
pub mod cli;
pub mod compare;
pub mod crew;
pub mod evidence;
pub mod exit;
pub mod faulty;
pub mod ledger;
pub mod matching;
pub mod merge;
pub mod mix;
pub mod options;
pub mod plan;
pub mod quote;
pub mod render;
pub mod report;
pub mod run;
pub mod saved;
pub mod scenario;
pub mod server;
pub mod soak;
pub mod sockets;
pub mod threshold;
pub mod timeline;
