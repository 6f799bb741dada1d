//! The simulator as a process of its own, so that its signatures are told apart from the daemon's.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use parkgate::sim::http::{Outage, Server};
use parkgate::sim::material;
use parkgate::sim::wechat::{Call, Fault, Simulator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Outcome;
use crate::process::Running;

/// How it answers from now on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Mood {
    /// Nobody listens.
    pub refuses: bool,
    /// Each answer comes so long after its request.
    pub latency_ms: u64,
    /// The list of platform certificates cannot be had.
    pub hides_certificates: bool,
}

/// What it was asked so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    pub entries: u64,
    pub charges: u64,
}

#[derive(Serialize, Deserialize)]
enum Order {
    Be(Mood),
    CountRequests,
    Complain,
}

/// The running simulator; ends with the value.
pub struct WeChat {
    pub process: Running,
    pub urls: Vec<String>,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// More requests than any part of the benchmark makes of one call.
const ALL: usize = 1000;

impl WeChat {
    pub fn start() -> Outcome<Self> {
        let mut process = Running::spawn(
            Command::new(std::env::current_exe()?)
                .arg("wechat")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let orders = process.0.stdin.take().ok_or("no stdin")?;
        let answers = process.0.stdout.take().ok_or("no stdout")?;
        let mut wechat = Self {
            process,
            urls: Vec::new(),
            orders,
            answers: BufReader::new(answers),
        };
        wechat.urls = serde_json::from_str(&wechat.line()?)?;
        Ok(wechat)
    }

    pub fn be(&mut self, mood: Mood) -> Outcome<()> {
        self.order(&Order::Be(mood))
    }

    pub fn asked(&mut self) -> Outcome<Asked> {
        self.order(&Order::CountRequests)
    }

    /// What the daemons did that WeChat's contract forbids.
    pub fn complaints(&mut self) -> Outcome<Vec<String>> {
        self.order(&Order::Complain)
    }

    fn order<T: DeserializeOwned>(&mut self, order: &Order) -> Outcome<T> {
        let line = serde_json::to_string(order)?;
        writeln!(self.orders, "{line}")?;
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("the simulator has ended".into()),
            _ => Ok(line),
        }
    }
}

/// Serves until stdin ends.
pub fn run() -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let clock = Clock::system(TrustRule::Rtc, Wall(0));
    let simulator = Simulator::new(material::settings(1));
    let server = runtime.block_on(Server::on_loopback(simulator, clock, 1))?;
    println!("{}", serde_json::to_string(&server.base_urls())?);
    for line in std::io::stdin().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Order::Be(mood) => json!(be(&server, mood)),
            Order::CountRequests => json!(asked(&server)),
            Order::Complain => {
                let violations = server.books().violations;
                json!(
                    violations
                        .iter()
                        .map(|it| format!("{it:?}"))
                        .collect::<Vec<_>>()
                )
            }
        };
        println!("{answer}");
    }
    Ok(())
}

fn be(server: &Server, mood: Mood) {
    server.with(|simulator| {
        simulator.settings_mut().latency_ms = mood.latency_ms;
        let hidden = if mood.hides_certificates { ALL } else { 0 };
        let faults = vec![Fault::ErrorBefore; hidden];
        let next_on = &mut simulator.faults_mut().next_on;
        next_on.insert(Call::Certificates, faults.into());
    });
    server.set_outage(match mood.refuses {
        true => Outage::Refused,
        false => Outage::None,
    });
}

fn asked(server: &Server) -> Asked {
    server.with(|simulator| Asked {
        entries: simulator.asked(Call::Entry),
        charges: simulator.asked(Call::Charge),
    })
}
