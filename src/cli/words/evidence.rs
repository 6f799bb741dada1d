//! An archive was made.

use std::path::Path;

use super::{Lang, Pair, pair};

pub const HOLDS_A_PLATE: Pair = pair(
    "the archive holds a number plate; its file can be read by you alone. Its README.txt says how to check it",
    "该文件含有车牌，仅您本人可读。核对方法见其中的 README.txt",
);

impl Lang {
    /// What is in it.
    pub fn written(self, out: &Path, records: usize, segments: usize) -> String {
        let out = out.display();
        match self {
            Self::En => format!("{out}: {records} records, {segments} segments of the ledger"),
            Self::Zh => format!("{out}：{records} 条记录，账本 {segments} 段"),
        }
    }

    /// It could not be made.
    pub fn not_written(self, out: &Path, error: &std::io::Error) -> String {
        let out = out.display();
        match self {
            Self::En => format!("cannot write {out} ({error}); name a file that is not there yet"),
            Self::Zh => format!("无法写入 {out}（{error}）；请指定尚不存在的文件"),
        }
    }
}
