//! A real browser, driven through its pipe; no package of ours speaks to it, nor does anything listen on a port.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::SOON;

const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// A page of it.
pub(super) struct Chromium {
    child: Child,
    to: RefCell<File>,
    from: RefCell<BufReader<File>>,
    calls: RefCell<u64>,
    session: RefCell<Option<String>>,
    /// What it has said in between.
    pub(super) events: RefCell<Vec<Value>>,
    _folder: tempfile::TempDir,
}

/// Whether there is such a program.
fn exists(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(name).is_file())
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

impl Chromium {
    /// `None` where there is none.
    pub(super) fn start() -> Option<Self> {
        let name = NAMES.into_iter().find(|name| exists(name))?;
        let folder = tempfile::tempdir().unwrap();
        let (to, from) = (folder.path().join("to"), folder.path().join("from"));
        pipe(&to);
        pipe(&from);
        let script = format!(
            "exec {name} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --remote-debugging-pipe \
             --user-data-dir=profile about:blank 3<to 4>from"
        );
        let child = Command::new("sh")
            .args(["-c", &script])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In the order in which the shell opens them: each waits for the other.
        let to = OpenOptions::new().write(true).open(to).unwrap();
        let from = File::open(from).unwrap();
        let browser = Self {
            child,
            to: RefCell::new(to),
            from: RefCell::new(BufReader::new(from)),
            calls: RefCell::new(0),
            session: RefCell::new(None),
            events: RefCell::default(),
            _folder: folder,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        *browser.session.borrow_mut() = session.as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// What it answers; what else it says meanwhile is kept.
    pub(super) fn call(&self, method: &str, params: &Value) -> Value {
        let id = self.calls.replace_with(|calls| *calls + 1);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &*self.session.borrow() {
            message["sessionId"] = json!(session);
        }
        let mut to = self.to.borrow_mut();
        to.write_all(message.to_string().as_bytes()).unwrap();
        to.write_all(&[0]).unwrap();
        loop {
            let mut text = Vec::new();
            let read = self.from.borrow_mut().read_until(0, &mut text).unwrap();
            assert!(read > 0, "the browser is gone");
            text.pop();
            let said: Value = serde_json::from_slice(&text).unwrap();
            if said["id"] == id {
                assert!(said["error"].is_null(), "{method}: {}", said["error"]);
                return said["result"].clone();
            }
            self.events.borrow_mut().push(said);
        }
    }

    /// The value of an expression in the page.
    pub(super) fn value(&self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", &params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result:#}"
        );
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(super) fn until(&self, expression: &str) {
        let begun = Instant::now();
        // A page that is opened may not have it yet.
        let tried =
            format!("(() => {{ try {{ return {expression} }} catch {{ return false }} }})()");
        while self.value(&tried) != true {
            let shown = || self.value("document.body.innerText.slice(0, 500)");
            assert!(begun.elapsed() < SOON, "not {expression}: {}", shown());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(super) fn opens(&self, url: &str) {
        self.call("Page.navigate", &json!({"url": url}));
    }

    /// Presses a key, as a person does.
    pub(super) fn key(&self, key: &str) {
        let text = if key.len() == 1 {
            key
        } else if key == "Enter" {
            "\r"
        } else {
            ""
        };
        let down = json!({"type": "keyDown", "key": key, "text": text});
        self.call("Input.dispatchKeyEvent", &down);
        self.call(
            "Input.dispatchKeyEvent",
            &json!({"type": "keyUp", "key": key}),
        );
    }

    pub(super) fn scheme(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    pub(super) fn width(&self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// What went wrong in the page, as its console has it.
    pub(super) fn errors(&self) -> Vec<Value> {
        let events = self.events.borrow();
        let is_error = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => event["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => event["params"]["type"] == "error",
            _ => false,
        };
        events.iter().filter(is_error).cloned().collect()
    }

    /// All that it has asked for.
    pub(super) fn requests(&self) -> Vec<String> {
        let events = self.events.borrow();
        let asked = events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        asked
            .map(|event| {
                event["params"]["request"]["url"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // All of its processes are to have ended before their folder is removed.
        let closes = br#"{"id": 0, "method": "Browser.close"}"#;
        let _ = self.to.get_mut().write_all(&[closes, &[0][..]].concat());
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && matches!(self.child.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
