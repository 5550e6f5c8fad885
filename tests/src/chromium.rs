//! Chromium without a window: a process of its own for each test, and tabs that a test drives.
//!
//! Data flow: a test -> here -> `devtools` -> Chromium -> the page of a server -> that server. A tab
//! is driven by expressions in its page, so a test sees what a player, or a screen reader, sees. It
//! knows nothing of the pages that it opens.
//!
//! Chromium resolves no name and reaches no address but this machine's.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::{Value, json};

use crate::PATIENCE;

mod devtools;

use devtools::DevTools;

/// What the program may be called.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// No screen, no network, nothing in the background; tabs that are not in front run like others.
const FLAGS: [&str; 18] = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
];

/// Between two looks at a page.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long killed processes may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// A running Chromium with a profile of its own. All of it is killed when it is dropped.
#[derive(Debug)]
pub struct Chromium {
    /// Held to be ended.
    _process: Process,
    port: u16,
    devtools: DevTools,
}

/// An open tab, with cookies and storage of its own, in a window of its own.
#[derive(Debug)]
pub struct Tab {
    devtools: DevTools,
}

impl Chromium {
    /// The program, if this machine has it.
    pub fn find() -> Option<PathBuf> {
        let folders = env::var_os("PATH")?;
        let folders: Vec<_> = env::split_paths(&folders).collect();
        let all = PROGRAMS.iter().flat_map(|name| folders.iter().map(move |at| at.join(name)));
        all.into_iter().find(|path| path.is_file())
    }

    /// Starts it and waits until it can be driven.
    #[track_caller]
    pub fn start(path: &Path) -> Self {
        let mut process = Process::start(path);
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

impl Tab {
    /// Goes to a page, without waiting for it.
    #[track_caller]
    pub fn go(&mut self, url: &str) {
        self.devtools.call("Page.navigate", &json!({ "url": url }));
    }

    /// What an expression is worth in the page.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|problem| panic!("{expression}: {problem}"))
    }

    /// The text of an expression.
    #[track_caller]
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.evaluate(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is no text but {value}")).to_owned()
    }

    /// Looks at the page until an expression is true there; panics if it takes too long.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // While a page is being loaded there is nothing to ask.
            let last = self.try_evaluate(expression);
            if last == Ok(Value::Bool(true)) {
                return;
            }
            if Instant::now() >= deadline {
                let picture = env::temp_dir().join(format!("gamekeeper-{}.png", process::id()));
                let pictured = self.screenshot(&picture);
                let page = self.try_evaluate("document.body.innerText");
                let complaints = self.complaints();
                panic!(
                    "waited too long until {what}: {expression} is {last:?} in {page:?}, \
                     complaints {complaints:?}, picture {picture:?}: {pictured:?}"
                );
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Stops the page's scripts and timers, as a browser does with a tab that is long out of sight.
    #[track_caller]
    pub fn freeze(&mut self) {
        self.devtools.call("Page.setWebLifecycleState", &json!({ "state": "frozen" }));
    }

    /// Lets the page's scripts go on, and brings it to the front.
    #[track_caller]
    pub fn wake(&mut self) {
        self.devtools.call("Page.setWebLifecycleState", &json!({ "state": "active" }));
        self.devtools.call("Page.bringToFront", &json!({}));
    }

    /// Loads the page anew.
    #[track_caller]
    pub fn reload(&mut self) {
        self.devtools.call("Page.reload", &json!({}));
    }

    /// Closes the tab, as its cross would.
    #[track_caller]
    pub fn close(mut self) {
        self.devtools.call("Page.close", &json!({}));
    }

    /// Makes it a phone: its size in CSS pixels, fingers, two device pixels for one.
    #[track_caller]
    pub fn be_a_phone(&mut self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true,
        });
        self.devtools.call("Emulation.setDeviceMetricsOverride", &size);
        self.devtools.call("Emulation.setTouchEmulationEnabled", &json!({ "enabled": true }));
    }

    /// Whether the system wishes dark pages.
    #[track_caller]
    pub fn wish_for_dark(&mut self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Everything that the page has complained about so far: errors and warnings in its console,
    /// exceptions that it did not catch.
    pub fn complaints(&mut self) -> &[String] {
        // What was complained about before this answer has been heard by then.
        let _ = self.try_evaluate("0");
        &self.devtools.complaints
    }

    /// Writes a picture of what is seen, as PNG.
    ///
    /// # Errors
    ///
    /// Why there is none, in words.
    pub fn screenshot(&mut self, path: &Path) -> Result<(), String> {
        let shot = self.devtools.try_call("Page.captureScreenshot", &json!({}))?;
        let text = shot["data"].as_str().unwrap_or_default();
        let bytes = BASE64.decode(text.as_bytes()).map_err(|error| error.to_string())?;
        fs::write(path, bytes).map_err(|error| error.to_string())
    }

    fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({ "expression": expression, "returnByValue": true });
        let mut answer = self.devtools.try_call("Runtime.evaluate", &params)?;
        let exception = &answer["exceptionDetails"];
        if !exception.is_null() {
            return Err(exception.to_string());
        }
        Ok(answer["result"]["value"].take())
    }
}

/// The processes of one Chromium, and the folder of everything that it writes.
#[derive(Debug)]
struct Process {
    /// The first process, which leads a group of them all.
    child: Child,
    profile: PathBuf,
}

impl Process {
    #[track_caller]
    fn start(path: &Path) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("gamekeeper-tests-{}-chromium-{number}", process::id());
        let profile = env::temp_dir().join(name);
        fs::create_dir_all(&profile).expect("the temporary folder can be written to");
        let stderr = fs::File::create(profile.join("stderr")).expect("a new file in it, too");
        let mut command = Command::new(path);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display()));
        if geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        let child = command
            .arg("about:blank")
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .expect("it was found a moment ago");
        Self { child, profile }
    }

    /// The port and the path at which it is driven; panics if it takes too long.
    #[track_caller]
    fn wait_until_ready(&mut self) -> (u16, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(self.profile.join("DevToolsActivePort"));
            // A file that is only half there has no second line yet.
            if let Some((port, path)) = said.unwrap_or_default().split_once('\n')
                && let Ok(port) = port.parse()
                && path.starts_with("/devtools/browser/")
            {
                return (port, path.trim().to_owned());
            }
            let ended = self.child.try_wait().expect("a child can be waited for");
            if ended.is_some() || Instant::now() >= deadline {
                let stderr = fs::read_to_string(self.profile.join("stderr")).unwrap_or_default();
                panic!("Chromium cannot be driven: ended {ended:?}, stderr {stderr}");
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
        // The other processes may be in the middle of their last write.
        let deadline = Instant::now() + DYING;
        while fs::remove_dir_all(&self.profile).is_err() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
