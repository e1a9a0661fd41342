//! A browser that is told what to do through a pipe, by the DevTools protocol: a JSON text, ended by a zero byte, for each command, answer
//! and event.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use libtest_mimic::Failed;
use serde_json::{Value, json};

/// Debian's name for it.
pub(super) const CHROMIUM: &str = "/usr/bin/chromium";

/// A browser with one page. It ends when this is dropped.
pub(super) struct Browser {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it, with an empty page.
    pub(super) fn start() -> Result<Self, Failed> {
        let profile = tempfile::tempdir()?;
        // It reads descriptor 3 and writes descriptor 4.
        let command = format!(
            "exec {CHROMIUM} --headless --no-sandbox --disable-gpu --hide-scrollbars --remote-debugging-pipe --user-data-dir='{}' \
             3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null",
            profile.path().display()
        );
        let mut shell = Command::new("/bin/sh");
        let mut process = shell.args(["-c", &command]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("a pipe")?);
        let mut browser = Self { process, commands, answers, session: None, last: 0, events: Vec::new(), _profile: profile };
        let page = browser.ask("Target.createTarget", json!({ "url": "about:blank" }))?;
        let session = browser.ask("Target.attachToTarget", json!({ "targetId": page["targetId"], "flatten": true }))?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(browser)
    }

    /// Sends a command and waits for its answer.
    pub(super) fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, Failed> {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut text = serde_json::to_vec(&command)?;
        text.push(0);
        self.commands.as_mut().ok_or("a browser that runs")?.write_all(&text)?;
        loop {
            let told = self.read()?;
            if told["id"] != json!(self.last) {
                self.events.push(told);
            } else if told["error"].is_null() {
                return Ok(told["result"].clone());
            } else {
                return Err(format!("{method}: {}", told["error"]).into());
            }
        }
    }

    fn read(&mut self) -> Result<Value, Failed> {
        let mut text = Vec::new();
        self.answers.read_until(0, &mut text)?;
        match text.split_last() {
            Some((0, text)) => Ok(serde_json::from_slice(text)?),
            _ => Err("the browser has ended".into()),
        }
    }

    /// Loads a page, and waits until it is there with all that it asks for.
    pub(super) fn visit(&mut self, url: &str) -> Result<(), Failed> {
        self.events.clear();
        self.ask("Page.navigate", json!({ "url": url }))?;
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.read()?;
            self.events.push(event);
        }
        Ok(())
    }

    /// What an expression comes to in the page, with or without scripts of its own.
    pub(super) fn value(&mut self, expression: &str) -> Result<Value, Failed> {
        let answer = self.ask("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }))?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].clone()),
            thrown => Err(format!("{expression}: {thrown}").into()),
        }
    }

    /// The parameters of the events of a kind, since the page was asked for.
    pub(super) fn told(&self, method: &str) -> Vec<Value> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| event["params"].clone()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends at the end of the pipe; what of it runs in processes of their own ends with it.
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}
