//! An error with what caused it, for a line that a person reads.

/// The error's own words, then those of its causes, each behind a colon.
pub fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
