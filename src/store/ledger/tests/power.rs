//! The power is cut at every single effect on the disk.

use crate::store::ledger::{LedgerError, Options};

use super::world::{World, record, small};

#[test]
fn a_cut_at_any_effect_loses_nothing_that_was_acknowledged() {
    at_every_effect(&small(), scenario);
}

#[test]
fn a_cut_at_any_effect_loses_nothing_while_a_state_is_written_in_parts() {
    at_every_effect(&small(), in_parts);
}

#[test]
fn a_cut_at_any_effect_loses_nothing_where_segments_grow() {
    let options = Options {
        append: true,
        ..small()
    };
    at_every_effect(&options, scenario);
    at_every_effect(&options, in_parts);
}

#[test]
fn a_cut_during_the_first_start_leaves_a_folder_that_opens() {
    let effects = {
        let mut world = World::small(0);
        world.open();
        world.trial.effects()
    };
    for at in 0..effects {
        let mut world = World::small(at as u64);
        world.trial.die_after(at);
        let _ = world.try_open();
        world.cut();
        world.commit(&[record(1, 10)]).unwrap();
        world.reopen();
    }
}

/// Commits of one and of several blocks, checkpoints and restarts, over several segments.
fn scenario(world: &mut World) -> Result<(), LedgerError> {
    for n in 0..14_u64 {
        world.commit(&[
            record(n, 500),
            record(n + 50, if n % 3 == 0 { 6000 } else { 40 }),
        ])?;
        if n == 6 {
            world.checkpoint(&[record(n, 5000)])?;
        }
        if n == 9 && !world.trial.is_dead() {
            world.ledger = None;
            if !world.trial.is_dead() {
                world.try_open()?;
            }
        }
    }
    Ok(())
}

/// A state in one commit, commits, and then one that goes over four.
fn in_parts(world: &mut World) -> Result<(), LedgerError> {
    world.checkpoint(&[record(1, 700)])?;
    for n in 0..4 {
        world.commit(&[record(n, 500)])?;
    }
    let parts: Vec<_> = (10..14)
        .map(|n| vec![record(n, 3000), record(n + 50, 40)])
        .collect();
    world.checkpoint_in_parts(&parts)?;
    for n in 20..24 {
        world.commit(&[record(n, 500)])?;
    }
    Ok(())
}

fn at_every_effect(options: &Options, scenario: fn(&mut World) -> Result<(), LedgerError>) {
    let effects = {
        let mut world = World::new(options.clone(), 0);
        world.open();
        let before = world.trial.effects();
        scenario(&mut world).expect("the disk is fine");
        world.trial.effects() - before
    };
    assert!(effects > 30, "{effects}");
    for at in 0..effects {
        for fate in 0..3 {
            let mut world = World::new(options.clone(), (at * 3 + fate) as u64);
            world.open();
            world.trial.die_after(at);
            // Upkeep that fails is not told here; the scenario then goes on to a commit that is.
            let _ = scenario(&mut world);
            world.cut();
            // Cut again at once: nothing may depend on a first start that ended well.
            world.cut();
            for n in 0..8 {
                world
                    .commit(&[record(n + 200, 700)])
                    .unwrap_or_else(|e| panic!("{at}/{fate}: {e}"));
            }
            world.reopen();
            world.verify();
        }
    }
}
