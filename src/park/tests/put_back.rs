//! An old image of the whole disk: nothing on the box is younger, and WeChat knows better.

use super::world::*;
use crate::lane::alarm::AlarmKind;
use crate::park::record::LaneRecord;

const LOST: &str = "粤B10001";
const AFTER: &str = "苏E6P398";
const NEXT: &str = "京A7K2M5";

#[test]
fn given_an_old_disk_when_wechat_knows_its_next_number_then_it_is_told_and_numbers_go_on_far_ahead()
{
    let mut before = World::new();
    before.enter(LOST);
    before.pass(MINUTE);
    let lost = before.session(LOST).unwrap().id.clone();
    // The image is from before that car, and its numbers begin where they began then.
    let mut world = World::new();
    std::mem::swap(&mut world.simulator, &mut before.simulator);
    world.run_to(2 * MINUTE);
    world.enter(AFTER);
    assert_eq!(
        world.session(AFTER).unwrap().id,
        lost,
        "the same number again"
    );
    world.pass(MINUTE);
    let told = |world: &World| {
        let alarms = world.alarms.iter();
        alarms
            .filter(|alarm| alarm.kind == AlarmKind::NumbersTaken)
            .count()
    };
    assert_eq!(told(&world), 1);
    let entry = world.book().entry(&lost).unwrap();
    assert_eq!(entry.attempt, 1);
    assert!(!entry.is_to_send(), "registered under the new number");
    world.enter(NEXT);
    world.pass(MINUTE);
    let next = world.session(NEXT).unwrap().id.clone();
    assert!(next.counter() > lost.counter() + (1 << 19), "{next}");
    assert_eq!(told(&world), 1);
    let records = world.lane_records();
    let skips = records.iter();
    let skips = skips.filter(|record| matches!(record, LaneRecord::NumbersSkipped { .. }));
    assert_eq!(skips.count(), 1);
    // Both are charged as any other.
    world.run_to(HOUR);
    for plate in [AFTER, NEXT] {
        world.read(OUT, plate);
        world.drive_through(OUT);
        world.pass(MINUTE);
    }
    assert_eq!(world.book().totals().settled.count, 2);
}
