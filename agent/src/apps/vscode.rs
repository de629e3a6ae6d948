//! What the command line of Visual Studio Code says of its tunnel.
//!
//! It says so in lines for people (`cli/src/auth.rs`, `cli/src/tunnels` and `cli/src/log.rs` of
//! microsoft/vscode). Those that tell how the tunnel is:
//!
//! ```text
//! To grant access to the server, please log into https://github.com/login/device and use code 17AC-E3AE
//! To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code ABCDEFGHJ to authenticate.
//! Open this link in your browser https://vscode.dev/tunnel/machine/home/dev
//! [2024-06-10 02:10:42] error failed to look up the tunnel
//! ```

use std::ops::Range;

use spaceport_domain::agent::{
    VscodeTunnel,
    said::{REASON_MAX_CHARS, https_url, plain, word},
};

/// The app that is the tunnel.
pub const NAME: &str = "vscode";
/// As much of a line is looked at: all that the log takes for one.
const LINE_MAX_CHARS: usize = 4096;
/// What comes before the code that its user is to enter.
const BEFORE_CODE: [&str; 2] = ["use code ", "enter the code "];
/// What comes before where the tunnel is opened.
const BEFORE_LINK: &str = "Open this link in your browser ";
/// What comes before the tunnel's name in that.
const BEFORE_NAME: &str = "/tunnel/";
/// What is logged in place of a code.
const HIDDEN: &str = "****";

/// How the tunnel is once its program has said this line, if that tells.
pub fn hear(before: Option<&VscodeTunnel>, line: &str) -> Option<VscodeTunnel> {
    let line = plain(line, LINE_MAX_CHARS);
    let (level, message) = without_stamp(&line);
    if let Some(told) = login(message).or_else(|| link(message)) {
        return Some(told.fit());
    }
    // Who is connected goes on in spite of most errors; when not, the program ends.
    let is_connected = matches!(before, Some(VscodeTunnel::Connected { .. }));
    (is_error(level, message) && !is_connected).then(|| VscodeTunnel::Failed {
        reason: plain(message, REASON_MAX_CHARS),
    })
}

/// The line as it is logged, where it isn't as it was said: whoever enters a code makes the tunnel
/// theirs, and more people read the log than may do that. A code is found in the line as it is heard,
/// so that no sequence of terminals hides one.
pub fn without_codes(line: &str) -> Option<String> {
    let heard = plain(line, LINE_MAX_CHARS);
    let mut logged = String::new();
    let mut told_bytes = 0;
    for code in codes(&heard) {
        logged += &heard[told_bytes..code.start];
        logged += HIDDEN;
        told_bytes = code.end;
    }
    (told_bytes > 0).then(|| logged + &heard[told_bytes..])
}

/// Where the codes of a line are, in their order: each word behind what comes before a code.
fn codes(line: &str) -> Vec<Range<usize>> {
    let ends = BEFORE_CODE.iter().flat_map(|before| {
        let found = line.match_indices(before);
        found.map(|(at, before)| at + before.len())
    });
    let word_from = |end: usize| {
        let rest = &line[end..];
        let start = end + rest.find(|it: char| !it.is_whitespace())?;
        let length = line[start..].find(char::is_whitespace);
        Some(start..length.map_or(line.len(), |length| start + length))
    };
    let mut codes: Vec<_> = ends.filter_map(word_from).collect();
    codes.sort_by_key(|code| code.start);
    codes
}

fn code_at(line: &str) -> Option<(usize, &'static str)> {
    let found = |before: &'static str| Some((line.find(before)?, before));
    BEFORE_CODE.into_iter().find_map(found)
}

fn login(message: &str) -> Option<VscodeTunnel> {
    let (at, before) = code_at(message)?;
    let url = message[..at].split_whitespace().find_map(https_url)?;
    let code = message[at + before.len()..].split_whitespace().next()?;
    Some(VscodeTunnel::WaitingForLogin {
        url: Some(url.to_owned()),
        code: word(code.trim_end_matches('.'))?.to_owned(),
    })
}

fn link(message: &str) -> Option<VscodeTunnel> {
    let (_, rest) = message.split_once(BEFORE_LINK)?;
    let url = https_url(rest.split_whitespace().next()?)?;
    let (_, path) = url.split_once(BEFORE_NAME)?;
    let name = word(path.split(['/', '?', '#']).next()?)?;
    Some(VscodeTunnel::Connected {
        name: name.to_owned(),
        url: Some(url.to_owned()),
    })
}

