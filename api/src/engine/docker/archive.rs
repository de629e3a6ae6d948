//! The archives in which files go to the engine: ustar (POSIX.1-2017, pax, "ustar Interchange
//! Format"), with one file in each.

/// Heads and contents are padded to whole blocks.
const BLOCK_BYTES: usize = 512;

/// A file of an archive. It belongs to root.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    /// Its name, at most 100 bytes long.
    pub(super) name: &'a str,
    /// Its permissions.
    pub(super) mode: u32,
    /// When it was last modified, in seconds since the Unix epoch.
    pub(super) modified_s: u64,
    /// What is in it, at most 8 GiB.
    pub(super) content: &'a [u8],
}

impl File<'_> {
    /// The archive that consists of this file.
    pub(super) fn archive(&self) -> Vec<u8> {
        let mut archive = self.head().to_vec();
        archive.extend_from_slice(self.content);
        // Two empty blocks are the end.
        archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
        archive.resize(archive.len() + 2 * BLOCK_BYTES, 0);
        archive
    }

    fn head(&self) -> [u8; BLOCK_BYTES] {
        let mut head = [0; BLOCK_BYTES];
        let fields = [
            (0, self.name.to_owned()),
            (100, format!("{:07o}", self.mode)),
            // Owner and group.
            (108, "0000000".to_owned()),
            (116, "0000000".to_owned()),
            (124, format!("{:011o}", self.content.len())),
            (136, format!("{:011o}", self.modified_s)),
            // The checksum counts itself as spaces.
            (148, " ".repeat(8)),
            // An ordinary file.
            (156, "0".to_owned()),
            (257, "ustar\0".to_owned() + "00"),
            // Of devices.
            (329, "0000000".to_owned()),
            (337, "0000000".to_owned()),
        ];
        for (at, text) in fields {
            put(&mut head, at, text.as_bytes());
        }
        let sum: u32 = head.iter().copied().map(u32::from).sum();
        put(&mut head, 148, format!("{sum:06o}\0").as_bytes());
        head
    }
}

fn put(head: &mut [u8; BLOCK_BYTES], at: usize, text: &[u8]) {
    for (to, from) in head.iter_mut().skip(at).zip(text) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against what GNU tar writes: `tar --format=ustar --owner=0 --group=0 --numeric-owner
    /// --mode=0555 --mtime=@1000000000 -c name`, with `printf hello > name`.
    #[test]
    fn an_archive_is_what_tar_writes() {
        let file = File {
            name: "name",
            mode: 0o555,
            modified_s: 1_000_000_000,
            content: b"hello",
        };
        let archive = file.archive();
        assert_eq!(archive.len(), 4 * BLOCK_BYTES);
        let field = |at: usize, length: usize| str::from_utf8(&archive[at..at + length]);
        assert_eq!(field(0, 5), Ok("name\0"));
        assert_eq!(field(100, 24), Ok("0000555\x000000000\x000000000\0"));
        assert_eq!(field(124, 12), Ok("00000000005\0"));
        assert_eq!(field(136, 12), Ok("07346545000\0"));
        assert_eq!(field(148, 9), Ok("010106\0 0"));
        assert_eq!(field(257, 8), Ok("ustar\x0000"));
        assert_eq!(&archive[BLOCK_BYTES..BLOCK_BYTES + 6], b"hello\0");
    }

    #[test]
    fn content_that_fills_its_blocks_is_not_padded() {
        let length = |content: &[u8]| {
            let file = File {
                name: "a",
                mode: 0,
                modified_s: 0,
                content,
            };
            file.archive().len() / BLOCK_BYTES
        };
        assert_eq!(
            [length(&[]), length(&[0; BLOCK_BYTES]), length(&[0; 513])],
            [3, 4, 5]
        );
    }
}
