//! What goes wrong in a run, all of it drawn from the seed: a generator for each group, so that a draw
//! in one does not move the others, and a group can be left out to see whether it matters.

use std::collections::{BTreeMap, BTreeSet};

use super::barrier::BarrierFaults;
use super::broker::BrokerFaults;
use super::camera::CameraFaults;
use super::clock::Profile;
use super::line::LineFaults;
use super::network::NetworkFaults;
use super::people::PeopleFaults;
use super::power::PowerFaults;
use super::site::{HOUR, MINUTE};
use super::vehicles::VehicleFaults;
use crate::sim::random::SplitMix64;

/// Faults go on for so long; then everything works.
pub const FAULTS_MS: u64 = 2 * HOUR;

/// Where something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// On the way to WeChat and back, and at WeChat.
    Network,
    /// Between cameras and box.
    Broker,
    /// What cameras see and say.
    Camera,
    /// A serial line with a camera on it.
    Line,
    /// Cuts at any effect.
    Power,
    /// Disks that are full for a while, and slow ones.
    Disk,
    /// The box's wall clock.
    Clock,
    /// Arms that do not rise, and replies that get lost.
    Barrier,
    /// Drivers.
    Vehicles,
    /// Attendants and operators.
    People,
}

impl Group {
    pub const ALL: [Self; 10] = [
        Self::Network,
        Self::Broker,
        Self::Camera,
        Self::Line,
        Self::Power,
        Self::Disk,
        Self::Clock,
        Self::Barrier,
        Self::Vehicles,
        Self::People,
    ];

    pub fn all() -> BTreeSet<Self> {
        Self::ALL.into()
    }
}

/// How many faults happened, by group and kind.
pub type Tally = BTreeMap<(Group, &'static str), u64>;

/// What goes wrong in one run. A group that is left out is as if nothing ever went wrong there.
#[derive(Default)]
pub struct Faults {
    pub network: NetworkFaults,
    pub broker: BrokerFaults,
    pub camera: CameraFaults,
    pub line: LineFaults,
    pub power: PowerFaults,
    pub disk: DiskFaults,
    pub clock: Profile,
    pub barrier: BarrierFaults,
    pub vehicles: VehicleFaults,
    pub people: PeopleFaults,
}

/// What is wrong with the disk.
#[derive(Default)]
pub struct DiskFaults {
    /// Nothing can be written: from, to.
    pub full: Vec<(u64, u64)>,
    /// So many of 1000 commits take seconds.
    pub slow_permille: u16,
}

impl Faults {
    pub fn drawn(seed: u64, groups: &BTreeSet<Group>) -> Self {
        let mut faults = Self::default();
        for group in groups {
            let random = &mut SplitMix64::new(seed, &format!("{group:?} faults"));
            // Not every run has everything: a fault that is always there hides others.
            if !random.chance(700) {
                continue;
            }
            match group {
                Group::Network => faults.network = NetworkFaults::drawn(random),
                Group::Broker => faults.broker = BrokerFaults::drawn(random),
                Group::Camera => faults.camera = CameraFaults::drawn(random),
                Group::Line => faults.line = LineFaults::drawn(random),
                Group::Power => faults.power = PowerFaults::drawn(random),
                Group::Disk => faults.disk = DiskFaults::drawn(random),
                Group::Clock => faults.clock = Profile::drawn(random),
                Group::Barrier => faults.barrier = BarrierFaults::drawn(random),
                Group::Vehicles => faults.vehicles = VehicleFaults::drawn(random),
                Group::People => faults.people = PeopleFaults::drawn(random),
            }
        }
        faults
    }
}

impl DiskFaults {
    fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            full: windows(random, 2, 5 * MINUTE),
            slow_permille: permille(random, 30),
        }
    }
}

/// Up to `most` stretches of at most `ms` milliseconds, within the time of faults.
pub fn windows(random: &mut SplitMix64, most: u64, ms: u64) -> Vec<(u64, u64)> {
    let count = random.below(most + 1);
    let window = |_| {
        let from = random.below(FAULTS_MS);
        (from, (from + random.below(ms)).min(FAULTS_MS))
    };
    (0..count).map(window).collect()
}

/// A rate of up to `most` in 1000; none as often as not.
pub fn permille(random: &mut SplitMix64, most: u64) -> u16 {
    match random.chance(500) {
        true => u16::try_from(random.below(most + 1)).unwrap(),
        false => 0,
    }
}

/// Whether `time` lies in one of the stretches.
pub fn within(windows: &[(u64, u64)], time: u64) -> bool {
    windows
        .iter()
        .any(|(from, to)| (*from..*to).contains(&time))
}