/// An error that the program itself reports; those of its parts begin with the part, in brackets.
fn is_error(level: Option<&str>, message: &str) -> bool {
    match level {
        Some(level) => matches!(level, "error" | "critical") && !message.starts_with('['),
        None => {
            let begins = |word: &str| message.len() > word.len() && message.starts_with(word);
            ["error ", "error: ", "failed to "].into_iter().any(begins)
        }
    }
}

/// The level and what follows, of a line that begins with a time in brackets.
fn without_stamp(line: &str) -> (Option<&str>, &str) {
    let stamped = line.strip_prefix('[').and_then(|it| it.split_once("] "));
    match stamped {
        Some((time, rest)) if time.starts_with(|it: char| it.is_ascii_digit()) => {
            let (level, message) = rest.split_once(' ').unwrap_or((rest, ""));
            (Some(level), message)
        }
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How the tunnel is after all of `lines`.
    fn after(lines: &[&str]) -> VscodeTunnel {
        lines.iter().fold(VscodeTunnel::default(), |before, line| {
            hear(Some(&before), line).unwrap_or(before)
        })
    }

    fn waiting(url: &str, code: &str) -> VscodeTunnel {
        VscodeTunnel::WaitingForLogin {
            url: Some(url.to_owned()),
            code: code.to_owned(),
        }
    }

    fn connected(name: &str, url: &str) -> VscodeTunnel {
        VscodeTunnel::Connected {
            name: name.to_owned(),
            url: Some(url.to_owned()),
        }
    }

    fn failed(reason: &str) -> VscodeTunnel {
        VscodeTunnel::Failed {
            reason: reason.to_owned(),
        }
    }

    const LICENCE: [&str; 7] = [
        "*\r",
        "* Visual Studio Code Server\r",
        "*\r",
        "* By using the software, you agree to\r",
        "* the Visual Studio Code Server License Terms (https://aka.ms/vscode-server-license) and\r",
        "* the Microsoft Privacy Statement (https://privacy.microsoft.com/en-US/privacystatement).\r",
        "*",
    ];
    const LOGIN: &str = "To grant access to the server, please log into https://github.com/login/device and use code 17AC-E3AE";

    #[test]
    fn a_tunnel_from_its_first_line_to_where_it_is_opened() {
        let mut said = LICENCE.to_vec();
        assert_eq!(after(&said), VscodeTunnel::NotConfigured);
        said.push("[2024-06-10 02:10:42] info Using GitHub for authentication, run `code tunnel user login --provider <provider>` option to change this.");
        assert_eq!(after(&said), VscodeTunnel::NotConfigured);
        said.push(LOGIN);
        let login = waiting("https://github.com/login/device", "17AC-E3AE");
        assert_eq!(after(&said), login);
        said.push("[2024-06-10 02:11:44] info Creating tunnel with the name: lab");
        assert_eq!(after(&said), login);
        said.extend([
            "",
            "Open this link in your browser https://vscode.dev/tunnel/lab/home/dev",
            "",
        ]);
        let open = connected("lab", "https://vscode.dev/tunnel/lab/home/dev");
        assert_eq!(after(&said), open);
        said.extend([
            "[2024-06-10 02:12:01] info [tunnels::connections::relay_tunnel_host] Opened new client on channel 2",
            "[2024-06-10 02:12:02] error [rpc.0] Disposed of connection to running server.",
            "[2024-06-10 02:12:03] error no route to host",
        ]);
        assert_eq!(after(&said), open, "it goes on");
    }

    #[test]
    fn whoever_signs_in_with_a_microsoft_account_is_told_a_page_and_a_code_too() {
        let said = "To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code ABCDEFGHJ to authenticate.";
        let login = waiting("https://microsoft.com/devicelogin", "ABCDEFGHJ");
        assert_eq!(after(&[said]), login);
    }

    #[test]
    fn a_tunnel_that_runs_already_is_joined() {
        let link = "[2024-06-10 02:11:44] info Open this link in your browser https://vscode.dev/tunnel/ip-10-0-0-23ap-north";
        let said = [
            "Connected to an existing tunnel process running on this machine.",
            "",
            link,
        ];
        let url = "https://vscode.dev/tunnel/ip-10-0-0-23ap-north";
        assert_eq!(after(&said), connected("ip-10-0-0-23ap-north", url));
    }

    #[test]
    fn an_error_is_why_there_is_no_tunnel_until_there_is_one() {
        let consent = "[2024-06-10 02:10:42] error Run this command again with --accept-server-license-terms to indicate your agreement.";
        let reason =
            "Run this command again with --accept-server-license-terms to indicate your agreement.";
        assert_eq!(after(&[consent]), failed(reason));
        for said in ["error: no network", "failed to look up the tunnel"] {
            assert_eq!(after(&[said]), failed(said));
        }
        assert_eq!(
            after(&["\u{1b}[2m[2024-06-10 02:10:42]\u{1b}[0m \u{1b}[31merror\u{1b}[0m no network"]),
            failed("no network")
        );
        assert!(matches!(
            after(&[consent, LOGIN]),
            VscodeTunnel::WaitingForLogin { .. }
        ));
        for said in [
            "errors",
            "no error ",
            "[2024-06-10 02:10:42] warn error x",
            "error ",
        ] {
            assert_eq!(after(&[said]), VscodeTunnel::NotConfigured, "{said}");
        }
    }

    #[test]
    fn what_a_tenant_makes_up_is_not_told_on() {
        for said in [
            "please log into http://github.com/login/device and use code A",
            "please log into https://github.com@evil.example/ and use code A",
            "please log into https://github.com/login/device and use code <b>",
            "please log into https://github.com/login/device and use code ",
            "Open this link in your browser javascript:alert(1)//tunnel/a",
            "Open this link in your browser https://vscode.dev/",
            "Open this link in your browser https://vscode.dev/tunnel/%2e%2e",
        ] {
            assert_eq!(after(&[said]), VscodeTunnel::NotConfigured, "{said}");
        }
    }

    #[test]
    fn where_a_tenant_leads_to_is_not_told_on_but_how_the_tunnel_is() {
        let said = "please log into https://evil.example/login/device and use code A";
        let told = VscodeTunnel::WaitingForLogin {
            url: None,
            code: "A".to_owned(),
        };
        assert_eq!(after(&[said]), told);
        let said = "Open this link in your browser https://evil.example/tunnel/lab";
        let told = VscodeTunnel::Connected {
            name: "lab".to_owned(),
            url: None,
        };
        assert_eq!(after(&[said]), told);
    }

    #[test]
    fn the_log_doesnt_tell_the_code() {
        let logged = without_codes(LOGIN).expect("another line");
        assert_eq!(logged, LOGIN.replace("17AC-E3AE", HIDDEN));
        for (said, logged) in [
            (
                "open the page https://a and enter the code AB CD.",
                "open the page https://a and enter the code **** CD.",
            ),
            (
                "use code A, or enter the code B. use code  C",
                "use code **** or enter the code **** use code  ****",
            ),
            ("use code use code A", "use code **** code ****"),
            (
                "use \u{1b}[1mcode\u{1b}[0m \u{1b}[32mA\u{1b}[0m",
                "use code ****",
            ),
            ("use\u{200b} code\u{200b} A", "use code ****"),
        ] {
            assert_eq!(without_codes(said).as_deref(), Some(logged), "{said}");
        }
        for said in ["Open this link in your browser https://a", "use code ", ""] {
            assert_eq!(without_codes(said), None, "{said}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_fit_to_be_told_on(
            line in "(\\[1\\] error |To use code |Open this link in your browser https://|please log into https://a and use code )?\\PC{0,40}"
        ) {
            if let Some(told) = hear(None, &line) {
                prop_assert_eq!(told.clone().fit(), told);
            }
        }

        #[test]
        fn whoever_reads_the_log_can_sign_nobody_in(pieces in prop::collection::vec(
            "use code |enter the code |https://a |17AC-E3AE|\u{1b}\\[[0-9]{0,2}m|\u{200b}|[a-z ]{0,3}",
            0..12,
        )) {
            let line = pieces.concat();
            let logged = without_codes(&line).unwrap_or(line);
            let told = hear(None, &logged);
            prop_assert!(!matches!(told, Some(VscodeTunnel::WaitingForLogin { .. })), "{logged}");
        }
    }
}
