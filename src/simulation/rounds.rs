//! A person on their round: counts the cars, changes the lists, ends the stays of cars that seem gone, and
//! takes money by other means than the charge.

use super::faults::Group;
use super::site::{HOUR, MINUTE, PLATES, number};
use super::world::World;
use crate::lane::listing::{Change, List, Listed};
use crate::lane::session::Session;
use crate::park::event::Event;
use crate::park::payment::{PaidStay, Taking};

const BY: &str = "李强";
/// Plates whose lists change; the configuration lists others.
const LISTED: [&str; 3] = [PLATES[2], PLATES[4], PLATES[6]];

impl World {
    /// Does two or three of the things that a round is for.
    pub(super) fn go_round(&mut self) {
        for _ in 0..3 {
            if self.machine.off {
                return;
            }
            match self.people.rounds.below(5) {
                0 => self.count_the_cars(),
                1 => self.change_a_list(),
                2 => self.end_a_stay(),
                _ => self.take_money(),
            }
        }
    }

    /// Rightly, by the books, or one too many.
    fn count_the_cars(&mut self) {
        let counted = self.machine.park().site().counted_inside();
        let inside = counted + self.people.rounds.below(3);
        self.count(Group::People, "cars counted");
        self.happen(Event::PlacesCounted {
            inside,
            by: BY.into(),
            why: "the evening's round".into(),
        });
    }

    fn change_a_list(&mut self) {
        let wall = self.clock.now().wall;
        let random = &mut self.people.rounds;
        let plate = number(random.pick(&LISTED).expect("three"));
        let list = *random
            .pick(&[List::Permit, List::Visitor, List::Blocked])
            .expect("three");
        let lasts_ms = i64::try_from(MINUTE + random.below(HOUR)).unwrap();
        let until = random.chance(300).then(|| wall.plus_ms(lasts_ms));
        let listed = self.machine.park().site().listing.of(&plate);
        let change = match listed.iter().any(|listed| listed.list == list) {
            true => Change::Remove { plate, list },
            false => Change::Put(Listed {
                plate,
                list,
                from: None,
                until,
                bay: None,
                note: String::new(),
            }),
        };
        self.count(Group::People, "list changed");
        self.happen(Event::ListChanged {
            change,
            by: BY.into(),
            why: "a guest of 3-1-501".into(),
        });
    }

    /// The car is not where it should be, it seems.
    fn end_a_stay(&mut self) {
        let Some(stay) = self.pick_a_stay() else {
            return;
        };
        let review = self.people.rounds.chance(500);
        self.count(Group::People, "stay ended");
        self.happen(Event::StayEnded {
            session: stay.id,
            review,
            left: None,
            by: BY.into(),
            why: "not found inside".into(),
        });
    }

    /// In advance, for what is owed, a part of it, or once more.
    fn take_money(&mut self) {
        let owed: Vec<_> = self.machine.park().queue().book().desk().collect();
        let owed = self.people.rounds.pick(&owed);
        let owed = owed.map(|charge| (PaidStay::of_claim(&charge.claim), charge.fee_fen()));
        let in_advance = self.people.rounds.chance(500);
        let (stay, due_fen, what) = match owed.filter(|_| !in_advance) {
            Some((stay, due_fen)) => (stay, due_fen, "paid arrears"),
            None => match self.pick_a_stay() {
                Some(stay) => (PaidStay::of(&stay), 500, "paid in advance"),
                None => return,
            },
        };
        let random = &mut self.people.rounds;
        let fen = match random.below(4) {
            0 => due_fen + 100,
            1 => due_fen,
            _ => (due_fen / 2).max(1),
        };
        let regardless = random.chance(500);
        self.count(Group::People, what);
        self.happen(Event::PaymentTaken {
            taking: Box::new(Taking {
                stay,
                fen,
                channel: "cash".into(),
                by: BY.into(),
                regardless,
            }),
        });
    }

    fn pick_a_stay(&mut self) -> Option<Session> {
        let stays: Vec<Session> = self.machine.park().site().sessions().collect();
        self.people.rounds.pick(&stays).cloned()
    }
}
