//! Chromium without a window, by its own protocol over a pipe: messages of JSON, a zero byte after each.
//! It is clicked and typed into as by a person.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    /// The page that is open.
    session: Option<String>,
    asked: u64,
    /// Errors and warnings of the page's script, and of what it may do.
    pub complaints: Vec<String>,
    /// Whatever was loaded.
    pub addresses: Vec<String>,
    _profile: tempfile::TempDir,
}

/// A loaded machine takes its time.
const DEADLINE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Messages that nobody has looked at yet.
const UNREAD: usize = 1024;
/// The protocol is spoken at the descriptors 3 and 4.
const LAUNCH: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2";

impl Browser {
    /// None, and loudly, where there is no Chromium.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            super::missing("the sandbox's page in a browser; Debian's chromium is wanted");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(profile.path().join("log")).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", LAUNCH])
            .arg(program)
            .args([
                "--remote-debugging-pipe",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (told, from) = sync_channel(UNREAD);
        let messages = BufReader::new(child.stdout.take().unwrap()).split(0);
        thread::spawn(move || {
            for message in messages.map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        Some(Self {
            to: child.stdin.take().unwrap(),
            child,
            from,
            session: None,
            asked: 0,
            complaints: Vec::new(),
            addresses: Vec::new(),
            _profile: profile,
        })
    }

    /// A page of its own, for a person who speaks `language`.
    pub fn open(&mut self, url: &str, language: &str) {
        let target = self.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let to = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.ask("Target.attachToTarget", to);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), json!({}));
        }
        self.resize(1280, 900);
        let person = json!({ "userAgent": "a person", "acceptLanguage": language });
        self.ask("Emulation.setUserAgentOverride", person);
        self.ask("Page.navigate", json!({ "url": url }));
    }

    pub fn close(&mut self) {
        self.ask("Page.close", json!({}));
        self.session = None;
    }

    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// What an expression of the page's script comes to, in the end.
    pub fn value(&mut self, expression: &str) -> Value {
        let expression =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let told = self.ask("Runtime.evaluate", expression);
        assert!(told.get("exceptionDetails").is_none(), "{told}");
        told["result"]["value"].clone()
    }

    /// Until an expression is true.
    pub fn wait(&mut self, what: &str, expression: &str) {
        if until(|| self.value(expression) == true).is_none() {
            let shown = self.value("document.body.innerText");
            panic!("waited for {what} in vain; the page: {shown}");
        }
    }

    /// Until the element that a selector finds shows a text.
    pub fn wait_for(&mut self, selector: &str, text: &str) {
        let shown = format!("document.querySelector({selector:?})?.innerText.includes({text:?})");
        self.wait(&format!("{text} in {selector}"), &shown);
    }

    /// The button with this text, within what a selector finds.
    pub fn press(&mut self, within: &str, text: &str) {
        let button = format!(
            "[...document.querySelectorAll({within:?} + ' button')]\
             .find((it) => it.firstChild.textContent === {text:?} && it.checkVisibility())"
        );
        self.wait(
            &format!("the button {text} in {within}"),
            &format!("!!{button}"),
        );
        self.click(&button);
    }

    /// The box to tick that a selector finds.
    pub fn tick(&mut self, selector: &str) {
        self.click(&format!("document.querySelector({selector:?})"));
    }

    /// Puts `text` in the place of what an input has.
    pub fn write(&mut self, selector: &str, text: &str) {
        let input = format!("document.querySelector({selector:?})");
        self.click(&input);
        self.value(&format!("{input}.select()"));
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// The choice that is shown as `text`. Its list is another window, which nobody can click here.
    pub fn choose(&mut self, selector: &str, text: &str) {
        let chosen = self.value(&format!(
            "(() => {{
                const select = document.querySelector({selector:?});
                const option = [...select.options].find((it) => it.text === {text:?});
                if (!option) return [...select.options].map((it) => it.text).join(', ');
                select.value = option.value;
                for (const kind of ['input', 'change']) select.dispatchEvent(new Event(kind, {{ bubbles: true }}));
                return true;
            }})()"
        ));
        assert_eq!(chosen, true, "no choice {text} in {selector}");
    }

    /// As a PNG file, all of the page.
    pub fn picture(&mut self, path: &std::path::Path) {
        let whole = json!({ "captureBeyondViewport": true });
        let picture = self.ask("Page.captureScreenshot", whole);
        let png = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, png).unwrap();
    }

    fn click(&mut self, element: &str) {
        let place = self.value(&format!(
            "(() => {{
                const element = {element};
                element.scrollIntoView({{ block: 'center' }});
                const box = element.getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.ask("Input.dispatchMouseEvent", mouse);
        }
    }

    /// Sends one message and waits for what is answered to it; what else comes is noted.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
        loop {
            let told = self.from.recv_timeout(DEADLINE);
            let told = told.unwrap_or_else(|why| panic!("{method} was not answered: {why}"));
            if told["id"] == self.asked {
                assert!(told.get("error").is_none(), "{method}: {told}");
                return told["result"].clone();
            }
            self.note(&told);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        let complains = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                ["error", "warning", "assert"].contains(&parameters["type"].as_str().unwrap())
            }
            // The network's are answers that the page shows.
            Some("Log.entryAdded") => parameters["entry"]["source"] != "network",
            Some("Network.requestWillBeSent") => {
                let url = parameters["request"]["url"].as_str().unwrap();
                self.addresses.push(url.to_owned());
                false
            }
            _ => false,
        };
        if complains {
            self.complaints.push(parameters.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// None: it did not become so in time.
pub fn until(mut is_so: impl FnMut() -> bool) -> Option<()> {
    let last = Instant::now() + DEADLINE;
    while !is_so() {
        if Instant::now() > last {
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
    Some(())
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
    found.find(|program| program.is_file())
}
