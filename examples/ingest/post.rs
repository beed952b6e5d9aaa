//! What arrives: posts as JSON, in the shapes that real corpora have.

use std::fmt;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};

/// A post as it was written. Fields that are not named here are skipped; short ones need no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Post {
    #[serde(deserialize_with = "number_or_digits")]
    pub id: i64,
    #[serde(deserialize_with = "name_or_object")]
    pub user: CompactString,
    #[serde(alias = "full_text")]
    pub text: String,
    pub lang: Option<CompactString>,
    pub created_at: Option<CompactString>,
}

/// Why a line is not a post.
#[derive(Debug, thiserror::Error)]
#[error("not a post in JSON: {0}")]
pub struct NotAPost(#[from] serde_json::Error);

/// Reads one line.
pub fn parse(line: &str) -> Result<Post, NotAPost> {
    Ok(serde_json::from_str(line)?)
}

impl Post {
    /// Whether there is anything to read in it.
    pub fn has_text(&self) -> bool {
        !self.text.trim_start().is_empty()
    }
}

/// Some write an id as a number, and some as a string, since JavaScript cannot hold the number.
fn number_or_digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Id;

    impl Visitor<'_> for Id {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an id of at most 63 bits, as a number or as its digits")
        }

        fn visit_i64<E: Error>(self, id: i64) -> Result<i64, E> {
            Ok(id)
        }

        fn visit_u64<E: Error>(self, id: u64) -> Result<i64, E> {
            i64::try_from(id).map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &self))
        }

        fn visit_str<E: Error>(self, id: &str) -> Result<i64, E> {
            id.parse()
                .map_err(|_| E::invalid_value(Unexpected::Str(id), &self))
        }
    }

    deserializer.deserialize_any(Id)
}

/// Small corpora give the user's name; full posts an object with a `screen_name` among forty fields.
fn name_or_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CompactString, D::Error> {
    struct User;

    impl<'de> Visitor<'de> for User {
        type Value = CompactString;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a user's name, or an object with a `screen_name`")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<CompactString, E> {
            Ok(name.into())
        }

        fn visit_map<A: MapAccess<'de>>(self, user: A) -> Result<CompactString, A::Error> {
            #[derive(Deserialize)]
            struct Full {
                screen_name: CompactString,
            }
            Full::deserialize(MapAccessDeserializer::new(user)).map(|user| user.screen_name)
        }
    }

    deserializer.deserialize_any(User)
}

#[cfg(test)]
mod tests {
    use super::{Post, parse};

    fn error(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn a_small_post_has_a_name_for_a_user() {
        let line =
            r#"{"id": 577117109701967872, "user": "goodhealth", "text": "It\u2019s \ud83d\ude00"}"#;
        let post = Post {
            id: 577_117_109_701_967_872,
            user: "goodhealth".into(),
            text: "It’s 😀".into(),
            lang: None,
            created_at: None,
        };
        assert_eq!(parse(line).unwrap(), post);
    }

    #[test]
    fn a_full_post_has_an_object_for_a_user_and_more_fields_than_are_asked_for() {
        let line = r#"{"created_at":"Sun Aug 31 00:29:15 +0000 2014","id":5,"id_str":"5","full_text":"x",
            "user":{"id":1186275104,"name":"A","screen_name":"ayu","entities":{"urls":[]}},"geo":null,"lang":"ja"}"#;
        let post = Post {
            id: 5,
            user: "ayu".into(),
            text: "x".into(),
            lang: Some("ja".into()),
            created_at: Some("Sun Aug 31 00:29:15 +0000 2014".into()),
        };
        assert_eq!(parse(line).unwrap(), post);
    }

    #[test]
    fn an_id_may_be_a_number_or_its_digits() {
        let id = |id| parse(&format!(r#"{{"id":{id},"user":"u","text":"t"}}"#)).map(|post| post.id);
        assert_eq!(id("\"42\"").unwrap(), 42);
        assert_eq!(id("-42").unwrap(), -42);
        for wrong in ["1.5", "18446744073709551615", "\"x\"", "null"] {
            let message = id(wrong).unwrap_err().to_string();
            assert!(message.contains("an id of at most 63 bits"), "{message}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(error(r#"{"user":"u","text":"t"}"#).contains("missing field `id`"));
        assert!(error(r#"{"id":1,"text":"t"}"#).contains("missing field `user`"));
        assert!(error(r#"{"id":1,"user":"u"}"#).contains("missing field `text`"));
        assert!(error(r#"{"id":1,"user":{"id":1},"text":"t"}"#).contains("`screen_name`"));
    }

    #[test]
    fn what_is_no_post_in_any_way_is_an_error() {
        for line in [
            "",
            "{",
            r#"{"id":1,"user":"u","text":"t"#,
            "[]",
            "1",
            "null",
            // Half a pair of surrogates.
            r#"{"id":1,"user":"u","text":"\ud83d"}"#,
            &"[".repeat(100_000),
        ] {
            assert!(error(line).starts_with("not a post in JSON: "));
        }
    }

    #[test]
    fn white_space_alone_is_no_text() {
        let post =
            |text: &str| parse(&format!(r#"{{"id":1,"user":"u","text":"{text}"}}"#)).unwrap();
        assert!(!post("").has_text());
        assert!(!post(" \\n\\t\u{a0}\u{3000}").has_text());
        assert!(post(" .").has_text());
    }
}
