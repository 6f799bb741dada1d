//! A person at the till, for the shops and for the charger: hands in coupons, takes them back, puts money in
//! store for a plate and pays it out again.

use super::faults::Group;
use super::site::{MINUTE, PLATES, number};
use super::world::World;
use crate::lane::listing::{Change, List, Listed};
use crate::lane::session::Session;
use crate::lane::tariff::Benefit;
use crate::park::balance::BalanceChange;
use crate::park::benefit::{BenefitChange, Given};
use crate::park::event::Event;

const BY: &str = "赵敏";
/// So many coupons are about: some are handed in twice.
const COUPONS: u64 = 40;
/// Plates that may have money in store.
const CARDS: [&str; 4] = [PLATES[0], PLATES[3], PLATES[5], PLATES[7]];

impl World {
    /// Does one of these things.
    pub(super) fn favour(&mut self) {
        match self.people.favours.below(8) {
            0..=3 => self.hand_in(),
            4 => self.take_back(),
            5 | 6 => self.top_up(),
            _ => self.pay_out(),
        }
    }

    fn hand_in(&mut self) {
        let Some(stay) = self.pick_a_favoured() else {
            return;
        };
        let random = &mut self.people.favours;
        let number = format!("K-{}", random.below(COUPONS));
        let name = "shop 12".to_owned();
        let (benefit, what) = match random.below(6) {
            0 | 1 => {
                let fen = 100 * (1 + random.below(6));
                (Benefit::Amount { name, fen }, "coupon of an amount")
            }
            2 | 3 => {
                let off = 1 + random.below(100);
                (Benefit::Percent { name, off }, "coupon of a part")
            }
            4 => (Benefit::Whole { name }, "coupon of the whole"),
            _ => {
                let s = random.below(80 * MINUTE) / 1_000;
                let name = "charging".to_owned();
                (Benefit::Time { name, s }, "time on the charger")
            }
        };
        self.count(Group::People, what);
        self.change_favour(stay, BenefitChange::Give(Given { number, benefit }));
    }

    fn take_back(&mut self) {
        let Some(stay) = self.pick_a_favoured() else {
            return;
        };
        let given = self.machine.park().site().benefits.of(&stay.id);
        let numbers: Vec<String> = given.iter().map(|given| given.number.clone()).collect();
        let Some(number) = self.people.favours.pick(&numbers).cloned() else {
            return;
        };
        self.count(Group::People, "coupon taken back");
        self.change_favour(stay, BenefitChange::TakeBack { number });
    }

    fn change_favour(&mut self, stay: Session, change: BenefitChange) {
        self.happen(Event::BenefitChanged {
            session: stay.id,
            change,
            by: BY.into(),
            why: "shop 12".into(),
        });
    }

    fn top_up(&mut self) {
        let random = &mut self.people.favours;
        let plate = number(random.pick(&CARDS).expect("four"));
        let fen = 100 * (1 + random.below(20));
        let listed = self.machine.park().site().listing.of(&plate);
        if listed.iter().all(|listed| listed.list != List::Stored) {
            self.happen(Event::ListChanged {
                change: Change::Put(Listed {
                    plate: plate.clone(),
                    list: List::Stored,
                    from: None,
                    until: None,
                    bay: None,
                    note: String::new(),
                }),
                by: BY.into(),
                why: "a card".into(),
            });
        }
        self.count(Group::People, "money put in store");
        self.change_store(plate, BalanceChange::TopUp { fen });
    }

    fn pay_out(&mut self) {
        let random = &mut self.people.favours;
        let plate = number(random.pick(&CARDS).expect("four"));
        let fen = 100 * (1 + random.below(10));
        self.count(Group::People, "money paid out of store");
        self.change_store(plate, BalanceChange::PayOut { fen });
    }

    fn change_store(&mut self, plate: crate::lane::plate::PlateNumber, change: BalanceChange) {
        self.happen(Event::BalanceChanged {
            plate,
            change,
            by: BY.into(),
            why: "at the till".into(),
        });
    }

    fn pick_a_favoured(&mut self) -> Option<Session> {
        let stays: Vec<Session> = self.machine.park().site().sessions().collect();
        self.people.favours.pick(&stays).cloned()
    }
}
