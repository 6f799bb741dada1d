//! The faults that a person can put in force, one after the other.

use crate::sim::wechat::Fault;

/// A fault of every request, and its name.
pub struct Choice {
    pub fault: Fault,
    pub name: &'static str,
    /// What it means.
    pub means: &'static str,
}

/// In the order in which they come; after the last one there is none.
pub static ALL: [Choice; 12] = [
    choice(
        Fault::Silence,
        "silence",
        "requests never arrive, and nothing comes back",
    ),
    choice(
        Fault::Slow(2_000),
        "slow",
        "every answer takes 2 s longer, and no exit waits so long",
    ),
    choice(
        Fault::AnswerLost,
        "answer lost",
        "WeChat acts, and its answers are lost",
    ),
    choice(
        Fault::ErrorBefore,
        "500",
        "WeChat answers 500 and has done nothing",
    ),
    choice(
        Fault::ErrorAfter,
        "500 after",
        "WeChat answers 500 and has acted all the same",
    ),
    choice(
        Fault::Throttled(Some(2)),
        "429",
        "too many requests, says WeChat: again in 2 s",
    ),
    choice(
        Fault::WrongSignature,
        "bad signature",
        "WeChat acts; its answers carry the signature of another text",
    ),
    choice(
        Fault::Unsigned,
        "unsigned",
        "WeChat acts; its answers carry no signature",
    ),
    choice(
        Fault::ProxyPage(502),
        "proxy page",
        "a proxy answers with a page of its own",
    ),
    choice(
        Fault::WrongEcho,
        "wrong echo",
        "WeChat acts; its answers tell of another plate, number or sum",
    ),
    choice(
        Fault::SignError,
        "SIGN_ERROR",
        "WeChat says that the merchant signs wrongly",
    ),
    choice(
        Fault::NoAuth,
        "NO_AUTH",
        "WeChat says that the merchant may not do this",
    ),
];

const fn choice(fault: Fault, name: &'static str, means: &'static str) -> Choice {
    Choice { fault, name, means }
}

/// The one in force.
pub fn named(fault: Option<&Fault>) -> Option<&'static Choice> {
    ALL.iter().find(|choice| Some(&choice.fault) == fault)
}

/// What comes after it.
pub fn after(fault: Option<&Fault>) -> Option<&'static Choice> {
    match fault {
        None => ALL.first(),
        Some(fault) => {
            let at = ALL.iter().position(|choice| choice.fault == *fault)?;
            ALL.get(at + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_turn_and_then_there_is_none() {
        let mut seen = Vec::new();
        let mut fault = None;
        while let Some(next) = after(fault) {
            seen.push(next.name);
            fault = Some(&next.fault);
            assert_eq!(named(fault).map(|named| named.name), Some(next.name));
        }
        assert_eq!(seen.len(), ALL.len());
        assert!(named(None).is_none());
    }
}
