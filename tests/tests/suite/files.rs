//! The page of a space's files, in a real browser and against a real space.

use serde_json::json;
use spaceport_tests::{BASE, Database, Installation, browser, eventually};

/// What files may be called, and what must not happen because of it.
const NAMES: [&str; 9] = [
    "<img src=x onerror=alert(1)>.txt",
    "\"><script>alert(2)<script>",
    "a  b",
    "100%25 & #1?.txt",
    "grüße 🎉",
    "new\nline",
    "gpj.\u{202e}exe",
    "javascript:alert(3)",
    "-rf *",
];
/// More than the memory of the space and all buffers on its way.
const LARGE_BYTES: u32 = 96 << 20;

/// Writes what the script expects; `NAMES` and `LARGE` are set before it.
const FILL: &str = r#"
import os
home = "/home/dev/"
def write(path, content):
    with open(home.encode() + path, "wb") as file:
        file.write(content)
for folder in ["folder", "hostile", "data"]:
    os.makedirs(home + folder)
for name in NAMES:
    write(b"hostile/" + name.encode(), name.encode())
write(b"hello.txt", b"hello\n")
write(b"data/script.js", b"globalThis.ran = true")
write(b"data/page.html", b"<script>globalThis.ran = true</script>")
write(b"data/no \xff text", b"bytes")
with open(home + "large", "wb") as file:
    for _ in range(LARGE >> 20):
        file.write(os.urandom(1 << 20))
os.symlink("/etc", home + "away")
os.symlink("/nowhere", home + "nowhere")
os.system("chown -R dev: " + home)
os.makedirs(home + "locked", mode=0o700)
"#;

/// Prints the digest of all that is in a folder: what there is, and what files hold.
const TREE: &str = r"{ find . -printf '%y %P\0' | LC_ALL=C sort -z
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat; } | sha256sum | cut -d' ' -f1";

/// Writes what an upload has sent of a file.
fn part_script(file: &str) -> String {
    format!(
        "part=/home/dev/.{file}.spaceport-part; head -c 8M /dev/urandom >$part; chown dev: $part"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_fetch_and_bring_files_with_nothing_but_a_browser() {
    let home = Installation::start(Database::Sqlite).await;
    let admin = home.admin().await;
    let blueprint = json!({ "image": BASE, "features": ["FILES"] });
    let template = admin.create_template("filed", blueprint).await;
    let ada = admin.create_user("ada", json!({})).await;
    let space = ada.run_space(&template, "lab").await;
    let docker = &home.docker;
    let names = serde_json::to_string(&NAMES).expect("JSON");
    let script = format!("NAMES = {names}\nLARGE = {LARGE_BYTES}\n{FILL}");
    docker.read_inside(&space, &format!("python3 - <<'END'\n{script}\nEND"));
    let setting = json!({
        "graphql": home.api_url("/graphql"),
        "token": ada.token(),
        "space": space,
        "names": NAMES,
        "largeBytes": LARGE_BYTES,
        "pictures": browser::pictures("files"),
        "treeScript": TREE,
    });
    let reads = async |script: String, wanted: &str| {
        eventually(&script, async || {
            docker.inside(&space, &script) == (true, wanted.to_owned())
        })
        .await;
    };
    let act = async |request: &str| {
        let words = request.split_once(' ').expect("what, and of what");
        match words {
            ("hold", file) => {
                let (file, wanted) = file.rsplit_once(": ").expect("a file, and what is in it");
                reads(format!("cat '/home/dev/{file}'"), wanted).await;
            }
            ("match", file) => {
                let (file, wanted) = file.split_once(": ").expect("a file, and its digest");
                let script = format!("sha256sum '/home/dev/{file}' | cut -d' ' -f1");
                reads(script, wanted).await;
            }
            ("contain", folder) => {
                let (folder, wanted) = folder.split_once(": ").expect("a folder, and its digest");
                reads(format!("cd '/home/dev/{folder}' && {TREE}"), wanted).await;
            }
            // Another upload, of something else, that has ended or that goes on.
            ("begin", file) => {
                docker.read_inside(&space, &part_script(file));
            }
            ("occupy", file) => {
                let script = format!(
                    "{}; mkfifo /tmp/vacate; flock $part cat /tmp/vacate >/dev/null 2>&1 &
                    while flock -n $part true; do sleep 0.05; done",
                    part_script(file)
                );
                docker.read_inside(&space, &script);
            }
            ("vacate", _) => {
                docker.read_inside(&space, "echo >/tmp/vacate");
            }
            ("write", file) => {
                docker.read_inside(&space, &format!("echo later >/home/dev/{file}"));
            }
            ("end", "the sign-ins") => {
                let input = json!({ "userId": ada.viewer_id().await });
                admin.mutate("disableUser", input).await.value("user");
            }
            _ => panic!("asked for {request}"),
        }
    };
    let servers = [home.api_address(), home.edge_address()];
    browser::converse("files.mjs", setting, &servers, act).await;
}
