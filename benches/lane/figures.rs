//! What is printed.

use std::time::Duration;

/// How long one thing took, many times.
#[derive(Default)]
pub struct Figures(Vec<Duration>);

impl Figures {
    pub fn add(&mut self, took: impl IntoIterator<Item = Duration>) {
        self.0.extend(took);
    }

    /// Microseconds that so many of a thousand stayed below or at.
    pub fn us(&self, permille: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * permille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6)
    }

    pub fn p50(&self) -> f64 {
        self.us(500)
    }

    pub fn p99(&self) -> f64 {
        self.us(990)
    }

    /// How many took as long as a delayed acknowledgement holds a small packet back.
    pub fn delayed(&self) -> usize {
        let delayed = Duration::from_millis(38)..Duration::from_millis(60);
        self.0.iter().filter(|took| delayed.contains(*took)).count()
    }
}

pub fn head(title: &str, against: &str) {
    println!();
    println!(
        "{title:<44}{:>6}{:>9}{:>9}{:>9}{:>9}",
        "n", "p50 us", "p99 us", against, "~40 ms"
    );
}

/// One line; `base` is what its p50 is divided by.
pub fn line(name: &str, figures: &Figures, base: Option<&Figures>) {
    let ratio = base.map_or("".to_owned(), |base| {
        format!("{:.2}", figures.p50() / base.p50())
    });
    println!(
        "  {name:<42}{:>6}{:>9.0}{:>9.0}{ratio:>9}{:>9}",
        figures.0.len(),
        figures.p50(),
        figures.p99(),
        figures.delayed(),
    );
}

pub fn fact(name: &str, value: f64, unit: &str) {
    println!("  {name:<50}{value:>9.1} {unit}");
}

pub fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// From kB as /proc counts them.
pub fn mb(kb: u64) -> f64 {
    kb as f64 * 1024.0 / 1e6
}
