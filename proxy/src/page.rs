//! Pages of the edge's own, on which people work in a space.

use http::{HeaderMap, Response};
use spaceport_embedded_pages::{Caches, embedded};

use crate::{http::body::Source, reply::Answer};

/// A page of the edge's own.
#[derive(Debug)]
pub struct Page {
    /// What people do there, as a part of a sentence.
    name: &'static str,
    content: spaceport_embedded_pages::Page,
}

/// The page of terminals. It loads its own files and speaks with its own host, and nobody frames it.
/// Styles may be in the page because xterm.js writes rules for its colours and its font there; what
/// programs print is drawn as text and never becomes markup.
pub static TERMINAL: Page = Page {
    name: "terminal",
    content: spaceport_embedded_pages::Page {
        files: embedded!("terminal"),
        policy: "default-src 'none'; script-src 'self'; \
            style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; \
            base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        caches: Caches::Private,
    },
};

/// The page of the desktop. Images may be in the page because noVNC makes some of what the space
/// sends: pieces of the picture as JPEG or PNG, and the pointer.
pub static DESKTOP: Page = Page {
    name: "desktop",
    content: spaceport_embedded_pages::Page {
        files: embedded!("desktop"),
        policy: "default-src 'none'; script-src 'self'; \
            style-src 'self'; img-src 'self' data:; connect-src 'self'; \
            base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        caches: Caches::Private,
    },
};

/// The page of files. What is in the space is of the same origin and comes as data
/// ([`crate::http::files`]), which no browser takes for a script.
pub static FILES: Page = Page {
    name: "files",
    content: spaceport_embedded_pages::Page {
        files: embedded!("files"),
        policy: "default-src 'none'; script-src 'self'; \
            style-src 'self'; img-src 'self'; connect-src 'self'; \
            base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        caches: Caches::Private,
    },
};

impl Page {
    /// The file at the path of a request with `headers`, in the form that it wants.
    ///
    /// # Errors
    ///
    /// There is no such file, or the page isn't a part of this program.
    pub fn serve(&self, path: &str, headers: &HeaderMap) -> Result<Response<Source>, Answer> {
        match self.content.file(path, headers) {
            Some(file) => Ok(file.map(Source::Own)),
            None if path == "/" => Err(Answer::page_not_built(self.name)),
            None => Err(Answer::unknown_host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Code;

    #[test]
    fn what_is_not_there_is_told_from_what_was_not_built() {
        let unbuilt = Page {
            name: "test",
            content: spaceport_embedded_pages::Page {
                files: &[],
                policy: "",
                caches: Caches::Private,
            },
        };
        for (path, expected) in [("/", Code::PageNotBuilt), ("/icon.svg", Code::UnknownHost)] {
            let answer = unbuilt.serve(path, &HeaderMap::new()).err();
            assert_eq!(answer.map(|it| it.code), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_page_runs_its_own_scripts_alone() {
        for Page { content, .. } in [&TERMINAL, &DESKTOP, &FILES] {
            let mut rules = content.policy.split("; ");
            let scripts = rules.find(|it| it.starts_with("script-src"));
            assert_eq!(scripts, Some("script-src 'self'"));
            assert!(content.policy.starts_with("default-src 'none'"));
        }
    }
}
