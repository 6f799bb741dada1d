//! `parkgate sessions`: stays, and the whole story of one.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::evidence::{self, EvidenceArgs};
use super::lane::done;
use super::output::{Table, number, padded, text};
use super::review::FEE_FEN_MAX;
use super::when::{long, short, when};
use super::words::{self, Lang, Pair, money, refund as refund_words, story as told};
use super::{SocketArgs, Word, client};
use crate::control::Question;
use crate::json;
use crate::lane::tariff::{Benefit, yuan};
use crate::lane::time::Wall;
use crate::park::benefit::{BenefitChange, Given};
use crate::story::charge::ChargeRow;
use crate::story::happening::{Happening, Story};
use crate::story::session::{SessionRow, Stay};
use crate::story::wanted::Wanted;

#[derive(Debug, clap::Subcommand)]
pub enum SessionsCommand {
    /// Stays, newest first: those that go on, unless a filter asks for more
    List(ListArgs),
    /// Everything about one stay: readings, raises, its charge with every attempt
    Show(ShowArgs),
    /// Write down money that was taken for a stay: in advance, in part, by cash, QR code or another system
    Pay(PayArgs),
    /// Take a coupon for a stay whose car is inside
    Coupon(CouponArgs),
    /// Take off time that the car was on the charger
    FreeTime(FreeTimeArgs),
    /// Take back a coupon or free time that was handed in by mistake
    TakeBack(TakeBackArgs),
    /// End a stay whose car is gone: its exit was missed, or it was towed away
    End(EndArgs),
    /// Write everything about one stay into an archive that stands alone, for a complaint or a court
    Evidence(EvidenceArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only these: inside, held, over (may be given several times)
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<Stay>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Filters that all lists have.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Also what is over
    #[arg(long)]
    all: bool,
    /// Only plates with this in them
    #[arg(long, value_name = "PLATE")]
    plate: Option<String>,
    /// Begun then or later: 2026-03-01, 2026-03-01T08:00, 2h (ago)
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<Wall>,
    /// Begun before then
    #[arg(long, value_name = "TIME", value_parser = when)]
    until: Option<Wall>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its number, that of its entry (P…) or charge (T…), or a plate for the newest one
    of: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct PayArgs {
    /// Its number, that of its entry (P…) or charge (T…), or a plate that is inside or owes for one stay
    of: String,
    /// How much, fen
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(1..=FEE_FEN_MAX))]
    fen: u64,
    /// How it was paid: cash, qr, transfer …
    #[arg(long, value_name = "CHANNEL", value_parser = NonEmptyStringValueParser::new())]
    channel: String,
    /// Who took it, or which system
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    /// It was taken whatever is due; what is too much goes to the review list, to be given back
    #[arg(long)]
    taken: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("worth").required(true).args(["fen", "percent", "minutes", "whole"]))]
