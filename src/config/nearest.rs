//! The known word that a mistyped one was probably meant to be.

/// The candidate with the fewest single-character edits from `word`, if they are few for its length.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let close_enough = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= close_enough)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, in which two neighbours that changed places count once.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut fewest = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                fewest = fewest.min(rows[i - 2][j - 2] + 1);
            }
            row.push(fewest);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_recognised() {
        let keys = ["budget", "success_budget", "try_when_blocked", "no_entry"];
        let meant = |word| nearest(word, keys.into_iter());
        assert_eq!(meant("bugdet"), Some("budget"));
        assert_eq!(meant("budgets"), Some("budget"));
        assert_eq!(meant("succes_budget"), Some("success_budget"));
        assert_eq!(meant("noentry"), Some("no_entry"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(""), None);
        assert_eq!(meant(&"x".repeat(100_000)), None);
    }
}
