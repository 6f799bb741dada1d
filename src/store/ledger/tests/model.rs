//! Any sequence of commits, checkpoints, failures, restarts and cuts against a list.

use proptest::prelude::*;

use crate::store::ledger::Options;

use super::world::{World, record, small};

#[derive(Clone, Debug)]
enum Act {
    Commit(Vec<usize>),
    Checkpoint(usize),
    Reopen,
    Cut,
    FailAfter(usize, i32),
    DieAfter(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let sizes = proptest::collection::vec(prop_oneof![0..600_usize, 3000..9000_usize], 1..4);
    prop_oneof![
        10 => sizes.prop_map(Act::Commit),
        2 => (0..12_000_usize).prop_map(Act::Checkpoint),
        2 => Just(Act::Reopen),
        1 => Just(Act::Cut),
        2 => (0..8_usize, prop_oneof![Just(libc::EIO), Just(libc::ENOSPC)])
            .prop_map(|(skip, errno)| Act::FailAfter(skip, errno)),
        1 => (0..10_usize).prop_map(Act::DieAfter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_holds_what_was_acknowledged(
        acts in proptest::collection::vec(act(), 1..60),
        append in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut world = World::new(Options { append, ..small() }, seed);
        world.open();
        for (number, act) in (0_u64..).zip(acts) {
            match act {
                Act::Commit(sizes) => {
                    let records: Vec<_> = (0_u64..)
                        .zip(sizes)
                        .map(|(index, bytes)| record(number * 10 + index, bytes))
                        .collect();
                    let _ = world.commit(&records);
                }
                Act::Checkpoint(bytes) => {
                    let _ = world.checkpoint(&[record(number, bytes)]);
                }
                Act::Reopen if world.trial.is_dead() => { world.cut(); }
                Act::Reopen => { world.reopen(); }
                Act::Cut => { world.cut(); }
                Act::FailAfter(skip, errno) => world.trial.fail_after(skip, errno),
                Act::DieAfter(skip) => world.trial.die_after(skip),
            }
        }
        world.cut();
        world.verify();
        world.commit(&[record(7, 7)]).expect("the disk is fine");
        world.reopen();
        world.verify();
    }
}
