//! Lines that scroll, above a foot that stays. No part of the screen is reserved and none is taken
//! over: what has scrolled up stays in the terminal's history.

use super::foot::Foot;
use super::paint::Paint;

/// What is on the terminal.
pub struct Page {
    paint: Paint,
    foot: Option<Drawn>,
}

/// The foot as it was last drawn.
#[derive(Clone, Copy)]
struct Drawn {
    /// Of its first line.
    status_columns: usize,
    /// Where the cursor stands in its second line.
    cursor: usize,
}

/// To a terminal that knows it: show nothing of what follows before it is complete.
const TOGETHER: &str = "\x1b[?2026h";
const SHOW: &str = "\x1b[?2026l";
const ERASE_BELOW: &str = "\x1b[J";

impl Page {
    pub fn new(paint: Paint) -> Self {
        Self { paint, foot: None }
    }

    /// What to send so that `lines` stand below those before them, and `foot` below them, on a
    /// terminal of so many columns now.
    pub fn write(&mut self, lines: &[String], foot: Option<&Foot>, columns_now: usize) -> String {
        let mut out = TOGETHER.to_owned();
        self.erase(columns_now, &mut out);
        for line in lines {
            out.push_str(line);
            out.push('\n');
        }
        if let Some(foot) = foot {
            self.draw(foot, columns_now, &mut out);
        }
        out.push_str(SHOW);
        out
    }

    fn erase(&mut self, columns_now: usize, out: &mut String) {
        let Some(foot) = self.foot.take() else {
            return;
        };
        // A terminal that became narrower has broken its lines anew.
        let wide = columns_now.max(1);
        let up = foot.status_columns.div_ceil(wide).max(1) + foot.cursor / wide;
        out.push_str(&format!("\r\x1b[{up}A{ERASE_BELOW}"));
    }

    fn draw(&mut self, foot: &Foot, columns_now: usize, out: &mut String) {
        // A full last column leaves the cursor in doubt.
        let at_most = columns_now.saturating_sub(1);
        let status = foot.status(at_most, self.paint);
        let prompt = foot.prompt(at_most, self.paint);
        out.push_str(&format!("{}\n{}\r", status.text, prompt.row.text));
        if prompt.cursor > 0 {
            out.push_str(&format!("\x1b[{}C", prompt.cursor));
        }
        self.foot = Some(Drawn {
            status_columns: status.columns,
            cursor: prompt.cursor,
        });
    }
}
