//! What programs inside a space say, made fit to be told on.
//!
//! Whoever has the space has its programs, and perhaps its agent: none of their words is believed to
//! be short, plain, or what it looks like.

/// The most characters of a reason.
pub const REASON_MAX_CHARS: usize = 300;
/// The most bytes of a URL.
const URL_MAX_BYTES: usize = 512;
/// Where the program of Visual Studio Code has its user sign in: GitHub's page, and those that
/// Microsoft's service names (microsoft/vscode, `cli/src/auth.rs`, prints what either service says).
const SIGN_IN_PAGES: [&str; 7] = [
    "https://github.com/login/device",
    "https://microsoft.com/devicelogin",
    "https://www.microsoft.com/devicelogin",
    "https://www.microsoft.com/link",
    "https://login.microsoft.com/device",
    "https://login.microsoftonline.com/common/oauth2/deviceauth",
    "https://aka.ms/devicelogin",
];
/// What every link to a tunnel begins with, by the web editors that its program is built for.
const TUNNEL_LINKS: [&str; 2] = [
    "https://vscode.dev/tunnel/",
    "https://insiders.vscode.dev/tunnel/",
];
/// The most bytes of a name or a code.
const WORD_MAX_BYTES: usize = 64;

/// The text without sequences of terminals (ECMA-48), without characters that show nothing or turn
/// the direction of what follows, and no longer than `max_chars`.
pub fn plain(text: &str, max_chars: usize) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    let mut left = max_chars;
    while let Some(character) = characters.next() {
        if left == 0 {
            break;
        }
        if character == '\u{1b}' {
            skip_sequence(&mut characters);
        } else if is_shown(character) {
            plain.push(character);
            left -= 1;
        }
    }
    plain.trim().to_owned()
}

/// Skips what follows an escape: `[`, parameters, and one final byte from `@` to `~`; or one
/// character.
fn skip_sequence(characters: &mut std::str::Chars<'_>) {
    if characters.next() == Some('[') {
        let _ = characters.find(|it| ('@'..='~').contains(it));
    }
}

fn is_shown(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            // Unicode's controls of direction, its invisible operators, separators and tags.
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// The text, when it is an `https` URL that can be told on as one: printable ASCII, of a host
/// without a user before it.
pub fn https_url(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_host = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b':');
    let is_fit = text.len() <= URL_MAX_BYTES
        && text.bytes().all(|it| it.is_ascii_graphic())
        && !text.contains(['"', '\'', '<', '>', '\\', '`'])
        && host.starts_with(|it: char| it.is_ascii_alphanumeric())
        && host.bytes().all(is_host);
    is_fit.then_some(text)
}

/// The text, when it is a page at which the program of Visual Studio Code has people sign in. A space
/// can lead its people to no other one.
pub fn sign_in_page(text: &str) -> Option<&str> {
    SIGN_IN_PAGES.contains(&text).then_some(text)
}

/// The text, when it is the link of a tunnel of Visual Studio Code, at its own web editor.
pub fn tunnel_link(text: &str) -> Option<&str> {
    let is_tunnel = TUNNEL_LINKS.iter().any(|link| text.starts_with(link));
    // Browsers go up by these, to what is beside the tunnels.
    let spelled = text.to_ascii_lowercase().replace("%2e", ".");
    let is_up = spelled.split(['/', '?', '#']).any(|part| part == "..");
    https_url(text).filter(|_| is_tunnel && !is_up)
}

/// The text, when it is one word of letters, digits, `-`, `_` and `.`, as codes and names are.
pub fn word(text: &str) -> Option<&str> {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    let is_fit = (1..=WORD_MAX_BYTES).contains(&text.len()) && text.bytes().all(is_plain);
    is_fit.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_is_what_was_said_and_nothing_of_how() {
        assert_eq!(plain("  a\tb\r\n", 10), "ab");
        assert_eq!(
            plain("\u{1b}[2m[x]\u{1b}[0m \u{1b}[31merror\u{1b}[0m", 99),
            "[x] error"
        );
        assert_eq!(plain("a\u{202e}b\u{200b}\u{0}c\u{1b}", 99), "abc");
        for hidden in ['\u{61c}', '\u{180e}', '\u{e0000}', '\u{e0041}', '\u{e007f}'] {
            assert_eq!(plain(&format!("a{hidden}b"), 99), "ab", "{hidden:?}");
        }
        assert_eq!(plain("éééé", 3), "ééé");
        assert_eq!(plain("\u{1b}[999", 9), "");
    }

    #[test]
    fn a_url_is_one_of_https_without_a_user_or_an_escape_from_where_it_is_put() {
        let fit = "https://vscode.dev/tunnel/a?b#c";
        assert_eq!(https_url(fit), Some(fit));
        assert_eq!(https_url("https://host:8443"), Some("https://host:8443"));
        for bad in [
            "http://github.com/login/device",
            "javascript:alert(1)",
            "https://",
            "https:///path",
            "https://github.com@evil.example/",
            "https://github.com:x@evil.example/",
            "https://evil.example\\@github.com/",
            "https://a.example/\"onclick=",
            "https://a.example/ b",
            "https://é.example/",
            &format!("https://a.example/{}", "a".repeat(URL_MAX_BYTES)),
        ] {
            assert_eq!(https_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn people_sign_in_where_the_program_has_them_sign_in_and_nowhere_else() {
        for page in SIGN_IN_PAGES {
            assert_eq!(sign_in_page(page), Some(page));
            assert_eq!(https_url(page), Some(page));
        }
        for bad in [
            "https://evil.example/login/device",
            "https://github.com.evil.example/login/device",
            "https://github.com/login/device?user_code=A",
            "https://github.com/login/device/../../evil/page",
            "https://github.com/login/oauth/authorize?client_id=evil",
            "https://GITHUB.com/login/device",
            "https://github.com:444/login/device",
            "http://microsoft.com/devicelogin",
            "https://aka.ms/evil",
        ] {
            assert_eq!(sign_in_page(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tunnel_is_opened_at_the_web_editor_of_visual_studio_code_alone() {
        for fit in [
            "https://vscode.dev/tunnel/lab/home/dev",
            "https://insiders.vscode.dev/tunnel/lab",
        ] {
            assert_eq!(tunnel_link(fit), Some(fit));
        }
        for bad in [
            "https://vscode.dev.evil.example/tunnel/lab",
            "https://evil.example/https://vscode.dev/tunnel/lab",
            "https://vscode.dev/github/evil/repository",
            "https://vscode.dev/tunnel/lab/../../github/evil/repository",
            "https://vscode.dev/tunnel/%2E./github/evil/repository",
            "https://vscode.dev@evil.example/tunnel/lab",
            "https://vscode.dev/tunnel/\"onclick=",
            "https://vscode.dev/tunnel",
        ] {
            assert_eq!(tunnel_link(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_word_is_short_and_plain() {
        assert_eq!(word("17AC-E3AE"), Some("17AC-E3AE"));
        for bad in ["", "a b", "é", "<b>", &"a".repeat(WORD_MAX_BYTES + 1)] {
            assert_eq!(word(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_bounded_and_shown(text in "\\PC{0,40}|[\u{0}-\u{ff}]{0,40}") {
            let told = plain(&text, 20);
            prop_assert!(told.chars().count() <= 20);
            prop_assert!(told.chars().all(is_shown));
        }
    }
}
