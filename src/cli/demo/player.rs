//! A person at the keyboard: what is typed becomes cars, cuts and faults.

use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::keyboard::Keyboard;
use super::keys::Keys;
use super::line::{Line, Way, Wish};
use super::paint::Ink;
use super::scene::Scene;
use super::{faults, typed};
use crate::lane::plate::PlateNumber;
use crate::sim::random::SplitMix64;
use crate::sim::site::{Car, Happening, Pace, Place, Traffic};

/// Who drives.
pub struct Player {
    keyboard: Keyboard,
    keys: Keys,
    line: Line,
    /// Where cars come from that nobody named.
    traffic: Traffic,
    choices: SplitMix64,
    on_their_way: JoinSet<()>,
    is_playing: watch::Sender<bool>,
}

/// An ESC that nothing follows within this was the key.
const SEQUENCE_WITHIN: Duration = Duration::from_millis(50);
/// A terminal that stands still does not keep the process from stopping.
const LEFT_WITHIN: Duration = Duration::from_secs(1);
/// More cars would only stand in line.
const CARS_MAX: usize = 100;

const HELP: [&str; 8] = [
    "  a plate, whole (粤B12345) or short (B12345 is 粤B12345), in capitals; then",
    "    Enter  in if it is outside, out if it is inside; without a plate a new car",
    "    i  o   in, out; without a plate a new car, or any of those inside",
    "    Up     the last plate once more        Esc  clears the line",
    "  where no plate is typed",
    "    n      cuts the network to WeChat, and restores it",
    "    f      the next fault of WeChat        p    stops the traffic, or goes on",
    "    h      this                            q    or Ctrl-C: the account, and out",
];

impl Player {
    /// One who types at `keyboard`. `seed` is that of the traffic, whose cars are others.
    pub fn new(keyboard: Keyboard, seed: u64, pace: &Pace) -> Self {
        Self {
            keyboard,
            keys: Keys::default(),
            line: Line::default(),
            traffic: Traffic::new(!seed, pace),
            choices: SplitMix64::new(seed, "player"),
            on_their_way: JoinSet::new(),
            is_playing: watch::Sender::new(false),
        }
    }

    /// Whether a key was ever pressed: then the demo does not end by itself.
    pub fn is_playing(&self) -> watch::Receiver<bool> {
        self.is_playing.subscribe()
    }

    /// Until the person has had enough. `told` hears what happens on the ground.
    pub async fn play(mut self, scene: &Scene, told: mpsc::WeakSender<Happening>) {
        let mut terminal = TerminalSignals::listen();
        scene.note("h lists the keys; q ends", Ink::Dim);
        loop {
            scene.pen().typed(self.line.text());
            let keys = tokio::select! {
                piece = self.keyboard.next() => match piece {
                    Some(bytes) => self.keys.take(&bytes),
                    None => return,
                },
                () = sleep(SEQUENCE_WITHIN), if self.keys.is_waiting() => {
                    self.keys.settle().into_iter().collect()
                }
                Some(_) = self.on_their_way.join_next() => continue,
                signal = terminal.next() => {
                    signal.obey(scene).await;
                    continue;
                }
            };
            for key in keys {
                self.is_playing.send_replace(true);
                match self.line.press(key) {
                    Some(Wish::Quit) => return,
                    Some(wish) => self.grant(wish, scene, &told),
                    None => {}
                }
            }
        }
    }

    fn grant(&mut self, wish: Wish, scene: &Scene, told: &mpsc::WeakSender<Happening>) {
        match wish {
            Wish::Drive { plate, way } => {
                if let Err(why) = self.drive(&plate, way, scene, told) {
                    scene.note(&why, Ink::Bad);
                }
            }
            Wish::Network => scene.cut_off(!scene.is_cut_off(), ""),
            Wish::Fault => next_fault(scene),
            Wish::Pause => {
                let paused = !scene.site().is_paused();
                scene.site().pause(paused);
                scene.note(
                    match paused {
                        true => "the traffic is stopped: no car comes but yours",
                        false => "the traffic comes again",
                    },
                    Ink::Waits,
                );
            }
            Wish::Help => HELP
                .iter()
                .for_each(|line| scene.pen().write((*line).to_owned())),
            Wish::Full => scene.note("the line is full; Esc clears it", Ink::Bad),
            Wish::Unreadable => scene.note(
                "that was no UTF-8; set the terminal to it, or type the plate short: B12345",
                Ink::Bad,
            ),
            // Was seen to before.
            Wish::Quit => {}
        }
    }

