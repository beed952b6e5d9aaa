//! How far a connection is protected, in the words of libpq.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode as ClientMode};

/// How far connections are protected: what libpq's `sslmode` means, but for `allow`, which is none of these.
///
/// Everything but `Disable` needs the feature `postgres-tls`; without it `Prefer` is `Disable`, and the others are refused.
/// Through a Unix socket nothing is encrypted, whatever is said here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SslMode {
    /// Nothing is encrypted.
    Disable,
    /// Encrypted if the server can do that: against those who only listen. The default.
    Prefer,
    /// Encrypted, or not connected: against those who only listen. Who the server is is not looked at, unless there is a
    /// root certificate: then it is [`VerifyCa`](Self::VerifyCa).
    Require,
    /// Encrypted, to a server whose certificate a CA of the file of root certificates has signed, which has to be named.
    VerifyCa,
    /// The same, and the certificate is for the name that is connected to: against all in between. Without a file, and with
    /// `sslrootcert=system`, the CAs are those that the system trusts.
    VerifyFull,
}

impl SslMode {
    fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    fn of(word: &str) -> Result<Self, String> {
        let all = [
            Self::Disable,
            Self::Prefer,
            Self::Require,
            Self::VerifyCa,
            Self::VerifyFull,
        ];
        let found = all.into_iter().find(|mode| mode.word() == word);
        found.ok_or_else(|| {
            let words = all.map(|mode| format!("`{}`", mode.word())).join(", ");
            let given = if word == "allow" {
                "`allow`"
            } else {
                "what it is"
            };
            format!("`sslmode` cannot be {given}; it is one of {words}")
        })
    }
}

/// What is said of it, in a configuration or beside one.
#[derive(Debug, Clone, Default)]
pub(super) struct Ssl {
    pub(super) mode: Option<SslMode>,
    /// A file of root certificates, or `system`.
    pub(super) roots: Option<PathBuf>,
}

impl Ssl {
    pub(super) fn of_words(mode: Option<&str>, roots: Option<String>) -> Result<Self, String> {
        Ok(Self {
            mode: mode.map(SslMode::of).transpose()?,
            roots: roots.map(PathBuf::from),
        })
    }

    pub(super) fn of_client(config: &Config) -> Self {
        let mode = match config.get_ssl_mode() {
            ClientMode::Disable => SslMode::Disable,
            ClientMode::Require => SslMode::Require,
            _ => SslMode::Prefer,
        };
        Self {
            mode: Some(mode),
            roots: None,
        }
    }

    /// The same, but for what is said beside it.
    pub(super) fn but(self, other: &Self) -> Self {
        Self {
            mode: other.mode.or(self.mode),
            roots: other.roots.clone().or(self.roots),
        }
    }

    /// What is to be done, for a configuration that is told of it; or why it cannot be.
    pub(super) fn apply(self, config: &mut Config) -> Result<Encryption, String> {
        let encryption = self.encryption()?;
        let local = |host: &Host| !matches!(host, Host::Tcp(_));
        let encryption =
            if config.get_hosts().iter().all(local) && config.get_hostaddrs().is_empty() {
                Encryption::Never
            } else {
                encryption
            };
        config.ssl_mode(match encryption {
            Encryption::Never => ClientMode::Disable,
            Encryption::IfPossible => ClientMode::Prefer,
            Encryption::Unverified | Encryption::Verified { .. } => ClientMode::Require,
        });
        encryption.possible(cfg!(feature = "postgres-tls"))
    }

