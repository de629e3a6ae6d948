//! Files over HTTP.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::PathBuf,
};

use spaceport_domain::agent::Service;

use crate::agent::Agent;

/// An agent, and a folder that goes with it.
struct Space {
    agent: Agent,
    folder: PathBuf,
}

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
    trailers: String,
}

impl Space {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("spaceport-files-{}-{name}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        let agent = Agent::start();
        Self { agent, folder }
    }

    fn url(&self, name: &str) -> String {
        format!("/fs{}/{name}", self.folder.display())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Sends a request as it is and reads what comes until the end.
    fn send(&self, request: &[u8]) -> Answer {
        let (mut stream, _) = self.agent.ask(Service::Files).expect("begun");
        stream.write_all(request).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("received");
        Answer::parse(&answer)
    }

    fn ask(&self, method: &str, url: &str, fields: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "{method} {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n"
        );
        self.send(&[head.as_bytes(), body].concat())
    }

    fn get(&self, name: &str) -> Answer {
        self.ask("GET", &self.url(name), "", b"")
    }

    fn put(&self, name: &str, body: &[u8]) -> Answer {
        self.ask("PUT", &self.url(name), "", body)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Answer {
    fn parse(answer: &[u8]) -> Self {
        let end = answer
            .windows(4)
            .position(|it| it == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8(answer[..end].to_vec()).expect("text");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|it| it.parse().ok())
            .expect("a status");
        let mut rest = &answer[end + 4..];
        let (mut body, mut trailers) = (rest.to_vec(), String::new());
        if head.contains("transfer-encoding: chunked") {
            body.clear();
            loop {
                let end = rest
                    .windows(2)
                    .position(|it| it == b"\r\n")
                    .expect("a length");
                let length = str::from_utf8(&rest[..end]).expect("text");
                let length = usize::from_str_radix(length, 16).expect("a number");
                rest = &rest[end + 2..];
                if length == 0 {
                    trailers = String::from_utf8_lossy(rest).into_owned();
                    break;
                }
                body.extend_from_slice(&rest[..length]);
                rest = &rest[length + 2..];
            }
        }
        Self {
            status,
            head,
            body,
            trailers,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn has(&self, field: &str) -> bool {
        self.head.lines().any(|line| line == field)
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("blake3={}", blake3::hash(bytes).to_hex())
}

#[test]
fn a_file_is_read_from_anywhere_with_what_is_known_of_it() {
    let space = Space::new("read");
    fs::write(space.path("a b"), "0123456789").expect("written");
    fs::set_permissions(space.path("a b"), fs::Permissions::from_mode(0o640)).expect("set");
    let whole = space.get("a%20b");
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    for field in [
        "spaceport-kind: file",
        "spaceport-mode: 0640",
        "content-length: 10",
        "content-disposition: attachment",
        "x-content-type-options: nosniff",
        "accept-ranges: bytes",
    ] {
        assert!(whole.has(field), "{field} in {}", whole.head);
    }
    let url = space.url("a%20b");
    let part = space.ask("GET", &url, "range: bytes=7-\r\n", b"");
    assert_eq!((part.status, part.text().as_str()), (206, "789"));
    assert!(part.has("content-range: bytes 7-9/10"));
    let beyond = space.ask("GET", &url, "range: bytes=10-\r\n", b"");
    assert_eq!(beyond.status, 416);
    let head = space.ask("HEAD", &url, "", b"");
    assert!(
        head.has("content-length: 10") && head.body.is_empty(),
        "{}",
        head.head
    );
    let other = space.ask("GET", &url, "range: bytes=7-\r\nif-range: \"x\"\r\n", b"");
    assert_eq!(other.status, 200);
}

#[test]
fn a_digest_comes_behind_the_content() {
    let space = Space::new("digest");
    let content = vec![b'x'; 1_000_000];
    fs::write(space.path("big"), &content).expect("written");
    let url = format!("{}?digest", space.url("big"));
    let answer = space.ask("GET", &url, "te: trailers\r\n", b"");
    assert_eq!(answer.body, content);
    let expected = format!("spaceport-digest: {}", digest(&content));
    assert!(answer.trailers.contains(&expected), "{}", answer.trailers);
    let beginning = space.get("big?digest-of=1000").text();
    assert_eq!(
        beginning,
        format!(r#"{{"size":1000,"digest":"{}"}}"#, digest(&content[..1000]))
    );
}

#[test]
fn an_upload_appears_when_it_is_whole_and_keeps_the_mode() {
    let space = Space::new("upload");
    let made = space.put("new", b"one");
    assert_eq!(made.status, 201);
    assert_eq!(
        made.text(),
        format!(r#"{{"size":3,"digest":"{}"}}"#, digest(b"one"))
    );
    let mode = |name: &str| space.path(name).metadata().expect("it is there").mode() & 0o7777;
    assert_eq!(mode("new"), 0o644);
    let with = space.put("new?mode=0600&mtime=1000000000.000000007", b"two");
    assert_eq!(with.status, 200);
    let metadata = space.path("new").metadata().expect("it is there");
    assert_eq!(
        (metadata.mtime(), metadata.mtime_nsec()),
        (1_000_000_000, 7)
    );
    space.put("new", b"three");
    assert_eq!(mode("new"), 0o600, "it stays");
    assert_eq!(fs::read(space.path("new")).expect("read"), b"three");
    assert_eq!(
        fs::read_dir(&space.folder).expect("read").count(),
        1,
        "no part is left"
    );
}

#[test]
fn what_was_sent_before_a_connection_broke_is_gone_on_with() {
    let space = Space::new("resume");
    let (mut stream, _) = space.agent.ask(Service::Files).expect("begun");
    let url = space.url("big");
    let head = format!("PUT {url}?size=10 HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n01234");
    stream.write_all(head.as_bytes()).expect("sent");
    let part = format!("{url}?part");
    while !space.ask("HEAD", &part, "", b"").has("content-length: 5") {}
    drop(stream);
    assert!(!space.path("big").exists());
    let wrong = space.ask("PUT", &format!("{url}?offset=4&size=10"), "", b"456789");
    assert_eq!(wrong.status, 409);
    assert!(wrong.text().contains("OFFSET_MISMATCH"));
    let known = space.ask("GET", &format!("{url}?part&digest-of=5"), "", b"");
    assert!(known.text().contains(&digest(b"01234")));
    // Until the one that broke has let it go.
    let some = loop {
        let some = space.ask("PUT", &format!("{url}?offset=5&size=10"), "", b"567");
        if !some.text().contains("under way") {
            break some;
        }
    };
    assert!(some.text().contains("INCOMPLETE"), "{}", some.text());
    let done = space.ask("PUT", &format!("{url}?offset=8&size=10"), "", b"89");
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(fs::read(space.path("big")).expect("read"), b"0123456789");
    assert_eq!(space.ask("HEAD", &part, "", b"").status, 404);
}

/// Begins to send a file of ten bytes, and waits until five of them are there.
fn begin_upload(space: &Space, name: &str) -> TcpStream {
    let (mut stream, _) = space.agent.ask(Service::Files).expect("begun");
    let url = space.url(name);
    let head = format!(
        "PUT {url}?size=10 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: 10\r\n\r\n01234"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let part = format!("{url}?part");
    while !space.ask("HEAD", &part, "", b"").has("content-length: 5") {}
    stream
}

/// Sends the rest of it.
fn end_upload(mut stream: TcpStream) -> Answer {
    stream.write_all(b"56789").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("received");
    Answer::parse(&answer)
}

#[test]
fn of_two_uploads_to_one_place_one_is_taken_and_is_private_until_it_is_whole() {
    let space = Space::new("race");
    let first = begin_upload(&space, "f");
    let part = space.path(".f.spaceport-part");
    let mode = part.metadata().expect("it is there").mode();
    assert_eq!(mode & 0o7777, 0o600);
    for query in ["", "?offset=5&size=10"] {
        let second = space.put(&format!("f{query}"), b"other");
        assert_eq!(second.status, 409, "{}", second.text());
        assert!(second.text().contains("OFFSET_MISMATCH"));
    }
    assert_eq!(end_upload(first).status, 201);
    let written = space.path("f");
    assert_eq!(fs::read(&written).expect("read"), b"0123456789");
    let mode = written.metadata().expect("it is there").mode();
    assert_eq!(mode & 0o7777, 0o644);
}

#[test]
fn an_upload_that_brings_nothing_is_taken_over_and_changes_nothing_later() {
    for (query, body, whole) in [
        ("?size=5", "other", "other"),
        ("?offset=5&size=10", "other", "01234other"),
    ] {
        let space = Space::new("stalled");
        let first = begin_upload(&space, "f");
        let part = fs::File::open(space.path(".f.spaceport-part")).expect("it is there");
        part.set_modified(std::time::UNIX_EPOCH).expect("set");
        let second = space.put(&format!("f{query}"), body.as_bytes());
        assert_eq!(second.status, 201, "{}", second.text());
        assert_eq!(end_upload(first).status, 409);
        assert_eq!(fs::read(space.path("f")).expect("read"), whole.as_bytes());
    }
}

#[test]
fn what_isnt_what_was_sent_leaves_nothing() {
    let space = Space::new("mismatch");
    let url = space.url("f");
    let wrong = format!("spaceport-digest: {}\r\n", digest(b"other"));
    let answer = space.ask("PUT", &url, &wrong, b"this");
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("DIGEST_MISMATCH"));
    assert_eq!(fs::read_dir(&space.folder).expect("read").count(), 0);
    // The same behind the content.
    for (said, status) in [(digest(b"other"), 422), (digest(b"this"), 201)] {
        let request = format!(
            "PUT {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
             trailer: spaceport-digest\r\n\r\n4\r\nthis\r\n0\r\nspaceport-digest: {said}\r\n\r\n"
        );
        assert_eq!(space.send(request.as_bytes()).status, status);
    }
}

#[test]
fn directories_are_listed_with_names_of_any_bytes() {
    let space = Space::new("list");
    let odd = std::ffi::OsStr::from_bytes(b"\xff<\n");
    fs::create_dir(space.path("sub")).expect("made");
    fs::write(space.path("sub").join(odd), "x").expect("written");
    symlink("/etc", space.path("sub/link")).expect("made");
    let mut lines: Vec<String> = space
        .get("?recursive")
        .text()
        .lines()
        .map(str::to_owned)
        .collect();
    // The folder's own URL has no empty name.
    assert!(lines[0].contains("INVALID_PATH"));
    let url = space.url("");
    let url = url.trim_end_matches('/');
    let recursive = space.ask("GET", &format!("{url}?recursive"), "", b"");
    assert!(recursive.has("content-type: application/x-ndjson"));
    lines = recursive.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with(r#"{"name":"sub","kind":"directory","#));
    lines.sort();
    assert!(
        lines[1].starts_with(r#"{"name":"sub/%FF%3C%0A","kind":"file","size":1,"mode":"0644","#)
    );
    assert!(lines[2].ends_with(r#","target":"%2Fetc"}"#));
    let page = space.ask(
        "GET",
        &format!("{url}/sub"),
        "accept: text/html,*/*\r\n",
        b"",
    );
    assert!(
        page.text().contains("%FF%3C%0A\">\u{fffd}&lt;\n</a>"),
        "{}",
        page.text()
    );
    assert!(page.has("content-security-policy: default-src 'none'; frame-ancestors 'none'"));
    let read = space.get("sub/%FF%3C%0A");
    assert_eq!(read.text(), "x");
}

#[test]
fn small_files_come_with_a_listing_that_asks_for_them() {
    let space = Space::new("content");
    fs::write(space.path("small"), "abc").expect("written");
    fs::write(space.path("large"), "abcd").expect("written");
    symlink("small", space.path("link")).expect("made");
    let url = space.url("");
    let url = url.trim_end_matches('/');
    let content_of = |query: &str| {
        let listing = space.ask("GET", &format!("{url}?{query}"), "", b"").text();
        let with: Vec<String> = listing
            .lines()
            .filter(|line| line.contains("content"))
            .map(str::to_owned)
            .collect();
        assert_eq!(listing.lines().count(), 3, "{listing}");
        with
    };
    let with = content_of("recursive&content-up-to=3");
    let [small] = &with[..] else {
        panic!("{with:?}");
    };
    let content = format!(
        r#""content":{{"base64":"YWJj","digest":"{}"}}"#,
        digest(b"abc")
    );
    assert!(small.starts_with(r#"{"name":"small""#) && small.contains(&content));
    assert_eq!(content_of("content-up-to=4").len(), 2);
    assert_eq!(content_of("recursive"), [""; 0]);
    fs::write(space.path("large"), vec![b'x'; 70_000]).expect("written");
    assert_eq!(
        content_of("content-up-to=99999999").len(),
        1,
        "the bound is the agent's"
    );
}

#[test]
fn what_a_listing_lacks_is_told_at_its_end() {
    let space = Space::new("lacking");
    let url = space.url("");
    let url = format!("{}?recursive", url.trim_end_matches('/'));
    let deep = "d/".repeat(130);
    fs::create_dir_all(space.path(&deep)).expect("made");
    fs::write(space.path("z"), "x").expect("written");
    let lines = space.ask("GET", &url, "", b"").text();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 128 + 1 + 1, "{lines:?}");
    let last = lines.last().expect("a line");
    assert!(
        last.starts_with(r#"{"error":{"code":"TOO_DEEP","#),
        "{last}"
    );
    assert!(last.ends_with(r#"d","others":0}"#), "{last}");
    let entries = &lines[..lines.len() - 1];
    assert!(entries.iter().all(|it| it.contains(r#""kind":"#)));
    let single = space.ask("GET", url.trim_end_matches("?recursive"), "", b"");
    assert!(!single.text().contains("error"), "{}", single.text());
}

#[test]
fn nothing_without_an_end_is_read_for_a_link_of_a_page() {
    let space = Space::new("endless");
    let digest = space.ask(
        "GET",
        "/fs/dev/zero?digest-of=18446744073709551615",
        "",
        b"",
    );
    assert_eq!(digest.status, 409, "{}", digest.text());
    let url = space.url("");
    let url = format!("{}?recursive", url.trim_end_matches('/'));
    let page = space.ask("GET", &url, "accept: text/html,*/*\r\n", b"");
    assert_eq!(page.status, 400, "{}", page.text());
}

#[test]
fn links_are_followed_where_they_are_read_and_never_where_they_are_removed() {
    let space = Space::new("links");
    fs::create_dir(space.path("kept")).expect("made");
    fs::write(space.path("kept/file"), "x").expect("written");
    let made = space.put("link?kind=symlink&target=kept", b"");
    assert_eq!(made.status, 201);
    let link = space.get("link?nofollow");
    assert!(link.has("spaceport-kind: symlink") && link.has("spaceport-target: kept"));
    assert!(space.get("link").has("spaceport-kind: directory"));
    assert_eq!(
        space.put("to?kind=symlink&target=kept%2Ffile", b"").status,
        201
    );
    assert_eq!(space.put("to", b"through").status, 200);
    assert_eq!(fs::read(space.path("kept/file")).expect("read"), b"through");
    assert!(space.path("to").is_symlink(), "it stays a link");
    let removed = space.ask(
        "DELETE",
        &format!("{}?recursive", space.url("link")),
        "",
        b"",
    );
    assert_eq!(removed.status, 204);
    assert!(space.path("kept/file").exists() && !space.path("link").exists());
}

#[test]
fn things_are_made_changed_moved_and_removed() {
    let space = Space::new("change");
    assert_eq!(space.put("d?kind=directory&mode=0700", b"").status, 201);
    assert_eq!(space.put("d?kind=directory", b"").status, 200);
    assert_eq!(space.put("d/f", b"x").status, 201);
    let ask = |method, name: &str| {
        let answer = space.ask(method, &space.url(name), "", b"");
        (answer.status, answer.text())
    };
    let code = |(status, text): (u16, String), code: &str| {
        assert!(text.contains(&format!(r#""code":"{code}""#)), "{text}");
        status
    };
    assert_eq!(code(ask("PUT", "d"), "IS_A_DIRECTORY"), 409);
    assert_eq!(code(ask("GET", "none"), "NOT_FOUND"), 404);
    assert_eq!(code(ask("GET", "d/f/g"), "NOT_A_DIRECTORY"), 409);
    assert_eq!(code(ask("DELETE", "d"), "NOT_EMPTY"), 409);
    assert_eq!(ask("PATCH", "d/f?mode=4711&mtime=-5.5").0, 204);
    let metadata = space.path("d/f").metadata().expect("it is there");
    assert_eq!((metadata.mode() & 0o7777, metadata.mtime()), (0o4711, -5));
    fs::write(space.path("there"), "y").expect("written");
    let to = |name: &str| format!("d/f?move-to={}", space.url(name));
    assert_eq!(code(ask("POST", &to("there")), "EXISTS"), 409);
    assert_eq!(ask("POST", &format!("{}&replace", to("there"))).0, 204);
    assert_eq!(fs::read(space.path("there")).expect("read"), b"x");
    assert_eq!(ask("DELETE", "d").0, 204);
    assert_eq!(
        code(ask("PUT", "there/a?kind=directory"), "NOT_A_DIRECTORY"),
        409
    );
    assert_eq!(code(ask("GET", "..%2Fx"), "INVALID_PATH"), 400);
}

#[test]
fn a_connection_serves_one_request_behind_the_other() {
    let space = Space::new("alive");
    fs::write(space.path("f"), "content").expect("written");
    let url = space.url("f");
    let request = format!(
        "GET {url} HTTP/1.1\r\nhost: x\r\n\r\nGET {url} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    );
    let answers = space.send(request.as_bytes()).text();
    assert!(answers.starts_with("contentHTTP/1.1 200 OK"), "{answers}");
    assert!(answers.ends_with("\r\n\r\ncontent"), "{answers}");
}
