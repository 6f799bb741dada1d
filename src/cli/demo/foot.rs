//! The two lines below the timeline: how things stand, and what is being typed.

use serde_json::Value;

use super::paint::{Ink, Paint};
use super::width::{beginning, columns, end};
use crate::lane::tariff::yuan;

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standings {
    pub inside: u64,
    /// Charges that WeChat has not taken on.
    pub waiting: Money,
    /// Those it has, without the money having moved.
    pub accepted: Money,
    pub settled: Money,
    pub with_staff: Money,
    pub withdrawn: Money,
    pub wechat: Link,
    /// Cameras and brokers that the daemon does not reach.
    pub links_down: usize,
    /// What is done to WeChat's answers, in words.
    pub fault: Option<&'static str>,
    /// No cars come by themselves.
    pub paused: bool,
}

/// A number of charges and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub count: u64,
    pub fen: u64,
}

/// How the daemon gets on with WeChat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    Answers,
    /// The network is cut, whatever the daemon knows of it.
    Cut,
    Silent,
    /// It refuses the merchant, with this code.
    Refuses(String),
}

/// What stands below the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foot {
    pub standings: Standings,
    /// What is typed so far.
    pub typed: String,
}

/// A line, and how many columns it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    pub columns: usize,
}

/// The second line, where the cursor stands behind what is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub row: Row,
    pub cursor: usize,
}

const BETWEEN: &str = " | ";
const PROMPT: &str = "plate> ";
const KEYS: &str = "Enter in/out  n network  f fault  p pause  h help  q quit";
const KEYS_TYPING: &str = "Enter in or out  i in  o out  Esc clears";

/// One piece of the status line. The lower its rank, the longer it stays when there is no room.
struct Piece {
    rank: u8,
    text: String,
    ink: Ink,
}

impl Money {
    fn less(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_sub(other.count),
            fen: self.fen.saturating_sub(other.fen),
        }
    }
}

impl Foot {
    /// The status line, in at most so many columns.
    pub fn status(&self, at_most: usize, paint: Paint) -> Row {
        let mut pieces = self.standings.pieces();
        while width(&pieces) > at_most && pieces.len() > 1 {
            let last = pieces.iter().map(|piece| piece.rank).max();
            pieces.retain(|piece| Some(piece.rank) != last);
        }
        if let [only] = &mut pieces[..] {
            only.text = beginning(&only.text, at_most).to_owned();
        }
        let painted: Vec<String> = pieces
            .iter()
            .map(|piece| paint.with(piece.ink, &piece.text))
            .collect();
        Row {
            columns: width(&pieces),
            text: painted.join(&paint.with(Ink::Dim, BETWEEN)),
        }
    }

    /// The line that is typed on, in at most so many columns.
    pub fn prompt(&self, at_most: usize, paint: Paint) -> Prompt {
        let label = match at_most > PROMPT.len() {
            true => PROMPT,
            false => "",
        };
        // One column stays free for the cursor.
        let typed = end(
            &self.typed,
            at_most.saturating_sub(label.len()).saturating_sub(1),
        );
        let cursor = columns(label) + columns(typed);
        let keys = match self.typed.is_empty() {
            true => KEYS,
            false => KEYS_TYPING,
        };
        let room = at_most.saturating_sub(cursor + 3);
        let (hint, hint_columns) = match columns(keys) <= room {
            true => (
                format!("   {}", paint.with(Ink::Dim, keys)),
                columns(keys) + 3,
            ),
            false => (String::new(), 0),
        };
        let label = paint.with(Ink::Dim, label);
        Prompt {
            row: Row {
                text: format!("{label}{}{hint}", paint.with(Ink::Name, typed)),
                columns: cursor + hint_columns,
            },
            cursor,
        }
    }
}

impl Standings {
    /// As far as the daemon's answer to `status` tells, with the charges that WeChat has not taken
    /// on, and whether the network to it is cut.
    pub fn of(status: &Value, waiting: Money, cut_off: bool) -> Self {
        let number = |path: &str| status.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        let total = |end: &str| Money {
            count: number(&format!("/totals/{end}/count")),
            fen: number(&format!("/totals/{end}/fen")),
        };
        let (settled, with_staff) = (total("settled"), total("handed_to_staff"));
        let withdrawn = total("withdrawn");
        let ended = [waiting, settled, with_staff, withdrawn];
        let alarms = status["alarms"].as_array().into_iter().flatten();
        let down = alarms.filter(|alarm| alarm["kind"] == "link_down");
        Self {
            inside: number("/cars_inside"),
            waiting,
            accepted: ended.into_iter().fold(total("opened"), Money::less),
            settled,
            with_staff,
            withdrawn,
            wechat: match (status["merchant_stopped"].as_str(), cut_off) {
                (_, true) => Link::Cut,
                (Some(code), _) => Link::Refuses(code.to_owned()),
                (None, _) if status["wechat_silent"] == Value::Bool(true) => Link::Silent,
                (None, _) => Link::Answers,
            },
            links_down: down.count(),
            fault: None,
            paused: false,
        }
    }

    /// In the order in which they are shown.
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces = vec![
            piece(0, format!("{} inside", self.inside), Ink::Name),
            self.queue(),
        ];
        let mut money = |rank, name: &str, money: Money, ink| {
            if money.count > 0 {
                pieces.push(piece(rank, format!("{name} {}", yuan(money.fen)), ink));
            }
        };
        money(7, "accepted", self.accepted, Ink::Plain);
        money(4, "paid", self.settled, Ink::Good);
        money(6, "staff", self.with_staff, Ink::Bad);
        money(9, "let off", self.withdrawn, Ink::Waits);
        pieces.push(self.link());
        pieces.push(match self.links_down {
            0 => piece(10, "cameras ok".to_owned(), Ink::Plain),
            down => piece(3, format!("{down} links down"), Ink::Bad),
        });
        pieces.push(match self.fault {
            None => piece(8, "no fault".to_owned(), Ink::Plain),
            Some(fault) => piece(3, format!("fault: {fault}"), Ink::Bad),
        });
        if self.paused {
            pieces.push(piece(5, "paused".to_owned(), Ink::Waits));
        }
        pieces
    }

    fn queue(&self) -> Piece {
        let Money { count, fen } = self.waiting;
        match count {
            0 => piece(1, "queue empty".to_owned(), Ink::Plain),
            _ => piece(1, format!("queue {count}: {}", yuan(fen)), Ink::Waits),
        }
    }

    fn link(&self) -> Piece {
        match &self.wechat {
            Link::Answers => piece(2, "WeChat ok".to_owned(), Ink::Good),
            Link::Cut => piece(2, "WeChat cut".to_owned(), Ink::Bad),
            Link::Silent => piece(2, "WeChat silent".to_owned(), Ink::Waits),
            Link::Refuses(code) => piece(2, format!("WeChat: {code}"), Ink::Bad),
        }
    }
}

fn piece(rank: u8, text: String, ink: Ink) -> Piece {
    Piece { rank, text, ink }
}

fn width(pieces: &[Piece]) -> usize {
    let texts: usize = pieces.iter().map(|piece| columns(&piece.text)).sum();
    texts + BETWEEN.len() * pieces.len().saturating_sub(1)
}