pub struct CouponArgs {
    /// Its number, that of its entry (P…), or the plate of an open stay
    of: String,
    /// The coupon's number: each is taken once
    #[arg(long, value_name = "NUMBER", value_parser = NonEmptyStringValueParser::new())]
    number: String,
    /// An amount off, fen
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(1..=FEE_FEN_MAX))]
    fen: Option<u64>,
    /// A percentage off
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(1..=100))]
    percent: Option<u64>,
    /// Minutes that cost nothing
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: Option<u64>,
    /// Nothing is to be paid
    #[arg(long)]
    whole: bool,
    /// As the fee's line calls it
    #[arg(long, value_name = "TEXT", default_value = "coupon")]
    name: String,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct FreeTimeArgs {
    /// Its number, that of its entry (P…), or the plate of an open stay
    of: String,
    /// The number of the charging order: each is taken once
    #[arg(long, value_name = "NUMBER", value_parser = NonEmptyStringValueParser::new())]
    number: String,
    /// How long the car was on the charger
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// As the fee's line calls it
    #[arg(long, value_name = "TEXT", default_value = "charging")]
    name: String,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct TakeBackArgs {
    /// Its number, that of its entry (P…), or the plate of an open stay
    of: String,
    /// The coupon's number, or that of the charging order
    #[arg(long, value_name = "NUMBER", value_parser = NonEmptyStringValueParser::new())]
    number: String,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct EndArgs {
    /// Its number, that of its entry (P…) or charge (T…), or the plate of an open stay
    of: String,
    /// Put it on the review list: it may have to be charged
    #[arg(long)]
    review: bool,
    /// When the car left, so that the review list shows what that costs: 2026-03-01T08:00, 2h (ago)
    #[arg(long, value_name = "TIME", value_parser = when)]
    left: Option<Wall>,
    #[command(flatten)]
    word: Word,
    #[command(flatten)]
    socket: SocketArgs,
}

impl Which {
    /// The filter, with these states.
    pub fn wanted<S>(&self, states: Vec<S>) -> Wanted<S> {
        Wanted {
            all: self.all,
            states,
            plate: self.plate.clone(),
            since: self.since,
            until: self.until,
            limit: self.limit,
        }
    }
}

/// Asks and shows.
pub fn run(command: SessionsCommand, lang: Lang) -> ExitCode {
    match command {
        SessionsCommand::List(args) => {
            let question = Question::Sessions(args.which.wanted(args.state));
            client::read(&args.socket, lang, &question, |answer| list(answer, lang))
        }
        SessionsCommand::Show(args) => {
            let question = Question::Session { of: args.of };
            client::read(&args.socket, lang, &question, |answer| story(answer, lang))
        }
        SessionsCommand::Pay(args) => {
            let question = Question::Pay {
                of: args.of,
                fen: args.fen,
                channel: args.channel,
                by: args.by,
                taken: args.taken,
                stay: None,
            };
            client::ask(&args.socket, lang, &question, |answer| done(answer, lang))
        }
        SessionsCommand::Coupon(args) => {
            let benefit = args.benefit();
            let given = Given {
                number: args.number,
                benefit,
            };
            let change = BenefitChange::Give(given);
            benefit_changed(args.of, change, args.word, &args.socket, lang)
        }
        SessionsCommand::FreeTime(args) => {
            let change = BenefitChange::Give(Given {
                number: args.number,
                benefit: Benefit::Time {
                    name: args.name,
                    s: args.minutes * 60,
                },
            });
            benefit_changed(args.of, change, args.word, &args.socket, lang)
        }
        SessionsCommand::TakeBack(args) => {
            let number = args.number;
            let change = BenefitChange::TakeBack { number };
            benefit_changed(args.of, change, args.word, &args.socket, lang)
        }
        SessionsCommand::End(args) => {
            let Word { by, why } = args.word;
            let question = Question::EndStay {
                of: args.of,
                review: args.review,
                left: args.left,
                by,
                why,
            };
            client::ask(&args.socket, lang, &question, |answer| done(answer, lang))
        }
        SessionsCommand::Evidence(args) => evidence::run(&args, lang),
    }
}

impl CouponArgs {
    fn benefit(&self) -> Benefit {
        let name = self.name.clone();
        match (self.fen, self.percent, self.minutes) {
            (Some(fen), _, _) => Benefit::Amount { name, fen },
            (_, Some(off), _) => Benefit::Percent { name, off },
            (_, _, Some(minutes)) => Benefit::Time {
                name,
                s: minutes * 60,
            },
            (None, None, None) => Benefit::Whole { name },
        }
    }
}

fn benefit_changed(
    of: String,
    change: BenefitChange,
    word: Word,
    socket: &SocketArgs,
    lang: Lang,
) -> ExitCode {
    let Word { by, why } = word;
    let question = Question::Benefit {
        of,
        change,
        by,
        why,
    };
    client::ask(socket, lang, &question, |answer| done(answer, lang))
}

fn state(text: &str) -> Result<Stay, String> {
    let mut all = Stay::ALL.into_iter();
    let found = all.find(|stay| stay.code() == text);
    found.ok_or_else(|| format!("one of {}", Stay::ALL.map(Stay::code).join(", ")))
}

fn list(answer: &Value, lang: Lang) -> String {
    let rows: Vec<SessionRow> = json::typed(&answer["sessions"]).unwrap_or_default();
    if rows.is_empty() {
        return lang.of(told::NO_SESSIONS).to_owned();
    }
    let mut table = Table::default();
    table.row([
        text(lang.of(told::SESSION)),
        text(lang.of(words::PLATE)),
        text(lang.of(words::LANE)),
        text(lang.of(told::ENTERED)),
        text(lang.of(told::LEFT)),
        number(lang.of(words::FEE)),
        text(lang.of(words::STATE)),
    ]);
    for row in &rows {
        let state = match &row.ending {
            Some(ending) => lang.ending(ending),
            None => lang.of(money::stay(row.state)),
        };
        table.row([
            text(row.session.as_str()),
            text(row.plate.as_str()),
            text(row.lane.as_str()),
            text(short(row.entered)),
            text(row.left.map_or_else(|| "-".to_owned(), short)),
            number(row.fee_fen.map_or_else(|| "-".to_owned(), yuan)),
            text(state),
        ]);
    }
    table.render() + &left_off(answer, lang)
}

/// How many rows a list does not show.
pub fn left_off(answer: &Value, lang: Lang) -> String {
    match answer["left_off"].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => format!("{}\n", lang.left_off(count)),
    }
}

/// A stay, its charge, the fee, and what happened.
pub fn story(answer: &Value, lang: Lang) -> String {
    let Ok(story) = json::typed::<Story>(answer) else {
        return answer.to_string();
    };
    let mut facts = Facts {
        lang,
        text: String::new(),
    };
    match &story.session {
        Some(session) => facts.session(session),
        None => facts.fact(told::SESSION, lang.of(told::NO_SESSION)),
    }
    if let Some(charge) = &story.charge {
        facts.charge(charge);
    }
    for row in &story.codes {
        let state = lang.code_state(row);
        let code = format!("{}  {}  {state}", row.number, lang.yuan(&yuan(row.fen)));
        facts.fact(told::CODE, &code);
    }
    for row in &story.refunds {
        let state = lang.refund_state(row);
        let refund = format!("{}  {}  {state}", row.refund_no, lang.yuan(&yuan(row.fen)));
        facts.fact(refund_words::NUMBER, &refund);
    }
    if let Some(quote) = &story.quote {
        let session = story.session.as_ref();
        let entered = session.map(|session| session.entered);
        let entered = entered.or(story.charge.as_ref().map(|charge| charge.entered));
        facts.fact(words::FEE, &lang.yuan(&yuan(quote.fee_fen)));
        for line in &quote.lines {
            let line = lang.fee_line(line, entered.unwrap_or_default());
            facts.fact(words::pair("", ""), &line);
        }
    }
    facts.text + &history(&story.happenings, lang)
}

fn history(happenings: &[Happening], lang: Lang) -> String {
    let mut table = Table::default();
    for happening in happenings {
        let request = happening.request_id.as_ref();
        let request = request.map(|id| format!("Request-ID {id}"));
        table.row([
            number(happening.seq.to_string()),
            text(short(happening.at)),
            text(lang.of(told::happened(happening.what))),
            text(happening.detail.as_str()),
            text(request.unwrap_or_default()),
        ]);
    }
    format!("\n{}\n{}", lang.of(told::HISTORY), table.render())
}

struct Facts {
    lang: Lang,
    text: String,
}

impl Facts {
    fn fact(&mut self, name: Pair, value: &str) {
        let name = padded(self.lang.of(name), 12);
        self.text.push_str(&format!("{name} {value}\n"));
    }

    fn session(&mut self, session: &SessionRow) {
        let lang = self.lang;
        self.fact(told::SESSION, &session.session);
        let color = session.color.map(|color| lang.of(told::color(color)));
        let plate = match color {
            Some(color) => format!("{} ({color})", session.plate),
            None => session.plate.clone(),
        };
        self.fact(words::PLATE, &plate);
        let mut entered = format!("{}  {}", long(session.entered), session.lane);
        if !session.entered_trusted {
            entered = format!("{entered}  ({})", lang.of(told::UNTRUSTED));
        }
        self.fact(told::ENTERED, &entered);
        if let Some(left) = session.left {
            let lane = session.exit_lane.as_deref().unwrap_or("");
            self.fact(told::LEFT, &format!("{}  {lane}", long(left)));
        }
        let state = match &session.ending {
            Some(ending) => lang.ending(ending),
            None => lang.of(money::stay(session.state)),
        };
        self.fact(words::STAY, state);
        if !session.doubts.is_empty() {
            self.fact(told::DOUBTS, &lang.doubts(&session.doubts));
        }
    }

    fn charge(&mut self, charge: &ChargeRow) {
        let lang = self.lang;
        self.fact(told::TRADE_NO, &charge.trade_no);
        let mut state = lang.of(money::stage(charge.state)).to_owned();
        if let Some(since) = charge.since {
            state = format!("{state}, {} {}", lang.of(words::SINCE), long(since));
        }
        self.fact(words::STATE, &state);
        self.fact(told::STAYED, &lang.length(charge.stay_ms));
        if let Some(due_in_ms) = charge.due_in_ms {
            self.fact(told::NEXT_TRY, &lang.in_time(due_in_ms));
        }
        if let Some(why) = why(charge, lang) {
            self.fact(words::REASON, &why);
        }
        if charge.let_out {
            self.fact(words::REASON, lang.of(told::LET_OUT));
        }
        if let Some(id) = &charge.transaction_id {
            self.fact(told::TRANSACTION, id);
        }
        if let Some(bank) = &charge.bank_type {
            self.fact(told::BANK, bank);
        }
        if let Some(parts) = lang.paid(&charge.paid, charge.fee_fen) {
            self.fact(told::PAID_BY, &parts);
        }
    }
}

/// Why a charge is where it is, if somebody said.
pub fn why(charge: &ChargeRow, lang: Lang) -> Option<String> {
    let outcome = charge.outcome.as_ref().map(|outcome| lang.outcome(outcome));
    let withdrawn = charge.withdrawn.as_ref().map(|why| lang.withdrawn(why));
    let staff = charge.staff_reason.as_ref();
    outcome
        .or(withdrawn)
        .or(staff.map(|reason| lang.staff_reason(reason)))
}
