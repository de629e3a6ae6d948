//! Why a mutation did not do what was asked.

use crate::failure::{Failure, Kind};

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code in the schema's spelling.
    pub code: String,
    /// The same for a person.
    pub message: String,
    /// The input field it concerns, from the outside in.
    pub path: Vec<String>,
}

/// The thing in a payload, or why there is none.
pub fn require<T, P: Into<Problem>>(thing: Option<T>, problems: Vec<P>) -> Result<T, Failure> {
    let problems: Vec<Problem> = problems.into_iter().map(Into::into).collect();
    if !problems.is_empty() {
        return Err(failure(&problems));
    }
    thing.ok_or_else(|| Failure::unreachable("the API answered with nothing"))
}

fn failure(problems: &[Problem]) -> Failure {
    let sentences = problems.iter().map(|problem| {
        if problem.path.is_empty() {
            problem.message.clone()
        } else {
            format!("{}: {}", problem.path.join("."), problem.message)
        }
    });
    let message = sentences.collect::<Vec<_>>().join("; ");
    let code = problems.first().map_or("", |it| it.code.as_str());
    let kind = match code {
        "NOT_FOUND" => Kind::NotFound,
        "INVALID_CREDENTIALS" => Kind::NotSignedIn,
        _ => Kind::Refused,
    };
    let failure = Failure::new(kind, code, message);
    match code {
        "QUOTA_EXCEEDED" => failure.hint(
            "`spaceport quota` shows what is used; stop or delete something, or ask for more",
        ),
        "FEATURE_DISABLED" => {
            failure.hint("`spaceport space show` says which features can be used")
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_with_its_field() {
        let problem = |code: &str, path: &[&str]| Problem {
            code: code.to_owned(),
            message: "is wrong".to_owned(),
            path: path.iter().map(|&it| it.to_owned()).collect(),
        };
        let problems = vec![problem("INVALID_INPUT", &["name"]), problem("X", &[])];
        let failure = require::<(), _>(None, problems).expect_err("refused");
        assert_eq!(
            failure.to_string(),
            "name: is wrong; is wrong (INVALID_INPUT)"
        );
        assert_eq!(failure.kind(), Kind::Refused);
        let missing = vec![problem("NOT_FOUND", &[])];
        let failure = require::<(), _>(None, missing).expect_err("refused");
        assert_eq!(failure.kind(), Kind::NotFound);
    }
}
