//! How bytes and texts are spelled where not every one may stand as it is.

use std::fmt::Write as _;

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut spelled = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string doesn't fail.
        let _ = write!(spelled, "{byte:02x}");
    }
    spelled
}

/// Text that is text wherever it stands in a page, quoted attributes included.
pub fn html(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => spelled.push_str("&amp;"),
            '<' => spelled.push_str("&lt;"),
            '>' => spelled.push_str("&gt;"),
            '"' => spelled.push_str("&quot;"),
            '\'' => spelled.push_str("&#39;"),
            other => spelled.push(other),
        }
    }
    spelled
}

/// Bytes in a URL: each but the unreserved characters is escaped (RFC 3986 §2.1, §2.3).
pub fn url(bytes: &[u8]) -> String {
    let mut spelled = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            spelled.push(char::from(byte));
        } else {
            // Writing to a string doesn't fail.
            let _ = write!(spelled, "%{byte:02X}");
        }
    }
    spelled
}

/// The bytes that a text in a URL stands for; `None` where an escape is broken.
pub fn read_url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>()?;
        // Digits alone: a sign would be read as well.
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
    }

    proptest! {
        #[test]
        fn text_in_a_page_stays_text(text in "\\PC{0,20}[<>\"'&]\\PC{0,20}") {
            let spelled = html(&text);
            prop_assert!(!spelled.contains(['<', '>', '"', '\'']));
            let read = spelled.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
                .replace("&#39;", "'").replace("&amp;", "&");
            prop_assert_eq!(read, text);
        }

        #[test]
        fn any_bytes_are_read_as_they_were_written(bytes: Vec<u8>) {
            let text = url(&bytes);
            prop_assert!(text.is_ascii() && !text.contains('/'));
            prop_assert_eq!(read_url(&text), Some(bytes));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = read_url(&text);
        }
    }

    #[test]
    fn broken_escapes_are_none() {
        for bad in ["%", "%4", "%+1", "%zz", "a%2"] {
            assert_eq!(read_url(bad), None, "{bad}");
        }
    }
}
