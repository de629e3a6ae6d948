//! Whose rights a space's programs have.
//!
//! The image's `/etc/passwd` and `/etc/group` are read here, not by the C library: the agent is
//! linked statically, and an image may have neither library nor files. As with container engines, a
//! number without an entry is a user without a name.

use std::{fs::File, io::Read, os::unix::ffi::OsStrExt, path::Path};

use rustix::fs::{Access, access};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
/// As much of either file is read.
const FILE_MAX_BYTES: u64 = 4 << 20;
/// What stands for "nobody signs in here" in place of a shell.
const NO_SHELLS: [&[u8]; 2] = [b"nologin", b"false"];
/// The shells that are taken, in this order, where the user has none.
const SHELLS: [&str; 4] = ["bash", "zsh", "fish", "sh"];
/// Where they are.
const SHELL_DIRECTORIES: [&str; 3] = ["/bin", "/usr/bin", "/usr/local/bin"];

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's number.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
    /// The numbers of all other groups.
    pub groups: Vec<u32>,
    /// The name; the number where there is none.
    pub name: Vec<u8>,
    /// The home directory.
    pub home: Vec<u8>,
    /// The shell that the user has an entry for.
    shell: Option<Vec<u8>>,
}

/// There is no such user or group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the image has no {kind} named {name}")]
pub struct Unknown {
    kind: &'static str,
    name: String,
}

impl Account {
    /// The user that `user` names, as the image's files have it now.
    pub fn find(user: &str) -> Result<Self, Unknown> {
        Self::parse(user, &read(PASSWD), &read(GROUP))
    }

    /// The user that `user` names: a name or a number, and after a colon perhaps a group. Empty
    /// stands for root.
    pub fn parse(user: &str, passwd: &[u8], group: &[u8]) -> Result<Self, Unknown> {
        let (user, named_group) = match user.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (user, None),
        };
        let user = if user.is_empty() { "0" } else { user };
        let mut account = match (entry(passwd, user, 7), user.parse()) {
            (Some(fields), _) => Self::of_entry(&fields).ok_or(Unknown::new("user", user))?,
            (None, Ok(uid)) => Self::without_entry(uid),
            (None, Err(_)) => return Err(Unknown::new("user", user)),
        };
        match named_group {
            // Who names a group gets that one alone, as container engines have it.
            Some(name) => {
                let found = entry(group, name, 3).and_then(|fields| number(fields[2]));
                account.gid = found
                    .or_else(|| name.parse().ok())
                    .ok_or_else(|| Unknown::new("group", name))?;
            }
            None => account.groups = memberships(group, &account.name, account.gid),
        }
        Ok(account)
    }

    fn of_entry(fields: &[&[u8]]) -> Option<Self> {
        let shell = fields[6];
        let nobody = |shell: &[u8]| {
            let name = shell.rsplit(|byte| *byte == b'/').next();
            shell.is_empty() || NO_SHELLS.iter().any(|none| name == Some(none))
        };
        Some(Self {
            uid: number(fields[2])?,
            gid: number(fields[3])?,
            groups: Vec::new(),
            name: fields[0].to_owned(),
            home: or_root(fields[5]),
            shell: (!nobody(shell)).then(|| shell.to_owned()),
        })
    }

    fn without_entry(uid: u32) -> Self {
        Self {
            uid,
            gid: 0,
            groups: Vec::new(),
            name: uid.to_string().into_bytes(),
            home: or_root(b""),
            shell: None,
        }
    }

    /// The shell to run for the user: their own, else the first that the image has.
    pub fn shell(&self) -> Option<Vec<u8>> {
        let executable =
            |shell: &[u8]| access(shell, Access::EXEC_OK).is_ok() && shell.starts_with(b"/");
        let own = self.shell.clone().filter(|shell| executable(shell));
        own.or_else(|| {
            SHELLS
                .iter()
                .flat_map(|shell| SHELL_DIRECTORIES.map(|at| Path::new(at).join(shell)))
                .map(|path| path.as_os_str().as_bytes().to_owned())
                .find(|path| executable(path))
        })
    }
}