    fn encryption(self) -> Result<Encryption, String> {
        let roots = self.roots.map(|roots| match roots.to_str() {
            Some("system") => Roots::System,
            _ => Roots::File(roots),
        });
        let default = match roots {
            Some(Roots::System) => SslMode::VerifyFull,
            _ => SslMode::Prefer,
        };
        let mode = self.mode.unwrap_or(default);
        let verified = |roots, name| Ok(Encryption::Verified { roots, name });
        match (mode, roots) {
            (SslMode::Disable, _) => Ok(Encryption::Never),
            (SslMode::Prefer, None) => Ok(Encryption::IfPossible),
            (SslMode::Require, None) => Ok(Encryption::Unverified),
            (SslMode::VerifyCa, None) => Err(
                "`sslmode=verify-ca` has no root certificate; name its file with `sslrootcert=…`, or write `verify-full`".into(),
            ),
            (SslMode::VerifyFull, roots) => verified(roots.unwrap_or(Roots::System), true),
            // Anybody can have a certificate that one of those has signed.
            (mode, Some(Roots::System)) => Err(format!(
                "`sslrootcert=system` is too weak with `sslmode={}`; write `sslmode=verify-full`",
                mode.word()
            )),
            (SslMode::Prefer, Some(_)) => Err(
                "there is a root certificate, and `sslmode` is `prefer`, which looks at none; write `sslmode=verify-full`".into(),
            ),
            (SslMode::Require | SslMode::VerifyCa, Some(roots)) => verified(roots, false),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Encryption {
    Never,
    IfPossible,
    Unverified,
    Verified {
        roots: Roots,
        /// Whether the certificate has to be for the name that is connected to.
        name: bool,
    },
}

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(PathBuf),
}

impl Encryption {
    /// The same, if there is TLS where it is needed.
    fn possible(self, has_tls: bool) -> Result<Self, String> {
        match self {
            Self::Unverified | Self::Verified { .. } if !has_tls => Err(
                "it is to be encrypted, which needs the feature `postgres-tls` of brigade; switch that on, or, on a network that is yours alone, write `sslmode=disable`".into(),
            ),
            possible => Ok(possible),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mode: &str, roots: &str) -> Result<Encryption, String> {
        let some = |word: &str| Some(word.to_owned()).filter(|word| !word.is_empty());
        Ssl::of_words(some(mode).as_deref(), some(roots))?.encryption()
    }

    #[test]
    fn words_mean_what_they_mean_to_libpq() {
        let file = || Roots::File("ca.crt".into());
        let verified = |roots, name| Encryption::Verified { roots, name };
        for (mode, roots, expected) in [
            ("", "", Encryption::IfPossible),
            ("prefer", "", Encryption::IfPossible),
            ("disable", "ca.crt", Encryption::Never),
            ("require", "", Encryption::Unverified),
            ("require", "ca.crt", verified(file(), false)),
            ("verify-ca", "ca.crt", verified(file(), false)),
            ("verify-full", "ca.crt", verified(file(), true)),
            ("verify-full", "", verified(Roots::System, true)),
            ("verify-full", "system", verified(Roots::System, true)),
            ("", "system", verified(Roots::System, true)),
        ] {
            assert_eq!(of(mode, roots), Ok(expected), "{mode} {roots}");
        }
        for (mode, roots, says) in [
            ("allow", "", "`allow`"),
            ("geheim", "", "one of"),
            ("verify-ca", "", "sslrootcert"),
            ("verify-ca", "system", "verify-full"),
            ("require", "system", "verify-full"),
            ("prefer", "ca.crt", "verify-full"),
            ("", "ca.crt", "verify-full"),
        ] {
            let problem = of(mode, roots).expect_err(mode);
            assert!(problem.contains(says), "{problem}");
            assert!(!problem.contains("geheim"), "{problem}");
        }
    }

    #[test]
    fn through_a_socket_of_this_machine_nothing_is_encrypted() {
        let mut config: Config = "host=/run/postgresql".parse().unwrap();
        let ssl = Ssl::of_words(Some("verify-full"), None).unwrap();
        assert_eq!(ssl.apply(&mut config), Ok(Encryption::Never));
    }

    #[test]
    fn what_is_to_be_encrypted_names_the_feature_where_that_is_off() {
        for mode in ["require", "verify-full"] {
            let wanted = of(mode, "").unwrap();
            assert_eq!(wanted.clone().possible(true), Ok(wanted.clone()));
            let problem = wanted.possible(false).unwrap_err();
            assert!(problem.contains("`postgres-tls`"), "{problem}");
        }
        for mode in ["disable", "prefer"] {
            let wanted = of(mode, "").unwrap();
            assert_eq!(wanted.clone().possible(false), Ok(wanted));
        }
    }
}
