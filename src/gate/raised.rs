//! Alarms of one who finds anew, at each look, which of them should stand.

use std::collections::BTreeMap;

use crate::lane::alarm::{Alarm, AlarmKind};

/// Those that were raised and are not over.
#[derive(Debug, Default)]
pub struct Raised(BTreeMap<(AlarmKind, String), Alarm>);

impl Raised {
    /// What to raise and to clear, once each, so that these stand. `over` is what a cleared one says.
    pub fn news(&mut self, stand: Vec<Alarm>, over: &str) -> Vec<Alarm> {
        let keyed = |alarm: Alarm| ((alarm.kind, alarm.subject.clone()), alarm);
        let stand: BTreeMap<_, _> = stand.into_iter().map(keyed).collect();
        let cleared = self
            .0
            .iter()
            .filter(|(key, _)| !stand.contains_key(*key))
            .map(|(_, alarm)| Alarm {
                raised: false,
                text: over.to_owned(),
                ..alarm.clone()
            });
        let new = stand
            .iter()
            .filter(|(key, alarm)| self.0.get(*key) != Some(*alarm));
        let news = cleared.chain(new.map(|(_, alarm)| alarm.clone())).collect();
        self.0 = stand;
        news
    }
}
