//! Faults between a client and a server.

use crate::Server;
use crate::http::request;
use crate::or_skip;

/// Something in front of a server that passes requests on, with faults: throttling, errors, resets, answers that are cut
/// off when the server has done what was asked.
#[derive(Debug)]
pub struct Faults(Server);

impl Faults {
    /// In front of a server; without faults so far.
    #[must_use]
    pub fn before(server: &Server) -> Option<Self> {
        let upstream = server.url();
        let arguments = ["--upstream", &upstream, "--port", "{port}"];
        let started = Server::start("microburst", &arguments, "/_microburst/health");
        or_skip(started.map(Self))
    }

    /// Where clients reach it.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// From now on these faults and no others, in microburst's own words: a list of rules in JSON.
    ///
    /// # Panics
    ///
    /// If they are not accepted.
    pub fn set(&self, rules: &str) {
        let answer = request(self.0.port(), "POST", "/_microburst/rules", rules);
        let answer = answer.expect("it does not answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "not accepted: {answer}");
    }

    /// How often a fault has happened.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    #[must_use]
    pub fn fired(&self) -> usize {
        let answer = request(self.0.port(), "GET", "/_microburst/fired", "");
        answer
            .expect("it does not answer")
            .matches("\"action\"")
            .count()
    }
}
