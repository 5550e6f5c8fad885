//! One tab of a Chromium, and what a test does with it.
//!
//! Data flow: an expression or a wish -> here -> `devtools.rs` -> the page. It knows no page: what
//! is asked is the test's business.

use std::{
    env, fs,
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::devtools::DevTools;
use crate::PATIENCE;

/// Between two looks at a page.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// An open tab, with cookies and storage of its own, in a window of its own.
#[derive(Debug)]
pub struct Tab {
    pub(super) devtools: DevTools,
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

    /// Ends the page's own process, while the browser lives on.
    #[track_caller]
    pub fn crash(mut self) {
        // Whoever would answer is gone.
        self.devtools.send("Page.crash", &json!({})).expect("the tab is open");
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
