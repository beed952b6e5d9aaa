//! The messages, and those that cannot become rows.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::errors::Rejected;

/// What a message says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    pub number: u32,
    pub customer: String,
    /// In the spool.
    pub file: String,
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is no report.
    Unreadable,
    /// Its file is not there.
    Lost,
    /// The archive refuses it.
    Refused,
}

/// Who a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Report,
    /// A customer who signs up.
    Customer,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Customer => "customer",
        }
    }
}

/// What comes of a message.
#[derive(Debug, Clone)]
pub struct User {
    pub number: u32,
    customer: String,
    digest: String,
    link: String,
    checked: String,
}

impl User {
    pub fn of(report: Report, digest: String, link: String, checked: String) -> Self {
        Self {
            number: report.number,
            customer: report.customer,
            digest,
            link,
            checked,
        }
    }

    pub fn row(self) -> Row {
        (
            self.number,
            self.customer,
            self.digest,
            self.link,
            self.checked,
        )
    }
}

/// A user's number, customer, digest, link, and what the archive says of the report.
pub type Row = (u32, String, String, String, String);

/// What is put on the queue.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    pub count: u32,
    /// The share of them that has a flaw.
    pub fail_rate: f64,
}

impl Messages {
    /// Evenly distributed, and of each kind as many.
    pub fn flaw(self, number: u32) -> Option<Flaw> {
        let so_far = |number: u32| (f64::from(number) * self.fail_rate).floor();
        let count = so_far(number);
        if count <= so_far(number - 1) {
            return None;
        }
        Some(match count % 3.0 {
            0.0 => Flaw::Unreadable,
            1.0 => Flaw::Lost,
            _ => Flaw::Refused,
        })
    }

    /// Each fiftieth is a customer's; what has a flaw is a report.
    pub fn kind(self, number: u32) -> Kind {
        if number % 50 == 7 && self.flaw(number).is_none() {
            Kind::Customer
        } else {
            Kind::Report
        }
    }

    pub fn numbers(self) -> RangeInclusive<u32> {
        1..=self.count
    }
}

impl Report {
    pub fn new(number: u32) -> Self {
        Self {
            number,
            customer: format!("customer {}", number % 7),
            file: format!("{number}.txt"),
        }
    }

    /// What its file holds.
    pub fn text(&self) -> String {
        let Self {
            number, customer, ..
        } = self;
        let line = format!("{customer}: report {number}\n");
        line.repeat(1 + *number as usize % 20)
    }

    pub fn parse(message: &str) -> Result<Self, Rejected> {
        serde_json::from_str(message).map_err(|error| Rejected(format!("no report: {error}")))
    }
}

/// The name of the message, which is the id of its task.
pub fn name(number: u32) -> String {
    format!("report {number}")
}

/// What the message carries.
pub fn body(number: u32, flaw: Option<Flaw>) -> String {
    let report = serde_json::to_string(&Report::new(number));
    let mut body = report.expect("a report is JSON");
    if flaw == Some(Flaw::Unreadable) {
        body.truncate(body.len() / 2);
    }
    body
}

pub fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        // Into a string it does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_messages_have_flaws_as_asked_for() {
        let flawed = |count, fail_rate| {
            let messages = Messages { count, fail_rate };
            messages.numbers().filter_map(|n| messages.flaw(n)).count()
        };
        assert_eq!(flawed(1000, 0.01), 10);
        assert_eq!(flawed(1000, 0.0), 0);
        assert_eq!(flawed(10, 1.0), 10);
    }

    #[test]
    fn only_an_unreadable_message_is_no_report() {
        assert!(Report::parse(&body(7, None)).is_ok_and(|report| report.number == 7));
        assert!(Report::parse(&body(7, Some(Flaw::Lost))).is_ok());
        assert!(Report::parse(&body(7, Some(Flaw::Unreadable))).is_err());
    }
}
