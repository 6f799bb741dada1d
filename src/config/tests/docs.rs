use super::super::*;

/// docs/configure.md has a row for every key that is read, with its true default and range, and
/// for nothing else: `| \`key\` | meaning | default | range |`.
#[test]
fn the_documentation_tells_what_the_code_does() {
    let documented: Vec<String> = include_str!("../../../docs/configure.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 4, "{line}");
            assert!(!cells[1].is_empty(), "{line}");
            format!("| {} | … | {} | {} |", cells[0], cells[2], cells[3])
        })
        .collect();
    let read: Vec<String> = Config::keys()
        .iter()
        .chain(&Tariff::keys())
        .map(row)
        .collect();
    for (documented, read) in documented.iter().zip(&read) {
        assert_eq!(documented, read);
    }
    assert_eq!(documented.len(), read.len());
}

fn row(key: &Key) -> String {
    let default = match &key.need {
        Need::Default(value) => format!("`{value}`"),
        need => need.to_string(),
    };
    format!("| `{}` | … | {default} | {} |", key.path, key.range)
}