    /// Else says why not; then what was typed stays.
    fn drive(
        &mut self,
        typed: &str,
        way: Way,
        scene: &Scene,
        told: &mpsc::WeakSender<Happening>,
    ) -> Result<(), String> {
        let car = match (typed, way) {
            ("", Way::Out) => {
                let inside = scene.site().standing();
                let any = self.choices.pick(&inside).cloned();
                let plate = any.ok_or("nobody is inside; i or Enter sends a car in")?;
                return self.send_out(&plate, scene);
            }
            ("", Way::In | Way::Through) => self.any_car(scene),
            _ => self.car_of(typed::plate(typed)?),
        };
        let plate = car.plate.as_str().to_owned();
        match (scene.site().place(&car.plate), way) {
            (Place::Outside, Way::In | Way::Through) => self.send_in(car, scene, told),
            (Place::Inside, Way::Out | Way::Through) => self.send_out(&car.plate, scene),
            (Place::Outside, Way::Out) => {
                Err(format!("{plate} is not inside; i or Enter sends it in"))
            }
            (Place::Inside, Way::In) => Err(format!("{plate} is inside; o or Enter sends it out")),
            (Place::ComingIn, _) => Err(format!("{plate} is at the entry")),
            (Place::GoingOut, _) => Err(format!("{plate} is on its way out")),
        }
    }

    fn send_in(
        &mut self,
        car: Car,
        scene: &Scene,
        told: &mpsc::WeakSender<Happening>,
    ) -> Result<(), String> {
        if self.on_their_way.len() >= CARS_MAX {
            return Err(format!("{CARS_MAX} of your cars are here; o sends one out"));
        }
        let plate = car.plate.clone();
        let visit = scene.site().visit(car, told.upgrade());
        let visit = visit.ok_or_else(|| format!("{} is here already", plate.as_str()))?;
        self.on_their_way.spawn(visit);
        self.line.done(plate.as_str());
        Ok(())
    }

    fn send_out(&mut self, plate: &PlateNumber, scene: &Scene) -> Result<(), String> {
        if !scene.site().call_out(plate) {
            return Err(format!("{} is not inside any more", plate.as_str()));
        }
        self.line.done(plate.as_str());
        Ok(())
    }

    /// A car that has not come yet.
    fn any_car(&mut self, scene: &Scene) -> Car {
        loop {
            let car = self.traffic.next();
            let car = car.expect("traffic is without end");
            if scene.site().place(&car.plate) == Place::Outside {
                return Car {
                    stay_ms: None,
                    ..car
                };
            }
        }
    }

    fn car_of(&mut self, plate: PlateNumber) -> Car {
        Car {
            color: typed::color(&plate),
            plate,
            confidence: 96,
            gap_ms: 0,
            stay_ms: None,
            in_by: self.choices.next_u64(),
            out_by: self.choices.next_u64(),
            read_again_in: false,
            read_again_out: false,
        }
    }
}

fn next_fault(scene: &Scene) {
    let next = scene.wechat().with(|wechat| {
        let standing = &mut wechat.faults_mut().standing;
        let next = faults::after(standing.as_ref());
        *standing = next.map(|choice| choice.fault.clone());
        next
    });
    match next {
        Some(choice) => {
            let text = format!("✂ fault: {}: {}", choice.name, choice.means);
            scene.note(&text, Ink::Bad);
        }
        None => scene.note("✓ no fault any more", Ink::Good),
    }
}

/// What the system says about the terminal; each is missing where it cannot be heard.
struct TerminalSignals {
    stop: Option<Signals>,
    resume: Option<Signals>,
    resize: Option<Signals>,
}

enum TerminalSignal {
    Stop,
    Resume,
    Resize,
}

impl TerminalSignals {
    fn listen() -> Self {
        let of = |signal: Signal| self::signal(SignalKind::from_raw(signal.as_raw())).ok();
        Self {
            stop: of(Signal::TSTP),
            resume: of(Signal::CONT),
            resize: of(Signal::WINCH),
        }
    }

    async fn next(&mut self) -> TerminalSignal {
        tokio::select! {
            () = heard(&mut self.stop) => TerminalSignal::Stop,
            () = heard(&mut self.resume) => TerminalSignal::Resume,
            () = heard(&mut self.resize) => TerminalSignal::Resize,
        }
    }
}

impl TerminalSignal {
    async fn obey(self, scene: &Scene) {
        match self {
            Self::Stop => {
                // An error means that it stands still.
                let _ = timeout(LEFT_WITHIN, scene.pen().leave()).await;
                // Cannot fail for this very process.
                let _ = kill_process(getpid(), Signal::STOP);
            }
            Self::Resume => scene.pen().enter(),
            Self::Resize => scene.pen().redraw(),
        }
    }
}

async fn heard(signals: &mut Option<Signals>) {
    if let Some(signals) = signals
        && signals.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}
