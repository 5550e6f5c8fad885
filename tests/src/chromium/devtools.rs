//! One conversation with Chromium in its DevTools protocol: calls, answers, and events in between.
//!
//! Data flow: a call -> JSON over a WebSocket -> Chromium -> its answer, and events before that. Of
//! the events only complaints are kept: errors and warnings of a page's console, and exceptions
//! that nobody caught. It starts nothing and knows no page.

use std::{net::TcpStream, time::Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, client};

use crate::PATIENCE;

/// A connection to a browser or to one of its tabs.
#[derive(Debug)]
pub(super) struct DevTools {
    socket: WebSocket<TcpStream>,
    /// Calls made so far; the number of the last one.
    calls: u64,
    /// What was complained about so far, oldest first.
    pub(super) complaints: Vec<String>,
}

impl DevTools {
    /// Connects to `path` at a port of this machine.
    #[track_caller]
    pub(super) fn connect(port: u16, path: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("Chromium said that port");
        for set_timeout in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set_timeout(&stream, Some(PATIENCE)).expect("a timeout above zero is taken");
        }
        stream.set_nodelay(true).expect("a fresh socket takes any option");
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = client(url, stream).expect("Chromium speaks WebSocket");
        Self { socket, calls: 0, complaints: Vec::new() }
    }

    /// Makes a call and does not wait for an answer.
    ///
    /// # Errors
    ///
    /// Why it cannot be sent.
    pub(super) fn send(&mut self, method: &str, params: &Value) -> Result<(), String> {
        self.calls += 1;
        let call = json!({ "id": self.calls, "method": method, "params": params });
        self.socket.send(Message::text(call.to_string())).map_err(|error| error.to_string())
    }

    /// Makes a call; what Chromium answers.
    ///
    /// # Errors
    ///
    /// Chromium's own words if it refuses, or those of the connection if that has ended.
    pub(super) fn try_call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.send(method, params)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let message = self.socket.read().map_err(|error| format!("{method}: {error}"))?;
            let Message::Text(text) = message else { continue };
            let mut heard: Value =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            if heard["id"] != self.calls {
                self.complaints.extend(complaint(&heard));
            } else if heard["error"].is_null() {
                return Ok(heard["result"].take());
            } else {
                return Err(format!("{method}: {}", heard["error"]));
            }
        }
        Err(format!("{method}: no answer within {PATIENCE:?}"))
    }

    /// Makes a call that must succeed; what Chromium answers.
    #[track_caller]
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.try_call(method, params).unwrap_or_else(|problem| panic!("{problem}"))
    }
}

/// What an event complains about, in one line; nothing for all other events.
fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(format!("exception: {}", params["exceptionDetails"])),
        "Runtime.consoleAPICalled" => {
            let is_bad = ["error", "warning", "assert"].contains(&params["type"].as_str()?);
            is_bad.then(|| format!("console: {}", params["args"]))
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let is_bad = ["error", "warning"].contains(&entry["level"].as_str()?);
            is_bad.then(|| format!("log: {} ({})", entry["text"], entry["url"]))
        }
        _ => None,
    }
}
