//! The image with a desktop.

use serde_json::json;
use spaceport_tests::{DESKTOP, eventually};

use super::Place;

/// What an RFB server of this one says first (RFC 6143 §7.1.1), and that it wants no password: one
/// security type, None (§7.1.2). The client chooses it and is told that this is all right.
const GREETS: &str = r#"python3 -c '
import socket
server = socket.create_connection(("127.0.0.1", 5900), 10)
def read(length):
    data = server.recv(length, socket.MSG_WAITALL)
    assert len(data) == length
    return data
version = read(12)
server.sendall(version)
assert read(2) == bytes([1, 1])
server.sendall(bytes([1]))
assert read(4) == bytes(4)
server.sendall(bytes([1]))
size = read(20)
print(version.decode().strip(), int.from_bytes(size[:2], "big"), int.from_bytes(size[2:4], "big"))
'"#;

async fn desktop(name: &str) -> Place {
    let blueprint =
        json!({ "image": DESKTOP, "memoryMib": 512, "features": ["VNC", "PORT_FORWARD"] });
    let place = Place::open(name, "vnc", blueprint).await;
    shows_windows(&place, "").await;
    place
}

/// Waits until the window manager of another server than `before` runs. Gives that server's process.
async fn shows_windows(place: &Place, before: &str) -> String {
    let mut server = String::new();
    eventually("a desktop", async || {
        let docker = &place.home.docker;
        let (runs, pids) =
            docker.inside(&place.space, "pgrep -x icewm >/dev/null && pgrep -x Xvnc");
        server = pids;
        runs && server != before
    })
    .await;
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desktop_is_at_the_loopback_of_its_space_alone_and_asks_for_no_password() {
    let place = desktop("desk").await;
    assert_eq!(place.inside(GREETS), "RFB 003.008 1280 800");
    // X itself listens at a Unix socket alone.
    assert_eq!(place.listening(), ["127.0.0.1:5900"]);
    // Whatever is started in the space finds the display by itself.
    place.inside("timeout 20 xterm -e true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desktop_comes_back_after_a_crash_and_when_its_user_leaves_it() {
    let place = desktop("desk-again").await;
    let first = shows_windows(&place, "").await;
    // As if a process had the number that the crashed server's lock names.
    place.inside("pkill -KILL -x Xvnc; printf '%10d\\n' 1 >/tmp/.X0-lock");
    let second = shows_windows(&place, &first).await;
    assert_eq!(place.inside(GREETS), "RFB 003.008 1280 800");
    place.inside("pkill -x icewm-session");
    shows_windows(&place, &second).await;
    assert_eq!(place.inside(GREETS), "RFB 003.008 1280 800");
}
