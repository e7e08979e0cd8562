//! `[log]`

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::Targets;

/// `[log]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged.
    pub filter: Filter,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("is one of \"auto\", \"pretty\" and \"json\""),
        }
    }
}

/// Rules in the syntax of tracing's `Targets`, known to parse.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter(String);

impl Filter {
    /// The rules.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// A rule that does not parse.
    #[error("is not a list of rules such as \"info,sqlx=warn\": {0}")]
    Syntax(#[from] tracing_subscriber::filter::ParseError),
    /// A word that is no level. `Targets` would take it for a module's name, and log nothing else.
    #[error("`{0}` is not one of off, error, warn, info, debug, trace; for a module write `{0}=trace`")]
    NotALevel(String),
    /// Before the level stands what names no module. `Targets` would take it for a name that nothing has.
    #[error("`{0}` does not name a module, as `licentia=debug` does")]
    NotAModule(String),
}

impl TryFrom<String> for Filter {
    type Error = FilterError;

    fn try_from(text: String) -> Result<Self, FilterError> {
        // `Targets` takes a space before a rule for a part of the module's name.
        let rules: Vec<_> = text.split(',').map(str::trim).collect();
        if let Some(stranger) = rules.iter().find(|rule| is_bare_word(rule) && !is_level(rule)) {
            return Err(FilterError::NotALevel((*stranger).to_owned()));
        }
        if let Some(stranger) = rules.iter().find(|rule| !is_bare_word(rule) && !names_a_module(rule)) {
            return Err(FilterError::NotAModule((*stranger).to_owned()));
        }
        let text = rules.join(",");
        text.parse::<Targets>()?;
        Ok(Self(text))
    }
}

fn is_bare_word(rule: &str) -> bool {
    !rule.contains('=')
}

fn names_a_module(rule: &str) -> bool {
    let name = rule.split('=').next().unwrap_or_default();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
}

fn is_level(word: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| word.eq_ignore_ascii_case(level))
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Filter, FilterError> {
        text.to_owned().try_into()
    }

    #[test]
    fn filters_are_checked_when_read() {
        for (text, rules) in [
            ("info", "info"),
            ("off", "off"),
            ("WARN, licentia=debug ,sqlx=warn", "WARN,licentia=debug,sqlx=warn"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), rules);
        }
        assert!(matches!(parse("licentia=loud").unwrap_err(), FilterError::Syntax(_)));
        for rule in ["[request{id}]=trace", "licentia[{id}]=debug", "=info"] {
            let refused = parse(&format!("info,{rule}")).unwrap_err();
            assert!(matches!(refused, FilterError::NotAModule(named) if named == rule));
        }
        for (text, stranger) in [("inof", "inof"), ("info,sqlx", "sqlx"), ("", ""), ("info,", "")] {
            assert!(matches!(parse(text).unwrap_err(), FilterError::NotALevel(word) if word == stranger));
        }
    }
}
