//! Receipts: the number of a message, and what stands for one delivery of it.

use pipeline_runtime::queue::Receipt;

/// What stands for the deliveries of one receive: chance, which no other receive has had, also not one that a crash of the
/// server has undone. Never 0, which stands for no delivery.
pub(super) fn token() -> i64 {
    fastrand::i64(1..)
}

pub(super) fn receipt(seq: i64, token: i64) -> Receipt {
    Receipt(format!("{seq}.{token}").into())
}

/// `None` for what is no receipt of such a queue.
pub(super) fn parse(receipt: &Receipt) -> Option<(i64, i64)> {
    let (seq, token) = receipt.0.split_once('.')?;
    let (seq, token) = (seq.parse().ok()?, token.parse().ok()?);
    (token != 0).then_some((seq, token))
}
