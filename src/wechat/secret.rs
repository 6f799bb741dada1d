//! Text that must never be shown.

use zeroize::Zeroizing;

/// A key or password: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text as it stands in its file; white space around it does not count.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Takes a text over that is wiped already when it is dropped.
    pub(crate) fn of(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for whoever signs, opens or writes it to its file.
    pub(crate) fn expose(&self) -> &str {
        self.0.trim()
    }

    /// A PEM text as it goes into its file, with the end of its last line.
    pub(crate) fn expose_pem(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
