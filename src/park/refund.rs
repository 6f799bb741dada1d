//! What people ask for about refunds, and what WeChat answers.

use super::event::Event;
use super::reply::{Done, Refusal};
use super::{Park, Turn};
use crate::charges::refunding::RefundWish;

impl Park {
    pub(super) fn about_refund(&mut self, event: &Event, turn: &mut Turn) {
        match event {
            Event::RefundAnswered { refund_no, heard } => {
                self.with_queue(turn, |queue, at, out| {
                    queue.refund_answered(refund_no, heard, at, out);
                })
            }
            Event::RefundQueryAnswered { refund_no, heard } => {
                self.with_queue(turn, |queue, at, out| {
                    queue.refund_query_answered(refund_no, heard, at, out);
                });
            }
            Event::RefundRetryAsked { refund_no, .. } => {
                let hurried = self.queue.hurry_refund(refund_no, turn.now());
                turn.reply = Some(match hurried {
                    Ok(waits_for) => Ok(Done::RefundHurried {
                        refund_no: refund_no.clone(),
                        waits_for,
                    }),
                    Err(why) => Err(Refusal::Refund {
                        refund_no: refund_no.clone(),
                        why,
                    }),
                });
            }
            Event::RefundGivenUp { refund_no, by, why } => {
                let ended = self.with_queue(turn, |queue, at, out| {
                    queue.give_refund_up(refund_no, by, why, at, out)
                });
                turn.reply = Some(match ended {
                    Ok(fen) => Ok(Done::RefundEnded {
                        refund_no: refund_no.clone(),
                        fen,
                    }),
                    Err(why) => Err(Refusal::Refund {
                        refund_no: refund_no.clone(),
                        why,
                    }),
                });
            }
            event => self.refund_asked(event, turn),
        }
    }

    fn refund_asked(&mut self, event: &Event, turn: &mut Turn) {
        let Event::RefundAsked {
            trade_no,
            session,
            plate,
            charged_fen,
            exited,
            sent_for,
            fen,
            by,
            why,
        } = event
        else {
            return;
        };
        let wish = RefundWish {
            trade_no: trade_no.clone(),
            session: session.clone(),
            plate: plate.clone(),
            charged_fen: *charged_fen,
            exited: *exited,
            sent_for: sent_for.clone(),
            fen: *fen,
            corrects: false,
            by: by.clone(),
            why: why.clone(),
        };
        let asked = self.with_queue(turn, |queue, at, out| queue.ask_refund(wish, at, out));
        let trade_no = trade_no.clone();
        turn.reply = Some(match asked {
            Ok((refund_no, fen)) => Ok(Done::RefundNoted {
                refund_no,
                trade_no,
                fen,
            }),
            Err(why) => Err(Refusal::Charge { trade_no, why }),
        });
    }
}
