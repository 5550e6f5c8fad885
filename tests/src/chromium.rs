//! Chromium without a window: a process of its own for each test, and tabs that a test drives.
//!
//! Data flow: a test -> here -> `devtools.rs` -> Chromium -> the page of a server -> that server.
//! A tab is driven by expressions in its page, so a test sees what a player, or a screen reader,
//! sees. It knows nothing of the pages that it opens.
//!
//! Chromium resolves no name and reaches no address but this machine's.

use std::process::{Command, Stdio};

use serde_json::json;

mod devtools;
mod process;
mod tab;

pub use tab::Tab;

use devtools::DevTools;
use process::Process;

/// What the program may be called.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A running Chromium with a profile of its own. All of it is killed when it is dropped.
#[derive(Debug)]
pub struct Chromium {
    /// Held to be ended.
    _process: Process,
    port: u16,
    devtools: DevTools,
}

impl Chromium {
    /// The name of the program, if this machine has one that runs.
    pub fn find() -> Option<&'static str> {
        PROGRAMS.into_iter().find(|name| {
            let version = Command::new(name).arg("--version").stdin(Stdio::null()).output();
            version.is_ok_and(|version| version.status.success())
        })
    }

    /// Starts it and waits until it can be driven.
    #[track_caller]
    pub fn start(program: &str) -> Self {
        let mut process = Process::start(program);
        let (port, browser) = process.wait_until_ready();
        let devtools = DevTools::connect(port, &browser);
        Self { _process: process, port, devtools }
    }

    /// Opens a page in a new tab. `storage` is put into the page's `localStorage` before its first
    /// script runs.
    #[track_caller]
    pub fn open(&mut self, url: &str, storage: &[(&str, &str)]) -> Tab {
        let mut tab = self.open_blank();
        for (key, value) in storage {
            let script = format!("localStorage.setItem({}, {})", json!(key), json!(value));
            let params = json!({ "source": script });
            tab.devtools.call("Page.addScriptToEvaluateOnNewDocument", &params);
        }
        tab.go(url);
        tab
    }

    /// Opens an empty tab.
    #[track_caller]
    pub fn open_blank(&mut self) -> Tab {
        let context = self.devtools.call("Target.createBrowserContext", &json!({}));
        let context = &context["browserContextId"];
        let params = json!({
            "url": "about:blank", "browserContextId": context, "newWindow": true,
            "width": 1000, "height": 700,
        });
        let target = self.devtools.call("Target.createTarget", &params);
        let target = target["targetId"].as_str().expect("a target has an id");
        let mut devtools = DevTools::connect(self.port, &format!("/devtools/page/{target}"));
        for domain in ["Page", "Runtime", "Log"] {
            devtools.call(&format!("{domain}.enable"), &json!({}));
        }
        Tab { devtools }
    }

    /// Kills all its processes, as a crash or an impatient user would.
    pub fn kill(self) {
        drop(self);
    }
}
