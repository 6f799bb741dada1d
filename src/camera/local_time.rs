//! Beijing wall clock, as devices keep it: one zone, +08:00, no summer time.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::lane::time::Wall;

const BEIJING: Offset = Offset::constant(8);

/// The instant of a Beijing date and time; None for one that does not exist.
pub fn wall_of(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
) -> Option<Wall> {
    let small = |field: i64| i8::try_from(field).ok();
    let local = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()?;
    let instant = BEIJING.to_timestamp(local).ok()?;
    Some(Wall(instant.as_millisecond()))
}

/// The Beijing date and time of an instant; None beyond the year 9999.
pub fn local_of(wall: Wall) -> Option<DateTime> {
    let instant = jiff::Timestamp::from_millisecond(wall.0).ok()?;
    Some(BEIJING.to_datetime(instant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let wall = wall_of(2026, 3, 2, 8, 15, 30).unwrap();
        assert_eq!(wall, Wall(1_772_410_530_000));
        assert_eq!(local_of(wall).unwrap().to_string(), "2026-03-02T08:15:30");
        assert_eq!(wall_of(2026, 2, 29, 0, 0, 0), None);
        assert_eq!(wall_of(2026, 300, 1, 0, 0, 0), None);
        assert_eq!(local_of(Wall(i64::MAX)), None);
    }
}
