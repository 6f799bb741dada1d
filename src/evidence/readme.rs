//! What the archive says about itself.

use super::Evidence;
use crate::lane::number::LedgerId;

/// In both languages, for people who have never heard of parkgate.
pub(super) fn text(evidence: &Evidence) -> String {
    let session = evidence.story.session.as_ref();
    let stay = session.map_or("?", |session| session.session.as_str());
    let (mut whose, mut ends_with) = (String::new(), String::new());
    if let Some(ledger) = &evidence.ledger {
        let id = ledger.ledger_id.map(|id| LedgerId(id).to_string());
        let id = id.unwrap_or_default();
        whose = format!("{id} ({} / {})", ledger.site, ledger.box_id);
        let head = ledger.head.as_deref().unwrap_or("-");
        ends_with = format!("{}: {head}", ledger.last_seq);
    }
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "EVIDENCE OF ONE STAY IN A CAR PARK
==================================

Stay            {stay}
Ledger          {whose}
Ledger's end    record {ends_with}
Made by         parkgate {version}

THIS FILE HOLDS A NUMBER PLATE AND THE TIMES OF ONE CAR. Hand it only to those who may know them.

story.en.txt    what happened, in words; story.zh.txt the same in Chinese, story.json for programs.
                Money is in yuan there, and in fen (1/100 yuan) in all other files.
records.jsonl   the box's records about this stay, one a line: number, time, kind, SHA-256, file.
records/        what each record says, byte for byte: readings, decisions, requests to WeChat Pay as they
                were sent, its answers. Requests are without their signature headers; keys and passwords
                are in no record.
rules.json      the rules and the price list in force, without other people's plates.
ledger/         the box's ledger from the stay's first record to its last. Records that are not of this
                stay have been erased in it; their hashes, and the hash chain over all of them, still hold.
ledger.json     what a check of the whole ledger found when this archive was made.
SHA256SUMS      sums of all files.

To check it: `sha256sum -c SHA256SUMS` shows that the files are as they were made. The sums in records.jsonl
are the ones in the ledger's chain. `parkgate ledger verify --store FOLDER/ledger` checks the chain itself; it
reports the erased records by their number and must say that nothing is missing or altered. The format is
published with parkgate (docs/ledger-format.md), so that the check can be programmed by anybody. That the box
itself was not tampered with before it wrote its ledger is not shown by this; compare with WeChat Pay's bill, by
the number that begins with T.


一次停车的证据
==============

停车编号        {stay}
账本            {whose}
账本末尾        记录 {ends_with}
制作            parkgate {version}

本文件含有一辆车的车牌和时间，只可交给有权知悉的人。

story.zh.txt    经过说明；story.en.txt 为英文，story.json 供程序使用。其中金额以元计，其余文件以分计。
records.jsonl   本次停车的全部记录，每行一条：编号、时间、种类、SHA-256、文件。
records/        每条记录的原文，逐字节一致：识别、决定、发给微信支付的请求原文、微信的应答。请求不含签名头；
                任何记录都不含密钥和密码。
rules.json      当时有效的规则和价目，不含他人车牌。
ledger/         从本次停车第一条记录到最后一条的账本。与本次停车无关的记录内容已擦除；其哈希以及贯穿全部
                记录的哈希链仍然成立。
ledger.json     制作本文件时对整个账本的检查结果。
SHA256SUMS      全部文件的校验和。

核对方法：`sha256sum -c SHA256SUMS` 确认文件未变。records.jsonl 中的校验和即账本链中的校验和。
`parkgate ledger verify --store 文件夹/ledger` 核对哈希链；它会列出已擦除的记录数，且必须没有缺失或改动。
格式随 parkgate 公布（docs/ledger-format.md），任何人都可自行编程核对。本文件不能证明设备在写入账本之前未被
篡改；请以 T 开头的单号与微信支付账单核对。
"
    )
}
