//! The effective configuration, for people.

use serde_json::{Map, Value};

use super::Config;

/// TOML: first what stands outside of sections, then each section. A key without a value is a comment.
pub(super) fn toml(config: &Config) -> Result<String, serde_json::Error> {
    let Value::Object(top) = serde_json::to_value(config)? else {
        return Ok(String::new());
    };
    let mut text: String = top.iter().filter(|(_, value)| !value.is_object()).map(line).collect();
    for (name, value) in &top {
        if let Value::Object(section) = value {
            text.push_str(&table(name, section));
        }
    }
    Ok(text)
}

fn table(name: &str, section: &Map<String, Value>) -> String {
    let mut text = format!("\n[{name}]\n");
    text.extend(section.iter().filter(|(_, value)| !value.is_object()).map(line));
    for (inner, value) in section {
        if let Value::Object(section) = value {
            text.push_str(&table(&format!("{name}.{inner}"), section));
        }
    }
    text
}

/// Texts, numbers and switches look the same in JSON and in TOML, but for one control character.
fn line((key, value): (&String, &Value)) -> String {
    match value {
        Value::Null => format!("# {key} is not set\n"),
        value => format!("{key} = {}\n", value.to_string().replace('\u{7f}', "\\u007F")),
    }
}
