//! Colours, where somebody sees them.

use std::io::IsTerminal;

/// What a text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Dim,
    Name,
    Good,
    Waits,
    Bad,
}

/// Paints, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint(bool);

impl Paint {
    /// On a terminal, unless NO_COLOR says otherwise (<https://no-color.org>).
    pub fn for_stream(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(stream.is_terminal() && !refused)
    }

    /// Always.
    #[cfg(test)]
    pub fn on() -> Self {
        Self(true)
    }

    /// Never.
    pub fn none() -> Self {
        Self(false)
    }

    /// The text in its colour.
    pub fn with(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            _ if !self.0 || text.trim().is_empty() => return text.to_owned(),
            Ink::Plain => return text.to_owned(),
            Ink::Dim => "2",
            Ink::Name => "1",
            Ink::Good => "32",
            Ink::Waits => "33",
            Ink::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_paint_a_text_is_itself() {
        assert_eq!(Paint::none().with(Ink::Bad, "held"), "held");
        assert_eq!(Paint(true).with(Ink::Bad, "held"), "\x1b[31mheld\x1b[0m");
        assert_eq!(Paint(true).with(Ink::Bad, "  "), "  ");
    }
}
