//! The ledger on a real filesystem over a device that loses its cache: the power is cut at any moment,
//! the filesystem recovers from its journal, and every acknowledged commit is there.
//!
//! `PARKGATE_CUTS=100` cuts so often in each test.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is test; clippy sees that only of functions marked #[test]"
)]

mod device;
mod disk;
mod writer;

use parkgate::sim::random::SplitMix64;
use parkgate::store::ledger::Options;
use tempfile::TempDir;

use device::Fate;
use disk::Disk;
use writer::{Writer, read};

/// Cuts of one disk's life; then a new disk begins, since this one fills up.
const CUTS_OF_A_DISK: usize = 5;

/// As a box runs: while the reserve is being written in the background, and in long segments.
#[test]
fn nothing_acknowledged_is_lost_with_segments_as_a_box_has_them() {
    cut("segments as a box has them", 1, &Options::default());
}

/// Several segments a second are begun, packed and recycled.
#[test]
fn nothing_acknowledged_is_lost_while_segments_are_changed_and_packed() {
    cut("small segments", 2, &small());
}

#[test]
fn nothing_acknowledged_is_lost_where_segments_grow() {
    let options = Options {
        append: true,
        ..small()
    };
    cut("segments that grow", 3, &options);
}

/// The check of the check.
#[test]
fn a_disk_that_lies_about_its_flush_is_found_out() {
    let Some(image) = disk::formatted() else {
        return;
    };
    let (place, mut random) = (TempDir::new().unwrap(), SplitMix64::new(4, "power"));
    let disk = Disk::mount(image, place.path());
    disk.device.lie();
    let writer = Writer::start(place.path(), &small());
    writer.until_acknowledged(20);
    let image = disk.device.cut(Fate::Lost, &mut random).image;
    writer.stop();
    disk.unmount();
    let disk = Disk::mount(image, place.path());
    assert_eq!(read(place.path()), 0, "nothing was ever flushed");
    disk.unmount();
}

fn small() -> Options {
    Options {
        first_segment_bytes: 4 * 4096,
        segment_bytes: 16 * 4096,
        reserve: 2,
        ..Options::default()
    }
}

fn cut(what: &str, seed: u64, options: &Options) {
    let Some(new) = disk::formatted() else {
        return;
    };
    let cuts = std::env::var("PARKGATE_CUTS").map_or(5, |cuts| cuts.parse().unwrap());
    let (place, mut random) = (TempDir::new().unwrap(), SplitMix64::new(seed, "power"));
    let (mut acknowledged, mut more, mut unflushed) = (0, 0, 0);
    let (mut disk, mut before) = (Disk::mount(new.clone(), place.path()), 0);
    for number in 1..=cuts {
        let writer = Writer::start(place.path(), options);
        // Half of them may hit the opening.
        if random.chance(500) {
            writer.until_acknowledged(before + 1);
        }
        // What is acknowledged before the cut must be there after it.
        let requests = random.below(400);
        let fate = Fate::drawn(&mut random);
        let (certain, cut) =
            disk.device
                .cut_between_requests(requests, fate, &random, writer.acknowledged_so_far());
        random.next_u64();
        let certain = certain.max(before);
        let asked = writer.stop();
        disk.unmount();

        disk = Disk::mount(cut.image, place.path());
        let found = read(place.path());
        let told = format!("cut {number} of seed {seed}, {fate:?}");
        assert!(
            found >= certain,
            "{told}: {certain} acknowledged, {found} there"
        );
        assert!(found <= asked, "{told}: {asked} asked for, {found} there");
        acknowledged += certain - before;
        more += found - certain;
        unflushed += cut.unflushed;
        before = found;
        if number % CUTS_OF_A_DISK == 0 {
            disk.unmount();
            (disk, before) = (Disk::mount(new.clone(), place.path()), 0);
        }
    }
    disk.unmount();
    println!(
        "{what}: {cuts} cuts, {acknowledged} commits acknowledged and all there, {more} more found, \
         {unflushed} writes in the cache at the cuts"
    );
}
