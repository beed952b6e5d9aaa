//! What arrives: posts as JSON, in the shapes that real corpora have.

mod lenient;
mod surrogates;

use std::fmt;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Unexpected, Visitor};

use lenient::Lenient;

/// A post as it was written. Fields that are not named here are skipped; short ones need no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub id: i64,
    pub user: CompactString,
    /// `text` or `full_text`: the first that has something to be read.
    pub text: String,
    pub lang: Option<CompactString>,
    pub created_at: Option<CompactString>,
    /// Whether halves of characters were replaced in it.
    pub mended: bool,
}

/// Why a line is not a post.
#[derive(Debug, thiserror::Error)]
#[error("not a post in JSON: {0}")]
pub struct NotAPost(serde_json::Error);

/// Reads one line. Half a pair of surrogates, which is left where an emoji was cut in two, becomes U+FFFD.
pub fn parse(line: &str) -> Result<Post, NotAPost> {
    serde_json::from_str(line).or_else(|error| mended(line, error))
}

#[cold]
fn mended(line: &str, error: serde_json::Error) -> Result<Post, NotAPost> {
    let mended = surrogates::mended(line).ok_or(NotAPost(error))?;
    let post: Post = serde_json::from_str(&mended).map_err(NotAPost)?;
    Ok(Post {
        mended: true,
        ..post
    })
}

impl Post {
    /// Whether there is anything to read in it.
    pub fn has_text(&self) -> bool {
        has_text(&self.text)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Id,
    User,
    Text,
    FullText,
    Lang,
    CreatedAt,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Id(#[serde(deserialize_with = "number_or_digits")] i64);

#[derive(Deserialize)]
struct User(#[serde(deserialize_with = "name_or_object")] CompactString);

impl<'de> Deserialize<'de> for Post {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Post;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a post, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Post, A::Error> {
                let (mut id, mut user, mut text) = (None, None, None);
                let (mut lang, mut created_at) = (None, None);
                while let Some(field) = map.next_key()? {
                    match field {
                        Field::Id if id.is_none() => id = Some(map.next_value::<Id>()?.0),
                        Field::Id => return Err(A::Error::duplicate_field("id")),
                        Field::User if user.is_none() => user = Some(map.next_value::<User>()?.0),
                        Field::User => return Err(A::Error::duplicate_field("user")),
                        Field::Text | Field::FullText if !text.as_deref().is_some_and(has_text) => {
                            let Lenient(found) = map.next_value()?;
                            text = found
                                .filter(|found: &String| text.is_none() || has_text(found))
                                .or(text);
                        }
                        Field::Lang if lang.is_none() => Lenient(lang) = map.next_value()?,
                        Field::CreatedAt if created_at.is_none() => {
                            Lenient(created_at) = map.next_value()?;
                        }
                        // What is not asked for, or was found before.
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Post {
                    id: id.ok_or_else(|| A::Error::missing_field("id"))?,
                    user: user.ok_or_else(|| A::Error::missing_field("user"))?,
                    text: text.ok_or_else(|| A::Error::missing_field("text"))?,
                    lang,
                    created_at,
                    mended: false,
                })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

fn has_text(text: &str) -> bool {
    !text.trim_start().is_empty()
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
            mended: false,
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
            mended: false,
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
            // Half a pair of surrogates is not all that is wrong.
            r#"{"id":1,"text":"\ud83d"}"#,
            r#"{"id":1,"user":"u","text":"\ud83""#,
            &"[".repeat(100_000),
        ] {
            assert!(error(line).starts_with("not a post in JSON: "));
        }
    }

    #[test]
    fn of_two_texts_the_first_that_says_something_counts() {
        let text =
            |texts| parse(&format!(r#"{{"id":1,"user":"u",{texts}}}"#)).map(|post| post.text);
        for texts in [
            r#""text":"a","full_text":"b""#,
            r#""full_text":"a","text":"b""#,
            r#""text":null,"full_text":"a""#,
            r#""text":["b"],"full_text":"a""#,
            r#""text":{"x":"b"},"full_text":"a""#,
            r#""text":" ","full_text":"a""#,
            r#""text":"a","text":"b""#,
            r#""text":"a","full_text":null"#,
        ] {
            assert_eq!(text(texts).unwrap(), "a", "{texts}");
        }
        assert_eq!(text(r#""text":" ","full_text":"""#).unwrap(), " ");
        assert!(text(r#""text":null"#).is_err());
    }

    #[test]
    fn what_need_not_be_there_is_left_empty_if_it_is_something_else() {
        for other in ["1", "1.5", "true", "null", "[1,[2]]", r#"{"a":{"b":1}}"#] {
            let line =
                format!(r#"{{"lang":{other},"created_at":{other},"id":1,"user":"u","text":"t"}}"#);
            let post = parse(&line).unwrap();
            assert_eq!((post.lang, post.created_at), (None, None), "{other}");
        }
    }

    #[test]
    fn half_an_emoji_is_replaced_and_the_post_is_kept() {
        let post = parse(r#"{"id":1,"user":"u","text":"\ud83d\ude00 cut \ud83d"}"#).unwrap();
        assert_eq!((post.text.as_str(), post.mended), ("😀 cut \u{fffd}", true));
        // Where nobody looks there is nothing to be mended.
        let line = r#"{"id":1,"user":"u","text":"t","note":"\ud83d"}"#;
        assert!(!parse(line).unwrap().mended);
    }

    #[test]
    fn the_reason_is_said_once() {
        let error = parse("[1]").unwrap_err();
        assert!(std::error::Error::source(&error).is_none());
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
