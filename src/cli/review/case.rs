//! One stay under review, with all that a person decides it by.

use serde_json::Value;

use crate::cli::output::{Table, number, padded, text};
use crate::cli::sessions;
use crate::cli::when::{long, short};
use crate::cli::words::{Lang, Pair, review as words, story as told};
use crate::json;
use crate::lane::tariff::yuan;
use crate::lane::time::Stamp;
use crate::park::review::Review;
use crate::story::case::{Candidate, Case, Exchange, Times};

/// The question first, then the story that answers it.
pub fn show(answer: &Value, lang: Lang) -> String {
    let Ok(case) = json::typed::<Case>(answer) else {
        return answer.to_string();
    };
    let mut text = match &case.review {
        Some(review) => asked(review, lang),
        None => format!("{}\n", lang.of(words::NEVER_REVIEWED)),
    };
    if let Some(times) = &case.times {
        text += &between(times, lang);
    }
    if let Some(owes) = &case.arrears {
        let owed = lang.owes(owes.charges, &yuan(owes.fen));
        text += &fact(lang, words::ARREARS, &owed);
    }
    if let Some(correction) = &case.correction {
        text += &fact(lang, words::CORRECTION, &lang.correction(correction));
    }
    let story = serde_json::to_value(&case.story).unwrap_or_default();
    text += "\n";
    text += &sessions::story(&story, lang);
    text += &near(&case.candidates, lang);
    text += &exchanged(&case.exchanges, lang);
    text
}

fn fact(lang: Lang, name: Pair, value: &str) -> String {
    format!("{} {value}\n", padded(lang.of(name), 12))
}

fn asked(review: &Review, lang: Lang) -> String {
    let mut text = fact(lang, words::WHY, &lang.review(&review.why));
    if let Some(closed) = &review.closed {
        text += &fact(lang, words::DECIDED, &lang.review_end(closed));
    }
    let Some(read) = &review.read else {
        return text;
    };
    let sure = read.confidence_permille.map(|sure| {
        let (percent, tenth) = (sure / 10, sure % 10);
        format!("{percent}.{tenth} %")
    });
    let plate = read.plate.as_ref().map(|plate| plate.as_str().to_owned());
    let parts = [
        plate.or(read.raw_plate.clone()),
        sure,
        Some(review.lane.0.clone()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    text + &fact(lang, words::READ, &parts.join(", "))
}

fn between(times: &Times, lang: Lang) -> String {
    let at = |stamp: &Stamp| match stamp.now.trusted {
        true => long(stamp.now.wall),
        false => format!("{}  ({})", long(stamp.now.wall), lang.of(told::UNTRUSTED)),
    };
    let mut text = fact(lang, told::ENTERED, &at(&times.entered));
    if let Some(exited) = &times.exited {
        text += &fact(lang, told::LEFT, &at(exited));
    }
    let stayed = match times.stay_ms {
        Some(ms) => lang.length(ms),
        None => lang.of(words::STAY_UNKNOWN).to_owned(),
    };
    text + &fact(lang, told::STAYED, &stayed)
}

fn near(candidates: &[Candidate], lang: Lang) -> String {
    if candidates.is_empty() {
        return String::new();
    }
    let mut table = Table::default();
    for candidate in candidates {
        let color = candidate.color.map(|color| lang.of(told::color(color)));
        let (whole, half) = (candidate.half_edits / 2, candidate.half_edits % 2 * 5);
        table.row([
            text(candidate.session.as_str()),
            text(candidate.plate.as_str()),
            text(color.unwrap_or("-")),
            text(short(candidate.entered)),
            number(format!("{whole}.{half}")),
        ]);
    }
    format!("\n{}\n{}", lang.of(words::NEAR), table.render())
}

fn exchanged(exchanges: &[Exchange], lang: Lang) -> String {
    if exchanges.is_empty() {
        return String::new();
    }
    let lines = exchanges.iter().map(|exchange| {
        let (seq, at) = (exchange.seq, short(exchange.at));
        format!("{seq}  {at}  {}  {}\n", exchange.what, exchange.content)
    });
    format!(
        "\n{}\n{}",
        lang.of(words::EXCHANGED),
        lines.collect::<String>()
    )
}
