//! The driver on a chip that does not exist, and on one that does where the kernel simulates any.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};

use super::*;
use crate::barrier::told::{Told, until};
use crate::barrier::{BarrierEvent, Health, Outcome};
use crate::clock::TrustRule;
use crate::lane::alarm::Alarm;
use crate::lane::time::{Moment, Wall};

const RELAY: &str = "BARRIER_OUT1";
const PULSE: Duration = Duration::from_millis(50);
const LONG_PULSE: Duration = Duration::from_secs(60);

#[test]
fn given_a_good_line_when_raised_then_it_pulses_once() {
    let world = World::start(PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.rests();
    assert_eq!(world.chip.levels(RELAY), [false, true, false]);
    assert_eq!(world.told.alarms(), []);
    assert_eq!(world.state().device, "line BARRIER_OUT1 of /dev/gpiochip9");
}

#[test]
fn given_a_pulse_when_another_raise_comes_then_it_is_one_longer_pulse() {
    let world = World::start(LONG_PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    assert_eq!(world.raised("b"), Outcome::Driven);
    assert_eq!(world.chip.levels(RELAY), [false, true]);
}

#[test]
fn given_a_pulse_when_the_driver_is_stopped_then_the_line_is_inactive_and_given_back() {
    let mut world = World::start(LONG_PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.relay = None;
    assert_eq!(world.chip.levels(RELAY), [false, true, false]);
    assert!(!world.chip.lock().taken.contains(&RELAY.to_owned()));
}

#[test]
fn given_a_line_that_is_taken_when_started_then_raises_are_refused_until_it_is_free() {
    let chip = Arc::new(FakeChip::default());
    chip.lock().in_use = true;
    let world = World::on(chip, PULSE);
    world.alarmed("cannot be raised: line BARRIER_OUT1 of /dev/gpiochip9 is in use; `gpioinfo`");
    assert!(matches!(world.raised("a"), Outcome::NotDriven { .. }));
    world.chip.lock().in_use = false;
    world.is_ready();
    let last = world.told.alarms().pop().unwrap();
    assert_eq!(last.text, "the barrier of lane in-1 can be raised again");
    assert!(!last.raised);
    assert_eq!(world.raised("b"), Outcome::Driven);
    world.rests();
    assert_eq!(
        world.chip.levels(RELAY),
        [false, true, false],
        "`a` is not made up for"
    );
}

#[test]
fn given_a_line_that_fails_when_it_is_driven_then_it_is_uncertain_and_taken_anew() {
    let world = World::start(PULSE);
    world.chip.lock().failures = 1;
    let Outcome::Uncertain { why } = world.raised("a") else {
        panic!("driven by a line that failed")
    };
    assert!(why.contains("does not work: bus error"), "{why}");
    world.is_ready();
    world.rests();
    assert_eq!(world.raised("b"), Outcome::Driven);
}

#[test]
fn given_a_line_that_fails_at_the_end_of_a_pulse_when_it_is_taken_anew_then_it_is_inactive() {
    let world = World::start(LONG_PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.chip.lock().failures = 2;
    let World { chip, relay, .. } = world;
    drop(relay);
    // The last thing that a line that is given back can be told has failed as well.
    assert_eq!(chip.levels(RELAY).last(), Some(&true));
    let world = World::on(chip, PULSE);
    world.is_ready();
    assert_eq!(world.chip.levels(RELAY).last(), Some(&false));
}

#[test]
fn given_an_order_whose_time_has_passed_when_it_is_taken_then_it_is_dropped() {
    let world = World::start(PULSE);
    world.order("late", Moment(0));
    assert!(matches!(
        world.told.outcome("late"),
        Outcome::NotDriven { .. }
    ));
    assert_eq!(world.chip.levels(RELAY), [false]);
}

#[test]
fn given_loop_and_limit_switch_when_they_change_then_lane_hears_of_it() {
    let chip = Arc::new(FakeChip::default());
    chip.lock().inputs.insert("LOOP".into(), true);
    let world = World::on(chip, PULSE);
    let lane = || LaneId("in-1".into());
    let loop_is = |occupied| BarrierEvent::ClosingLoop {
        lane: lane(),
        occupied,
    };
    world.heard(&[loop_is(true)]);
    world.chip.edge("LOOP", false);
    world.heard(&[loop_is(true), loop_is(false)]);
    world.chip.edge("UP", true);
    let arm = BarrierEvent::ArmUp { lane: lane() };
    world.heard(&[loop_is(true), loop_is(false), arm.clone()]);
    world.chip.edge("UP", false);
    world.chip.edge("UP", true);
    world.heard(&[loop_is(true), loop_is(false), arm.clone(), arm]);
}

/// What the fake cannot show: that the kernel is asked in the right words. Needs a chip that the
/// kernel only simulates, whose lines move nothing.
#[test]
fn given_a_simulated_chip_when_a_line_is_taken_then_the_kernel_drives_it() {
    let Some(chip) = simulated_chip() else {
        eprintln!("SKIPPED: no simulated GPIO chip here; `modprobe gpio-mockup` or gpio-sim");
        return;
    };
    let mut line = Line {
        chip,
        name: LineName::Offset(0),
        active_low: true,
    };
    let mut output = KernelChip.output(&line).unwrap();
    output.set(true).unwrap();
    output.set(false).unwrap();
    let second = KernelChip.output(&line).err();
    assert!(
        matches!(second, Some(LineFault::InUse { .. })),
        "{second:?}"
    );
    drop(output);
    let mut input = KernelChip.input(&line, Duration::from_millis(5)).unwrap();
    input.is_active().unwrap();
    assert_eq!(input.edge(Duration::from_millis(1)).unwrap(), None);
    line.name = LineName::Name("no such line".into());
    let missing = KernelChip.output(&line).err();
    assert!(
        matches!(missing, Some(LineFault::NoLine { .. })),
        "{missing:?}"
    );
}

#[test]
fn given_no_chip_when_a_line_is_asked_for_then_the_fault_says_what_is_there_instead() {
    let fault = |chip: &str| {
        let line = Line {
            chip: chip.into(),
            name: LineName::Offset(0),
            active_low: false,
        };
        KernelChip.output(&line).err().unwrap().to_string()
    };
    assert!(fault("/dev/gpiochip4711").contains("is not there; `gpiodetect` lists"));
    assert!(fault("/dev/null").contains("is no GPIO chip"));
}

fn simulated_chip() -> Option<PathBuf> {
    let mut chips = gpiocdev::chip::chips().ok()?.into_iter();
    chips.find(|chip| {
        let info = gpiocdev::Chip::from_path(chip).and_then(|chip| chip.info());
        info.is_ok_and(|info| info.label.contains("sim") || info.label.contains("mockup"))
    })
}

struct World {
    chip: Arc<FakeChip>,
    relay: Option<GpioRelay>,
    told: Told,
    clock: Clock,
}

impl World {
    fn start(pulse: Duration) -> Self {
        let world = Self::on(Arc::default(), pulse);
        world.is_ready();
        world
    }

    fn on(chip: Arc<FakeChip>, pulse: Duration) -> Self {
        let line = |name: &str| Line {
            chip: "/dev/gpiochip9".into(),
            name: LineName::Name(name.into()),
            active_low: false,
        };
        let settings = Settings {
            lane: LaneId("in-1".into()),
            relay: line(RELAY),
            pulse,
            arm_up: Some(line("UP")),
            closing: Some(line("LOOP")),
            debounce: Duration::from_millis(5),
        };
        let told = Told::default();
        let sink = told.sink();
        let clock = Clock::system(TrustRule::Rtc, Wall(0));
        let relay =
            GpioRelay::start(&settings, Arc::new(chip.clone()), clock.clone(), sink).unwrap();
        Self {
            chip,
            relay: Some(relay),
            told,
            clock,
        }
    }

    fn order(&self, id: &str, valid_until: Moment) {
        let order = RaiseOrder {
            command_id: id.into(),
            valid_until,
        };
        self.relay.as_ref().unwrap().raise(&order).unwrap();
    }

    fn raised(&self, id: &str) -> Outcome {
        self.order(id, self.clock.now().moment.after_ms(5_000));
        self.told.outcome(id)
    }

    fn alarmed(&self, text: &str) {
        until(text, || {
            let alarms = self.told.alarms();
            let stands = |alarm: &Alarm| alarm.raised && alarm.text.contains(text);
            alarms.iter().any(stands).then_some(())
        });
    }

    fn heard(&self, wanted: &[BarrierEvent]) {
        until("events", || (self.told.events() == wanted).then_some(()));
    }

    fn state(&self) -> State {
        self.relay.as_ref().unwrap().state()
    }

    fn is_ready(&self) {
        until("the line to be taken", || {
            (self.state().health == Health::Ready).then_some(())
        });
    }

    fn rests(&self) {
        until("the line to rest", || {
            (self.chip.levels(RELAY).last() == Some(&false)).then_some(())
        });
    }
}

/// Lines by name.
#[derive(Default)]
struct FakeChip {
    state: Mutex<FakeState>,
    moved: Condvar,
}

#[derive(Default)]
struct FakeState {
    /// What lines were driven to, in order.
    driven: Vec<(String, bool)>,
    taken: Vec<String>,
    in_use: bool,
    /// How many calls fail from now on.
    failures: usize,
    inputs: BTreeMap<String, bool>,
    edges: BTreeMap<String, VecDeque<bool>>,
}

impl FakeChip {
    fn lock(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap()
    }

    fn levels(&self, line: &str) -> Vec<bool> {
        let state = self.lock();
        let of_line = state.driven.iter().filter(|(name, _)| name == line);
        of_line.map(|(_, active)| *active).collect()
    }

    fn edge(&self, line: &str, active: bool) {
        let mut state = self.lock();
        state.inputs.insert(line.to_owned(), active);
        state
            .edges
            .entry(line.into())
            .or_default()
            .push_back(active);
        self.moved.notify_all();
    }
}

impl Chip for Arc<FakeChip> {
    fn output(&self, line: &Line) -> Result<Box<dyn Output>, LineFault> {
        let name = line.name.to_string();
        let mut state = self.lock();
        if state.in_use || state.taken.contains(&name) {
            return Err(LineFault::InUse {
                chip: line.chip.clone(),
                line: line.name.clone(),
            });
        }
        state.taken.push(name.clone());
        state.driven.push((name, false));
        Ok(Box::new(FakeLine(self.clone(), line.clone())))
    }

    fn input(&self, line: &Line, _debounce: Duration) -> Result<Box<dyn Input>, LineFault> {
        Ok(Box::new(FakeLine(self.clone(), line.clone())))
    }
}

struct FakeLine(Arc<FakeChip>, Line);

impl Output for FakeLine {
    fn set(&mut self, active: bool) -> Result<(), LineFault> {
        let mut state = self.0.lock();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(LineFault::Other {
                chip: self.1.chip.clone(),
                line: self.1.name.clone(),
                detail: "bus error".into(),
            });
        }
        state.driven.push((self.1.name.to_string(), active));
        Ok(())
    }
}

impl Input for FakeLine {
    fn is_active(&mut self) -> Result<bool, LineFault> {
        let name = self.1.name.to_string();
        Ok(self.0.lock().inputs.get(&name).copied().unwrap_or(false))
    }

    fn edge(&mut self, at_most: Duration) -> Result<Option<bool>, LineFault> {
        let name = self.1.name.to_string();
        let next = |state: &mut FakeState| state.edges.get_mut(&name)?.pop_front();
        let mut state = self.0.lock();
        if let Some(edge) = next(&mut state) {
            return Ok(Some(edge));
        }
        let (mut state, _) = self.0.moved.wait_timeout(state, at_most).unwrap();
        Ok(next(&mut state))
    }
}

impl Drop for FakeLine {
    fn drop(&mut self) {
        let name = self.1.name.to_string();
        self.0.lock().taken.retain(|taken| *taken != name);
    }
}
