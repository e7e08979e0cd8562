//! Logs: lines for people, or one JSON object a line, on the standard output.
//!
//! JSON lines hold `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, the event's own fields beside them, and
//! under `spans` the fields of every open span, outermost first: that of the request carries its id. The line of the
//! request itself has it as a field, as have those about its failure. Names are dotted
//! and name their unit (`license.id`, `duration_ms`). Secrets are kept out where they are: their types do not show.
//! Lines that cannot be written are lost, and nothing else is.

use std::io::{self, IsTerminal};

use tracing::{Dispatch, Level, level_filters::LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// Who tells of the headers of a request, at `debug`, when it cannot read them.
const TALKATIVE: [&str; 1] = ["actix_http::h1::decoder"];

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter does not parse; a configuration that was loaded has one that does.
    #[error("the log filter cannot be read: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// This process already logs.
    #[error("logging is already set up: {0}")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the process, once.
///
/// # Errors
/// The process already logs (tests may ignore this), or the filter does not parse.
pub fn init(config: &LogConfig) -> Result<(), LoggingError> {
    Ok(dispatch(config, io::stdout().is_terminal(), io::stdout)?.try_init()?)
}

/// What of everything that is told is written: the configured filter, and less of whom would tell of requests what none
/// of ours does.
///
/// # Errors
/// The filter does not parse; a configuration that was loaded has one that does.
pub fn filter(config: &LogConfig) -> Result<Targets, tracing_subscriber::filter::ParseError> {
    let filter: Targets = config.filter.as_str().parse()?;
    Ok(TALKATIVE.iter().fold(filter, |filter, target| {
        let tells = filter.would_enable(target, &Level::DEBUG);
        if tells { filter.with_target(*target, LevelFilter::INFO) } else { filter }
    }))
}

fn dispatch(
    config: &LogConfig,
    is_terminal: bool,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> Result<Dispatch, LoggingError> {
    let filter = filter(config)?;
    // Where the log cannot be written, complaining on the standard error would panic, as that is mostly the same full disk.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    let builder = builder.with_max_level(LevelFilter::TRACE).with_writer(writer);
    let is_pretty = match config.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    Ok(match (is_pretty, is_terminal) {
        // On a terminal colours are on, unless NO_COLOR says otherwise.
        (true, true) => builder.compact().finish().with(filter).into(),
        (true, false) => builder.with_ansi(false).compact().finish().with(filter).into(),
        (false, _) => {
            let builder = builder.json().flatten_event(true).with_current_span(false).with_span_list(true);
            builder.finish().with(filter).into()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::Config;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written when a request logs one event at `info` and one at `debug`.
    fn logged(format: &str, is_terminal: bool) -> String {
        let env = [("LICENTIA__LOG__FORMAT".to_owned(), format.to_owned())];
        let config = Config::load(None, env).unwrap().log;
        let lines = Lines::default();
        let writer = lines.clone();
        let dispatch = dispatch(&config, is_terminal, move || writer.clone()).unwrap();
        tracing::dispatcher::with_default(&dispatch, || {
            let _request = tracing::info_span!("request", request.id = "req_1").entered();
            let _step = tracing::info_span!("step").entered();
            tracing::info!(license.id = "lic_1", duration_ms = 3, "licence issued");
            tracing::debug!("not logged");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_are_flat_and_carry_the_request() {
        for (format, is_terminal) in [("json", true), ("json", false), ("auto", false)] {
            let text = logged(format, is_terminal);
            let line: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(line["level"], "INFO");
            assert_eq!(line["message"], "licence issued");
            assert_eq!(line["license.id"], "lic_1");
            assert_eq!(line["duration_ms"], 3);
            assert_eq!(line["spans"][0]["request.id"], "req_1");
            assert!(line["target"].is_string());
            let timestamp = line["timestamp"].as_str().unwrap();
            assert!(timestamp.ends_with('Z'));
            assert!(chrono::DateTime::parse_from_rfc3339(timestamp).is_ok());
        }
    }

    #[test]
    fn pretty_lines_are_coloured_on_a_terminal_only() {
        let plain = logged("pretty", false);
        assert!(plain.contains("licence issued") && plain.contains("req_1"));
        assert!(!plain.contains('\u{1b}'));
        assert!(logged("auto", true).contains("licence issued"));
        assert!(serde_json::from_str::<serde_json::Value>(&logged("auto", true)).is_err());
    }

    #[test]
    fn headers_that_cannot_be_read_are_not_told_of() {
        for (text, expected) in [
            ("trace", true),
            ("actix_http=trace", true),
            ("actix_http::h1::decoder=trace", true),
            ("off", false),
        ] {
            let env = [("LICENTIA__LOG__FILTER".to_owned(), text.to_owned())];
            let filter = filter(&Config::load(None, env).unwrap().log).unwrap();
            assert!(!filter.would_enable("actix_http::h1::decoder", &Level::DEBUG), "{text}");
            assert_eq!(filter.would_enable("actix_http::h1::decoder", &Level::ERROR), expected, "{text}");
        }
    }

    #[test]
    fn logging_is_set_up_once() {
        let env = [("LICENTIA__LOG__FILTER".to_owned(), "off".to_owned())];
        let config = Config::load(None, env).unwrap().log;
        // Another test of this process may have been first.
        let _ = init(&config);
        assert!(matches!(init(&config), Err(LoggingError::AlreadySet(_))));
    }
}
