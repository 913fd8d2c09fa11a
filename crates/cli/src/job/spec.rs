//! From arguments to a job.

use std::path::Path;

use sealwork_job::{JobSpec, Limits, Timestamp};
use serde_json::{Map, Value};

use crate::{cli::SpecArgs, exit::CliError, files, programs};

/// The job that the arguments describe.
pub(super) fn build(args: &SpecArgs, now: Timestamp) -> Result<JobSpec, CliError> {
    let engine = args.engine.parse().map_err(|e| {
        CliError::usage(
            format!("{:?} is not an engine's name: {e}", args.engine),
            "name one of the worker's engines, for example web",
        )
    })?;
    let mut arguments = match &args.args {
        None => Map::new(),
        Some(text) => object("--args", &source(text)?)?,
    };
    for (name, value) in &args.arg {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        insert(&mut arguments, name, value)?;
    }
    let shorts = [
        ("url", args.url.clone().map(Value::String)),
        ("max_depth", args.depth.map(Value::from)),
        ("max_pages", args.max_pages.map(Value::from)),
        ("selector", args.selector.clone().map(Value::String)),
        ("program", args.program.as_deref().map(programs::local::program).transpose()?),
    ];
    for (name, value) in shorts {
        if let Some(value) = value {
            insert(&mut arguments, name, value)?;
        }
    }
    let mut spec = JobSpec::new(engine, Value::Object(arguments));
    spec.limits = limits(args)?;
    spec.deadline = args.deadline.map(|secs| now.as_secs().saturating_add(secs));
    Ok(spec)
}

fn limits(args: &SpecArgs) -> Result<Limits, CliError> {
    let unusable = |e: serde_json::Error| {
        CliError::usage(
            format!("--limits is not an object of limits: {e}"),
            r#"give for example --limits '{"egress_requests":100}'"#,
        )
    };
    let mut limits = match &args.limits {
        None => Limits::default(),
        Some(text) => {
            // An array would fill the fields in their order.
            serde_json::from_str::<Map<String, Value>>(text).map_err(unusable)?;
            serde_json::from_str(text).map_err(unusable)?
        }
    };
    if let Some(secs) = args.wall {
        limits.wall_ms = Some(secs.saturating_mul(1000));
    }
    Ok(limits)
}

fn source(text: &str) -> Result<String, CliError> {
    match text.strip_prefix('@') {
        Some(path) => files::read_text(Path::new(path)),
        None if text == "-" => files::read_text(Path::new("-")),
        None => Ok(text.to_owned()),
    }
}

fn object(what: &str, text: &str) -> Result<Map<String, Value>, CliError> {
    serde_json::from_str(text).map_err(|e| {
        CliError::usage(
            format!("{what} is not a JSON object: {e}"),
            r#"give for example --args '{"url":"https://example.com/"}', or @FILE, or -"#,
        )
    })
}

fn insert(arguments: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), CliError> {
    if arguments.insert(name.to_owned(), value).is_some() {
        return Err(CliError::usage(
            format!("the argument {name} is given twice"),
            "give each argument once, by flag or in --args",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::cli::{Cli, Command, JobCommand};

    fn parse(args: &[&str]) -> Result<JobSpec, CliError> {
        let all = ["sealwork", "job", "run"].iter().chain(args);
        match Cli::parse_from(all).command {
            Command::Job(JobCommand::Run(run)) => build(&run.send.spec, Timestamp::from_secs(1000)),
            _ => panic!("not job run"),
        }
    }

    #[test]
    fn flags_and_json_make_one_object_of_arguments() {
        let spec = parse(&[
            "web",
            "--url",
            "https://a.example/",
            "--depth",
            "2",
            "--args",
            r#"{"x":[1]}"#,
            "--arg",
            "n=3",
            "--arg",
            "word=plain text",
            "--wall",
            "5",
            "--deadline",
            "60",
        ])
        .unwrap();
        let expected = json!({
            "url": "https://a.example/", "max_depth": 2, "x": [1], "n": 3, "word": "plain text",
        });
        assert_eq!(spec.arguments, expected);
        assert_eq!((spec.limits.wall_ms, spec.deadline), (Some(5000), Some(1060)));
    }

    #[test]
    fn limits_are_an_object() {
        assert!(parse(&["web", "--limits", "[5]"]).is_err());
        assert!(parse(&["web", "--limits", r#"{"wall":5}"#]).is_err());
        assert_eq!(parse(&["web", "--limits", r#"{"fuel":5}"#]).unwrap().limits.fuel, Some(5));
    }

    #[test]
    fn arguments_given_twice_or_not_as_an_object_are_refused() {
        assert!(parse(&["web", "--url", "a", "--arg", "url=b"]).is_err());
        assert!(parse(&["web", "--args", "[1]"]).is_err());
        assert!(parse(&["web", "--limits", r#"{"wall":1}"#]).is_err());
        assert!(parse(&["Web"]).is_err());
    }
}
