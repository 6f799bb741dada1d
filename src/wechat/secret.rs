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

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    /// What holds a key or a password overwrites it when it is dropped: the compiler says so of each type.
    #[test]
    fn secrets_are_wiped_when_they_are_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let Secret(text) = &Secret::new("key");
        is_wiped(text);
        // Of the APIv3 key nothing but the cipher that was made of it is kept.
        fn cipher_is_wiped<T: ZeroizeOnDrop>() {}
        cipher_is_wiped::<aes_gcm::Aes256Gcm>();
        assert_eq!(format!("{:?}", Secret::new("key")), "Secret(…)");
    }
}
