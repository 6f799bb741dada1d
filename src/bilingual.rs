//! What is said to people, in each language side by side, so that a sentence that is missing in one of
//! them does not compile.

use serde::Serialize;

/// A [`Both`] of two formats, which take the same names.
macro_rules! both {
    ($en:literal, $zh:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::bilingual::Both {
            en: format!($en $(, $name = $value)*),
            zh: format!($zh $(, $name = $value)*),
        }
    };
}

/// A word in each language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub en: &'static str,
    pub zh: &'static str,
}

/// Both languages of a word.
pub const fn pair(en: &'static str, zh: &'static str) -> Pair {
    Pair { en, zh }
}

/// A sentence in each language, with names and numbers in it. Made with `both!`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Both {
    pub en: String,
    pub zh: String,
}

impl Both {
    /// What another program or library said, which has one language only.
    pub fn foreign(text: &str) -> Self {
        both!("{text}", "{text}")
    }

    /// This beginning of a sentence, and its end.
    pub fn joined(mut self, end: &Self) -> Self {
        self.en.push_str(&end.en);
        self.zh.push_str(&end.zh);
        self
    }

    /// This sentence, and another one behind it.
    pub fn then(mut self, next: &Self) -> Self {
        self.en.push_str("; ");
        self.en.push_str(&next.en);
        self.zh.push('；');
        self.zh.push_str(&next.zh);
        self
    }
}

impl From<Pair> for Both {
    fn from(pair: Pair) -> Self {
        Self {
            en: pair.en.to_owned(),
            zh: pair.zh.to_owned(),
        }
    }
}