impl Unknown {
    fn new(kind: &'static str, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
        }
    }
}

/// The content of a file; nothing where it can't be read, as in an image without it.
fn read(path: &str) -> Vec<u8> {
    let mut content = Vec::new();
    if let Ok(file) = File::open(path) {
        // What could be read counts.
        let _ = file.take(FILE_MAX_BYTES).read_to_end(&mut content);
    }
    content
}

fn or_root(home: &[u8]) -> Vec<u8> {
    if home.starts_with(b"/") {
        home.to_owned()
    } else {
        b"/".to_vec()
    }
}

fn lines(file: &[u8], fields: usize) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|byte| *byte == b'\n')
        .map(|line| line.split(|byte| *byte == b':').collect::<Vec<_>>())
        .filter(move |line| line.len() >= fields)
}

/// The entry with this name, or else with this number.
fn entry<'a>(file: &'a [u8], wanted: &str, fields: usize) -> Option<Vec<&'a [u8]>> {
    let by_name = lines(file, fields).find(|entry| entry[0] == wanted.as_bytes());
    by_name.or_else(|| {
        let wanted: u32 = wanted.parse().ok()?;
        lines(file, fields).find(|entry| number(entry[2]) == Some(wanted))
    })
}

fn number(field: &[u8]) -> Option<u32> {
    str::from_utf8(field).ok()?.parse().ok()
}

fn memberships(group: &[u8], name: &[u8], but: u32) -> Vec<u32> {
    let is_member = |members: &[u8]| members.split(|byte| *byte == b',').any(|it| it == name);
    let mut groups: Vec<u32> = lines(group, 4)
        .filter(|entry| is_member(entry[3]))
        .filter_map(|entry| number(entry[2]))
        .filter(|gid| *gid != but)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n\
        # a comment\n\
        broken:x\n\
        www:x:33:33::/var/www:/usr/sbin/nologin\n\
        dev:x:1000:1000:,,,:/home/dev:/bin/sh\n";
    const GROUP: &[u8] = b"root:x:0:\nsudo:x:27:dev,ada\ndocker:x:999:ada,dev\ndev:x:1000:dev\n";

    fn parse(user: &str) -> Result<Account, Unknown> {
        Account::parse(user, PASSWD, GROUP)
    }

    #[test]
    fn names_and_numbers_find_the_same_entry() {
        let dev = parse("dev").expect("dev");
        assert_eq!((dev.uid, dev.gid), (1000, 1000));
        assert_eq!(dev.groups, [27, 999]);
        assert_eq!(dev.home, b"/home/dev");
        assert_eq!(parse("1000"), Ok(dev));
        assert_eq!(parse("").expect("root").name, b"root");
    }

    #[test]
    fn who_names_a_group_gets_that_one_alone() {
        let dev = parse("dev:docker").expect("dev");
        assert_eq!((dev.gid, dev.groups), (999, vec![]));
        assert_eq!(parse("dev:7").expect("a number").gid, 7);
        assert!(parse("dev:nobody").is_err());
    }

    #[test]
    fn a_number_needs_no_entry_and_a_name_does() {
        let user = Account::parse("4711", b"", b"").expect("a number");
        assert_eq!((user.uid, user.gid), (4711, 0));
        assert_eq!(user.home, b"/");
        let unknown = parse("eve").expect_err("nobody").to_string();
        assert_eq!(unknown, "the image has no user named eve");
    }

    #[test]
    fn a_shell_that_turns_people_away_is_none() {
        assert_eq!(parse("www").expect("www").shell, None);
        assert_eq!(parse("dev").expect("dev").shell, Some(b"/bin/sh".to_vec()));
    }

    proptest! {
        #[test]
        fn whatever_the_files_hold_is_read(
            user: String,
            passwd: Vec<u8>,
            group: Vec<u8>,
        ) {
            let _ = Account::parse(&user, &passwd, &group);
        }
    }
}
